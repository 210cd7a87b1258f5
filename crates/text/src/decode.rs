//! Ids to text as they come, never a part of a character.

mod strips;

use std::ops::Range;

use crate::{TokenId, structure::Specials, tokenizer::Tokenizer};
use strips::Strips;

impl Tokenizer {
    /// The text of ids, special tokens written out. Bytes that are no UTF-8 become U+FFFD.
    pub fn decode(&self, ids: &[TokenId]) -> String {
        decoded(self.decoder(), ids)
    }

    /// The text of ids, special tokens left out.
    pub fn decode_plain(&self, ids: &[TokenId]) -> String {
        decoded(self.decoder().without_specials(), ids)
    }

    /// The bytes of ids, special tokens written out: byte for byte what was encoded, where the
    /// tokenizer does not normalize.
    pub fn decode_bytes(&self, ids: &[TokenId]) -> Vec<u8> {
        let mut decoder = self.decoder();
        let mut bytes = Vec::new();
        for &id in ids {
            bytes.extend(decoder.next_bytes(id));
        }
        bytes.extend(decoder.strips.finish());
        bytes
    }

    /// Decodes ids as they come, from the beginning of a text.
    pub fn decoder(&self) -> Decoder {
        Decoder::new(self.clone())
    }

    /// Decodes ids as they come after a prompt: a space that begins them is kept. Special tokens of the
    /// prompt begin no text.
    pub fn decoder_after(&self, prompt: &[TokenId]) -> Decoder {
        let mut decoder = self.decoder().without_specials();
        for &id in prompt {
            decoder.push(id);
        }
        decoder.pending.clear();
        decoder.strips.forget_held();
        Decoder { shows_specials: true, ..decoder }
    }

    /// Which bytes of a text each of its ids stands for. Nothing for what was put around the text,
    /// and from the first id on that is not the text's own bytes, where the tokenizer normalizes.
    pub fn spans(
        &self,
        text: &str,
        ids: &[TokenId],
        specials: Specials,
    ) -> Vec<Option<Range<usize>>> {
        let mut at = 0;
        let mut is_same = true;
        ids.iter()
            .map(|&id| {
                let is_special = self.is_special(id);
                if specials == Specials::Text && is_special {
                    return None;
                }
                let rest = &text.as_bytes()[at..];
                if is_same && let Some(length) = self.length_in(rest, id, at == 0) {
                    at += length;
                    return Some(at - length..at);
                }
                // A chat's template may leave out the token that begins every text.
                is_same = is_same && is_special;
                None
            })
            .collect()
    }

    /// How many bytes of a text an id stands for, where it begins with them. `begins`: before it nothing of
    /// the text was found, so that what encoding put before the text may stand in the token.
    fn length_in(&self, text: &[u8], id: TokenId, begins: bool) -> Option<usize> {
        let bytes = self.bytes_of(id);
        if text.starts_with(bytes) {
            return Some(bytes.len());
        }
        if self.is_special(id) {
            let spelled = self.spelled(id).as_bytes();
            return text.starts_with(spelled).then_some(spelled.len());
        }
        if !begins {
            return None;
        }
        let mut strips = Strips::new(self.strips());
        let begun = [strips.push(self.beginning_of(id)), strips.finish()].concat();
        text.starts_with(&begun).then_some(begun.len())
    }
}

fn decoded(mut decoder: Decoder, ids: &[TokenId]) -> String {
    let mut text = String::new();
    for &id in ids {
        text.push_str(&decoder.push(id));
    }
    text.push_str(&decoder.finish());
    text
}

/// Turns ids into text one by one. All that it gives, put together, is what a whole decode gives.
#[derive(Clone, Debug)]
pub struct Decoder {
    tokenizer: Tokenizer,
    /// The bytes of a character that has not ended yet; at most three.
    pending: Vec<u8>,
    /// What is taken away at the ends of the text.
    strips: Strips,
    shows_specials: bool,
    /// Whether no token came yet.
    begins: bool,
    /// Whether a space stands before the next piece.
    is_separated: bool,
}

impl Decoder {
    pub(crate) fn new(tokenizer: Tokenizer) -> Self {
        let strips = Strips::new(tokenizer.strips());
        let (pending, is_separated) = (Vec::new(), false);
        Self { tokenizer, pending, strips, shows_specials: true, begins: true, is_separated }
    }

    /// The same, with special tokens left out.
    #[must_use]
    pub fn without_specials(mut self) -> Self {
        self.shows_specials = false;
        self
    }

    /// What an id adds to the text: nothing, where it ends within a character.
    pub fn push(&mut self, id: TokenId) -> String {
        let bytes = self.next_bytes(id);
        self.text_of(&bytes)
    }

    /// The characters that end with these bytes.
    fn text_of(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = 0;
        while rest < self.pending.len() {
            match std::str::from_utf8(&self.pending[rest..]) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = self.pending.len();
                }
                Err(error) => {
                    let valid = &self.pending[rest..rest + error.valid_up_to()];
                    text.push_str(&String::from_utf8_lossy(valid));
                    rest += error.valid_up_to();
                    let Some(broken) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest += broken;
                }
            }
        }
        self.pending.drain(..rest);
        text
    }

    /// What is left at the end: U+FFFD for a character that never ended.
    pub fn finish(&mut self) -> String {
        let last = self.strips.finish();
        let text = self.text_of(&last);
        let pending = std::mem::take(&mut self.pending);
        text + &String::from_utf8_lossy(&pending)
    }

    /// What an id adds, with the space before it where there is one.
    pub(crate) fn next_bytes(&mut self, id: TokenId) -> Vec<u8> {
        if !self.shows_specials && self.tokenizer.is_special(id) {
            return Vec::new();
        }
        let own = match self.begins {
            true => self.tokenizer.beginning_of(id),
            false => self.tokenizer.bytes_of(id),
        };
        self.begins = self.begins && self.tokenizer.spelled(id).is_empty();
        let through = self.strips.push(own);
        if own.is_empty() || !self.tokenizer.separates() {
            return through;
        }
        let before = if self.is_separated { &b" "[..] } else { &[] };
        self.is_separated = true;
        [before, &through].concat()
    }
}
