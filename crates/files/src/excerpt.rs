//! Excerpts of the contents of files, and of names, to be quoted in a sentence: at most a part of one line.

/// Characters of an excerpt.
const MAX_CHARACTERS: usize = 60;

/// The beginning of a text on one line, short enough for a sentence.
pub fn excerpt(text: &str) -> String {
    let mut line: String =
        text.chars().take(MAX_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        line.push('…');
    }
    line
}

/// The same between quotation marks, with escapes for what is not printed.
pub fn quoted_excerpt(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
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
        assert_eq!(excerpt(&long), format!("{}…", "ä".repeat(MAX_CHARACTERS)));
        assert_eq!(quoted_excerpt(&long), format!("\"{}…\"", "ä".repeat(MAX_CHARACTERS)));
        assert_eq!(
            (excerpt("a\nb"), quoted_excerpt("a\nb")),
            ("a b".to_owned(), r#""a\nb""#.to_owned())
        );
        assert_eq!(
            quoted_excerpt(&"a".repeat(MAX_CHARACTERS)),
            format!("\"{}\"", "a".repeat(MAX_CHARACTERS))
        );
    }
}
