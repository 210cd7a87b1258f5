//! What is said when memory ends: a sentence and exit code 1, where Rust would abort with a number.
//!
//! A run has what it needs before its first step (`check_free` compares it with what is free), so this
//! is seldom met: where another program takes the rest in between, or a limit leaves too little for what
//! no plan counts.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Write,
    process::exit,
};

/// The system's allocator, until it has nothing more.
struct ExitWhenFull;

#[global_allocator]
static ALLOCATOR: ExitWhenFull = ExitWhenFull;

// SAFETY: every call is handed to the system's allocator unchanged, and what it gives is handed back; where
// that is nothing, the process ends.
unsafe impl GlobalAlloc for ExitWhenFull {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: `System` has the same contract, and the caller keeps it.
        checked(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: `System` has the same contract, and the caller keeps it.
        checked(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: `System` has the same contract, and the caller keeps it.
        checked(unsafe { System.realloc(pointer, layout, size) }, size)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `System` has the same contract, and the caller keeps it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn checked(pointer: *mut u8, bytes: usize) -> *mut u8 {
    if pointer.is_null() { exit_out_of_memory(bytes) } else { pointer }
}

/// Lets memory of more than a megabyte go back to the system as soon as it is freed. The C library would
/// keep it for the next such answer of a server, in pieces that no longer fit; a run has few and keeps them.
/// Smaller pieces are kept once for all threads and not once for each: a server's threads take turns, and
/// what one frees the next one uses.
pub(crate) fn return_large_allocations() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sets numbers of the allocator, under the allocator's own lock.
    let _else_it_stays = unsafe {
        (libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20), libc::mallopt(libc::M_ARENA_MAX, 1))
    };
}

/// Nothing here allocates.
#[cold]
#[allow(clippy::exit, reason = "whoever asked for memory cannot be given a refusal to hand on")]
fn exit_out_of_memory(bytes: usize) -> ! {
    let _nowhere_else_to_say_it = writeln!(
        std::io::stderr().lock(),
        "lookback: there is no memory left, and {bytes} bytes more are needed; make the model, the batch \
         or the context smaller, or end other programs; what a run has kept, train --resume goes on with"
    );
    exit(1)
}
