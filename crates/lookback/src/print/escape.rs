//! What keeps a terminal from obeying a text: control characters, and those that reverse or hide what
//! stands beside them, are shown as escapes such as `\u{1b}`.
//!
//! Vocabularies, metadata, names of files and texts come from strangers. A terminal takes orders from
//! C0 and C1 characters (colours, titles, the clipboard, what is typed next), and bidirectional
//! overrides show a name that is not the one that is meant. Each such character is shown by itself, so
//! that a sequence that comes in several pieces is no sequence either.

use std::{borrow::Cow, fmt::Write};

/// A text of the program, such as a refusal or a note, as one line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |sign| is_order(sign) || is_hidden(sign))
}

/// JSON of the same value, in which nothing is left that a terminal would obey; C0 is escaped already.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_order) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        if is_order(sign) {
            let _strings_grow = write!(shown, "\\u{:04x}", u32::from(sign));
        } else {
            shown.push(sign);
        }
    }
    Cow::Owned(shown)
}

/// A result on a terminal, piece by piece. Ends of lines and tabs stay; a carriage return stays where a
/// line feed follows.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Whether the last piece ended with a carriage return, which is not shown yet.
    has_return: bool,
}

impl Stream {
    /// The next piece as the terminal gets it.
    pub(super) fn push(&mut self, piece: &str) -> String {
        let mut shown = String::with_capacity(piece.len());
        for sign in piece.chars() {
            if std::mem::take(&mut self.has_return) {
                shown.push_str(if sign == '\n' { "\r" } else { "\\r" });
            }
            match sign {
                '\r' => self.has_return = true,
                '\n' | '\t' => shown.push(sign),
                sign if is_order(sign) => shown.extend(sign.escape_default()),
                sign => shown.push(sign),
            }
        }
        shown
    }
}

fn escaped(text: &str, is_shown_so: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_shown_so) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for sign in text.chars() {
        if is_shown_so(sign) {
            shown.extend(sign.escape_default());
        } else {
            shown.push(sign);
        }
    }
    Cow::Owned(shown)
}

/// What a terminal obeys: C0, DEL, C1, and overrides, embeddings and isolates of direction.
fn is_order(sign: char) -> bool {
    sign.is_control() || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// What has no width or ends a line elsewhere: within a word of a language it has its place, within a
/// name it makes two different names look the same.
fn is_hidden(sign: char) -> bool {
    matches!(
        sign,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_obeys_nobody() {
        for (text, shown) in [
            ("no\u{1b}[31m\nsuch", r"no\u{1b}[31m\nsuch"),
            ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}"),
            ("a\rb\tc\0\u{7f}", r"a\rb\tc\u{0}\u{7f}"),
            ("\u{9b}31m\u{90}\u{85}", r"\u{9b}31m\u{90}\u{85}"),
            ("gpj\u{202e}exe.\u{2066}", r"gpj\u{202e}exe.\u{2066}"),
            (
                "de\u{200b}fault\u{feff}\u{2028}\u{e0041}",
                r"de\u{200b}fault\u{feff}\u{2028}\u{e0041}",
            ),
            ("naïve 漢字 \"q\" \\ é🙂", "naïve 漢字 \"q\" \\ é🙂"),
        ] {
            assert_eq!(one_line(text), shown);
        }
    }

    #[test]
    fn a_stream_keeps_its_lines_and_no_sequence_survives_in_pieces() {
        let shown = |pieces: &[&str]| {
            let mut stream = Stream::default();
            pieces.iter().map(|piece| stream.push(piece)).collect::<String>()
        };
        assert_eq!(shown(&["a\tb\n", "c\r", "\nd"]), "a\tb\nc\r\nd");
        assert_eq!(shown(&["done\r", "lies", "\r\r\n"]), r"done\rlies\r".to_owned() + "\r\n");
        assert_eq!(shown(&["\u{1b}", "]52;c;", "x\u{7}"]), r"\u{1b}]52;c;x\u{7}");
        assert_eq!(shown(&["\u{c2}\u{9b}", "31m\u{8}\u{202e}"]), r"Â\u{9b}31m\u{8}\u{202e}");
        // What joins letters and emoji is text.
        let family = "👩\u{200d}👧 می\u{200c}خواهم \u{feff}";
        assert_eq!(shown(&[family]), family);
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({ "a\u{9b}": "\u{1b}[0m\u{7f}\u{202e}x\u{85}é" });
        let text = value.to_string();
        let shown = json(&text);
        assert!(shown.chars().all(|sign| !is_order(sign)), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
