//! From pieces to the bytes they stand for: Hugging Face's decoders.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::Value;

use crate::{
    alphabet,
    budget::{self, Budget},
    field,
    split::{Prepend, prepend, sign},
};

/// How the vocabulary spells text.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    /// In the alphabet of bytes.
    is_byte_level: bool,
    /// `<0x..>` is a byte.
    has_byte_fallback: bool,
    /// What is put for what, in order.
    replaced: Vec<(String, String)>,
    /// Spaces that encoding put before a text, and decoding takes away.
    pub(crate) leading_spaces: usize,
    /// Whether a space stands between any two pieces, as where a file names no decoder.
    pub(crate) separates: bool,
    /// Whether pieces are one text from here on, of which later decoders see the whole.
    is_fused: bool,
}

impl Spelling {
    /// Reads a `decoder` object.
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let mut spelling = Self { separates: value.is_null(), ..Self::default() };
        spelling.add(value)?;
        Ok(spelling)
    }

    fn add(&mut self, value: &Value) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        let kind = field::text(value, "type", "a decoder")?;
        if self.is_fused && !matches!(kind, "Fuse" | "Strip") {
            return Err(Refusal::unsupported(format!(
                "the decoder {kind} after Fuse is not understood, and would change the text"
            )));
        }
        match kind {
            "Sequence" => {
                for one in field::list(value, "decoders", "a decoder")? {
                    self.add(one)?;
                }
            }
            "ByteLevel" => self.is_byte_level = true,
            "ByteFallback" => self.has_byte_fallback = true,
            "Fuse" => self.is_fused = true,
            "Replace" => {
                let from = field::text(&value["pattern"], "String", "the decoder Replace")?;
                let to = field::text(value, "content", "the decoder Replace")?;
                self.replaced.push((from.to_owned(), to.to_owned()));
            }
            "Metaspace" => {
                self.replaced.push((sign(value)?, " ".to_owned()));
                self.leading_spaces = match prepend(value)? {
                    Prepend::Always | Prepend::First => 1,
                    Prepend::Never => 0,
                };
            }
            "Strip" if self.is_fused && value["content"] == " " && value["stop"] == 0 => {
                self.leading_spaces = value["start"].as_u64().unwrap_or(0) as usize;
            }
            other => {
                return Err(Refusal::unsupported(format!(
                    "the decoder {} is not understood, and would change the text",
                    excerpt(other)
                )));
            }
        }
        budget::check(self.replaced.len(), budget::STEPS, "replacements in its decoder")
    }

    /// Replacements that a piece goes through.
    pub(crate) fn steps(&self) -> usize {
        self.replaced.len()
    }

    /// The bytes of a piece, as far as the budget of all pieces goes.
    pub(crate) fn bytes(&self, piece: &str, budget: &Budget) -> Result<Vec<u8>> {
        if self.is_byte_level
            && let Some(bytes) = alphabet::bytes(piece)
        {
            return Ok(bytes);
        }
        if self.has_byte_fallback
            && let Some(byte) = fallback(piece)
        {
            return Ok(vec![byte]);
        }
        let mut text = piece.to_owned();
        for (from, to) in &self.replaced {
            let found = text.matches(from.as_str()).count();
            if found > 0 {
                let bytes = text.len() + found * to.len();
                budget.take(bytes, &|| "decoder (Replace)".to_owned())?;
                text = text.replace(from, to);
            }
        }
        Ok(text.into_bytes())
    }
}

fn fallback(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}
