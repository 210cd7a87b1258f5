//! From text to ids.
//!
//! ```text
//! text -> added tokens found -> normalized -> cut into words -> merged -> template put around
//! ```

use std::{borrow::Cow, ops::Range};

use lookback_files::{Kind, Refusal, Result};

use super::Tokenizer;
use crate::{
    TokenId, bpe,
    budget::Budget,
    normalize::{self, Normal},
    structure::{Specials, Spelled, Structure},
    template::Template,
};

impl Tokenizer {
    /// The ids of a text, with what the tokenizer's template puts around it: what Hugging Face's
    /// `tokenizer(text)` gives.
    pub fn encode(&self, text: &str, specials: Specials) -> Result<Vec<TokenId>> {
        let Template { before, after } = &self.0.template;
        let mut ids = before.clone();
        self.append(text, 0, specials.into(), &mut ids)?;
        ids.extend(after);
        self.within_table(ids)
    }

    /// The ids of a text alone, with nothing put around it.
    pub fn encode_bare(&self, text: &str, specials: Specials) -> Result<Vec<TokenId>> {
        let mut ids = Vec::new();
        self.append(text, 0, specials.into(), &mut ids)?;
        self.within_table(ids)
    }

    /// The ids of a chat that a template wrote, with nothing put around it. Special tokens that the
    /// template wrote are tokens; one that has a byte of `message_bytes` in it is text.
    ///
    /// `message_bytes`: the bytes of `text` that messages brought in; `cached_ids`: bytes whose ids are known; both in
    /// ascending order
    pub fn encode_chat(
        &self,
        text: &str,
        message_bytes: &[Range<usize>],
        cached_ids: &[(Range<usize>, Vec<TokenId>)],
    ) -> Result<Vec<TokenId>> {
        let mut ids = Vec::new();
        let mut from = 0;
        let end = (text.len()..text.len(), Vec::new());
        for (bytes, cached_ids) in cached_ids.iter().chain([&end]) {
            let structure = Structure::Outside { message_bytes, from };
            self.append(&text[from..bytes.start], from, structure, &mut ids)?;
            ids.extend(cached_ids.iter().map(|id| id.0));
            from = bytes.end;
        }
        self.within_table(ids)
    }

    /// The ids of a part of a text, which begins at byte `at`, with nothing put around it. Special
    /// tokens in it are text.
    pub fn encode_part(&self, part: &str, at: usize) -> Result<Vec<TokenId>> {
        let mut ids = Vec::new();
        self.append(part, at, Structure::Nowhere, &mut ids)?;
        self.within_table(ids)
    }

    /// Ids that the model's table has rows for.
    fn within_table(&self, ids: Vec<u32>) -> Result<Vec<TokenId>> {
        let beyond = |rows: usize| ids.iter().find(|id| **id as usize >= rows);
        if let Some(rows) = self.1
            && let Some(&id) = beyond(rows)
        {
            return Err(Refusal::of(
                Kind::TokenOutOfRange,
                format!(
                    "the token {:?} has the id {id}, and the model's table ends at {rows}; leave it out, or use \
                 the tokenizer that the model was trained with",
                    self.spelled(TokenId(id))
                ),
            ));
        }
        Ok(ids.into_iter().map(TokenId).collect())
    }

