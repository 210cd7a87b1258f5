//! What a transformer is, as plain data: sizes, kinds of norm, positions, MLP, heads; and the family in
//! whose words its files say that. A configuration names its family, and a family makes configurations.
//!
//! Computes nothing and reads no tensor. `config/hugging_face.rs` turns `config.json` into it and
//! back, with the keys that the file of its family names; `network` lists the weights that it implies.

mod check;
mod context;
mod gguf_keys;
mod hugging_face;
mod keys;
mod mixture;
mod named_rope;
mod positions;

use std::fmt;

pub(crate) use check::layer_count;
pub(crate) use gguf_keys::{GgufKeys, GgufSource, GgufTensors};
pub use hugging_face::activation_name;
pub(crate) use hugging_face::{RopeContext, decimal, eos_token_id, layer_types, write_rope};
pub(crate) use keys::Keys;
use lookback_files::{Refusal, Result};
pub use lookback_kernels::naive::{activate::Activation, experts::ExpertWeighting};
use lookback_text::TokenId;
pub use mixture::MixtureConfig;
pub(crate) use positions::yarn_attention_factor;
pub use positions::{LongRope, Positions, RopeScaling, RotaryConfig, Yarn};
use serde_json::Value;

use crate::files::{GgufMetadata, Names};

/// How a row is brought to a common scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// Mean subtracted, divided by the standard deviation.
    Layer,
    /// Divided by the root of the mean square.
    Rms,
}

/// What the norms of queries and keys bring to a common scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKeyNorm {
    /// Each head on its own, all with the same weights (Qwen3).
    Heads,
    /// Each head on its own, with weights of its own and no bias (StableLM 2 12B).
    EachHead,
    /// All heads of a row together (OLMo 2).
    Rows,
}

/// Where a block has norms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormPlacement {
    /// Before attention and before the MLP.
    Before,
    /// After each, on what it adds to the residual stream (OLMo 2).
    After,
    /// Both (Gemma 2).
    Both,
    /// After each, on the sum: the residual stream itself is brought to a common scale (OPT 350M, and the first
    /// transformer). The last of them is the final norm.
    Stream,
}

/// How a block's attention and MLP follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockOrder {
    /// The MLP reads what attention added to the residual stream.
    Sequential,
    /// Both read what enters the block, each through a norm of its own (GPT-NeoX).
    Parallel,
    /// Both read what enters the block, through one norm (GPT-J).
    ParallelSharedNorm,
}

/// A decoder-only transformer. One that came from a constructor or from [`Config::with`] is valid:
/// nothing is zero, heads divide, and no product of its sizes overflows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Whose names its files use; it changes no mathematics.
    pub family: &'static Family,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub key_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Width of the MLP.
    pub hidden: usize,
    /// Positions it is opened for.
    pub context: usize,
    /// Up to how many positions it can be opened for instead, if more than `context`: with other rotary
    /// frequencies (LongRoPE, dynamic NTK).
    pub long_context: Option<usize>,
    /// Kind of every norm.
    pub norm: NormKind,
    /// Where a block has norms.
    pub norm_placement: NormPlacement,
    /// The norms of queries and keys before they are rotated, where they have some.
    pub query_key_norm: Option<QueryKeyNorm>,
    /// Width of the embedding table, where it is not that of the residual stream: one matrix leads from it into
    /// the stream, another from behind the final norm back to it (OPT 350M).
    pub embedding_width: Option<usize>,
    /// Whether the embedding passes a norm before the first block (BLOOM).
    pub embedding_norm: bool,
    /// Whether norms have weights. Those of others are 1, and stand in no file (OLMo).
    pub has_norm_weights: bool,
    /// Whether norms add a bias.
    pub norm_bias: bool,
    /// Added under the root of every norm.
    pub epsilon: f32,
    /// How a block's attention and MLP follow each other.
    pub block_order: BlockOrder,
    /// Where a token stands.
    pub positions: Positions,
    /// The rotary embedding of layers with a sliding window, where it differs from `positions` (Gemma 3).
    pub window_rotary: Option<RotaryConfig>,
    /// Whether each layer has `positions`; all have if it is empty. In the others they enter by the mask alone
    /// (SmolLM3).
    pub layers_with_positions: Vec<bool>,
    /// The MLP's nonlinearity.
    pub activation: Activation,
    /// Whether the MLP multiplies with a second, linear branch.
    pub gated: bool,
    /// Whether queries, keys and values add a bias.
    pub attention_bias: bool,
    /// Whether attention's output adds a bias.
    pub output_bias: bool,
    /// Whether the MLP's products add biases.
    pub mlp_bias: bool,
    /// Whether the logits add a bias.
    pub head_bias: bool,
    /// The experts in place of the MLP, where it has some.
    pub mixture: Option<MixtureConfig>,
    /// Whether the head that makes logits is the embedding table.
    pub tied: bool,
    /// A token at p sees p − window + 1 ..= p; without one, everything before it.
    pub window: Option<usize>,
    /// Whether each layer has the window; all have if it is empty.
    pub layers_with_window: Vec<bool>,
    /// Factor of the scores.
    pub scale: f32,
    /// Whether layer i divides it by i + 1 (GPT-2 as Mistral trained it, the project at Stanford).
    pub is_scale_by_layer: bool,
    /// Queries and keys behind their norms, and values, are bounded to ± this (OLMoE).
    pub qkv_bound: Option<f32>,
    /// Whether every head has an attention sink, a learned term of its total that has no value (gpt-oss).
    pub attention_sinks: bool,
    /// Scores are bounded softly: `cap · tanh(score / cap)` (Gemma Team 2024, section 2).
    pub score_cap: Option<f32>,
    /// Logits are bounded likewise.
    pub logit_cap: Option<f32>,
    /// Factor of the embedding.
    pub embedding_factor: f32,
    /// Factor of what attention and the MLP add to the residual stream.
    pub residual_factor: f32,
    /// Factor of the logits.
    pub logit_factor: f32,
    /// Begins a text.
    pub bos: Option<TokenId>,
    /// End a text; all below `vocabulary`.
    pub eos: Vec<TokenId>,
}

