//! The configuration that a GGUF file's metadata describes. What is not understood is refused.
//!
//! What every architecture has is read here; what is a family's own, by the family's `read_gguf`.

use std::sync::Arc;

use lookback_files::{Refusal, Result};

use super::{
    super::{
        names::{Names, Part},
        tensors::{Tensor, Tensors},
    },
    GgufTokenizer,
    metadata::{Metadata, Value},
};
use crate::{
    Config, Family, MixtureConfig, NormKind, Positions, Size,
    config::{GgufKeys, GgufSource, GgufTensors, head_dim, layer_count},
    families,
};

/// Which family the file is of.
pub(super) fn family(metadata: &Metadata) -> Result<&'static Family> {
    let key = "general.architecture";
    let family = families::find(key, metadata.text(key)?, |family| family.gguf)?;
    let experts = format!("{}.expert_count", family.gguf);
    let has_experts = metadata.whole(&experts)?.is_some_and(|experts| experts > 0);
    families::with_experts(family, has_experts).ok_or_else(|| {
        Refusal::unsupported(if family.has_experts() {
            format!("metadata {experts} is missing or 0, but its architecture has experts")
        } else {
            "a mixture of experts is not understood in its architecture".to_owned()
        })
    })
}

/// The names of this file's tensors: queries, keys and values are one tensor or three, and so are the
/// branches of a gated MLP.
pub(super) fn names(family: &Family, tensors: &dyn GgufTensors) -> Names {
    let names = family.gguf_names;
    let has = |part: &str| tensors.shape(&format!("{}.0.{part}.weight", names.block)).is_some();
    let is_fused = has("attn_qkv");
    let is_gated = !names.gate.is_empty();
    Names {
        qkv: if is_fused { ["attn_qkv"; 3] } else { ["attn_q", "attn_k", "attn_v"] },
        gate: if is_gated && !has("ffn_gate") { names.up } else { names.gate },
        ..names
    }
}

/// Reads the configuration. `file` is what the metadata was read from.
pub(super) fn read(
    family: &'static Family,
    metadata: &Metadata,
    file: &[u8],
    tokenizer: &GgufTokenizer,
    tensors: &dyn GgufTensors,
) -> Result<Config> {
    let names = names(family, tensors);
    let source = Source { metadata, file, tensors };
    let mut keys = GgufKeys::new(&source, family.gguf);
    let width = keys.size("embedding_length")?;
    let heads = keys.size("attention.head_count")?;
    let head_dim = match keys.size_or_none("attention.key_length")? {
        Some(given) => given,
        None => head_dim(width, heads)?,
    };
    if keys.size_or("attention.value_length", head_dim)? != head_dim {
        return Err(Refusal::unsupported(
            "keys and values of different lengths are not understood",
        ));
    }
    let key_heads = keys.size_or("attention.head_count_kv", heads)?;
    keys.size_or("expert_count", 0)?;
    let has = |name: &str| tensors.shape(name).is_some();
    // A table may have fewer rows than there are tokens (a `<pad>` that was added without resizing), or
    // more (rounded up); which of the tokens it has shows where they are used.
    let table = tensors.shape(&format!("{}.weight", names.embed));
    let rows = table.and_then(|shape| shape.first().copied());
    let vocabulary = keys.size_or("vocab_size", rows.unwrap_or(tokenizer.tokens.len()))?;
    let size = Size {
        vocabulary,
        width,
        layers: layer_count(keys.size("block_count")?)?,
        heads,
        key_heads,
        hidden: keys.size("feed_forward_length")?,
        context: keys.size("context_length")?,
    };
    let defaults = (family.shape)(family, size).with_head_dim(head_dim);
    let epsilon = keys.real(match defaults.norm {
        NormKind::Layer => "attention.layer_norm_epsilon",
        NormKind::Rms => "attention.layer_norm_rms_epsilon",
    })?;
    let Some(epsilon) = epsilon else {
        return Err(Refusal::user("the epsilon of its norms is missing"));
    };
    let positions = match &defaults.positions {
        Positions::Rotary(_) => Positions::Rotary(keys.rotary(head_dim, size.context)?),
        others => others.clone(),
    };
    let mixture = match &defaults.mixture {
        Some(mixture) => Some(MixtureConfig {
            experts: keys.size("expert_count")?,
            chosen: keys.size("expert_used_count")?,
            hidden: keys.size_or("expert_feed_forward_length", size.hidden)?,
            ..mixture.clone()
        }),
        None => None,
    };
    let has_bias = |part| has(&names.of_first_block(part, "bias"));
    let config = Config {
        epsilon,
        positions,
        mixture,
        attention_bias: defaults.attention_bias || has_bias(Part::Query),
        output_bias: defaults.output_bias || has_bias(Part::Output),
        mlp_bias: defaults.mlp_bias || has_bias(Part::Up),
        tied: !has(&format!("{}.weight", names.head)),
        bos: tokenizer.bos.filter(|id| id.index() < vocabulary),
        eos: tokenizer.eog.iter().copied().filter(|id| id.index() < vocabulary).collect(),
        ..defaults
    };
    let config = (family.read_gguf)(&mut keys, config)?;
    keys.finish()?;
    config.with_short_context().checked()
}

/// A file's metadata and tensors.
struct Source<'a> {
    metadata: &'a Metadata,
    file: &'a [u8],
    tensors: &'a dyn GgufTensors,
}

impl GgufSource for Source<'_> {
    fn whole(&self, key: &str) -> Result<Option<u64>> {
        self.metadata.whole(key)
    }

    fn real(&self, key: &str) -> Result<Option<f64>> {
        self.metadata.real(key)
    }

    fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.metadata.flag(key)
    }

    fn flags(&self, key: &str) -> Result<Option<Vec<bool>>> {
        self.metadata.flags(self.file, key)
    }

    fn text(&self, key: &str) -> Result<Option<&str>> {
        self.metadata.text(key)
    }

    fn keys(&self) -> Vec<&str> {
        self.metadata.keys().collect()
    }

    fn is_off(&self, key: &str) -> bool {
        matches!(self.metadata.get(key), Some(Value::Flag(false) | Value::Whole(0)))
    }

    fn tensors(&self) -> &dyn GgufTensors {
        self.tensors
    }
}

impl GgufTensors for Tensors {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.find(name).map(|tensor| self.list[tensor].shape.as_slice())
    }

    fn values(&self, name: &str) -> Option<Arc<[f32]>> {
        let tensor = self.find(name)?;
        let Tensor { storage, shape, .. } = &self.list[tensor];
        let mut values = vec![0.0; shape.iter().product()];
        (*storage)?.widen(self.bytes(tensor), &mut values);
        Some(values.into())
    }
}
