//! Files of settings are regular files of a bounded size, and nothing is waited for.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs::{self, File};

use lookback_files::{
    MAX_SETTINGS_BYTES, map, read_bytes_up_to, read_utf8, read_utf8_if_exists, read_utf8_up_to,
};

#[test]
fn a_file_is_read_up_to_its_limit_and_refused_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, "12345").unwrap();
    assert_eq!(read_utf8_up_to(&path, 5).unwrap(), "12345");
    let said = read_bytes_up_to(&path, 4).unwrap_err().to_string();
    assert!(
        said.contains("config.json: it is longer than 4 bytes, the most that a file of"),
        "{said}"
    );
    fs::write(&path, b"123\xff").unwrap();
    let said = read_utf8(&path).unwrap_err().to_string();
    assert!(said.contains("config.json: byte 3 is not valid UTF-8"), "{said}");
    // A terabyte that takes no room on the disk.
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(
        read_utf8(&path)
            .unwrap_err()
            .to_string()
            .contains(&format!("than {MAX_SETTINGS_BYTES} bytes"))
    );
}

#[test]
fn only_a_file_that_is_missing_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read_utf8_if_exists(&folder.path().join("none"), 9).unwrap(), None);
    assert!(read_utf8_if_exists(folder.path(), 9).is_err());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_on_a_disk_is_refused_by_what_it_is() {
    use std::{os::unix::net::UnixListener, path::Path, process::Command};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink(at("pipe"), at("link")).unwrap();
    std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
    let _listener = UnixListener::bind(at("socket")).unwrap();
    for (path, says) in [
        (at("pipe"), "it is a pipe, and a file is needed"),
        (at("link"), "it is a pipe, and a file is needed"),
        (at("socket"), "it is a socket, and a file is needed"),
        (Path::new("/dev/zero").to_owned(), "it is a device, and a file is needed"),
        (Path::new("/dev/null").to_owned(), "it is a device, and a file is needed"),
        (folder.path().to_owned(), "it is a directory, and a file is needed"),
        (at("loop"), "it could not be read"),
        (at("none"), "there is no such file; check the path"),
    ] {
        let said = read_utf8(&path).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
        assert_eq!(map(&path).unwrap_err().to_string(), said);
    }
    // What the kernel makes up has no length, and an end.
    assert!(read_utf8(Path::new("/proc/self/status")).unwrap().contains("VmRSS"));
}
