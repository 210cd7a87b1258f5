//! What the tensors of a written GGUF file are stored as: one type for all matrices, or one of llama.cpp's mixtures,
//! which give more bits to tensors whose errors matter more.
//!
//! Rows that are not whole blocks have another type, as llama.cpp has it. Vectors, routers and learned positions stay
//! in f32.

use lookback_kernels::naive::stored::StorageType;

use crate::{Config, Family};

/// A type of files.
#[derive(Debug)]
pub struct GgufType {
    /// As people write it, such as `q4_k_m`.
    pub name: &'static str,
    /// llama.cpp's number of it, as `general.file_type` has it.
    pub(in crate::files) number: u32,
    /// Of most of its matrices.
    pub base: StorageType,
}

impl GgufType {
    /// Every one that is written.
    pub const ALL: &'static [Self] = &[
        Self::new("f32", 0, StorageType::F32),
        Self::new("f16", 1, StorageType::F16),
        Self::new("bf16", 32, StorageType::Bf16),
        Self::new("q8_0", 7, StorageType::Q8_0),
        Self::new("q4_0", 2, StorageType::Q4_0),
        Self::new("q4_1", 3, StorageType::Q4_1),
        Self::new("q6_k", 18, StorageType::Q6K),
    ];

    const fn new(name: &'static str, number: u32, base: StorageType) -> Self {
        Self { name, number, base }
    }

    /// The type of a name.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }
}

/// A tensor whose type is asked for.
pub(super) struct Placed<'a> {
    pub(super) name: &'a str,
    /// Outermost first.
    pub(super) shape: &'a [usize],
}

/// The types of a model's tensors.
pub(super) struct Types<'a> {
    file: &'static GgufType,
    config: &'a Config,
    family: &'static Family,
}

impl<'a> Types<'a> {
    pub(super) fn new(
        file: &'static GgufType,
        config: &'a Config,
        family: &'static Family,
    ) -> Self {
        Self { file, config, family }
    }

    /// That of one.
    pub(super) fn of(&self, tensor: Placed<'_>) -> StorageType {
        let Placed { name, shape } = tensor;
        let is_kept = shape.len() < 2
            || !name.ends_with("weight")
            || name.ends_with("_norm.weight")
            || name.ends_with("ffn_gate_inp.weight")
            || name == "position_embd.weight";
        if is_kept {
            return StorageType::F32;
        }
        self.file.base
    }
}
