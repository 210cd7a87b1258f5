//! A mapped file's memory can be given back without losing a byte.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;

use lookback_files::map;

/// Bytes of memory that this process holds, as Linux tells it.
fn held() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? << 10)
}

#[test]
fn what_is_released_is_read_again_as_it_was() {
    const LEN: usize = 64 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    let bytes: Vec<u8> = (0..LEN).map(|n| (n ^ (n >> 12)) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    let mapping = map(&path).unwrap();
    assert!(mapping[..] == bytes);
    let before = held();
    // Neither end on the border of a page.
    mapping.release(5..LEN - 5);
    if let (Some(before), Some(after)) = (before, held()) {
        assert!(after + LEN / 2 < before, "{before} bytes before and {after} after");
    }
    assert!(mapping[..] == bytes);
}

#[test]
fn an_empty_file_has_nothing_to_release() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing");
    fs::write(&path, "").unwrap();
    let mapping = map(&path).unwrap();
    mapping.release(0..0);
    assert!(mapping.is_empty());
}
