//! The configuration that a GGUF file's metadata describes. What is not understood is refused.

use lookback_files::{Refusal, Result};

use super::{
    super::names::{Names, Part},
    GgufTokenizer,
    metadata::{Metadata, Value},
};
use crate::{
    Activation, Config, Family, NormKind, Positions, RotaryConfig,
    config::{shown, usual_scale},
};

/// Which family the file is of.
pub(super) fn family(metadata: &Metadata) -> Result<Family> {
    if metadata.whole("split.count")?.is_some_and(|parts| parts > 1) {
        return Err(Refusal::user("it is one part of a split file; merge the parts first"));
    }
    match metadata.text("general.architecture")? {
        Some("llama") => Ok(Family::Llama),
        Some("gpt2") => Ok(Family::Gpt2),
        Some(other) => Err(Refusal::user(format!(
            "general.architecture \"{}\" is not understood; llama and gpt2 are",
            shown(other)
        ))),
        None => Err(Refusal::user("general.architecture is missing; llama or gpt2 is needed")),
    }
}

/// Reads the configuration. `shape` is that of the file's tensor of a name.
pub(super) fn read<'a>(
    family: Family,
    metadata: &Metadata,
    tokenizer: &GgufTokenizer,
    names: &Names,
    shape: &dyn Fn(&str) -> Option<&'a [usize]>,
) -> Result<Config> {
    let mut keys = Keys { metadata, family, taken: Vec::new() };
    let width = keys.size("embedding_length")?;
    let heads = keys.size("attention.head_count")?;
    if heads == 0 || !width.is_multiple_of(heads) {
        return Err(Refusal::user(format!("a width of {width} cannot be shared by {heads} heads")));
    }
    let head_dim = keys.size_or("attention.key_length", width / heads)?;
    if keys.size_or("attention.value_length", head_dim)? != head_dim {
        return Err(Refusal::user("keys and values of different lengths are not understood"));
    }
    let key_heads = keys.size_or("attention.head_count_kv", heads)?;
    if keys.size_or("expert_count", 0)? != 0 {
        return Err(Refusal::user("a mixture of experts is not understood"));
    }
    let has = |name: &str| shape(name).is_some();
    // A table may have fewer rows than there are tokens (a `<pad>` that was added without resizing), or
    // more (rounded up); which of the tokens it has is for their use to say.
    let rows = shape(&format!("{}.weight", names.embed)).and_then(|shape| shape.first().copied());
    let vocabulary = keys.size_or("vocab_size", rows.unwrap_or(tokenizer.tokens.len()))?;
    let layers = keys.size("block_count")?;
    let hidden = keys.size("feed_forward_length")?;
    let context = keys.size("context_length")?;
    let epsilon = keys.real(match family {
        Family::Gpt2 => "attention.layer_norm_epsilon",
        Family::Llama | Family::Qwen3 => "attention.layer_norm_rms_epsilon",
    })?;
    let Some(epsilon) = epsilon else {
        return Err(Refusal::user("the epsilon of its norms is missing"));
    };
    let positions = match family {
        Family::Gpt2 => Positions::Learned,
        Family::Llama | Family::Qwen3 => read_rotary(&mut keys, head_dim)?,
    };
    keys.finish()?;

    let is_gpt2 = family == Family::Gpt2;
    let bias = |part| is_gpt2 || has(&names.of_first_block(part, "bias"));
    let ends = tokenizer.ends.iter().copied().filter(|id| id.index() < vocabulary).collect();
    let config = Config {
        family,
        vocabulary,
        width,
        layers,
        heads,
        key_heads,
        head_dim,
        hidden,
        context,
        norm: if is_gpt2 { NormKind::Layer } else { NormKind::Rms },
        head_norm: family == Family::Qwen3,
        norm_bias: is_gpt2,
        epsilon,
        positions,
        activation: if is_gpt2 { Activation::GeluTanh } else { Activation::Silu },
        gated: !is_gpt2,
        attention_bias: bias(Part::Query),
        output_bias: bias(Part::Output),
        mlp_bias: bias(Part::Up),
        tied: !has(&format!("{}.weight", names.head)),
        window: None,
        scale: usual_scale(head_dim),
        cap: None,
        beginning: tokenizer.beginning.filter(|id| id.index() < vocabulary),
        ends,
    };
    config.checked()
}

fn read_rotary(keys: &mut Keys<'_>, head_dim: usize) -> Result<Positions> {
    let rotary_dim = keys.size_or("rope.dimension_count", head_dim)?;
    if rotary_dim != head_dim {
        return Err(Refusal::user(format!(
            "{rotary_dim} rotary dimensions of a head's {head_dim} are not understood; all of them \
             are"
        )));
    }
    let theta = keys.real("rope.freq_base")?.unwrap_or(10000.0);
    if let Some(kind) = keys.text("rope.scaling.type")?.filter(|kind| *kind != "none") {
        return Err(Refusal::user(format!(
            "{} rope scaling is not understood; none is",
            shown(kind)
        )));
    }
    for key in ["rope.scaling.factor", "rope.scale_linear", "rope.scaling.attn_factor"] {
        if keys.real(key)?.is_some_and(|factor| factor != 1.0 && factor != 0.0) {
            return Err(Refusal::user(format!(
                "{key} is not understood; remove it or set it to 1"
            )));
        }
    }
    Ok(Positions::Rotary(RotaryConfig { theta, rotary_dim }))
}

/// The keys of the architecture, with those that have been understood.
struct Keys<'a> {
    metadata: &'a Metadata,
    family: Family,
    taken: Vec<String>,
}

impl<'a> Keys<'a> {
    fn key(&mut self, part: &str) -> String {
        let key = format!("{}{part}", self.prefix());
        self.taken.push(key.clone());
        key
    }

    fn prefix(&self) -> &'static str {
        match self.family {
            Family::Gpt2 => "gpt2.",
            Family::Llama => "llama.",
            Family::Qwen3 => "qwen3.",
        }
    }

    fn size(&mut self, part: &str) -> Result<usize> {
        let key = self.key(part);
        match self.metadata.whole(&key)? {
            Some(size) => Ok(usize::try_from(size).unwrap_or(usize::MAX)),
            None => Err(Refusal::user(format!("metadata {key} is missing"))),
        }
    }

    fn size_or(&mut self, part: &str, usual: usize) -> Result<usize> {
        let key = self.key(part);
        let size = self.metadata.whole(&key)?;
        Ok(size.map_or(usual, |size| usize::try_from(size).unwrap_or(usize::MAX)))
    }

    fn real(&mut self, part: &str) -> Result<Option<f32>> {
        let key = self.key(part);
        Ok(self.metadata.real(&key)?.map(|number| number as f32))
    }

    fn text(&mut self, part: &str) -> Result<Option<&'a str>> {
        let key = self.key(part);
        self.metadata.text(&key)
    }

    /// Refuses the first key of the architecture that nobody asked for, unless it is switched off.
    fn finish(self) -> Result<()> {
        for key in self.metadata.keys() {
            let Some(part) = key.strip_prefix(self.prefix()) else { continue };
            let value = self.metadata.get(key);
            let is_off = matches!(value, Some(Value::Flag(false) | Value::Whole(0)))
                || part == "attention.causal" && value == Some(&Value::Flag(true))
                || part == "rope.scaling.original_context_length";
            if !is_off && !self.taken.iter().any(|taken| taken == key) {
                return Err(Refusal::user(format!(
                    "metadata {} is not understood, and may change what the model computes",
                    shown(key)
                )));
            }
        }
        Ok(())
    }
}
