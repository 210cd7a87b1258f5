//! How much memory there is, and how much was used, from Linux.

mod cgroup;
mod out_of_memory;

use std::path::Path;

pub(crate) use out_of_memory::return_large_allocations;

use lookback_files::{Kind, Refusal, Result};

/// Refuses work that cannot fit, before any of it is done.
pub(crate) fn check_free(what: &str, bytes: usize) -> Result<()> {
    let free = free();
    tracing::debug!(%what, bytes, free, "memory planned");
    let Some(free) = free else { return Ok(()) };
    if bytes <= free {
        return Ok(());
    }
    let megabytes = |bytes: usize| bytes.div_ceil(1 << 20);
    Err(Refusal::of(
        Kind::OutOfMemory,
        format!(
            "{what} needs {} MB and {} MB are free; make the model, the batch or the context smaller",
            megabytes(bytes),
            megabytes(free)
        ),
    ))
}

/// Says what will be held beside what [`check_free`] was asked about.
pub(crate) fn log_planned(what: &str, bytes: usize) {
    tracing::debug!(%what, bytes, "memory planned");
}

/// Bytes that are free now, and that this process may have; none where the system does not say.
pub(crate) fn free() -> Option<usize> {
    free_on(Path::new("/"))
}

/// The least of what is free, of what this process may take, and of what its control group leaves.
/// `root` is `/`, or a folder that stands for it.
fn free_on(root: &Path) -> Option<usize> {
    let limits = [("Max data size", "VmData:"), ("Max address space", "VmSize:")];
    let status = root.join("proc/self/status");
    let allowed = limits.into_iter().filter_map(|(limit, taken)| {
        Some(limit_of(root, limit)?.saturating_sub(field(&status, taken)?))
    });
    let available = field(&root.join("proc/meminfo"), "MemAvailable:");
    available.into_iter().chain(allowed).chain(cgroup::left(root)).min()
}

/// A limit of this process, such as `ulimit -d` sets; none where it is unlimited.
fn limit_of(root: &Path, name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(root.join("proc/self/limits")).ok()?;
    let values = text.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_whitespace().next()?.parse().ok()
}

/// The most memory that this process has held, in megabytes; none where the system does not say.
///
/// Pages of files, which are mapped and can be dropped at any time, do not count: neither the weights
/// of a model file nor the program itself.
pub(crate) fn peak_mb() -> Option<usize> {
    let of = |name| field(Path::new("/proc/self/status"), name);
    Some(of("VmHWM:")?.saturating_sub(of("RssFile:").unwrap_or(0)).div_ceil(1 << 20))
}

/// Bytes that no cache of this machine holds: four times the largest, at least 256 MB, and no more than a
/// quarter of what is free.
pub(crate) fn beyond_caches() -> usize {
    let largest = (0..8).filter_map(cache_bytes).max().unwrap_or(0);
    let free = free().unwrap_or(usize::MAX);
    (4 * largest).max(256 << 20).min(free / 4)
}

/// What the caches of so many cores hold: the first levels of each core, and the last one, which all
/// share.
pub(crate) fn cache_bytes_of(threads: usize) -> usize {
    let level = |index: usize| {
        let folder = format!("/sys/devices/system/cpu/cpu0/cache/index{index}");
        let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).ok();
        if read("type")?.trim() == "Instruction" {
            return None;
        }
        let level: usize = read("level")?.trim().parse().ok()?;
        Some(cache_bytes(index)? * if level < 3 { threads } else { 1 })
    };
    // What a lower level holds, the next may hold as well.
    (0..8).filter_map(level).max().unwrap_or(0)
}

/// Lets [`peak_mb`] begin anew; whether the system does.
pub(crate) fn forget_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The size of a cache of the first processor, such as `32768K`, in bytes.
fn cache_bytes(index: usize) -> Option<usize> {
    let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
    let text = std::fs::read_to_string(path).ok()?;
    let kilobytes: usize = text.trim().strip_suffix('K')?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// A line such as `VmHWM:  1234 kB`, in bytes.
fn field(path: &Path, name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fit_is_told_by_its_kind() {
        if free().is_some() {
            let refused = check_free("a pass", usize::MAX).unwrap_err();
            assert_eq!(refused.kind(), Kind::OutOfMemory);
        }
    }

    #[test]
    fn the_least_of_machine_process_and_group_is_free() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(free_on(root.path()), None);
        write("proc/meminfo", "MemTotal:  9000 kB\nMemAvailable:  8000 kB\n");
        assert_eq!(free_on(root.path()), Some(8000 << 10));
        write("proc/self/cgroup", "0::/\n");
        write("sys/fs/cgroup/memory.max", &(7000 << 10).to_string());
        write("sys/fs/cgroup/memory.current", &(1000 << 10).to_string());
        assert_eq!(free_on(root.path()), Some(6000 << 10));
        write(
            "proc/self/limits",
            &format!("Max data size     {}   unlimited  bytes\n", 5000 << 10),
        );
        write("proc/self/status", "VmData:  500 kB\n");
        assert_eq!(free_on(root.path()), Some(4500 << 10));
        write("sys/fs/cgroup/memory.max", "max");
        write("proc/self/limits", "Max data size     unlimited   unlimited  bytes\n");
        assert_eq!(free_on(root.path()), Some(8000 << 10));
    }
}
