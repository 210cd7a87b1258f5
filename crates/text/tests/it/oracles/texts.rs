//! Any bytes as a file of texts: what is read is what plain means read, whole and in parts, packed or not.
//!
//! Of a case, the first byte says whether its lines are documents, whether broken bytes and lines are
//! taken, and how long parts are; all that follows is the file.

use std::{fs, io::Write};

use lookback_files::Result;
use lookback_text::corpus::{Chunking, ReadOptions, find};
use serde_json::Value;

thread_local! {
    static PLACE: tempfile::TempDir = tempfile::tempdir().expect("a place");
}

/// The documents of a file, put together from their parts.
fn read(name: &str, bytes: &[u8], options: ReadOptions, held: Chunking) -> Result<Vec<String>> {
    let path = PLACE.with(|folder| folder.path().join(name));
    fs::write(&path, bytes).expect("written");
    let mut documents: Vec<String> = Vec::new();
    find(&[path], options)?.read(held, &mut |part| {
        match documents.last_mut().filter(|_| part.at > 0) {
            Some(document) => {
                assert_eq!(document.len(), part.at);
                document.push_str(part.text);
            }
            None => documents.push(part.text.to_owned()),
        }
        Ok(())
    })?;
    Ok(documents)
}

/// The documents by plain means; nothing where there is none, or something is broken.
fn plainly(bytes: &[u8], are_lines: bool, options: ReadOptions) -> Option<Vec<String>> {
    // A mark of UTF-8 is no part of the text, and other encodings are refused by name, even if damage is taken.
    let bytes = &bytes[lookback_files::byte_order_mark(bytes).ok()?..];
    let text = match options.lossy {
        true => String::from_utf8_lossy(bytes).into_owned(),
        false => String::from_utf8(bytes.to_vec()).ok()?,
    };
    let mut documents = Vec::new();
    if !are_lines {
        documents.push(text);
    } else {
        for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str::<Value>(line).ok().and_then(|value| said(&value)) {
                Some(text) => documents.push(text),
                None if options.skip_bad => {}
                None => return None,
            }
        }
    }
    documents.retain(|text| !text.is_empty());
    (!documents.is_empty()).then_some(documents)
}

fn said(line: &Value) -> Option<String> {
    if let Some(text) = line.get("text").and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let messages = line.get("messages")?.as_array()?;
    let contents = messages.iter().map(|message| message.get("content")?.as_str());
    Some(contents.collect::<Option<Vec<_>>>()?.join("\n"))
}

/// Holds one file in every way that it can be read.
pub fn check(bytes: &[u8]) {
    let Some((&options, bytes)) = bytes.split_first() else { return };
    let (are_lines, lossy, skip_bad) = (options & 1 != 0, options & 2 != 0, options & 4 != 0);
    let how_parts = options >> 3;
    let parts = Chunking::Parts(usize::from(how_parts));
    let options = ReadOptions { lossy, skip_bad, max_bytes: 1 << 20 };
    let expected = plainly(bytes, are_lines, options);
    let name = if are_lines { "a.jsonl" } else { "a.txt" };
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("in memory");
    let packed = packer.finish().expect("in memory");
    // Zeros behind a member, and frames that say nothing, change nothing.
    let padded = [&packed[..], &[0; 3]].concat();
    let fastest = ruzstd::encoding::CompressionLevel::Fastest;
    let frame = ruzstd::encoding::compress_to_vec(bytes, fastest);
    let framed = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &frame].concat();
    for held in [Chunking::Whole, parts, Chunking::Anywhere(usize::from(how_parts))] {
        for (name, bytes) in [
            (name.to_owned(), bytes),
            (format!("{name}.gz"), &packed),
            (format!("{name}.gz"), &padded),
            (format!("{name}.zst"), &framed),
        ] {
            match read(&name, bytes, options, held) {
                Ok(documents) => assert_eq!(Some(documents), expected, "{name}"),
                Err(refusal) => {
                    super::sentence::check(&refusal);
                    assert_eq!(expected, None, "{refusal}");
                }
            }
        }
    }
    // As it is, it may be anything that was packed.
    for name in ["a.txt.gz", "a.jsonl.zst"] {
        if let Err(refusal) = read(name, bytes, options, Chunking::Whole) {
            super::sentence::check(&refusal);
        }
    }
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let lines = "{\"text\": \"one\\nand more\"}\n\n{\"messages\": [{\"content\": \"two\"}]}\r\n{\"text\": 1}\n";
    let text = "the bird is red\nand the house \u{e9}\nis old 7\n\nx";
    let zstd = ruzstd::encoding::compress_to_vec(
        lines.as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    let with = |options: u8, bytes: &[u8]| [&[options], bytes].concat();
    vec![
        with(1, lines.as_bytes()),
        with(7, lines.as_bytes()),
        with(0, text.as_bytes()),
        with(0x2a, &[text.as_bytes(), b"\xff\xe9 more\n\xf0\x9f"].concat()),
        with(6, &zstd),
    ]
}
