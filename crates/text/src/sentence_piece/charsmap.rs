//! SentencePiece's compiled rules of normalization: what a piece of text is replaced by, in a double array.
//!
//! ```text
//! length of the array in bytes | units of 32 bits, little-endian | replacements, each with a zero behind it
//! ```
//! A unit's low byte is the byte that leads to it; bit 8 says that a value hangs below it; bits 10 and up are where its
//! children are, in steps of 256 where bit 9 is set. A value has bit 31, and is a place among the replacements.

use lookback_files::{Refusal, Result};

/// The rules of one file.
#[derive(Debug)]
pub(super) struct Charsmap {
    units: Vec<u32>,
    replacements: String,
}

const HAS_VALUE: u32 = 1 << 8;
const IS_VALUE: u32 = 1 << 31;

impl Charsmap {
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let broken = |why: &str| {
            Refusal::user(format!(
                "its precompiled_charsmap {why}; it is broken, so fetch the tokenizer again"
            ))
        };
        let (length, rest) = bytes.split_first_chunk().ok_or_else(|| broken("is cut short"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (array, replacements) = rest
            .split_at_checked(length)
            .filter(|(_, replacements)| !replacements.is_empty())
            .ok_or_else(|| broken("is cut short"))?;
        let units = array.as_chunks().0.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
        let replacements = std::str::from_utf8(replacements)
            .map_err(|_| broken("has replacements that are no UTF-8"))?;
        Ok(Self { units, replacements: replacements.to_owned() })
    }

    /// How long the longest beginning of a text is that has a rule, and what replaces it.
    pub(super) fn longest(&self, text: &str) -> Option<(usize, &str)> {
        let mut at = children(*self.units.first()?);
        let mut longest = None;
        for (place, byte) in text.bytes().enumerate() {
            at ^= usize::from(byte);
            let Some(unit) = self.units.get(at) else { break };
            if unit & (IS_VALUE | 0xFF) != u32::from(byte) {
                break;
            }
            at ^= children(*unit);
            if unit & HAS_VALUE != 0 && text.is_char_boundary(place + 1) {
                let value = self.units.get(at).map(|unit| (unit & !IS_VALUE) as usize);
                let rest = value.and_then(|start| self.replacements.get(start..));
                longest = rest.map(|rest| (place + 1, rest)).or(longest);
            }
        }
        longest.map(|(length, rest)| (length, rest.split_once('\0').map_or(rest, |two| two.0)))
    }
}

/// What the place of a unit is combined with to find its children.
fn children(unit: u32) -> usize {
    ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize
}
