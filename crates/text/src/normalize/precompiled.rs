//! SentencePiece's compiled rules of normalization: a double array, in which a piece of text leads to the
//! place of what it becomes in a text of replacements, each of which a zero ends.
//!
//! ```text
//! length of the array in bytes | units of 32 bits, little-endian | replacements
//! ```
//! A unit's low byte is the byte that leads to it; bit 8 says that a value hangs below it; bits 10 and up
//! are where its children are, in steps of 256 where bit 9 is set. A value has bit 31.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_files::{Refusal, Result};
use unicode_segmentation::UnicodeSegmentation as _;

/// Bytes of a grapheme that is looked up as a whole.
const WHOLE: usize = 5;

/// The rules of one file.
#[derive(Debug)]
pub(crate) struct Charsmap {
    units: Vec<u32>,
    replacements: String,
}

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
        let Some((array, replacements)) = rest.split_at_checked(length - length % 4) else {
            return Err(broken("is cut short"));
        };
        let units: Vec<u32> =
            array.as_chunks().0.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
        if units.is_empty() {
            return Err(broken("has no rules"));
        }
        let replacements = std::str::from_utf8(replacements)
            .map_err(|_| broken("has replacements that are no UTF-8"))?;
        Ok(Self { units, replacements: replacements.to_owned() })
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
        let Some(root) = self.units.first() else { return Ok(None) };
        let mut at = children(*root);
        for byte in text.bytes().take_while(|byte| *byte != 0) {
            at ^= usize::from(byte);
            let Some(unit) = self.units.get(at).filter(|unit| **unit & LABEL == u32::from(byte))
            else {
                return Ok(None);
            };
            at ^= children(*unit);
            if unit & HAS_VALUE != 0 {
                let value = self.units.get(at).map(|unit| (unit & !IS_VALUE) as usize);
                let rest = value.and_then(|start| self.replacements.get(start..));
                return match rest.map(|rest| rest.split_once('\0').map_or(rest, |two| two.0)) {
                    Some(replacement) => Ok(Some(replacement)),
                    None => Err(Refusal::user(
                        "the precompiled_charsmap of the tokenizer's normalizer Precompiled points outside \
                         of itself; it is broken, so fetch the tokenizer again",
                    )),
                };
            }
        }
        Ok(None)
    }
}

const HAS_VALUE: u32 = 1 << 8;
const IS_VALUE: u32 = 1 << 31;
/// A value is nobody's child.
const LABEL: u32 = IS_VALUE | 0xFF;

/// What the place of a unit is combined with to find its children.
fn children(unit: u32) -> usize {
    ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize
}
