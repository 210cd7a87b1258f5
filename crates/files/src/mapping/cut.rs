//! What is said when a mapped file is cut short by another program, or its disk fails, while it is read.
//!
//! The system then sends the signal SIGBUS to the reading thread, and a program without a handler ends without
//! a word. There is nothing to hand on at that place: the bytes that were promised are gone. So the
//! handler names the file in a sentence and ends the program with exit code 1; what a run has kept is
//! whole, since nothing is ever half written. A signal that is about no mapped file is left to the handler
//! that was there before.

#[cfg(not(unix))]
pub(super) use elsewhere::MappedFileName;
#[cfg(unix)]
pub(super) use on_unix::MappedFileName;

#[cfg(unix)]
mod on_unix {
    use std::{
        ffi::{c_int, c_void},
        mem::MaybeUninit,
        ops::Range,
        path::Path,
        ptr,
        sync::{
            OnceLock,
            atomic::{AtomicPtr, AtomicUsize, Ordering},
        },
    };

    /// Mappings that are known by name at once; of more, the sentence names no file.
    const SLOTS: usize = 1024;

    struct Slot {
        /// 0 where it is free.
        begin: AtomicUsize,
        end: AtomicUsize,
        name: AtomicPtr<String>,
    }

    static ALL: [Slot; SLOTS] = [const {
        Slot {
            begin: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            name: AtomicPtr::new(ptr::null_mut()),
        }
    }; SLOTS];

    /// What handled the signal before.
    static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

    /// A mapping that is known by name, until this is dropped.
    #[derive(Debug)]
    pub(crate) struct MappedFileName(usize);

    impl MappedFileName {
        /// Gives the file's name to its bytes; nothing where too many have one.
        pub(crate) fn new(bytes: Range<*const u8>, path: &Path) -> Option<Self> {
            handle();
            for (at, slot) in ALL.iter().enumerate() {
                let free = slot.begin.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed);
                if free.is_ok() {
                    let name = crate::excerpt(&path.to_string_lossy());
                    slot.name.store(Box::into_raw(Box::new(name)), Ordering::Release);
                    slot.end.store(bytes.end.addr(), Ordering::Release);
                    slot.begin.store(bytes.start.addr(), Ordering::Release);
                    return Some(Self(at));
                }
            }
            None
        }
    }

    impl Drop for MappedFileName {
        fn drop(&mut self) {
            let slot = &ALL[self.0];
            slot.end.store(0, Ordering::Release);
            let name = slot.name.swap(ptr::null_mut(), Ordering::AcqRel);
            // SAFETY: it came from `Box::into_raw` in `new`, and only this drop takes it out again. The
            // handler reads it only for a mapping that is being read, and such a one is not dropped.
            drop(unsafe { Box::from_raw(name) });
            slot.begin.store(0, Ordering::Release);
        }
    }

    /// Handles the signal from now on.
    fn handle() {
        BEFORE.get_or_init(|| {
            let mut before = MaybeUninit::zeroed();
            // SAFETY: both point at memory of this type; zeros are a `sigaction` without flags or mask,
            // and the handler has the form that SA_SIGINFO asks for. Where the call fails, nothing
            // changes, and `before` is the default action.
            unsafe {
                let mut ours: libc::sigaction = std::mem::zeroed();
                ours.sa_sigaction = on_signal as *const () as usize;
                ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigaction(libc::SIGBUS, &ours, before.as_mut_ptr());
                before.assume_init()
            }
        });
    }

    /// Only calls what may be called in a handler: atomics, `write`, `sigaction`, `_exit`.
    extern "C" fn on_signal(_: c_int, about: *mut libc::siginfo_t, _: *mut c_void) {
        // SAFETY: the system hands over a valid `siginfo_t` to a handler of this form.
        let at = unsafe { (*about).si_addr() }.addr();
        let holds = |slot: &&Slot| {
            let begin = slot.begin.load(Ordering::Acquire);
            begin > 1 && begin <= at && at < slot.end.load(Ordering::Acquire)
        };
        let Some(slot) = ALL.iter().find(holds) else {
            let before = BEFORE.get();
            // SAFETY: it is what the system itself gave. The instruction runs again and is then handled
            // as it was before this handler, or by the default action.
            unsafe {
                match before {
                    Some(before) => libc::sigaction(libc::SIGBUS, before, ptr::null_mut()),
                    None => libc::signal(libc::SIGBUS, libc::SIG_DFL) as c_int,
                };
            }
            return;
        };
        // SAFETY: the mapping is being read, so its name has not been dropped.
        let name = unsafe { slot.name.load(Ordering::Acquire).as_ref() };
        for part in [
            "lookback: ",
            name.map_or("a file", String::as_str),
            ": it was cut short, or its disk failed, while it was read; put it back whole and start again\n",
        ] {
            // SAFETY: the bytes are valid for their length. Where they cannot be written, there is no reader.
            let _nowhere_else = unsafe { libc::write(2, part.as_ptr().cast(), part.len()) };
        }
        // SAFETY: it ends the process and runs nothing of it any more.
        unsafe { libc::_exit(1) }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::{ops::Range, path::Path};

    /// Elsewhere a file that is mapped cannot be cut.
    #[derive(Debug)]
    pub(crate) struct MappedFileName;

    impl MappedFileName {
        pub(crate) fn new(_: Range<*const u8>, _: &Path) -> Option<Self> {
            None
        }
    }
}
