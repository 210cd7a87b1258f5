//! A text's bytes as they come, handed on as UTF-8: whole, in parts, or a line's document at a time.

use std::{
    io::{BufRead, Read},
    path::Path,
};

use lookback_files::{Kind, Refusal, Result, Setting, byte_order_mark};
use serde_json::Value;

use super::{Chunking, ReadOptions, packed};

/// Bytes that are read at once.
const BLOCK: u64 = 1 << 16;
/// Bytes of a line of JSON: its document, and as much again, must be held at once.
const LINE: usize = 64 << 20;
/// Bytes without a place to cut at that are held at once.
const UNBROKEN: usize = 256 << 20;

/// One file's text as it is read.
pub(super) struct Stream<'a> {
    path: &'a Path,
    options: ReadOptions,
    /// Bytes understood so far.
    at: usize,
    has_begun: bool,
    has_replaced: bool,
    chats: usize,
}

/// What a line of JSON is.
enum Document {
    Text(String),
    /// The contents of messages, without who said them.
    Chat(String),
}

impl<'a> Stream<'a> {
    pub(super) fn new(path: &'a Path, options: ReadOptions) -> Self {
        Self { path, options, at: 0, has_begun: false, has_replaced: false, chats: 0 }
    }

    /// Whether bytes became U+FFFD.
    pub(super) fn has_replaced(&self) -> bool {
        self.has_replaced
    }

    /// Lines that were messages.
    pub(super) fn chats(&self) -> usize {
        self.chats
    }

    /// Hands a text on with where each part begins.
    pub(super) fn text(
        &mut self,
        from: &mut dyn BufRead,
        chunking: Chunking,
        each: &mut dyn FnMut(&str, usize) -> Result<()>,
    ) -> Result<()> {
        let (mut bytes, mut text) = (Vec::new(), String::new());
        // Where the text that is held begins, and how far it was searched for a place to cut.
        let (mut begin, mut searched) = (0, 1);
        let mut begins_line = true;
        loop {
            let read = (&mut *from).take(BLOCK).read_to_end(&mut bytes);
            let is_end = read.map_err(|error| packed::refuse(self.path, &error))? == 0;
            let added = text.len();
            self.understand(&mut bytes, is_end, &mut text)?;
            begins_line = skip_marks(&mut text, added, begins_line);
            if is_end {
                return each(&text, begin);
            }
            self.expect_room(text.len())?;
            let cut = match chunking {
                Chunking::Whole => continue,
                Chunking::Parts(size) | Chunking::Anywhere(size) if text.len() < size => continue,
                Chunking::Parts(_) => last_cut(&text, searched),
                Chunking::Anywhere(_) => Some(text.len()),
            };
            if cut.is_none() {
                self.expect_cut(text.len())?;
            }
            if let Some(cut) = cut {
                each(&text[..cut], begin)?;
                begin += cut;
                text.drain(..cut);
            }
            searched = text.len().max(1);
        }
    }

    /// Hands on the document of each line, and gives how many lines were passed over.
    pub(super) fn lines(
        &mut self,
        from: &mut dyn BufRead,
        each: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<usize> {
        let (mut bytes, mut line, mut skipped) = (Vec::new(), String::new(), 0);
        for number in 1u64.. {
            line.clear();
            // One more than there is room for tells what is too much.
            let most = self.options.max_bytes.min(LINE) as u64 + 1;
            let read = (&mut *from).take(most).read_until(b'\n', &mut bytes);
            if read.map_err(|error| packed::refuse(self.path, &error))? == 0 {
                break;
            }
            self.expect_room(bytes.len())?;
            self.expect_line(bytes.len(), number)?;
            self.understand(&mut bytes, true, &mut line)?;
            // Files that were put together have such marks at the beginnings of lines.
            let line = line.trim_start_matches('\u{feff}');
            if line.trim().is_empty() {
                continue;
            }
            match document(line) {
                Ok(Document::Text(text)) => each(&text)?,
                Ok(Document::Chat(text)) => {
                    self.chats += 1;
                    each(&text)?;
                }
                Err(_) if self.options.skip_bad => skipped += 1,
                Err(why) => {
                    return Err(Refusal::corrupt(format!(
                        "{}: line {number} {why}; mend it, or pass over such lines with {}",
                        self.path.display(),
                        Setting("skip_bad")
                    )));
                }
            }
        }
        Ok(skipped)
    }

    fn expect_line(&self, bytes: usize, number: u64) -> Result<()> {
        if bytes <= LINE {
            return Ok(());
        }
        Err(Refusal::user(format!(
            "{}: line {number} is longer than {LINE} bytes, the most that a line of JSON may have; cut \
             its document into several",
            self.path.display()
        )))
    }

    fn expect_cut(&self, bytes: usize) -> Result<()> {
        if bytes <= UNBROKEN {
            return Ok(());
        }
        Err(Refusal::user(format!(
            "{}: {UNBROKEN} bytes of it are one word without white space, and are too many to be held \
             at once; put line ends into it, or take characters for tokens",
            self.path.display()
        )))
    }

    fn expect_room(&self, bytes: usize) -> Result<()> {
        if bytes <= self.options.max_bytes {
            return Ok(());
        }
        Err(Refusal::of(
            Kind::OutOfMemory,
            format!(
                "{}: it holds more than the {} bytes that there is room for in memory; give less",
                self.path.display(),
                self.options.max_bytes
            ),
        ))
    }

    /// Appends the characters of bytes to a text, and leaves the bytes of one that has not ended. The first
    /// are a block, or a line, or all there are.
    fn understand(&mut self, bytes: &mut Vec<u8>, is_end: bool, text: &mut String) -> Result<()> {
        if !self.has_begun {
            self.has_begun = true;
            let mark = byte_order_mark(bytes).map_err(|refusal| refusal.at(self.path.display()))?;
            bytes.drain(..mark);
            self.at += mark;
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let error = match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.at += valid.len();
                    rest = &[];
                    break;
                }
                Err(error) => error,
            };
            let (valid, broken) = rest.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(valid));
            self.at += valid.len();
            rest = broken;
            let length = match error.error_len() {
                None if !is_end => break,
                None => broken.len(),
                Some(length) => length,
            };
            if !self.options.lossy {
                return Err(Refusal::corrupt(format!(
                    "{}: byte {} is not valid UTF-8; convert the file to UTF-8 first, or replace \
                     such bytes with {}",
                    self.path.display(),
                    self.at,
                    Setting("lossy")
                )));
            }
            text.push(char::REPLACEMENT_CHARACTER);
            self.has_replaced = true;
            self.at += length;
            rest = &broken[length..];
        }
        let left = rest.len();
        bytes.drain(..bytes.len() - left);
        Ok(())
    }
}

