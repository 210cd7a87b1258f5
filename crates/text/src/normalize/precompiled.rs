//! SentencePiece's compiled rules of normalization as Hugging Face's tokenizers apply them: of those that fit
//! the shortest, to whole graphemes.
//!
//! ```text
//! length of the array in bytes | units of 32 bits, little-endian | replacements
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_files::{Refusal, Result};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::double_array::DoubleArray;

/// Bytes of a grapheme that is looked up as a whole.
const WHOLE: usize = 5;

/// The rules of one file.
#[derive(Debug)]
pub(crate) struct Charsmap(DoubleArray);

impl Charsmap {
    /// Reads what `precompiled_charsmap` spells in base64.
    pub(super) fn read(spelled: &str) -> Result<Self> {
        let broken = |why: &str| {
            Refusal::user(format!(
                "the precompiled_charsmap of the normalizer Precompiled {why}; it is broken, so fetch the \
                 tokenizer again"
            ))
        };
        let bytes = STANDARD.decode(spelled).map_err(|_| broken("is no base64"))?;
        let Some((length, rest)) = bytes.split_first_chunk() else {
            return Err(broken("is cut short"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((units, replacements)) = rest.split_at_checked(length - length % 4) else {
            return Err(broken("is cut short"));
        };
        if units.is_empty() {
            return Err(broken("has no rules"));
        }
        let rules = DoubleArray::new(units, replacements);
        rules.map(Self).ok_or_else(|| broken("has replacements that are no UTF-8"))
    }

    /// Hands on the parts of a text, in order, each with what it becomes. A grapheme of few bytes is looked
    /// up as a whole, and what is found of its beginning stands for all of it, as Hugging Face's tokenizers
    /// do; others character by character.
    pub(super) fn each<'a>(
        &'a self,
        text: &'a str,
        visit: &mut dyn FnMut(&'a str, &'a str) -> Result<()>,
    ) -> Result<()> {
        for grapheme in text.graphemes(true) {
            if grapheme.len() <= WHOLE
                && let Some(replacement) = self.shortest(grapheme)?
            {
                visit(grapheme, replacement)?;
                continue;
            }
            for (at, sign) in grapheme.char_indices() {
                let part = &grapheme[at..at + sign.len_utf8()];
                visit(part, self.shortest(part)?.unwrap_or(part))?;
            }
        }
        Ok(())
    }

    /// What the shortest beginning of a text that has a rule becomes.
    fn shortest(&self, text: &str) -> Result<Option<&str>> {
        // A zero ends a text here.
        let text = text.split('\0').next().unwrap_or_default();
        match self.0.prefixes(text).next() {
            None => Ok(None),
            Some((_, Some(replacement))) => Ok(Some(replacement)),
            Some((_, None)) => Err(Refusal::user(
                "the precompiled_charsmap of the tokenizer's normalizer Precompiled points outside of \
                 itself; it is broken, so fetch the tokenizer again",
            )),
        }
    }
}