    /// Appends the ids of a text, which begins at byte `at` of what the user gave.
    fn append(
        &self,
        text: &str,
        at: usize,
        structure: Structure<'_>,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        let mut room = Vec::new();
        let steps = self.0.normalizers.len() + self.0.splitter.stages();
        let budget = Budget::new(text.len(), steps);
        // Seldom more ids than bytes: ids that move while they grow would lie in memory twice.
        ids.reserve(text.len());
        self.0.as_it_is.spans(text, &mut |span| Ok(structure.classify(span)), &mut |span, id| {
            if let Some(id) = id {
                ids.push(id);
                return Ok(());
            }
            let part = &text[span.clone()];
            // What follows known ids within a chat does not begin a text.
            let follows_text = span.start == 0 && structure.is_inside();
            let Normal { text: normal, first } =
                self.normal(part, span.start, follows_text, &budget)?;
            let first = if span.start == 0 { first } else { 0 };
            let mut message_bytes = None;
            let mut classify = |inner: Range<usize>| {
                if !structure.has_messages() {
                    return Ok(structure.classify(inner));
                }
                let message_bytes = match &mut message_bytes {
                    Some(message_bytes) => message_bytes,
                    none => {
                        none.insert(self.message_bytes_in(part, span.start, &normal, structure)?)
                    }
                };
                Ok(Structure::Outside { message_bytes, from: 0 }.classify(inner))
            };
            self.0.normalized.spans(&normal, &mut classify, &mut |inner: Range<usize>, id| {
                if let Some(id) = id {
                    ids.push(id);
                    return Ok(());
                }
                let first = first.clamp(inner.start, inner.end) - inner.start;
                self.0.splitter.words(&normal[inner], first, &budget, &mut |word| {
                    let encoded = self.0.model.encode(word, &mut room, ids);
                    encoded.map_err(|unknown| unknown_at(&unknown, text, span.start, at))
                })
            })
        })
    }

    /// The normalized form of a part of a text, which begins at byte `start`. `follows_text`: something stands before the
    /// text.
    fn normal<'a>(
        &self,
        part: &'a str,
        start: usize,
        follows_text: bool,
        budget: &Budget,
    ) -> Result<Normal<'a>> {
        match (&self.0.sentence_piece, follows_text) {
            (Some(model), _) => {
                let text = Cow::Owned(model.normalize(part, start, follows_text, budget)?);
                Ok(Normal { text, first: 0 })
            }
            (None, true) => normalize::normalize_inside(&self.0.normalizers, part, budget),
            (None, false) => normalize::normalize(&self.0.normalizers, part, budget),
        }
    }

    /// Where the message stands in the normalized form of a part of a text, which begins at byte
    /// `start`: the part is normalized once more with each character of the message replaced by one that
    /// no normalizer changes.
    fn message_bytes_in(
        &self,
        part: &str,
        start: usize,
        normal: &str,
        structure: Structure<'_>,
    ) -> Result<Vec<Range<usize>>> {
        const MESSAGE_MARK: char = '\u{F8FF}';
        let marked: String = part
            .char_indices()
            .map(|(at, sign)| {
                let here = start + at..start + at + sign.len_utf8();
                let is_message = structure.classify(here) != Spelled::Token;
                if is_message && !sign.is_whitespace() { MESSAGE_MARK } else { sign }
            })
            .collect();
        let budget = Budget::new(marked.len(), self.0.normalizers.len());
        let follows_text = start == 0 && structure.is_inside();
        let Normal { text: marked, .. } = self.normal(&marked, start, follows_text, &budget)?;
        let is_alike = marked.chars().count() == normal.chars().count()
            && marked
                .chars()
                .zip(normal.chars())
                .all(|(mark, sign)| mark == MESSAGE_MARK || mark == sign);
        if !is_alike {
            return Err(Refusal::user(
                "the chat spells a control token, and the tokenizer changes its text so that it cannot \
                 be told who wrote the token; leave it out of the message",
            ));
        }
        let spans = normal.char_indices().zip(marked.chars());
        let spans = spans.filter(|(_, mark)| *mark == MESSAGE_MARK);
        Ok(spans.map(|((at, sign), _)| at..at + sign.len_utf8()).collect())
    }
}

/// Names what has no piece, and where it first stands in the text from `from` on; the text begins at
/// byte `begin`.
fn unknown_at(unknown: &bpe::Unknown, text: &str, from: usize, begin: usize) -> Refusal {
    let (what, at) = match *unknown {
        bpe::Unknown::Character(sign) => {
            (format!("the character {sign:?}"), text[from..].find(sign))
        }
        bpe::Unknown::Byte(byte) => (
            format!("the byte 0x{byte:02X}"),
            text.as_bytes()[from..].iter().position(|&b| b == byte),
        ),
    };
    let place = at.map_or(String::new(), |at| format!(" at byte {}", begin + from + at));
    Refusal::user(format!(
        "{what}{place} is not in the tokenizer's vocabulary; leave it out, or train a tokenizer on texts that have it"
    ))
}
