//! How much memory there is, and how much was used, as Linux tells it.

use lookback_files::{Refusal, Result};

/// Refuses work that cannot fit, before any of it is done.
pub(crate) fn refuse_beyond(what: &str, bytes: usize) -> Result<()> {
    let Some(free) = field("/proc/meminfo", "MemAvailable:") else { return Ok(()) };
    if bytes <= free {
        return Ok(());
    }
    let megabytes = |bytes: usize| bytes.div_ceil(1 << 20);
    Err(Refusal::user(format!(
        "{what} needs {} MB and {} MB are free; make the model, the batch or the context smaller",
        megabytes(bytes),
        megabytes(free)
    )))
}

/// The most memory that this process has held, in megabytes; none where the system does not tell.
///
/// Pages of files, which are mapped and can be dropped at any time, do not count: neither the weights
/// of a model file nor the program itself.
pub(crate) fn peak_mb() -> Option<usize> {
    let of = |name| field("/proc/self/status", name);
    Some(of("VmHWM:")?.saturating_sub(of("RssFile:").unwrap_or(0)).div_ceil(1 << 20))
}

/// A line such as `VmHWM:  1234 kB`, in bytes.
fn field(path: &str, name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
