//! The double array (Aoe 1989) in which SentencePiece compiles rules of normalization: a piece of text leads
//! to the place of its replacement in a text of replacements, each of which a zero ends.
//!
//! A unit's low byte is the byte that leads to it; bit 8 is set where a value hangs below it; bits 10 and up are
//! where its children are, in steps of 256 where bit 9 is set. A value has bit 31.

const HAS_VALUE: u32 = 1 << 8;
const IS_VALUE: u32 = 1 << 31;
/// A value has no parent.
const LABEL: u32 = IS_VALUE | 0xFF;

/// The rules of one file.
#[derive(Debug)]
pub(crate) struct DoubleArray {
    units: Vec<u32>,
    replacements: String,
}

impl DoubleArray {
    /// Of units of 32 bits, little-endian, and the replacements; none if these are no UTF-8.
    pub(crate) fn new(units: &[u8], replacements: &[u8]) -> Option<Self> {
        let units = units.as_chunks().0.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
        let replacements = std::str::from_utf8(replacements).ok()?.to_owned();
        Some(Self { units, replacements })
    }

    /// The beginnings of a text that have a rule, shortest first: each length in bytes, and the replacement;
    /// none of a rule that points outside.
    pub(crate) fn prefixes(&self, text: &str) -> impl Iterator<Item = (usize, Option<&str>)> {
        let mut at = self.units.first().map(|root| children(*root));
        let steps = text.bytes().enumerate().map_while(move |(place, byte)| {
            let child = at? ^ usize::from(byte);
            let unit = *self.units.get(child).filter(|unit| **unit & LABEL == u32::from(byte))?;
            let value = child ^ children(unit);
            at = Some(value);
            Some((unit & HAS_VALUE != 0).then(|| (place + 1, self.replacement(value))))
        });
        steps.flatten()
    }

    fn replacement(&self, value: usize) -> Option<&str> {
        let start = (self.units.get(value)? & !IS_VALUE) as usize;
        let rest = self.replacements.get(start..)?;
        Some(rest.split_once('\0').map_or(rest, |two| two.0))
    }
}

/// What the place of a unit is combined with to find its children.
fn children(unit: u32) -> usize {
    ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize
}
