//! What a configuration amounts to: every weight by name and shape, every block as data.
//!
//! Computes nothing. Families of models differ only in what stands here; `forward` walks it, file
//! formats fill it. Read `program` and `forward` next.

mod build;

use std::{ops::Range, sync::Arc};

use lookback_kernels::attend::Alibi;

use crate::{Activation, BlockOrder, Config, ExpertWeighting, NormKind};

/// A weight of a network: its place in [`Network::weights`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeightId(pub u32);

impl WeightId {
    /// The place in [`Network::weights`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A weight's name and shape in the canonical layout, whatever file it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightSpec {
    /// `embed.weight`, `blocks.3.attn.q.weight`, `blocks.3.ln1.bias`, `ln_final.weight` …
    pub name: String,
    /// `[outputs, inner]` of a matrix or `[vocabulary, width]` of a table; `[1, n]` of a vector.
    pub shape: [usize; 2],
    /// What it is, which decides its initialisation and its weight decay.
    pub kind: WeightKind,
}

impl WeightSpec {
    /// Elements.
    pub fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Never: a shape of a valid configuration has no zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a weight is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightKind {
    /// A row for each token or position.
    Table,
    /// A matrix inside a block, or an untied head.
    Matrix,
    /// A matrix that writes into the residual stream: attention's output, the MLP's last.
    Output,
    /// The matrix that makes a logit for each expert. Its product is one of f32 in every precision.
    Router,
    /// A norm's weight, initialised to one.
    Gain,
    /// A bias, initialised to zero.
    Bias,
}

/// `y = x · weightᵀ + bias`. Weight `[outputs, inputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// `[outputs, inputs]`
    pub weight: WeightId,
    /// `[outputs]`
    pub bias: Option<WeightId>,
    /// Width of what enters.
    pub inputs: usize,
    /// Width of what leaves.
    pub outputs: usize,
}

impl Linear {
    /// Multiplications of its product for one row.
    pub fn multiplications(&self) -> u64 {
        self.inputs as u64 * self.outputs as u64
    }
}

/// Where the logits come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// To a logit for each token of the vocabulary.
    pub linear: Linear,
    /// What every logit is multiplied with, before its cap.
    pub factor: f32,
    /// Logits are `cap · tanh(logit / cap)`, if so.
    pub cap: Option<f32>,
}

/// A norm over each row, or over each head of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Layer norm or RMS norm.
    pub kind: NormKind,
    /// `[width]`, or `[heads, width]`
    pub weight: WeightId,
    /// `[width]`, of a layer norm.
    pub bias: Option<WeightId>,
    /// How many numbers are brought to a common scale together: a row's, or a head's.
    pub width: usize,
    /// How many heads have weights of their own; none where all share them.
    pub heads: Option<usize>,
    /// Added to the variance or the mean square, under the root.
    pub epsilon: f32,
}

impl Norm {
    /// Its weights.
    pub fn weights(&self) -> usize {
        self.width * self.heads.unwrap_or(1)
    }
}

/// Rotation of pairs `(i, i + rotary_dim / 2)` of every head by angles that grow with the position.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotary {
    /// Dimensions of a head.
    pub head_dim: usize,
    /// How many of them are rotated.
    pub rotary_dim: usize,
    /// Radians from one position to the next, `[rotary_dim / 2]`.
    pub frequencies: Arc<[f32]>,
    /// What cosines and sines are multiplied with (YaRN).
    pub factor: f32,
}

