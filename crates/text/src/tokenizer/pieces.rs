//! What every token of a vocabulary stands for.

use std::borrow::Cow;

use lookback_files::Result;

use super::Parts;
use crate::{
    TokenId,
    added::Added,
    budget::Budget,
    normalize::{self, Normalizer},
    spelling::Spelling,
};

/// The bytes of all tokens, one after the other, and where each ends.
#[derive(Debug, Default)]
pub(super) struct PieceBytes {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl PieceBytes {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// None for an id that there is not.
    pub(super) fn of(&self, id: TokenId) -> &[u8] {
        let Some(&end) = self.ends.get(id.index()) else { return &[] };
        let start = if id.0 == 0 { 0 } else { self.ends[id.index() - 1] };
        &self.bytes[start..end]
    }
}

/// What each of `size` tokens stands for, and where they are others, what each stands for at the beginning
/// of a text. An added token that is looked for in normalized text stands for its own normalized form.
pub(super) fn read(
    parts: &Parts,
    spelling: &Spelling,
    normalizers: &[Normalizer],
    size: usize,
) -> Result<(PieceBytes, Option<PieceBytes>)> {
    let mut added: Vec<Option<&Added>> = vec![None; size];
    for token in &parts.added {
        added[token.id as usize] = Some(token);
    }
    let pieces: usize = parts.vocabulary.pieces().map(|(_, piece)| piece.len()).sum();
    let contents: usize = parts.added.iter().map(|token| token.content.len()).sum();
    let budget = Budget::new(pieces + contents, 2 * spelling.steps() + normalizers.len());
    let spells_bytes = normalizers.iter().any(|step| matches!(step, Normalizer::ByteLevel));
    let mut bytes = PieceBytes::default();
    let mut beginnings = spelling.depends_on_place().then(PieceBytes::default);
    for (id, added) in (0..).zip(added) {
        let content = match added {
            Some(token) if token.normalized => {
                normalize::normalize(normalizers, &token.content, &budget)?.text
            }
            Some(token) => Cow::Borrowed(token.content.as_str()),
            None => Cow::Borrowed(parts.vocabulary.piece(id)),
        };
        // The letters of an added token stand for bytes only where a normalizer spelled it.
        let is_own_text = added.is_some_and(|token| !(token.normalized && spells_bytes));
        let spelled = |begins: bool| match is_own_text {
            true => spelling.bytes_of_added(&content, begins, &budget),
            false => spelling.bytes(&content, begins, &budget),
        };
        bytes.push(&spelled(false)?);
        if let Some(beginnings) = &mut beginnings {
            beginnings.push(&spelled(true)?);
        }
    }
    Ok((bytes, beginnings))
}
