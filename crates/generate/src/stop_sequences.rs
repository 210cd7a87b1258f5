//! Stop sequences: holds back text that may be the beginning of one, and says when one is complete.

/// Finds stop sequences in a stream of text.
#[derive(Clone, Debug, Default)]
pub struct StopSequences {
    texts: Vec<String>,
    held: String,
    found: bool,
}

impl StopSequences {
    /// These stop sequences; empty ones are ignored.
    pub fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let texts = texts.into_iter().filter(|text| !text.is_empty()).collect();
        Self { texts, held: String::new(), found: false }
    }

    /// Takes the next piece and returns what may be shown: everything before a stop text.
    pub fn push(&mut self, piece: &str) -> String {
        if self.found {
            return String::new();
        }
        self.held.push_str(piece);
        // Of several, the one that begins first.
        let first = self.texts.iter().filter_map(|text| self.held.find(text.as_str())).min();
        let until = match first {
            Some(place) => {
                self.found = true;
                place
            }
            None => self.held.len() - self.possible_beginning(),
        };
        let rest = self.held.split_off(until);
        std::mem::replace(&mut self.held, rest)
    }

    /// Whether a stop text has come.
    pub fn found(&self) -> bool {
        self.found
    }

    /// The text that was held back and turned out to be harmless, since nothing follows.
    pub fn finish(&mut self) -> String {
        if self.found { String::new() } else { std::mem::take(&mut self.held) }
    }

    /// How many bytes at the end of what is held are the beginning of a stop text.
    fn possible_beginning(&self) -> usize {
        let longest = |text: &String| {
            let max_length = text.len().saturating_sub(1).min(self.held.len());
            let begins = |length: &usize| {
                text.is_char_boundary(*length) && self.held.ends_with(&text[..*length])
            };
            (1..=max_length).rev().find(begins).unwrap_or(0)
        };
        self.texts.iter().map(longest).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(stops: &[&str], pieces: &[&str]) -> (Vec<String>, String, bool) {
        let mut stop = StopSequences::new(stops.iter().map(ToString::to_string));
        let shown = pieces.iter().map(|piece| stop.push(piece)).collect();
        (shown, stop.finish(), stop.found())
    }

    #[test]
    fn nothing_of_a_stop_text_is_shown_even_if_it_comes_in_pieces() {
        let (pieces, rest, found) = shown(&["\nUser:"], &["Hi.", "\n", "Us", "er: you", "more"]);
        assert_eq!(pieces, ["Hi.", "", "", "", ""]);
        assert_eq!((rest.as_str(), found), ("", true));
    }

    #[test]
    fn what_only_looked_like_a_stop_text_is_shown_late() {
        let (pieces, rest, found) = shown(&["aab", "é!"], &["a", "a", "a", "c", "é", "."]);
        assert_eq!(pieces, ["", "", "a", "aac", "", "é."]);
        assert_eq!((rest.as_str(), found), ("", false));
        let (pieces, rest, found) = shown(&["aab"], &["xa"]);
        assert_eq!((pieces, rest.as_str(), found), (vec!["x".to_owned()], "a", false));
    }

    #[test]
    fn the_stop_text_that_begins_first_ends_the_text() {
        let (pieces, _, found) = shown(&["cd", "bcde", ""], &["abcde"]);
        assert_eq!((pieces, found), (vec!["a".to_owned()], true));
        let (pieces, rest, found) = shown(&[], &["all", " of it"]);
        assert_eq!((pieces.concat() + &rest, found), ("all of it".to_owned(), false));
    }
}
