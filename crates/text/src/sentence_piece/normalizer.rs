//! How SentencePiece prepares a text: its rules, its spaces, and symbols that nothing may change.
//!
//! ```text
//! white space at both ends goes, and of several in a row all but one   where remove_extra_whitespaces
//! a space is put before the text                                       where add_dummy_prefix
//! spaces become ▁                                                      where escape_whitespaces
//! ```
//! A user-defined symbol stays as it is, whatever the rules say of its characters. In a unigram model it is a piece
//! with a score of its own; elsewhere it is looked for in the prepared text, and is never merged.

use aho_corasick::{AhoCorasick, Input, MatchKind};
use lookback_files::{Refusal, Result};
use serde_json::Value;

use super::{
    charsmap::Charsmap,
    spec::{Kind, Spec},
};
use crate::{added::Added, budget::Budget, vocabulary::Vocabulary};

const SPACE: &str = "▁";

/// What SentencePiece does and `tokenizer.json` has no words for.
#[derive(Debug)]
pub(crate) struct SentencePiece {
    spec: Spec,
    charsmap: Option<Charsmap>,
    /// User-defined symbols.
    symbols: Option<AhoCorasick>,
    /// What each piece is.
    pub(crate) kinds: Vec<Kind>,
}

impl SentencePiece {
    /// Of a tokenizer that came from a `tokenizer.model`; none for others.
    pub(crate) fn read(
        normalizer: &Value,
        vocabulary: &Vocabulary,
        added: &[Added],
    ) -> Result<Option<Self>> {
        let Some(spec) = Spec::read(normalizer)? else { return Ok(None) };
        let kinds = spec.kinds(vocabulary, added);
        let symbols: Vec<&str> = (0..)
            .zip(&kinds)
            .filter(|(_, kind)| **kind == Kind::UserDefined)
            .map(|(id, _)| vocabulary.piece(id))
            .filter(|symbol| !symbol.is_empty())
            .collect();
        let automaton = |symbols| {
            let built =
                AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(symbols);
            built.map_err(|error| {
                Refusal::user(format!("the user-defined symbols cannot be searched for ({error})"))
            })
        };
        let symbols = if symbols.is_empty() { None } else { Some(automaton(symbols)?) };
        let charsmap = spec.charsmap.as_deref().map(Charsmap::read).transpose()?;
        Ok(Some(Self { spec, charsmap, symbols, kinds }))
    }

    /// The prepared text. `part` begins at byte `start` of its text; `follows_text`: something stands before the text.
    pub(crate) fn normalize(
        &self,
        part: &str,
        start: usize,
        follows_text: bool,
        budget: &Budget,
    ) -> Result<String> {
        let removes = self.spec.remove_extra_whitespaces;
        let mut pieces = Pieces { model: self, text: part, at: 0, symbol: None };
        let mut piece = pieces.next();
        while removes && piece == Some(" ") {
            piece = pieces.next();
        }
        let mut normal = String::with_capacity(part.len() + SPACE.len());
        let escapes = self.spec.escape_whitespaces;
        let begins = !follows_text && (start == 0 || !self.spec.prefix_first_only);
        if piece.is_some() && self.spec.add_dummy_prefix && begins {
            normal.push_str(if escapes { SPACE } else { " " });
        }
        let mut after_space = removes;
        while let Some(mut here) = piece {
            if after_space {
                here = here.trim_start_matches(' ');
            }
            budget.take(here.len(), &|| "precompiled_charsmap".to_owned())?;
            for (number, word) in here.split(' ').enumerate() {
                if number > 0 {
                    normal.push_str(if escapes { SPACE } else { " " });
                }
                normal.push_str(word);
            }
            // Of a piece that was all spaces nothing is left, and the last one still was a space.
            after_space = removes && (here.ends_with(' ') || here.is_empty() && after_space);
            piece = pieces.next();
        }
        if removes {
            let kept = normal.trim_end_matches(if escapes { SPACE } else { " " }).len();
            normal.truncate(kept);
        }
        Ok(normal)
    }
}

/// The text in pieces, each as a rule leaves it.
struct Pieces<'a> {
    model: &'a SentencePiece,
    text: &'a str,
    at: usize,
    /// The next symbol from here on, once it was looked for; at the end of the text where there is none.
    symbol: Option<(usize, usize)>,
}

impl<'a> Pieces<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let character = rest.chars().next()?.len_utf8();
        if let Some(symbols) = &self.model.symbols {
            if self.symbol.is_none_or(|(start, _)| start < self.at) {
                let found = symbols.find(Input::new(self.text).range(self.at..));
                let none = (self.text.len(), self.text.len());
                self.symbol = Some(found.map_or(none, |found| (found.start(), found.end())));
            }
            if let Some((start, end)) = self.symbol
                && start == self.at
            {
                self.at = end;
                return Some(&self.text[start..end]);
            }
        }
        let rule = self.model.charsmap.as_ref().and_then(|map| map.longest(rest));
        let (length, piece) = rule.unwrap_or((character, &rest[..character]));
        self.at += length;
        Some(piece)
    }
}
