//! Hangups that a program was started to ignore, as `nohup` starts it. Listening for signals would take
//! this back, and neither Rust nor the crate for signals does so.

/// Whether the program ignores hangups.
pub(super) fn is_ignored() -> bool {
    // SAFETY: all zeros are a value of this type, which the system fills; without a new action, nothing
    // changes.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, std::ptr::null(), &raw mut now) == 0
            && now.sa_sigaction == libc::SIG_IGN
    }
}

/// Ignores hangups from now on.
pub(super) fn ignore() {
    // SAFETY: what is set is no function that could be called.
    let _before = unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
}
