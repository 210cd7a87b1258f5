//! Lists the weights of a configuration, part by part, in the order in which first weights are drawn.

use lookback_kernels::attend::Alibi;

use super::{
    Attend, Block, FeedForward, Head, Linear, Mixture, Mlp, Network, Norm, Rotary, WeightId,
    WeightKind, WeightSpec,
};
use crate::{BlockOrder, Config, MixtureConfig, NormPlacement, Positions, QueryKeyNorm};

impl Network {
    /// Lists the weights and blocks of a configuration.
    pub fn new(config: &Config) -> Self {
        let mut weights = Weights(Vec::new());
        let embedding_width = config.embedding_width.unwrap_or(config.width);
        let embed =
            weights.add("embed.weight", [config.vocabulary, embedding_width], WeightKind::Table);
        let projections = config.embedding_width.map(|outside| {
            [("embed.project", [config.width, outside]), ("head.project", [outside, config.width])]
                .map(|(stem, shape)| weights.linear(stem, shape, WeightKind::Matrix, false))
        });
        let positions = (config.positions == Positions::Learned).then(|| {
            weights.add("pos_embed.weight", [config.context, config.width], WeightKind::Table)
        });
        let ln_embed =
            config.embedding_norm.then(|| weights.norm(config, "ln_embed", config.width));
        let blocks = (0..config.layers).map(|layer| weights.block(config, layer)).collect();
        let ln_final = weights.norm(config, "ln_final", config.width);
        let (vocabulary, width) = (config.vocabulary, embedding_width);
        let linear = if config.tied {
            let bias = config
                .head_bias
                .then(|| weights.add("head.bias", [1, vocabulary], WeightKind::Bias));
            Linear { weight: embed, bias, inputs: width, outputs: vocabulary }
        } else {
            weights.linear("head", [vocabulary, width], WeightKind::Matrix, config.head_bias)
        };
        let head = Head { linear, factor: config.logit_factor, cap: config.logit_cap };
        let config = config.clone();
        Self {
            config,
            weights: weights.0,
            embed,
            projections,
            positions,
            ln_embed,
            blocks,
            ln_final,
            head,
        }
    }
}

/// The weights listed so far.
struct Weights(Vec<WeightSpec>);

impl Weights {
    fn add(&mut self, name: &str, shape: [usize; 2], kind: WeightKind) -> WeightId {
        self.0.push(WeightSpec { name: name.to_owned(), shape, kind });
        WeightId(self.0.len() as u32 - 1)
    }

    fn norm(&mut self, config: &Config, stem: &str, width: usize) -> Norm {
        let weight = self.add(&format!("{stem}.weight"), [1, width], WeightKind::Gain);
        let bias = config
            .norm_bias
            .then(|| self.add(&format!("{stem}.bias"), [1, width], WeightKind::Bias));
        Norm { kind: config.norm, weight, bias, width, heads: None, epsilon: config.epsilon }
    }

    /// A norm of heads that have weights of their own.
    fn norm_of_each_head(&mut self, config: &Config, stem: &str, heads: usize) -> Norm {
        let width = config.head_dim;
        let weight = self.add(&format!("{stem}.weight"), [heads, width], WeightKind::Gain);
        let (kind, epsilon) = (config.norm, config.epsilon);
        Norm { kind, weight, bias: None, width, heads: Some(heads), epsilon }
    }

    fn linear(&mut self, stem: &str, shape: [usize; 2], kind: WeightKind, bias: bool) -> Linear {
        let weight = self.add(&format!("{stem}.weight"), shape, kind);
        let bias = bias.then(|| self.add(&format!("{stem}.bias"), [1, shape[0]], WeightKind::Bias));
        Linear { weight, bias, inputs: shape[1], outputs: shape[0] }
    }

    /// An MLP of a hidden width.
    fn mlp(&mut self, config: &Config, hidden: usize, stem: &str) -> Mlp {
        let (width, bias) = (config.width, config.mlp_bias);
        let mut linear = |part: &str, shape: [usize; 2], kind: WeightKind| {
            self.linear(&format!("{stem}.{part}"), shape, kind, bias)
        };
        let gate = config.gated.then(|| linear("gate", [hidden, width], WeightKind::Matrix));
        let up = linear("up", [hidden, width], WeightKind::Matrix);
        let down = linear("down", [width, hidden], WeightKind::Output);
        Mlp { gate, up, activation: config.activation, down }
    }