/// One attention operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attend {
    /// Which layer's keys and values it stores and reads.
    pub layer: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / key_heads` query heads.
    pub key_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// Whether a row sees no key behind its own position. Otherwise it sees every key of its sequence.
    pub is_causal: bool,
    /// The length of a sliding window: a row at position p sees the keys at p − window + 1 ..= p.
    pub window: Option<usize>,
    /// Scores are `cap · tanh(score / cap)`, if so.
    pub score_cap: Option<f32>,
    /// What scores lose by the distance of query and key, if they do.
    pub alibi: Option<Alibi>,
    /// `[1, heads]`: attention sinks, one more term of each row's total that has no value.
    pub sinks: Option<WeightId>,
}

/// The multilayer perceptron of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mlp {
    /// In gated MLPs, into the activation.
    pub gate: Option<Linear>,
    /// In gated MLPs, the linear branch, with which the activation's result is multiplied; in others, into
    /// the activation.
    pub up: Linear,
    /// The activation.
    pub activation: Activation,
    /// Back to the residual stream.
    pub down: Linear,
}

impl Mlp {
    /// Its weights and biases.
    pub fn weights(&self) -> impl Iterator<Item = WeightId> + '_ {
        let linears = self.gate.iter().chain([&self.up, &self.down]);
        linears.flat_map(|linear| [Some(linear.weight), linear.bias]).flatten()
    }
}

/// Several MLPs, of which a router chooses a few for each token (Shazeer et al. 2017).
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// To a logit for each expert.
    pub router: Linear,
    /// All experts, of one shape.
    pub experts: Vec<Mlp>,
    /// How many work on a token.
    pub chosen: usize,
    /// How they are weighted.
    pub weighting: ExpertWeighting,
}

/// What works on each token alone.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedForward {
    /// One MLP.
    Dense(Mlp),
    /// Experts.
    Mixture(Mixture),
}

impl FeedForward {
    /// The MLP, if there is one for all tokens.
    pub fn dense(&self) -> Option<&Mlp> {
        match self {
            Self::Dense(mlp) => Some(mlp),
            Self::Mixture(_) => None,
        }
    }

    /// The experts and their router, if there are some.
    pub fn mixture(&self) -> Option<&Mixture> {
        match self {
            Self::Dense(_) => None,
            Self::Mixture(mixture) => Some(mixture),
        }
    }

    /// The MLP, or every expert; all of one shape.
    pub fn mlps(&self) -> &[Mlp] {
        match self {
            Self::Dense(mlp) => std::slice::from_ref(mlp),
            Self::Mixture(mixture) => &mixture.experts,
        }
    }

    /// Multiplications of the matrix products for one token.
    fn multiplications(&self) -> u64 {
        let of = |mlp: &Mlp| {
            [&mlp.up, &mlp.down].into_iter().chain(&mlp.gate).map(Linear::multiplications).sum()
        };
        match self {
            Self::Dense(mlp) => of(mlp),
            Self::Mixture(Mixture { router, experts, chosen, .. }) => {
                router.multiplications() + experts.iter().take(*chosen).map(of).sum::<u64>()
            }
        }
    }
}

/// One block.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// How attention and MLP follow each other.
    pub order: BlockOrder,
    /// Before attention.
    pub ln1: Option<Norm>,
    /// Queries, keys, values.
    pub qkv: [Linear; 3],
    /// Queries and keys behind their norms, and values, are bounded to ± this.
    pub qkv_bound: Option<f32>,
    /// Of queries and of keys, where they have norms.
    pub query_key_norms: Option<[Norm; 2]>,
    /// Positions by rotation, if so.
    pub rotary: Option<Rotary>,
    /// Heads, scale, window, and what else makes its weights.
    pub attend: Attend,
    /// From heads back to the residual stream.
    pub output: Linear,
    /// After attention, on what it adds to the residual stream.
    pub ln1_post: Option<Norm>,
    /// Of the residual stream once attention has added to it.
    pub ln_resid_mid: Option<Norm>,
    /// Before the MLP; none where it reads what attention reads.
    pub ln2: Option<Norm>,
    /// The MLP, or a mixture of experts.
    pub mlp: FeedForward,
    /// After the MLP, on what it adds to the residual stream.
    pub ln2_post: Option<Norm>,
    /// Of the residual stream once the MLP has added to it; in the last block the final norm does that.
    pub ln_resid_post: Option<Norm>,
    /// Factor of what attention and the MLP add to the residual stream.
    pub residual_factor: f32,
}

/// The whole network as data.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The configuration it was made from.
    pub config: Config,
    /// All weights; a tied table stands once.
    pub weights: Vec<WeightSpec>,
    /// `[vocabulary, width]`, or as wide as the embedding is.
    pub embed: WeightId,
    /// From the embedding into the residual stream, and from behind the final norm to what the head reads, where
    /// the embedding has another width.
    pub projections: Option<[Linear; 2]>,
    /// `[context, width]`, where positions are learned.
    pub positions: Option<WeightId>,
    /// Of the embedding, where it has a norm.
    pub ln_embed: Option<Norm>,
    /// The blocks in order.
    pub blocks: Vec<Block>,
    /// After the last block.
    pub ln_final: Norm,
    /// To the logits; its weight is `embed` where the head is tied.
    pub head: Head,
}

impl Network {
    /// A weight's name and shape.
    pub fn weight(&self, id: WeightId) -> &WeightSpec {
        &self.weights[id.index()]
    }

    /// Every weight in order.
    pub fn ids(&self) -> impl Iterator<Item = WeightId> + use<> {
        (0..self.weights.len() as u32).map(WeightId)
    }

    /// The weight of a name.
    pub fn find(&self, name: &str) -> Option<WeightId> {
        let index = self.weights.iter().position(|spec| spec.name == name)?;
        Some(WeightId(index as u32))
    }

    /// Elements of all weights, a tied table counted once, and those that are always 1 not at all.
    pub fn parameters(&self) -> usize {
        let is_learned =
            |spec: &&WeightSpec| self.config.has_norm_weights || spec.kind != WeightKind::Gain;
        self.weights.iter().filter(is_learned).map(WeightSpec::len).sum()
    }

    /// Multiplications of the matrix products of a pass over `tokens` tokens behind `cached` ones in the
    /// cache, with the logits of the last token alone. Norms, rotations and the softmax are left out.
    pub fn multiplications(&self, cached: usize, tokens: usize) -> u64 {
        let pairs = |block: &Block| {
            let Attend { heads, head_dim, window, .. } = block.attend;
            let seen = |at: usize| (at + 1).min(window.unwrap_or(usize::MAX)) as u64;
            2 * (heads * head_dim) as u64 * (cached..cached + tokens).map(seen).sum::<u64>()
        };
        self.block_multiplications() * tokens as u64
            + self.blocks.iter().map(pairs).sum::<u64>()
            + self.projections.map_or(0, |[into, out]| {
                into.multiplications() * tokens as u64 + out.multiplications()
            })
            + self.head.linear.multiplications()
    }

    /// Those of all linear layers of the blocks for one token: of a mixture, of the experts that are chosen.
    pub fn block_multiplications(&self) -> u64 {
        let block = |block: &Block| {
            let linears = block.qkv.iter().chain([&block.output]);
            linears.map(Linear::multiplications).sum::<u64>() + block.mlp.multiplications()
        };
        self.blocks.iter().map(block).sum()
    }

    /// Layers.
    pub fn layers(&self) -> Range<usize> {
        0..self.blocks.len()
    }
}
