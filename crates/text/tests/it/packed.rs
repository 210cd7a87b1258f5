//! Packed texts as real tools write them, and what is no file on a disk.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::{fs, io::Write, path::Path};

use lookback_text::corpus::{Chunking, ReadOptions, find};

const READING: ReadOptions = ReadOptions { lossy: false, skip_bad: false, max_bytes: 1 << 30 };

fn read_in(path: &Path, held: Chunking) -> Result<String, String> {
    let mut text = String::new();
    let corpus = find(&[path.to_owned()], READING).map_err(|refusal| refusal.to_string())?;
    let read = corpus.read(held, &mut |part| {
        text.push_str(part.text);
        Ok(())
    });
    read.map(|_| text).map_err(|refusal| refusal.to_string())
}

/// The text of a file, or the sentence without the folder.
fn read(name: &str, bytes: &[u8]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read_in(&path, Chunking::Whole)
        .map_err(|said| said.replace(&format!("{}/", folder.path().display()), ""))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A frame of zstd that says nothing, with so many bytes.
fn skippable(kind: u8, length: u32) -> Vec<u8> {
    let magic = [0x50 + kind, 0x2a, 0x4d, 0x18];
    [&magic[..], &length.to_le_bytes(), &vec![7; length as usize]].concat()
}

#[test]
fn skippable_frames_before_between_and_behind_others_say_nothing() {
    let (one, two) = (zstd(b"one "), zstd(b"two"));
    for parts in [
        vec![skippable(0, 0), one.clone(), two.clone()],
        vec![one.clone(), skippable(15, 100_000), skippable(3, 4), two.clone()],
        vec![one.clone(), two.clone(), skippable(14, 17)],
        vec![zstd(b""), one.clone(), zstd(b""), two.clone(), zstd(b"")],
    ] {
        assert_eq!(read("a.txt.zst", &parts.concat()).as_deref(), Ok("one two"));
    }
    // As `printf '\x50\x2a\x4d\x18\x00\x00\x00\x00'` writes it: whole, and empty.
    let said = read("a.txt.zst", &skippable(0, 0)).unwrap_err();
    assert_eq!(said, "a.txt.zst: it is empty; give a text to learn from");
}

#[test]
fn members_of_gzip_are_one_text_and_zeros_behind_them_are_padding() {
    let (one, two) = (gzip(b"one "), gzip(b"two"));
    for parts in [
        vec![one.clone(), two.clone()],
        vec![one.clone(), two.clone(), vec![0; 100_000]],
        vec![one.clone(), vec![0; 512], two.clone(), vec![0; 1]],
        vec![gzip(b""), one.clone(), gzip(b""), two.clone()],
    ] {
        assert_eq!(read("a.txt.gz", &parts.concat()).as_deref(), Ok("one two"));
    }
    // Python's gzip reads these too; GNU gzip calls what follows garbage.
    let said = read("a.txt.gz", &[one, b"garbage".to_vec()].concat()).unwrap_err();
    assert!(said.starts_with("a.txt.gz: it cannot be unpacked ("), "{said}");
}

#[test]
fn a_packed_file_that_is_cut_or_damaged_anywhere_is_refused() {
    let text = "the bird is red and the house is old. ".repeat(40);
    let frame = [skippable(0, 9), zstd(text.as_bytes()), skippable(1, 5)].concat();
    let ends = [17, frame.len() - 13, frame.len()];
    for length in (1..frame.len()).filter(|length| !ends.contains(length)) {
        let said = read("a.txt.zst", &frame[..length]).unwrap_err();
        assert!(said.starts_with("a.txt.zst: it cannot be unpacked ("), "{length}: {said}");
    }
    let member = [gzip(text.as_bytes()), gzip(b"more")].concat();
    let first = gzip(text.as_bytes()).len();
    for length in (1..member.len()).filter(|&length| length != first) {
        let said = read("a.txt.gz", &member[..length]).unwrap_err();
        assert!(said.starts_with("a.txt.gz: it cannot be unpacked ("), "{length}: {said}");
    }
    // A frame that was damaged within its literals unpacks, and does not have its checksum.
    let whole = zstd(b"abcdefgh");
    let at = whole.windows(8).position(|bytes| bytes == b"abcdefgh").unwrap();
    let mut damaged = whole.clone();
    damaged[at] = b'x';
    let said = read("a.txt.zst", &damaged).unwrap_err();
    assert!(said.contains("it does not have its own checksum"), "{said}");
}

#[test]
fn a_line_that_has_no_end_costs_bounded_memory() {
    // 80 MB of one line; a bomb packs a thousand times as much into as many bytes.
    let line = [b"{\"text\": \"".to_vec(), vec![b'a'; 80 << 20], b"\"}\n".to_vec()].concat();
    let said = read("a.jsonl.gz", &gzip(&line)).unwrap_err();
    assert!(said.starts_with("a.jsonl.gz: line 1 is longer than 67108864 bytes"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt.gz");
    fs::write(&path, gzip(&vec![b'a'; 300 << 20])).unwrap();
    let said = read_in(&path, Chunking::Parts(1 << 20)).unwrap_err();
    assert!(said.contains("268435456 bytes of it are one word"), "{said}");
    // Where each character is a token, none of it is held.
    let (mut parts, mut most) = (0, 0);
    let corpus = find(&[path], READING).unwrap();
    let tally = corpus.read(Chunking::Anywhere(1 << 20), &mut |part| {
        (parts, most) = (parts + 1, most.max(part.text.len()));
        Ok(())
    });
    assert_eq!(tally.unwrap().bytes, 300 << 20);
    assert!(parts >= 250 && most < 2 << 20, "{parts} parts of {most} bytes at most");
}

#[test]
fn parts_cut_between_characters_are_the_text() {
    let text = "größer 日本 🦊".repeat(20_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, &text).unwrap();
    assert_eq!(read_in(&path, Chunking::Anywhere(1000)), Ok(text));
}

#[cfg(unix)]
mod unix {
    use std::{os::unix::net::UnixListener, process::Command};

    use super::*;

    #[test]
    fn a_pipe_is_read_and_a_device_without_end_and_a_socket_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.txt");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::write(pipe, "out of a pipe").unwrap()
        });
        assert_eq!(read_in(&pipe, Chunking::Whole).as_deref(), Ok("out of a pipe"));
        writer.join().unwrap();

        let said = read_in(Path::new("/dev/zero"), Chunking::Whole).unwrap_err();
        assert!(said.starts_with("/dev/zero: it is a device that gives more than"), "{said}");
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let said = read_in(&socket, Chunking::Whole).unwrap_err();
        assert!(said.ends_with("socket: it is a socket, and a file is needed"), "{said}");
        let said = read_in(Path::new("/dev/null"), Chunking::Whole).unwrap_err();
        assert_eq!(said, "/dev/null: it is empty; give a text to learn from");
    }
}
