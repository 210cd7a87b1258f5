//! SentencePiece's compiled rules of normalization, of which the longest that fits is taken.
//!
//! ```text
//! length of the array in bytes | units of 32 bits, little-endian | replacements, each with a zero behind it
//! ```

use lookback_files::{Refusal, Result};

use crate::double_array::DoubleArray;

/// The rules of one file.
#[derive(Debug)]
pub(super) struct Charsmap(DoubleArray);

impl Charsmap {
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let broken = |why: &str| {
            Refusal::user(format!(
                "its precompiled_charsmap {why}; it is broken, so fetch the tokenizer again"
            ))
        };
        let (length, rest) = bytes.split_first_chunk().ok_or_else(|| broken("is cut short"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (units, replacements) = rest
            .split_at_checked(length)
            .filter(|(_, replacements)| !replacements.is_empty())
            .ok_or_else(|| broken("is cut short"))?;
        let rules = DoubleArray::new(units, replacements);
        rules.map(Self).ok_or_else(|| broken("has replacements that are no UTF-8"))
    }

    /// How long the longest beginning of a text is that has a rule, and what replaces it.
    pub(super) fn longest(&self, text: &str) -> Option<(usize, &str)> {
        let whole = self.0.prefixes(text).filter(|(length, _)| text.is_char_boundary(*length));
        whole.filter_map(|(length, replacement)| Some((length, replacement?))).last()
    }
}