    fn mixture(&mut self, config: &Config, mixture: &MixtureConfig, stem: &str) -> Mixture {
        let shape = [mixture.experts, config.width];
        let router = format!("{stem}.router");
        let router = self.linear(&router, shape, WeightKind::Router, mixture.router_bias);
        let experts = (0..mixture.experts)
            .map(|expert| self.mlp(config, mixture.hidden, &format!("{stem}.experts.{expert}")));
        let experts = experts.collect();
        Mixture { router, experts, chosen: mixture.chosen, weighting: mixture.weighting }
    }

    fn block(&mut self, config: &Config, layer: usize) -> Block {
        let stem = |part: &str| format!("blocks.{layer}.{part}");
        let queries = config.heads * config.head_dim;
        let keys = config.key_heads * config.head_dim;
        let (width, hidden) = (config.width, config.hidden);
        let (before, after) = match config.norm_placement {
            NormPlacement::Before => (true, false),
            NormPlacement::After => (false, true),
            NormPlacement::Both => (true, true),
            NormPlacement::Stream => (false, false),
        };
        let is_on_stream = config.norm_placement == NormPlacement::Stream;

        let ln1 = before.then(|| self.norm(config, &stem("ln1"), width));
        let qkv =
            [("attn.q", queries), ("attn.k", keys), ("attn.v", keys)].map(|(part, outputs)| {
                self.linear(
                    &stem(part),
                    [outputs, width],
                    WeightKind::Matrix,
                    config.attention_bias,
                )
            });
        let query_key_norms = config.query_key_norm.map(|norms| {
            let parts = [("attn.q_norm", config.heads), ("attn.k_norm", config.key_heads)];
            parts.map(|(part, heads)| match norms {
                QueryKeyNorm::Heads => self.norm(config, &stem(part), config.head_dim),
                QueryKeyNorm::EachHead => self.norm_of_each_head(config, &stem(part), heads),
                QueryKeyNorm::Rows => self.norm(config, &stem(part), heads * config.head_dim),
            })
        });
        let output =
            self.linear(&stem("attn.o"), [width, queries], WeightKind::Output, config.output_bias);
        let sinks = config
            .attention_sinks
            .then(|| self.add(&stem("attn.sinks"), [1, config.heads], WeightKind::Bias));
        let ln1_post = after.then(|| self.norm(config, &stem("ln1_post"), width));
        let ln_resid_mid = is_on_stream.then(|| self.norm(config, &stem("ln_resid_mid"), width));
        let has_ln2 = before && config.block_order != BlockOrder::ParallelSharedNorm;
        let ln2 = has_ln2.then(|| self.norm(config, &stem("ln2"), width));
        let mlp = match config.layer_mixture(layer) {
            Some(mixture) => FeedForward::Mixture(self.mixture(config, mixture, &stem("mlp"))),
            None => FeedForward::Dense(self.mlp(config, hidden, &stem("mlp"))),
        };
        let ln2_post = after.then(|| self.norm(config, &stem("ln2_post"), width));
        // The last block's is the final norm.
        let has_ln_resid_post = is_on_stream && layer + 1 < config.layers;
        let ln_resid_post =
            has_ln_resid_post.then(|| self.norm(config, &stem("ln_resid_post"), width));

        let rotary = config.rotary(layer).map(|rotary| Rotary {
            head_dim: config.head_dim,
            rotary_dim: rotary.rotary_dim,
            frequencies: rotary.frequencies(config.context).into(),
            factor: rotary.attention_factor(),
        });
        let attend = Attend {
            layer,
            heads: config.heads,
            key_heads: config.key_heads,
            head_dim: config.head_dim,
            scale: config.layer_scale(layer),
            is_causal: true,
            window: config.layer_window(layer),
            score_cap: config.score_cap,
            alibi: match config.positions {
                Positions::Alibi { is_scaled } => Some(Alibi {
                    heads: config.heads,
                    factor: if is_scaled { config.scale } else { 1.0 },
                }),
                Positions::Learned | Positions::Rotary(_) | Positions::None => None,
            },
            sinks,
        };
        Block {
            order: config.block_order,
            ln1,
            qkv,
            qkv_bound: config.qkv_bound,
            query_key_norms,
            rotary,
            attend,
            output,
            ln1_post,
            ln_resid_mid,
            ln2,
            mlp,
            ln2_post,
            ln_resid_post,
            residual_factor: config.residual_factor,
        }
    }
}