/// Whose files a model's weights are read from and written to.
pub struct Family {
    /// As people call it: `GPT-2`.
    pub name: &'static str,
    /// The `model_type` of a `config.json`.
    pub model_type: &'static str,
    /// What stands in the `architectures` of a `config.json`.
    pub architecture: &'static str,
    /// The `general.architecture` of a GGUF file, which stands before its keys as well; empty if llama.cpp
    /// has no such files.
    pub gguf: &'static str,
    /// The architecture under which its models are written where they have none of their own: that of a family
    /// which says the same of most of them. Empty where there is none.
    pub(crate) gguf_as: &'static str,
    /// Whether llama.cpp's mixtures of types give its output and its MLP other types than those of most (Falcon).
    pub(crate) has_own_mixtures: bool,
    /// What the tensors of a Hugging Face directory are called.
    pub(crate) names: Names,
    /// What those of a GGUF file are called.
    pub(crate) gguf_names: Names,
    /// Whether its files have every bias, so that one that a model lacks is written as zeros.
    pub(crate) has_every_bias: bool,
    /// Whether its files may say that a part of each head is rotated. transformers rotates whole heads of the
    /// others whatever their files say.
    pub(crate) has_partial_rotary: bool,
    /// How its block differs: a model of a size, where no file says otherwise. It may not be valid yet.
    pub(crate) shape: fn(&'static Family, Size) -> Config,
    /// Reads what is the family's own in a GGUF file, of a configuration that has all the rest.
    pub(crate) read_gguf: fn(&mut GgufKeys<'_>, Config) -> Result<Config>,
    /// Writes what is the family's own, beside the keys that several have.
    pub(crate) write_gguf: fn(&Config, &mut GgufMetadata),
    /// Reads the keys of a `config.json` that it has.
    pub(crate) read: fn(&'static Family, &mut Keys<'_>) -> Result<Config>,
    /// Writes them. What they cannot express is found by reading them again.
    pub(crate) write: fn(&Config) -> Value,
}

/// The sizes by which the models of a family differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Query heads; divides `width`.
    pub heads: usize,
    /// Key and value heads; divides `heads`. GPT-2 has as many as `heads`.
    pub key_heads: usize,
    /// Width of the MLP.
    pub hidden: usize,
    /// Positions it is made for.
    pub context: usize,
}

impl Config {
    /// A model of a size without any particulars: those of GPT-2, with which families began. Every other
    /// configuration is made from it by saying what differs.
    pub(crate) fn plain(family: &'static Family, size: Size) -> Self {
        let Size { vocabulary, width, layers, heads, key_heads, hidden, context } = size;
        let head_dim = width.checked_div(heads).unwrap_or(0);
        Self {
            family,
            vocabulary,
            width,
            layers,
            heads,
            key_heads,
            head_dim,
            hidden,
            context,
            long_context: None,
            norm: NormKind::Layer,
            norm_placement: NormPlacement::Before,
            query_key_norm: None,
            embedding_width: None,
            embedding_norm: false,
            has_norm_weights: true,
            norm_bias: true,
            epsilon: 1e-5,
            block_order: BlockOrder::Sequential,
            positions: Positions::Learned,
            window_rotary: None,
            layers_with_positions: Vec::new(),
            activation: Activation::GeluTanh,
            gated: false,
            attention_bias: true,
            output_bias: true,
            mlp_bias: true,
            head_bias: false,
            mixture: None,
            tied: true,
            window: None,
            layers_with_window: Vec::new(),
            scale: default_scale(head_dim),
            is_scale_by_layer: false,
            qkv_bound: None,
            attention_sinks: false,
            score_cap: None,
            logit_cap: None,
            embedding_factor: 1.0,
            residual_factor: 1.0,
            logit_factor: 1.0,
            bos: None,
            eos: Vec::new(),
        }
    }

