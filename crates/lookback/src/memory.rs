//! How much memory there is, and how much was used, as Linux tells it.

mod end;

use lookback_files::{Refusal, Result};

/// Refuses work that cannot fit, before any of it is done.
pub(crate) fn refuse_beyond(what: &str, bytes: usize) -> Result<()> {
    let free = free();
    tracing::debug!(%what, bytes, free, "memory planned");
    let Some(free) = free else { return Ok(()) };
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

/// Bytes that are free now, and that this process may have; none where the system does not tell.
pub(crate) fn free() -> Option<usize> {
    let limits = [("Max data size", "VmData:"), ("Max address space", "VmSize:")];
    let allowed = limits.into_iter().filter_map(|(limit, taken)| {
        Some(limit_of(limit)?.saturating_sub(field("/proc/self/status", taken)?))
    });
    field("/proc/meminfo", "MemAvailable:").into_iter().chain(allowed).min()
}

/// A limit of this process, such as `ulimit -d` sets; none where it is unlimited.
fn limit_of(name: &str) -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let values = text.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_whitespace().next()?.parse().ok()
}

/// The most memory that this process has held, in megabytes; none where the system does not tell.
///
/// Pages of files, which are mapped and can be dropped at any time, do not count: neither the weights
/// of a model file nor the program itself.
pub(crate) fn peak_mb() -> Option<usize> {
    let of = |name| field("/proc/self/status", name);
    Some(of("VmHWM:")?.saturating_sub(of("RssFile:").unwrap_or(0)).div_ceil(1 << 20))
}

/// Bytes that no cache of this machine holds: four times the largest, at least 256 MB, and no more than a
/// quarter of what is free.
pub(crate) fn beyond_caches() -> usize {
    let largest = (0..8).filter_map(cache_bytes).max().unwrap_or(0);
    let free = field("/proc/meminfo", "MemAvailable:").unwrap_or(usize::MAX);
    (4 * largest).max(256 << 20).min(free / 4)
}

/// The size of a cache of the first processor, such as `32768K`, in bytes.
fn cache_bytes(index: usize) -> Option<usize> {
    let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
    let text = std::fs::read_to_string(path).ok()?;
    let kilobytes: usize = text.trim().strip_suffix('K')?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// A line such as `VmHWM:  1234 kB`, in bytes.
fn field(path: &str, name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
