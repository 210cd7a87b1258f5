//! What a transformer is, as plain data: sizes, kinds of norm, positions, MLP, heads; and the family in
//! whose words its files say that. A configuration names its family, and a family makes configurations.
//!
//! Computes nothing and reads no tensor. `config/hugging_face.rs` turns `config.json` into it and
//! back, with the keys that the file of its family names; `network` lists the weights that it implies.

mod hugging_face;
mod keys;

use std::fmt;

pub use hugging_face::activation_name;
pub(crate) use hugging_face::{decimal, eos_token_id};
pub(crate) use keys::Keys;
use lookback_files::{Kind, Refusal, Result, counted};
pub use lookback_kernels::naive::activate::Activation;
use lookback_text::TokenId;
use serde_json::Value;

use crate::files::Names;

/// How a row is brought to a common scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// Mean subtracted, divided by the standard deviation.
    Layer,
    /// Divided by the root of the mean square.
    Rms,
}

/// How the model knows where a token stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Positions {
    /// A learned row for each position, added to the embedding.
    Learned,
    /// Queries and keys are rotated.
    Rotary(RotaryConfig),
    /// Only by the causal mask.
    None,
}

/// Which part of a head is rotated, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RotaryConfig {
    /// Base of the frequencies.
    pub theta: f32,
    /// How many of a head's dimensions turn; even.
    pub rotary_dim: usize,
}

/// A decoder-only transformer. One that came from a constructor or from [`Config::with`] is valid:
/// nothing is zero, heads divide, and no product of its sizes overflows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Whose names its files use; it changes no mathematics.
    pub family: &'static Family,
    /// Tokens it knows.
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
    /// Positions it was made for.
    pub context: usize,
    /// Kind of every norm.
    pub norm: NormKind,
    /// Whether queries and keys pass a norm of each head before they turn.
    pub head_norm: bool,
    /// Whether norms add a bias.
    pub norm_bias: bool,
    /// Added under the root of every norm.
    pub epsilon: f32,
    /// Where a token stands.
    pub positions: Positions,
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
    /// Whether the head that makes logits is the embedding table.
    pub tied: bool,
    /// A token at p sees p − window + 1 ..= p; without one, everything before it.
    pub window: Option<usize>,
    /// Factor of the scores.
    pub scale: f32,
    /// Logits are bounded softly: `cap · tanh(logit / cap)` (Gemma Team 2024, section 2).
    pub cap: Option<f32>,
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
    /// The `general.architecture` of a GGUF file, which stands before its keys as well.
    pub gguf: &'static str,
    /// What the tensors of a Hugging Face directory are called.
    pub(crate) names: Names,
    /// What those of a GGUF file are called.
    pub(crate) gguf_names: Names,
    /// Whether its files have every bias, so that one that a model lacks is written as zeros.
    pub(crate) has_every_bias: bool,
    /// How its block differs: a model of a size, where no file says otherwise. It may not be valid yet.
    pub(crate) shape: fn(&'static Family, Size) -> Config,
    /// Reads the keys of a `config.json` that it has.
    pub(crate) read: fn(&'static Family, &mut Keys<'_>) -> Result<Config>,
    /// Writes them. What they cannot say is found out by reading them again.
    pub(crate) write: fn(&Config) -> Value,
}

