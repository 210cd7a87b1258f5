//! What stands in a file or a name, as a sentence repeats it: at most part of a line of it.

/// Characters of it that are repeated.
const MOST: usize = 60;

/// A text of others on one line, short enough for a sentence.
pub fn shown(text: &str) -> String {
    let mut line: String =
        text.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        line.push('…');
    }
    line
}

/// The same between quotation marks, with escapes for what is not printed.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}", format!("{}…", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_a_short_one_is_not() {
        let long = "ä".repeat(100_000);
        assert_eq!(shown(&long), format!("{}…", "ä".repeat(MOST)));
        assert_eq!(quoted(&long), format!("\"{}…\"", "ä".repeat(MOST)));
        assert_eq!((shown("a\nb"), quoted("a\nb")), ("a b".to_owned(), r#""a\nb""#.to_owned()));
        assert_eq!(quoted(&"a".repeat(MOST)), format!("\"{}\"", "a".repeat(MOST)));
    }
}
