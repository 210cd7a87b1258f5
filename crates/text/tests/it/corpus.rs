//! Texts are read however people keep them, and what cannot be read is named with its place.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use lookback_files::Result;
use lookback_text::{
    NamedTokenizer, Specials, Tokenizer, TokenizerTrainer,
    corpus::{Chunking, CorpusCounts, ReadOptions, find},
};

const STRICT: ReadOptions = ReadOptions { lossy: false, skip_bad: false, max_bytes: 1 << 20 };

/// Whole documents, in order, and what was counted.
fn read(paths: &[PathBuf], options: ReadOptions) -> Result<(Vec<String>, CorpusCounts)> {
    let mut documents = Vec::new();
    let counts = find(paths, options)?.read(Chunking::Whole, &mut |part| {
        documents.push(part.text.to_owned());
        Ok(())
    })?;
    Ok((documents, counts))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// The sentence, without the folder it names.
fn refusal(folder: &Path, name: &str, options: ReadOptions) -> String {
    let said = read(&[folder.join(name)], options).unwrap_err().to_string();
    said.replace(&format!("{}/", folder.display()), "")
}

const LINES: &str = r#"{"text": "one\nand more"}

{"messages": [{"role": "user", "content": "two?"}, {"role": "assistant", "content": "two."}]}
{"id": 7, "text": "three"}
"#;

#[test]
fn folders_lines_and_packed_files_are_read_in_the_order_of_their_names() {
    let packed = (gzip(b"from gzip"), zstd(LINES.as_bytes()));
    let folder = folder(&[
        ("a.txt", b"from a"),
        ("b/c.txt.gz", &packed.0),
        ("b/d.jsonl.zst", &packed.1),
        ("b/empty.md", b""),
        ("notes.pdf", b"%PDF"),
        ("z.jsonl", LINES.as_bytes()),
    ]);
    let lines = ["one\nand more", "two?\ntwo.", "three"];
    let (texts, counts) = read(&[folder.path().to_owned()], STRICT).unwrap();
    let all: Vec<&str> = ["from a", "from gzip"].into_iter().chain(lines).chain(lines).collect();
    assert_eq!(texts, all);
    assert_eq!(counts.summary(), format!("5 files, 8 documents, {} bytes", all.concat().len()));
    let one = read(&[folder.path().join("b/d.jsonl.zst")], STRICT).unwrap();
    assert_eq!(one.0, lines);
    // Files of any other name are one text.
    assert_eq!(read(&[folder.path().join("notes.pdf")], STRICT).unwrap().0, ["%PDF"]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_text_packed_or_not() {
    let marked = |text: &str| format!("\u{feff}{text}").into_bytes();
    let (text, lines) = (marked("line one\r\nline two"), marked(LINES));
    // Two files put together have the second one's mark in their midst.
    let joined = [lines.clone(), lines.clone()].concat();
    let folder = folder(&[
        ("a.txt", &text),
        ("b.txt.gz", &gzip(&text)),
        ("c.txt.zst", &zstd(&text)),
        ("d.jsonl", &joined),
        ("e.jsonl.gz", &gzip(&lines)),
        ("f.jsonl.zst", &zstd(&lines)),
        ("g/only-a-mark.txt", "\u{feff}".as_bytes()),
    ]);
    for name in ["a.txt", "b.txt.gz", "c.txt.zst"] {
        for held in [Chunking::Whole, Chunking::Parts(1)] {
            let corpus = find(&[folder.path().join(name)], STRICT).unwrap();
            let mut whole = String::new();
            let counts = corpus.read(held, &mut |part| {
                whole += part.text;
                Ok(())
            });
            assert_eq!((whole.as_str(), counts.unwrap().bytes), ("line one\r\nline two", 18));
        }
    }
    for (name, times) in [("d.jsonl", 2), ("e.jsonl.gz", 1), ("f.jsonl.zst", 1)] {
        let (texts, counts) = read(&[folder.path().join(name)], STRICT).unwrap();
        assert_eq!(texts, ["one\nand more", "two?\ntwo.", "three"].repeat(times), "{name}");
        assert_eq!(counts.skipped, 0);
    }
    let said = refusal(folder.path(), "g/only-a-mark.txt", STRICT);
    assert_eq!(said, "g/only-a-mark.txt: it is empty; give a text to learn from");
}

#[test]
fn utf_16_is_refused_by_its_name_packed_or_not_and_never_replaced() {
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let bytes = wide("\u{feff}{\"text\": \"one\"}\r\n");
    let folder = folder(&[
        ("a.txt", &bytes),
        ("b.jsonl", &bytes),
        ("c.txt.gz", &gzip(&bytes)),
        ("d.txt", &wide("the bird is red")),
    ]);
    let replacing = ReadOptions { lossy: true, skip_bad: true, ..STRICT };
    for name in ["a.txt", "b.jsonl", "c.txt.gz", "d.txt"] {
        for options in [STRICT, replacing] {
            let expected =
                "it is UTF-16; convert it to UTF-8 first, as iconv -f UTF-16 -t UTF-8 does";
            assert_eq!(refusal(folder.path(), name, options), format!("{name}: {expected}"));
        }
    }
}

#[test]
fn documents_of_messages_are_counted() {
    let folder = folder(&[("a.jsonl", LINES.as_bytes()), ("b.txt", b"no messages")]);
    let counts = read(&[folder.path().to_owned()], STRICT).unwrap().1;
    assert_eq!((counts.documents, counts.chats), (4, 1));
}

#[test]
fn a_text_without_spaces_comes_in_parts_too_and_has_its_tokens() {
    let mut text = String::new();
    for line in 0..3000u32 {
        let signs = (0..line % 40).map(|at| 0x4e00 + (line * 7 + at * at) % 900);
        text.extend(signs.filter_map(char::from_u32));
        text += ["。\n", "\n", "！\n\n", "。\n/", "，", " \n\u{3000}"][line as usize % 6];
    }
    assert!(!text.contains(|sign: char| sign.is_ascii_alphanumeric()));
    let folder = folder(&[("long.txt", text.as_bytes())]);
    let corpus = find(&[folder.path().join("long.txt")], STRICT).unwrap();
    let learned = Tokenizer::train_bpe(&[&text], 400, &["<|endoftext|>"]).unwrap();
    let named = |name| NamedTokenizer::from_name(name).unwrap().tokenizer().unwrap();
    for tokenizer in [&learned, &named("gpt2"), &named("cl100k"), &named("o200k")] {
        let (mut ids, mut parts) = (Vec::new(), 0);
        let counts = corpus.read(Chunking::Parts(1), &mut |part| {
            ids.extend(tokenizer.encode_part(part.text, part.at)?);
            parts += 1;
            Ok(())
        });
        assert!(counts.is_ok() && parts > 1, "{parts}");
        assert!(ids == tokenizer.encode_bare(&text, Specials::Text).unwrap(), "{tokenizer:?}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let bomb = gzip(&vec![b'a'; 4 << 20]);
    let bad_lines =
        [LINES, "{\"text\": 1}\n", "{\"messages\": [{}]}\n", "{\"text\": \"x\n"].concat();
    let folder = folder(&[
        ("bad.txt", b"good \xff\xfe text"),
        ("bad.jsonl", bad_lines.as_bytes()),
        ("empty.jsonl", b"\n\n"),
        ("bomb.txt.gz", &bomb),
        ("cut.txt.gz", &bomb[..bomb.len() / 2]),
        ("no.txt.gz", b"no gzip at all"),
        ("no.txt.zst", b"no zstd at all"),
        ("only/notes.pdf", b"%PDF"),
    ]);
    let said: Vec<String> = [
        "bad.txt",
        "bad.jsonl",
        "empty.jsonl",
        "bomb.txt.gz",
        "cut.txt.gz",
        "no.txt.gz",
        "no.txt.zst",
        "only",
        "missing.txt",
    ]
    .iter()
    .map(|name| refusal(folder.path(), name, STRICT))
    .collect();
    let expected = [
        "bad.txt: byte 5 is not valid UTF-8; convert the file to UTF-8 first, or replace such bytes \
         with lossy",
        "bad.jsonl: line 5 has neither a text nor messages; mend it, or pass over such lines with \
         skip_bad",
        "empty.jsonl: it is empty; give a text to learn from",
        "bomb.txt.gz: it holds more than the 1048576 bytes that there is room for in memory; give \
         less",
        "cut.txt.gz: it holds more than the 1048576 bytes",
        "no.txt.gz: it cannot be unpacked (",
        "no.txt.zst: it cannot be unpacked (",
        "only: there is no .txt, .md or .jsonl file in this folder; name the files",
        "missing.txt: there is no such file; check the path",
    ];
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}");
    }
    let kind = ReadOptions { lossy: true, skip_bad: true, ..STRICT };
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let (texts, counts) = read(&[path("bad.txt"), path("bad.jsonl")], kind).unwrap();
    assert_eq!(texts[0], "good \u{fffd}\u{fffd} text");
    assert_eq!((counts.documents, counts.skipped, counts.replaced), (4, 3, 1));
    let summary = counts.summary();
    assert!(summary.ends_with("3 lines passed over, bytes replaced in 1 file"), "{summary}");
}

#[test]
fn packed_texts_cut_anywhere_are_refused_and_never_a_panic() {
    let text = LINES.repeat(3);
    for (name, whole) in
        [("x.jsonl.gz", gzip(text.as_bytes())), ("x.jsonl.zst", zstd(text.as_bytes()))]
    {
        let folder = folder(&[(name, &whole)]);
        let path = folder.path().join(name);
        assert_eq!(read(std::slice::from_ref(&path), STRICT).unwrap().1.documents, 9);
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(read(std::slice::from_ref(&path), STRICT).is_err(), "{name} cut at {length}");
        }
        for at in 0..whole.len() {
            for wrong in [0x00, 0x01, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= wrong;
                fs::write(&path, &bytes).unwrap();
                if let Err(refusal) = read(std::slice::from_ref(&path), STRICT) {
                    assert!(!refusal.to_string().contains('\n'), "{refusal}");
                }
            }
        }
    }
}

#[test]
fn patterns_name_files_and_a_file_that_is_named_twice_is_read_once() {
    let folder = folder(&[
        ("b.txt", b"from b"),
        ("a.txt", b"from a"),
        ("c.md", b"from c"),
        ("in/d.txt", b"from d"),
        ("odd[1].txt", b"odd"),
    ]);
    let path = |name: &str| folder.path().join(name);
    assert_eq!(read(&[path("[ab].txt")], STRICT).unwrap().0, ["from a", "from b"]);
    let (texts, counts) = read(&[path("**/d.txt"), path("in"), path("in/d.txt")], STRICT).unwrap();
    assert_eq!((texts.as_slice(), counts.repeated), (&["from d".to_owned()][..], 2));
    assert_eq!(counts.summary(), "1 file, 1 document, 6 bytes, 2 files named twice and read once");
    // A file whose name looks like a pattern is that file.
    assert_eq!(read(&[path("odd[1].txt")], STRICT).unwrap().0, ["odd"]);
    assert_eq!(
        refusal(folder.path(), "*.pdf", STRICT),
        "*.pdf: no file has such a name; check the pattern"
    );
    let said = refusal(folder.path(), "a[.txt", STRICT);
    assert!(said.starts_with("a[.txt: it is no pattern of file names ("), "{said}");
}

#[test]
fn the_parts_of_a_text_are_the_text_and_have_its_tokens() {
    let mut text = String::new();
    for line in 0..4000 {
        let ends = ["red", "old.", "7", "x  ", "\u{e9}", "said:\n\n", "it's"];
        text += &format!("the {line} bird is {}\n", ends[line % ends.len()]);
    }
    let folder = folder(&[("long.txt", text.as_bytes()), ("long.txt.gz", &gzip(text.as_bytes()))]);
    let learned = Tokenizer::train_bpe(&[&text], 300, &["<|endoftext|>"]).unwrap();
    let letters = Tokenizer::characters(&[&text], &[]).unwrap();
    let named = NamedTokenizer::from_name("o200k").unwrap().tokenizer().unwrap();
    for name in ["long.txt", "long.txt.gz"] {
        let corpus = find(&[folder.path().join(name)], STRICT).unwrap();
        for size in [1, 1000, 100_000, 1 << 20] {
            for tokenizer in [&learned, &letters, &named] {
                assert!(tokenizer.reads_parts());
                let (mut whole, mut ids, mut parts) = (String::new(), Vec::new(), 0);
                let counts = corpus.read(Chunking::Parts(size), &mut |part| {
                    assert_eq!(part.at, whole.len());
                    whole += part.text;
                    ids.extend(tokenizer.encode_part(part.text, part.at)?);
                    parts += 1;
                    Ok(())
                });
                assert_eq!(counts.unwrap().documents, 1);
                assert!(whole == text && (parts > 1) == (size < text.len()), "{size}: {parts}");
                let expected = tokenizer.encode_bare(&text, Specials::Text).unwrap();
                assert!(ids == expected, "{size}");
            }
        }
    }
    let mut tokenizer_trainer = TokenizerTrainer::bpe(300, &["<|endoftext|>"]).unwrap();
    let corpus = find(&[folder.path().join("long.txt")], STRICT).unwrap();
    corpus.read(Chunking::Parts(1000), &mut |part| tokenizer_trainer.add(&[part.text])).unwrap();
    assert_eq!(tokenizer_trainer.finish().unwrap().to_json(), learned.to_json());
}

/// Bytes that the reader asks for at once.
const BLOCK: usize = 1 << 16;

/// What a block ends in the middle of: both line ends, alone and in rows, and characters of two to four
/// bytes, behind a letter, where a part may begin, and behind others.
const SEAM: &str =
    "tom\r\nsees\r\n\r\n  a b\u{e9}\r\n\u{6f22}\u{5b57}\r\nx\r\r\ny\n\r7\r\n\u{1f600}ok\r\n.\r\n";

#[test]
fn a_text_cut_anywhere_at_its_line_ends_and_characters_has_the_ids_of_the_whole() {
    let seen = format!("{SEAM}the old house, it's red. and so on");
    let learned = Tokenizer::train_bpe(&[&seen.repeat(50)], 300, &["<|endoftext|>"]).unwrap();
    let letters = Tokenizer::characters(&[&seen], &[]).unwrap();
    let named = |name| NamedTokenizer::from_name(name).unwrap().tokenizer().unwrap();
    let tokenizers = [learned, letters, named("gpt2"), named("cl100k"), named("o200k")];
    let (mut within_a_line_end, mut within_a_character, mut begin_with_one) = (0, 0, 0);
    // Parts that end with the first block, and with the second.
    for (size, blocks) in [(1, 1), (BLOCK + 10, 2)] {
        for before in 0..=SEAM.len() {
            let begun = blocks * BLOCK - before;
            let mut text = "the old house, it's red. ".repeat(begun / 25 + 1);
            text.truncate(begun);
            text += SEAM;
            text += "and so on\r\n";
            let bytes = text.as_bytes();
            let block = blocks * BLOCK;
            within_a_line_end += usize::from(bytes[block - 1..].starts_with(b"\r\n"));
            within_a_character += usize::from(!text.is_char_boundary(block));
            let folder = folder(&[("text.txt", bytes), ("text.txt.gz", &gzip(bytes))]);
            let parts_of = |name: &str| {
                let corpus = find(&[folder.path().join(name)], STRICT).unwrap();
                let mut parts: Vec<String> = Vec::new();
                let counts = corpus.read(Chunking::Parts(size), &mut |part| {
                    assert_eq!(part.at, parts.iter().map(String::len).sum::<usize>());
                    parts.push(part.text.to_owned());
                    Ok(())
                });
                assert_eq!(counts.unwrap().bytes, text.len());
                parts
            };
            let parts = parts_of("text.txt");
            assert!(parts.len() > 1 && parts.concat() == text, "{before} bytes before the end");
            assert_eq!(parts, parts_of("text.txt.gz"));
            begin_with_one += parts.iter().filter(|part| part.starts_with("\r\n")).count();
            for tokenizer in &tokenizers {
                let (mut ids, mut at) = (Vec::new(), 0);
                for part in &parts {
                    ids.extend(tokenizer.encode_part(part, at).unwrap());
                    at += part.len();
                }
                let whole = tokenizer.encode_bare(&text, Specials::Text).unwrap();
                assert!(ids == whole, "{before} bytes before the end of block {blocks}");
            }
        }
    }
    let counts = (within_a_line_end, within_a_character, begin_with_one);
    assert!(counts.0 >= 16 && counts.1 >= 16 && counts.2 >= 16, "{counts:?}");
}

#[test]
fn bytes_that_are_no_text_are_replaced_alike_wherever_a_block_ends() {
    // An end that never comes, a beginning without an end, too long a way to write /, half a pair, and
    // more than there is.
    let broken: &[u8] =
        b"a\xe6\xbc\r\nb\x80c\xc0\xafd\xed\xa0\x80e\xf4\x90\x80\x80\xf0\x9f\x98 f\xe6";
    let lossy = ReadOptions { lossy: true, ..STRICT };
    for before in 0..=broken.len() {
        let mut bytes = vec![b'x'; BLOCK - before];
        bytes.extend(broken);
        let folder = folder(&[("text.txt", &bytes)]);
        let path = folder.path().join("text.txt");
        let expected = String::from_utf8_lossy(&bytes).into_owned();
        for held in [Chunking::Whole, Chunking::Parts(1)] {
            let mut text = String::new();
            let corpus = find(std::slice::from_ref(&path), lossy).unwrap();
            let counts = corpus.read(held, &mut |part| {
                text += part.text;
                Ok(())
            });
            assert_eq!(counts.unwrap().replaced, 1);
            assert!(text == expected, "{before} bytes before the end of a block, {held:?}");
        }
        let said = refusal(folder.path(), "text.txt", STRICT);
        let at = BLOCK - before + 1;
        assert!(said.starts_with(&format!("text.txt: byte {at} is not valid UTF-8")), "{said}");
    }
}
