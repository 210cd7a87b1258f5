//! The configuration that a GGUF file's metadata describes. What is not understood is refused.
//!
//! What every architecture has is read here; what is a family's own, by the family's `read_gguf`.

use std::sync::Arc;

use lookback_files::{Refusal, Result, excerpt};

use super::{
    super::names::Part,
    GgufTokenizer,
    metadata::{Metadata, Value},
};
use crate::{
    Config, Family, LongRope, MixtureConfig, NormKind, Positions, RopeScaling, RotaryConfig, Size,
    Yarn,
    config::{head_dim, yarn_attention_factor},
    families,
    files::Names,
};

/// What the list of a file's tensors says.
pub(super) trait TensorList {
    /// The shape of a tensor, outermost first.
    fn shape(&self, name: &str) -> Option<&[usize]>;
    /// The values of a tensor in f32.
    fn values(&self, name: &str) -> Option<Arc<[f32]>>;
}

/// Which family the file is of.
pub(super) fn family(metadata: &Metadata) -> Result<&'static Family> {
    if metadata.whole("split.count")?.is_some_and(|parts| parts > 1) {
        return Err(Refusal::unsupported("it is one part of a split file; merge the parts first"));
    }
    let key = "general.architecture";
    let family = families::find(key, metadata.text(key)?, |family| family.gguf)?;
    let experts = format!("{}.expert_count", family.gguf);
    families::with_experts(family, metadata.whole(&experts)?.is_some_and(|experts| experts > 0))
        .ok_or_else(|| {
            Refusal::unsupported(match family.has_experts() {
                true => {
                    format!("metadata {experts} is missing or 0, but its architecture has experts")
                }
                false => "a mixture of experts is not understood in its architecture".to_owned(),
            })
        })
}

