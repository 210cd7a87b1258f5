//! The configuration that a GGUF file's metadata describes. What is not understood is refused.

use lookback_files::{Refusal, Result, excerpt};

use super::{
    super::names::Part,
    GgufTokenizer,
    metadata::{Metadata, Value},
};
use crate::{Config, Family, NormKind, Positions, RotaryConfig, Size, config::head_dim, families};

/// Which family the file is of.
pub(super) fn family(metadata: &Metadata) -> Result<&'static Family> {
    if metadata.whole("split.count")?.is_some_and(|parts| parts > 1) {
        return Err(Refusal::unsupported("it is one part of a split file; merge the parts first"));
    }
    let key = "general.architecture";
    families::find(key, metadata.text(key)?, |family| family.gguf)
}

/// Reads the configuration. `shape` is that of the file's tensor of a name.
pub(super) fn read<'a>(
    family: &'static Family,
    metadata: &Metadata,
    tokenizer: &GgufTokenizer,
    shape: &dyn Fn(&str) -> Option<&'a [usize]>,
) -> Result<Config> {
    let names = &family.gguf_names;
    let mut keys = Keys { metadata, family, taken: Vec::new() };
    let width = keys.size("embedding_length")?;
    let heads = keys.size("attention.head_count")?;
    let head_dim = head_dim(width, heads)?;
    let head_dim = keys.size_or("attention.key_length", head_dim)?;
    if keys.size_or("attention.value_length", head_dim)? != head_dim {
        return Err(Refusal::unsupported(
            "keys and values of different lengths are not understood",
        ));
    }
    let key_heads = keys.size_or("attention.head_count_kv", heads)?;
    if keys.size_or("expert_count", 0)? != 0 {
        return Err(Refusal::unsupported("a mixture of experts is not understood"));
    }
    let has = |name: &str| shape(name).is_some();
    // A table may have fewer rows than there are tokens (a `<pad>` that was added without resizing), or
    // more (rounded up); which of the tokens it has is for their use to say.
    let rows = shape(&format!("{}.weight", names.embed)).and_then(|shape| shape.first().copied());
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
    let positions = match defaults.positions {
        Positions::Rotary(rotary) => Positions::Rotary(read_rotary(&mut keys, rotary)?),
        others => others,
    };
    keys.finish()?;

    let has_bias = |part| has(&names.of_first_block(part, "bias"));
    let config = Config {
        epsilon,
        positions,
        attention_bias: defaults.attention_bias || has_bias(Part::Query),
        output_bias: defaults.output_bias || has_bias(Part::Output),
        mlp_bias: defaults.mlp_bias || has_bias(Part::Up),
        tied: !has(&format!("{}.weight", names.head)),
        bos: tokenizer.bos.filter(|id| id.index() < vocabulary),
        eos: tokenizer.eog.iter().copied().filter(|id| id.index() < vocabulary).collect(),
        ..defaults
    };
    config.checked()
}

fn read_rotary(keys: &mut Keys<'_>, defaults: RotaryConfig) -> Result<RotaryConfig> {
    let head_dim = defaults.rotary_dim;
    let rotary_dim = keys.size_or("rope.dimension_count", head_dim)?;
    if rotary_dim != head_dim {
        return Err(Refusal::unsupported(format!(
            "{rotary_dim} rotary dimensions of a head's {head_dim} are not understood; all of them \
             are"
        )));
    }
    let theta = keys.real("rope.freq_base")?.unwrap_or(defaults.theta);
    if let Some(kind) = keys.text("rope.scaling.type")?.filter(|kind| *kind != "none") {
        return Err(Refusal::unsupported(format!(
            "{} rope scaling is not understood; none is",
            excerpt(kind)
        )));
    }
    for key in ["rope.scaling.factor", "rope.scale_linear", "rope.scaling.attn_factor"] {
        if keys.real(key)?.is_some_and(|factor| factor != 1.0 && factor != 0.0) {
            return Err(Refusal::unsupported(format!(
                "{key} is not understood; remove it or set it to 1"
            )));
        }
    }
    Ok(RotaryConfig::plain(theta, rotary_dim))
}

/// The keys of the architecture, with those that have been understood.
struct Keys<'a> {
    metadata: &'a Metadata,
    family: &'static Family,
    taken: Vec<String>,
}

impl<'a> Keys<'a> {
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

    fn size_or(&mut self, part: &str, defaults: usize) -> Result<usize> {
        let key = self.key(part);
        let size = self.metadata.whole(&key)?;
        Ok(size.map_or(defaults, |size| usize::try_from(size).unwrap_or(usize::MAX)))
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
            let part = key.strip_prefix(self.family.gguf).and_then(|rest| rest.strip_prefix('.'));
            let Some(part) = part else { continue };
            let value = self.metadata.get(key);
            let is_off = matches!(value, Some(Value::Flag(false) | Value::Whole(0)))
                || part == "attention.causal" && value == Some(&Value::Flag(true))
                || part == "rope.scaling.original_context_length";
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
