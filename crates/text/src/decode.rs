//! Ids to text as they come, never a part of a character.

use std::ops::Range;

use crate::{TokenId, structure::Specials, tokenizer::Tokenizer};

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
        bytes
    }

    /// Decodes ids as they come, from the beginning of a text.
    pub fn decoder(&self) -> Decoder {
        Decoder::new(self.clone())
    }

    /// Decodes ids as they come after a prompt: a space that begins them is kept.
    pub fn decoder_after(&self, prompt: &[TokenId]) -> Decoder {
        let mut decoder = self.decoder();
        for &id in prompt {
            decoder.next_bytes(id);
        }
        decoder
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
        let mut decoder = self.decoder();
        let mut is_same = true;
        ids.iter()
            .map(|&id| {
                let bytes = decoder.own_bytes(id);
                if specials == Specials::Text && self.is_special(id) {
                    return None;
                }
                if is_same && text.as_bytes()[at..].starts_with(&bytes) {
                    at += bytes.len();
                    return Some(at - bytes.len()..at);
                }
                // A chat's template may leave out the token that begins every text.
                is_same = is_same && self.is_special(id);
                None
            })
            .collect()
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
    /// Spaces still to be taken away at the beginning of the text.
    leading_spaces: usize,
    shows_specials: bool,
    /// Whether a space stands before the next piece.
    is_separated: bool,
}

impl Decoder {
    pub(crate) fn new(tokenizer: Tokenizer) -> Self {
        let leading_spaces = tokenizer.leading_spaces();
        let (pending, shows_specials, is_separated) = (Vec::new(), true, false);
        Self { tokenizer, pending, leading_spaces, shows_specials, is_separated }
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
        self.pending.extend(bytes);
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
        let pending = std::mem::take(&mut self.pending);
        String::from_utf8_lossy(&pending).into_owned()
    }

    /// What an id adds, with the space before it where there is one.
    pub(crate) fn next_bytes(&mut self, id: TokenId) -> Vec<u8> {
        let own = self.own_bytes(id);
        if own.is_empty() || !self.tokenizer.separates() {
            return own;
        }
        let before = if self.is_separated { &b" "[..] } else { &[] };
        self.is_separated = true;
        [before, &own].concat()
    }

    /// What an id itself adds.
    pub(crate) fn own_bytes(&mut self, id: TokenId) -> Vec<u8> {
        let tokenizer = self.tokenizer.clone();
        self.cut(&tokenizer, id).to_vec()
    }

    /// An id's bytes, less the spaces that encoding put before the text.
    fn cut<'a>(&mut self, tokenizer: &'a Tokenizer, id: TokenId) -> &'a [u8] {
        let bytes = tokenizer.bytes_of(id);
        if tokenizer.is_special(id) {
            return if self.shows_specials { bytes } else { &[] };
        }
        let spaces = bytes.iter().take(self.leading_spaces).take_while(|&&byte| byte == b' ');
        let spaces = spaces.count();
        // Taken away only at the very beginning: another sign ends it.
        self.leading_spaces = if spaces == bytes.len() { self.leading_spaces - spaces } else { 0 };
        &bytes[spaces..]
    }
}