/// The names of this file's tensors: queries, keys and values are one tensor or three, and so are the
/// branches of a gated MLP.
pub(super) fn names(family: &Family, tensors: &dyn TensorList) -> Names {
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

/// Reads the configuration.
pub(super) fn read(
    family: &'static Family,
    metadata: &Metadata,
    tokenizer: &GgufTokenizer,
    tensors: &dyn TensorList,
) -> Result<Config> {
    let names = names(family, tensors);
    let mut keys = GgufKeys { metadata, family, tensors, taken: Vec::new() };
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
    // more (rounded up); which of the tokens it has is for their use to say.
    let table = tensors.shape(&format!("{}.weight", names.embed));
    let rows = table.and_then(|shape| shape.first().copied());
    let vocabulary = keys.size_or("vocab_size", rows.unwrap_or(tokenizer.tokens.len()))?;
    let size = Size {
        vocabulary,
        width,
        layers: keys.size("block_count")?,
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
        Positions::Rotary(rotary) => {
            Positions::Rotary(keys.rotary(rotary.clone(), head_dim, size.context)?)
        }
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

/// The keys of the architecture, with those that have been understood, and its tensors.
pub(crate) struct GgufKeys<'a> {
    metadata: &'a Metadata,
    family: &'static Family,
    tensors: &'a dyn TensorList,
    taken: Vec<String>,
}

impl<'a> GgufKeys<'a> {
    fn key(&mut self, part: &str) -> String {
        let key = format!("{}.{part}", self.family.gguf);
        self.taken.push(key.clone());
        key
    }

    fn size(&mut self, part: &str) -> Result<usize> {
        let key = self.key(part);
        match self.metadata.whole(&key)? {
            Some(size) => Ok(usize::try_from(size).unwrap_or(usize::MAX)),
            None => Err(Refusal::user(format!("metadata {key} is missing"))),
        }
    }

    /// A size, if it is there.
    pub(crate) fn size_or_none(&mut self, part: &str) -> Result<Option<usize>> {
        let key = self.key(part);
        let size = self.metadata.whole(&key)?;
        Ok(size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
    }

    fn size_or(&mut self, part: &str, defaults: usize) -> Result<usize> {
        Ok(self.size_or_none(part)?.unwrap_or(defaults))
    }

    /// A number, if it is there.
    pub(crate) fn real(&mut self, part: &str) -> Result<Option<f32>> {
        let key = self.key(part);
        Ok(self.metadata.real(&key)?.map(|number| number as f32))
    }

    /// Yes or no, if it is there.
    pub(crate) fn flag(&mut self, part: &str) -> Result<Option<bool>> {
        let key = self.key(part);
        self.metadata.flag(&key)
    }

    fn text(&mut self, part: &str) -> Result<Option<&'a str>> {
        let key = self.key(part);
        self.metadata.text(&key)
    }

    /// A key that changes nothing.
    pub(crate) fn pass_over(&mut self, part: &str) {
        self.key(part);
    }

    /// Whether the first block has a tensor.
    pub(crate) fn first_block_has(&self, part: &str) -> bool {
        self.tensors.shape(&format!("blk.0.{part}")).is_some()
    }

    /// A sliding window in the layers for which `has_window` says so, if the file names its size.
    pub(crate) fn windows(
        &mut self,
        config: Config,
        has_window: impl Fn(usize) -> bool,
    ) -> Result<Config> {
        let window = self.size_or_none("attention.sliding_window")?.filter(|window| *window > 0);
        let layers = (0..config.layers).map(has_window).collect();
        Ok(config.with_windows(window, layers))
    }

    /// The rotary embedding.
    fn rotary(
        &mut self,
        defaults: RotaryConfig,
        head_dim: usize,
        context: usize,
    ) -> Result<RotaryConfig> {
        let rotary_dim = self.size_or("rope.dimension_count", defaults.rotary_dim)?;
        if rotary_dim > head_dim {
            return Err(Refusal::unsupported(format!(
                "{rotary_dim} rotary dimensions of a head's {head_dim} are not understood; as many or \
                 fewer are"
            )));
        }
        let theta = self.real("rope.freq_base")?.unwrap_or(defaults.theta);
        let scaling = self.rope_scaling(context)?;
        Ok(RotaryConfig { theta, rotary_dim, scaling })
    }

    fn rope_scaling(&mut self, context: usize) -> Result<RopeScaling> {
        let kind = self.text("rope.scaling.type")?.unwrap_or("none");
        let old = self.real("rope.scale_linear")?;
        let factor = self.real("rope.scaling.factor")?.or(old);
        let factor = factor.filter(|factor| *factor != 0.0).unwrap_or(1.0);
        let attention = self.real("rope.scaling.attn_factor")?.filter(|factor| *factor != 0.0);
        let original = self.size_or_none("rope.scaling.original_context_length")?;
        let original_context = original.filter(|size| *size > 0).unwrap_or(context);
        let lists = ["rope_factors_short.weight", "rope_factors_long.weight"]
            .map(|name| self.tensors.values(name));
        if let [Some(short), Some(long)] = lists {
            let times = context as f64 / original_context as f64;
            let usual = || match times <= 1.0 {
                true => 1.0,
                false => (1.0 + times.ln() / (original_context as f64).ln()).sqrt() as f32,
            };
            let attention_factor = attention.unwrap_or_else(usual);
            return Ok(RopeScaling::LongRope(LongRope {
                short,
                long,
                original_context,
                attention_factor,
            }));
        }
        if let Some(divisors) = self.tensors.values("rope_freqs.weight") {
            return Ok(RopeScaling::Divisors(divisors));
        }
        if kind != "yarn" && attention.is_some_and(|factor| factor != 1.0) {
            return Err(Refusal::unsupported(
                "rope.scaling.attn_factor is not understood; remove it or set it to 1",
            ));
        }
        match kind {
            // Older files give a factor and no type.
            "none" | "linear" if factor == 1.0 => Ok(RopeScaling::None),
            "none" | "linear" => Ok(RopeScaling::Linear { factor }),
            "yarn" => {
                let mut real =
                    |part: &str, usual: f32| self.real(part).map(|number| number.unwrap_or(usual));
                let beta_fast = real("rope.scaling.yarn_beta_fast", 32.0)?;
                let beta_slow = real("rope.scaling.yarn_beta_slow", 1.0)?;
                let attention_factor =
                    attention.unwrap_or(1.0) * yarn_attention_factor(factor, 1.0) as f32;
                Ok(RopeScaling::Yarn(Yarn {
                    factor,
                    original_context,
                    beta_fast,
                    beta_slow,
                    truncate: true,
                    attention_factor,
                }))
            }
            kind => Err(Refusal::unsupported(format!(
                "{} rope scaling is not understood; none, linear and yarn are",
                excerpt(kind)
            ))),
        }
    }

    /// Refuses the first key of the architecture that nobody asked for, unless it is switched off.
    fn finish(self) -> Result<()> {
        for key in self.metadata.keys() {
            let part = key.strip_prefix(self.family.gguf).and_then(|rest| rest.strip_prefix('.'));
            let Some(part) = part else { continue };
            let value = self.metadata.get(key);
            let is_off = matches!(value, Some(Value::Flag(false) | Value::Whole(0)))
                || part == "attention.causal" && value == Some(&Value::Flag(true))
                || part == "rope.scaling.original_context_length"
                || part == "rope.scaling.finetuned";
            if !is_off && !self.taken.iter().any(|taken| taken == key) {
                return Err(Refusal::unsupported(format!(
                    "metadata {} is not understood, and may change what the model computes",
                    excerpt(key)
                )));
            }
        }
        Ok(())
    }
}
