//! A time in which x86 takes denormals as zeros and makes none.

use std::arch::asm;

/// Flush-to-zero and denormals-are-zero in the register MXCSR.
const BOTH: u32 = 1 << 15 | 1 << 6;

/// As long as this lives, its thread flushes denormals.
///
/// The compiler takes arithmetic to be IEEE's, so nothing may be computed beside this value but by a
/// function that is not inlined and that works on memory: its loads and stores stay between the two
/// changes of MXCSR, which claim to touch all memory, and so does what is computed from one to the other.
pub(super) struct Flushed {
    before: u32,
}

impl Flushed {
    /// Begins.
    #[inline]
    pub(super) fn begin() -> Self {
        let before = read();
        write(before | BOTH);
        Self { before }
    }
}

impl Drop for Flushed {
    #[inline]
    fn drop(&mut self) {
        write(self.before);
    }
}

/// As long as this lives, a thread that flushes denormals keeps them. What [`Flushed`] asks of who computes
/// beside it holds here, too.
pub(super) struct Kept {
    before: u32,
}

impl Kept {
    /// Begins.
    #[inline]
    pub(super) fn begin() -> Self {
        let before = read();
        write(before & !BOTH);
        Self { before }
    }
}

impl Drop for Kept {
    #[inline]
    fn drop(&mut self) {
        write(self.before);
    }
}

#[inline]
fn read() -> u32 {
    let mut state = 0u32;
    // SAFETY: every x86-64 processor has MXCSR, and the four bytes are there.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut state, options(nostack, preserves_flags)) };
    state
}

#[inline]
fn write(state: u32) {
    // SAFETY: as above; the state is one that `read` gave, with two bits changed that every
    // x86-64 processor knows, and whoever changed them puts back what stood there before.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const state, options(nostack, preserves_flags)) };
}