    /// The same with another width of the heads, and what follows from it. It may not be valid.
    pub(crate) fn with_head_dim(self, head_dim: usize) -> Self {
        let positions = match self.positions {
            Positions::Rotary(rotary) => {
                let rotary_dim = match rotary.rotary_dim == self.head_dim {
                    true => head_dim,
                    false => rotary.rotary_dim * head_dim / self.head_dim.max(1),
                };
                Positions::Rotary(RotaryConfig { rotary_dim, ..rotary })
            }
            others => others,
        };
        Self { head_dim, positions, scale: default_scale(head_dim), ..self }
    }

    /// The same with positions in some layers only; empty where all have them.
    pub(crate) fn with_positions(self, has_positions: Vec<bool>) -> Self {
        let is_all = has_positions.iter().all(|has| *has);
        Self { layers_with_positions: if is_all { Vec::new() } else { has_positions }, ..self }
    }

    /// The share of a head that is rotated.
    pub(crate) fn rotary_share(&self) -> Option<f64> {
        let rotary = self.rotary(0)?;
        Some(rotary.rotary_dim as f64 / self.head_dim as f64)
    }

    /// The rotary embedding of a layer, if it has one.
    pub fn rotary(&self, layer: usize) -> Option<&RotaryConfig> {
        let is_rotated = self.layers_with_positions.get(layer).copied().unwrap_or(true);
        match (&self.positions, &self.window_rotary) {
            (Positions::Rotary(_), Some(rotary)) if self.layer_window(layer).is_some() => {
                Some(rotary)
            }
            (Positions::Rotary(rotary), _) => Some(rotary),
            _ => None,
        }
        .filter(|_| is_rotated)
    }

    /// How many tokens a token of a layer sees at most, itself included; everything before it without a
    /// window.
    pub fn layer_window(&self, layer: usize) -> Option<usize> {
        self.window.filter(|_| self.layers_with_window.get(layer).copied().unwrap_or(true))
    }

    /// Factor of a layer's scores.
    pub fn layer_scale(&self, layer: usize) -> f32 {
        let divisor = if self.is_scale_by_layer { layer as f64 + 1.0 } else { 1.0 };
        (f64::from(self.scale) / divisor) as f32
    }

    /// The experts of a layer, if it has some.
    pub fn layer_mixture(&self, layer: usize) -> Option<&MixtureConfig> {
        self.mixture.as_ref().filter(|mixture| mixture.is_in(layer))
    }

    /// The rotary embeddings that its layers may have.
    fn rotary_configs(&self) -> impl Iterator<Item = &RotaryConfig> {
        let main = match &self.positions {
            Positions::Rotary(rotary) => Some(rotary),
            Positions::Learned | Positions::Alibi { .. } | Positions::None => None,
        };
        main.into_iter().chain(&self.window_rotary)
    }

    /// The same model with something changed, if that is still a valid one.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Result<Self> {
        change(&mut self);
        self.checked()
    }
}

impl Family {
    /// Whether its models have experts.
    pub(crate) fn has_experts(&self) -> bool {
        !self.names.experts.router.is_empty()
    }

    /// A model of this family.
    pub fn config(&'static self, size: Size) -> Result<Config> {
        (self.shape)(self, size).checked()
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.model_type == other.model_type
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.model_type)
    }
}

/// A head's share of the width, for files that say no other.
pub(crate) fn head_dim(width: usize, heads: usize) -> Result<usize> {
    if heads == 0 || !width.is_multiple_of(heads) {
        return Err(Refusal::user(format!("a width of {width} cannot be shared by {heads} heads")));
    }
    Ok(width / heads)
}

/// `1 / √head_dim`, rounded to f32 once, as transformers has it.
pub fn default_scale(head_dim: usize) -> f32 {
    (1.0 / (head_dim as f64).sqrt()) as f32
}
