//! What the tensors of a written GGUF file are stored as: one type for all matrices, or one of llama.cpp's mixtures,
//! which give more bits to tensors whose errors matter more.
//!
//! ```text
//! the table that makes the logits        q6_k; q8_0 where that is the type, rows are not whole blocks of it, or of Falcon
//! attn_v                                 q4_k_m, q5_k_m: q6_k in some layers; q4_k_s: q5_k in the first four
//! attn_qkv, all in one                   q4_k_m: q5_k; q5_k_m: q6_k
//! ffn_down                               q4_k_m, q5_k_m: q6_k in some layers; q4_k_s: q5_k in the first eighth
//! with eight experts                     attn_k and attn_v q8_0; attn_output q5_k in q4_k_m and q4_k_s
//! ```
//!
//! "Some layers" are the first eighth, the last eighth, and every third between. Rows that are not whole blocks of
//! their type have one of shorter blocks. Vectors, routers and learned positions stay in f32.

use lookback_kernels::naive::stored::StorageType;

use crate::{Config, Family};

/// A type of files.
#[derive(Debug, PartialEq, Eq)]
pub struct GgufType {
    /// As people write it, such as `q4_k_m`.
    pub name: &'static str,
    /// llama.cpp's number of it, as `general.file_type` has it.
    pub(in crate::files) number: u32,
    /// Of most of its matrices.
    pub base: StorageType,
    mixture: Mixture,
}

/// Which tensors have another type than most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mixture {
    /// The table that makes the logits, if the type is quantised.
    Plain,
    /// Few others as well.
    Small,
    /// More.
    Medium,
}

impl GgufType {
    /// Every one that is written.
    pub const ALL: &'static [Self] = &[
        Self::new("f32", 0, StorageType::F32, Mixture::Plain),
        Self::new("f16", 1, StorageType::F16, Mixture::Plain),
        Self::new("bf16", 32, StorageType::Bf16, Mixture::Plain),
        Self::new("q8_0", 7, StorageType::Q8_0, Mixture::Plain),
        Self::new("q6_k", 18, StorageType::Q6K, Mixture::Plain),
        Self::new("q5_k_m", 17, StorageType::Q5K, Mixture::Medium),
        Self::new("q5_1", 9, StorageType::Q5_1, Mixture::Plain),
        Self::new("q5_0", 8, StorageType::Q5_0, Mixture::Plain),
        Self::new("q4_k_m", 15, StorageType::Q4K, Mixture::Medium),
        Self::new("q4_k_s", 14, StorageType::Q4K, Mixture::Small),
        Self::new("q4_1", 3, StorageType::Q4_1, Mixture::Plain),
        Self::new("q4_0", 2, StorageType::Q4_0, Mixture::Plain),
    ];

    const fn new(name: &'static str, number: u32, base: StorageType, mixture: Mixture) -> Self {
        Self { name, number, base, mixture }
    }

    /// The type of a name.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }
}

/// The types of a model's tensors.
pub(super) struct Types<'a> {
    file: &'static GgufType,
    config: &'a Config,
    has_own_mixtures: bool,
}

impl<'a> Types<'a> {
    pub(super) fn new(file: &'static GgufType, config: &'a Config, family: &Family) -> Self {
        Self { file, config, has_own_mixtures: family.has_own_mixtures }
    }

    /// That of a tensor by its name and its shape, outermost first.
    pub(super) fn of(&self, name: &str, shape: &[usize]) -> StorageType {
        let is_kept = shape.len() < 2
            || !name.ends_with("weight")
            || name.ends_with("_norm.weight")
            || name.ends_with("ffn_gate_inp.weight")
            || name == "position_embd.weight";
        if is_kept {
            return StorageType::F32;
        }
        if !self.file.base.is_quantised() {
            return self.file.base;
        }
        let inner = shape[shape.len() - 1];
        fitting(self.wanted(name, inner), name, inner)
    }

    /// The type in the mixture, whatever the rows.
    fn wanted(&self, name: &str, inner: usize) -> StorageType {
        let (base, mixture) = (self.file.base, self.file.mixture);
        let logits = if self.config.tied { "token_embd.weight" } else { "output.weight" };
        if name == logits {
            let is_whole = inner.is_multiple_of(base.block_len());
            let stays = self.has_own_mixtures || !is_whole || base == StorageType::Q8_0;
            return if stays { StorageType::Q8_0 } else { StorageType::Q6K };
        }
        let Some((layer, part)) = part_of_layer(name) else { return base };
        let layers = self.config.layers;
        let has_eight_experts =
            self.config.mixture.as_ref().is_some_and(|mixture| mixture.experts == 8);
        let in_some = has_more_bits(layer, layers);
        match (part, mixture) {
            ("attn_v" | "attn_k", _) if has_eight_experts => StorageType::Q8_0,
            ("attn_output", Mixture::Small | Mixture::Medium)
                if has_eight_experts && !self.has_own_mixtures && base == StorageType::Q4K =>
            {
                StorageType::Q5K
            }
            ("attn_v", Mixture::Medium) if in_some => StorageType::Q6K,
            ("attn_v", Mixture::Small) if layer < 4 => StorageType::Q5K,
            // Of models of 70B, whose keys and values are small.
            ("attn_v", _) if base == StorageType::Q4K && self.is_70b() => StorageType::Q5K,
            ("attn_qkv", Mixture::Medium) if base == StorageType::Q4K => StorageType::Q5K,
            ("attn_qkv", Mixture::Medium) => StorageType::Q6K,
            ("ffn_down" | "ffn_down_exps", Mixture::Medium)
                if self.has_own_mixtures && base == StorageType::Q4K =>
            {
                match layer < layers / 16 {
                    true => StorageType::Q6K,
                    false if in_some => StorageType::Q5K,
                    false => base,
                }
            }
            ("ffn_down" | "ffn_down_exps", Mixture::Medium) if in_some => StorageType::Q6K,
            ("ffn_down" | "ffn_down_exps", Mixture::Small)
                if !self.has_own_mixtures && layer < layers / 8 =>
            {
                StorageType::Q5K
            }
            _ => base,
        }
    }

    /// As llama.cpp tells a model of 70B.
    fn is_70b(&self) -> bool {
        self.config.layers == 80 && self.config.heads != self.config.key_heads
    }
}

/// `3` and `attn_v` of `blk.3.attn_v.weight`.
fn part_of_layer(name: &str) -> Option<(usize, &str)> {
    let (layer, part) = name.strip_prefix("blk.")?.split_once('.')?;
    Some((layer.parse().ok()?, part.strip_suffix(".weight")?))
}

/// The first eighth of the layers, the last, and every third between.
fn has_more_bits(layer: usize, layers: usize) -> bool {
    let eighth = layers / 8;
    layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2
}

/// The type, or one of shorter blocks where rows are not whole blocks of it.
fn fitting(wanted: StorageType, name: &str, inner: usize) -> StorageType {
    if inner.is_multiple_of(wanted.block_len()) {
        return wanted;
    }
    let shorter = match wanted {
        StorageType::Q4K => StorageType::Q5_0,
        StorageType::Q5K => StorageType::Q5_1,
        StorageType::Q6K => StorageType::Q8_0,
        others => others,
    };
    let fits = inner.is_multiple_of(shorter.block_len());
    let instead = if fits { shorter } else { StorageType::F16 };
    let (wanted, block) = (wanted.name(), wanted.block_len());
    tracing::debug!(
        tensor = name,
        "rows of {inner} are not whole blocks of {wanted}'s {block}, so it is stored in {}",
        instead.name()
    );
    instead
}

#[cfg(test)]
mod tests;