/// Takes byte order marks out of a text from `from` on, where they begin a line: files that were put
/// together have them there. `begins_line`: whether `from` begins one; gives whether the text's end does.
fn skip_marks(text: &mut String, from: usize, begins_line: bool) -> bool {
    const MARK: char = '\u{feff}';
    if text[from..].contains(MARK) {
        let added = text.split_off(from);
        let mut parts = added.split(MARK);
        text.extend(parts.next());
        for part in parts {
            let is_skipped = if text.len() == from { begins_line } else { text.ends_with('\n') };
            text.extend((!is_skipped).then_some(MARK));
            text.push_str(part);
        }
    }
    if text.len() == from { begins_line } else { text.ends_with('\n') }
}

/// The last place from `from` on to cut at: before ASCII white space that follows an ASCII letter or
/// digit; or, for scripts without spaces, after a line feed between two characters that are no white
/// space. No word of the patterns in `pattern` goes on there, and what is cut off changes none: o200k's
/// alone take a slash behind a line feed.
fn last_cut(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let after_line_feed = |at: usize| {
        let (before, after) = text.split_at(at);
        let before = before.strip_suffix('\n').and_then(|line| line.chars().next_back());
        let are_signs = [before, after.chars().next()]
            .iter()
            .all(|sign| sign.is_some_and(|sign| !sign.is_whitespace()));
        are_signs && !after.starts_with('/')
    };
    (from..bytes.len()).rev().find(|&at| match bytes[at - 1] {
        b'\n' => after_line_feed(at),
        before => bytes[at].is_ascii_whitespace() && before.is_ascii_alphanumeric(),
    })
}

/// The text of a line of JSON, or why there is none.
fn document(line: &str) -> std::result::Result<Document, String> {
    let value: Value =
        serde_json::from_str(line).map_err(|error| format!("is no JSON ({error})"))?;
    if let Some(text) = value["text"].as_str() {
        return Ok(Document::Text(text.to_owned()));
    }
    let Some(messages) = value["messages"].as_array() else {
        return Err("has neither a text nor messages".to_owned());
    };
    let contents: Option<Vec<&str>> =
        messages.iter().map(|message| message["content"].as_str()).collect();
    let contents = contents.ok_or("has a message without a content")?;
    Ok(Document::Chat(contents.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_skipped_where_they_begin_a_line_however_the_text_comes() {
        let text = "one\n\u{feff}two \u{feff}three\n\u{feff}\u{feff}four\u{feff}\n\n\u{feff}";
        let wanted = "one\ntwo \u{feff}three\nfour\u{feff}\n\n";
        for size in 1..12 {
            let (mut all, mut begins_line) = (String::new(), true);
            let letters: Vec<char> = text.chars().collect();
            for part in letters.chunks(size) {
                let from = all.len();
                all.extend(part);
                begins_line = skip_marks(&mut all, from, begins_line);
            }
            assert_eq!(all, wanted, "{size} at once");
            assert!(begins_line);
        }
    }
}