/// The sizes that tell one model of a family from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Tokens it knows.
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
            norm: NormKind::Layer,
            head_norm: false,
            norm_bias: true,
            epsilon: 1e-5,
            positions: Positions::Learned,
            activation: Activation::GeluTanh,
            gated: false,
            attention_bias: true,
            output_bias: true,
            mlp_bias: true,
            tied: true,
            window: None,
            scale: default_scale(head_dim),
            cap: None,
            bos: None,
            eos: Vec::new(),
        }
    }

    /// The same with another width of the heads, and what follows from it. It may not be valid.
    pub(crate) fn with_head_dim(self, head_dim: usize) -> Self {
        let positions = match self.positions {
            Positions::Rotary(RotaryConfig { theta, .. }) => {
                Positions::Rotary(RotaryConfig { theta, rotary_dim: head_dim })
            }
            others => others,
        };
        Self { head_dim, positions, scale: default_scale(head_dim), ..self }
    }

    /// Refuses ids beyond the vocabulary; `name` is what they are called where they were given.
    ///
    /// # Errors
    /// The first such id is named.
    pub fn check_ids(
        &self,
        name: impl fmt::Display,
        ids: impl IntoIterator<Item = u32>,
    ) -> Result<()> {
        match ids.into_iter().find(|&id| id as usize >= self.vocabulary) {
            None => Ok(()),
            Some(id) => Err(Refusal::of(
                Kind::TokenOutOfRange,
                format!("{name} {id}: this model's vocabulary ends at {}", self.vocabulary - 1),
            )),
        }
    }

    /// The same model with something changed, if that is still a valid one.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Result<Self> {
        change(&mut self);
        self.checked()
    }

    /// Refuses what cannot be a model. The bounds leave room for any product of sizes in 64 bits.
    pub(crate) fn checked(self) -> Result<Self> {
        let sizes = [
            ("a vocabulary", self.vocabulary, 1 << 24),
            ("a width", self.width, 1 << 20),
            ("layers", self.layers, 1 << 12),
            ("heads", self.heads, 1 << 12),
            ("key/value heads", self.key_heads, 1 << 12),
            ("a head width", self.head_dim, 1 << 12),
            ("an MLP width", self.hidden, 1 << 22),
            ("a context", self.context, 1 << 24),
            ("an attention window", self.window.unwrap_or(1), usize::MAX),
        ];
        for (what, size, max) in sizes {
            if size == 0 || size > max {
                let bound = if size == 0 { "at least 1 is needed".into() } else { at_most(max) };
                return refuse(format!("{what} of {size} cannot be; {bound}"));
            }
        }
        if !self.heads.is_multiple_of(self.key_heads) {
            return refuse(format!(
                "{} cannot share {}; the first must be a multiple of the second",
                counted(self.heads, "head"),
                counted(self.key_heads, "key/value head")
            ));
        }
        if let Positions::Rotary(RotaryConfig { theta, rotary_dim }) = self.positions {
            if rotary_dim == 0 || !rotary_dim.is_multiple_of(2) || rotary_dim > self.head_dim {
                return refuse(format!(
                    "{rotary_dim} rotary dimensions cannot be; an even number up to the head's \
                     width of {} is needed",
                    self.head_dim
                ));
            }
            if !theta.is_finite() || theta <= 0.0 {
                return refuse(format!("a rotary theta of {theta} cannot be; it must be above 0"));
            }
        }
        if !self.epsilon.is_finite() || self.epsilon < 0.0 {
            return refuse(format!(
                "a norm epsilon of {} cannot be; it must be 0 or a little more",
                self.epsilon
            ));
        }
        if !self.scale.is_finite() {
            return refuse(format!("a score scale of {} cannot be", self.scale));
        }
        if let Some(cap) = self.cap
            && !(1e-3..=1e6).contains(&cap)
        {
            return refuse(format!("a cap of logits of {cap} cannot be; it must be above 0"));
        }
        for id in self.bos.iter().chain(&self.eos) {
            if id.index() >= self.vocabulary {
                return refuse(format!(
                    "token {id} begins or ends a text, but the vocabulary ends before {}",
                    self.vocabulary
                ));
            }
        }
        Ok(self)
    }
}

impl Family {
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
        return refuse(format!("a width of {width} cannot be shared by {heads} heads"));
    }
    Ok(width / heads)
}

/// `1 / √head_dim`, rounded to f32 once, as transformers has it.
pub fn default_scale(head_dim: usize) -> f32 {
    (1.0 / (head_dim as f64).sqrt()) as f32
}

fn at_most(max: usize) -> String {
    format!("{max} is the most that is understood")
}

fn refuse<T>(sentence: String) -> Result<T> {
    Err(Refusal::user(sentence))
}
