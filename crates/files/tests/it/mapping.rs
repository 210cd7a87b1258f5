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

#[cfg(unix)]
mod cut {
    use std::{
        env,
        fs::{File, OpenOptions},
        io::Write,
        process::Command,
    };

    use super::*;

    /// Names the folder in which this program, run again by a test, reads a file that it cuts.
    const FOLDER: &str = "LOOKBACK_TEST_CUT";

    #[test]
    fn a_file_that_is_cut_while_it_is_read_ends_the_program_with_a_sentence() {
        if let Some(folder) = env::var_os(FOLDER) {
            let path = std::path::Path::new(&folder).join("numbers");
            let mapping = map(&path).unwrap();
            OpenOptions::new().write(true).open(&path).unwrap().set_len(5000).unwrap();
            // The first page is still there, the last is not.
            let sum = u64::from(mapping[0]) + u64::from(mapping[mapping.len() - 1]);
            unreachable!("{sum} was read of nothing");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("numbers"), vec![1; 1 << 20]).unwrap();
        let name =
            "mapping::cut::a_file_that_is_cut_while_it_is_read_ends_the_program_with_a_sentence";
        let mut program = Command::new(env::current_exe().unwrap());
        let done = program.args(["--exact", name, "--nocapture"]).env(FOLDER, folder.path());
        let done = done.output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        let sentence = said.lines().find(|line| line.starts_with("lookback: ")).unwrap_or_default();
        let says = ": it was cut short, or its disk failed, while it was read; put it back whole and \
                    start again";
        assert!(sentence.ends_with(says), "{said}");
        assert!(sentence.contains(&*folder.path().to_string_lossy()), "{said}");
    }

    #[test]
    fn a_file_that_is_written_to_while_it_is_read_is_told_by_its_length_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers");
        fs::write(&path, vec![1; 10_000]).unwrap();
        let mapping = map(&path).unwrap();
        mapping.check_unchanged().unwrap();
        // One that takes its name leaves it as it was.
        fs::rename(&path, folder.path().join("before")).unwrap();
        fs::write(&path, vec![2; 9]).unwrap();
        mapping.check_unchanged().unwrap();
        let file = OpenOptions::new().append(true).open(folder.path().join("before"));
        file.unwrap().write_all(b"more").unwrap();
        let said = mapping.check_unchanged().unwrap_err().to_string();
        assert!(said.contains("it was written to while it was read"), "{said}");
        // In place, and of the same length.
        let mapping = map(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert!(mapping.check_unchanged().is_err());
    }
}
