//! Rotary embeddings as a `config.json` describes them: `rope_theta` and `rope_scaling`, or the newer
//! `rope_parameters`, which may differ by the kind of a layer.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::{Map, Value, json};

use super::{
    super::{
        Config, LongRope, Positions, RopeScaling, RotaryConfig, Yarn, keys::Keys,
        yarn_attention_factor,
    },
    write::decimal,
};

/// What a rotary embedding takes over from elsewhere in the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RopeContext {
    /// Width of a head.
    pub head_dim: usize,
    /// Positions that the model was made for.
    pub context: usize,
    /// Positions of its first training, where the configuration says so beside the scaling.
    pub original_context: Option<usize>,
    /// Whether models of the family may rotate a part of each head.
    pub may_be_partial: bool,
}

impl RopeContext {
    /// The integer part of a head's share, as transformers rounds it.
    fn rotary_dim(self, part: f32) -> Result<usize> {
        if !self.may_be_partial && part != 1.0 {
            return Err(Refusal::unsupported(format!(
                "partial_rotary_factor is {part}, but models of this family rotate whole heads; 1 is understood"
            )));
        }
        // As decimal: 0.4 of 80 is 32, and the f32 of 0.4 times 80 a little more or less.
        let part: f64 = part.to_string().parse().unwrap_or(f64::from(part));
        Ok((part * self.head_dim as f64) as usize)
    }
}

impl Keys<'_> {
    /// The rotary embedding of all layers.
    pub(crate) fn rotary(
        &mut self,
        model: RopeContext,
        defaults: RotaryConfig,
    ) -> Result<RotaryConfig> {
        self.rotary_of_layers(None, model, defaults)
    }

    /// The rotary embedding of the layers of a kind (`full_attention`, `sliding_attention`). What a file
    /// says without a kind is not for those with a window: `defaults` are theirs.
    pub(crate) fn rotary_of_layers(
        &mut self,
        kind: Option<&'static str>,
        model: RopeContext,
        defaults: RotaryConfig,
    ) -> Result<RotaryConfig> {
        let is_sliding = kind == Some("sliding_attention");
        let mut rotary = defaults;
        for key in ["rope_theta", "rotary_emb_base"] {
            let theta = self.number(key)?.filter(|_| !is_sliding);
            rotary.theta = theta.unwrap_or(rotary.theta);
        }
        for key in ["partial_rotary_factor", "rotary_pct"] {
            if let Some(part) = self.number(key)? {
                rotary.rotary_dim = model.rotary_dim(part)?;
            }
        }
        for key in ["rope_scaling", "rope_parameters"] {
            let Some(object) = self.object(key)? else { continue };
            let own = kind.and_then(|kind| Some((kind, object.get(kind)?.as_object()?)));
            match own {
                Some((kind, own)) => {
                    rotary = read_rope(own, &format!("{key}.{kind}."), model, rotary)?;
                }
                None if is_sliding => {}
                None => rotary = read_rope(object, &format!("{key}."), model, rotary)?,
            }
        }
        Ok(rotary)
    }
}

fn read_rope(
    object: &Map<String, Value>,
    prefix: &str,
    model: RopeContext,
    defaults: RotaryConfig,
) -> Result<RotaryConfig> {
    let mut keys = Keys::new(object, prefix);
    let kind = keys.word("rope_type")?;
    let kind = keys.word("type")?.or(kind).unwrap_or("default");
    let theta = keys.number("rope_theta")?.unwrap_or(defaults.theta);
    let rotary_dim = match keys.number("partial_rotary_factor")? {
        Some(part) => model.rotary_dim(part)?,
        None => defaults.rotary_dim,
    };
    let mut original = || -> Result<usize> {
        let own = keys.size_or_none("original_max_position_embeddings")?;
        Ok(own.or(model.original_context).unwrap_or(model.context))
    };
    let original_context = original()?;
    let scaling = match kind {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear { factor: required(&mut keys, "factor")? },
        "llama3" => RopeScaling::Llama3 {
            factor: required(&mut keys, "factor")?,
            low_freq_factor: required(&mut keys, "low_freq_factor")?,
            high_freq_factor: required(&mut keys, "high_freq_factor")?,
            original_context,
        },
        "dynamic" => {
            RopeScaling::Dynamic { factor: required(&mut keys, "factor")?, original_context }
        }
        "yarn" => RopeScaling::Yarn(read_yarn(&mut keys, original_context)?),
        "longrope" | "su" => {
            RopeScaling::LongRope(read_long_rope(&mut keys, original_context, model.context)?)
        }
        kind => {
            return Err(Refusal::unsupported(format!(
                "{prefix}rope_type {} is not understood; default, linear, llama3, dynamic, yarn and \
                 longrope are",
                excerpt(kind)
            )));
        }
    };
    keys.finish()?;
    Ok(RotaryConfig { theta, rotary_dim, scaling })
}

fn required(keys: &mut Keys<'_>, key: &'static str) -> Result<f32> {
    match keys.number(key)? {
        Some(number) => Ok(number),
        None => Err(Refusal::user(format!("{}{key} is missing", keys.prefix()))),
    }
}

fn read_yarn(keys: &mut Keys<'_>, original_context: usize) -> Result<Yarn> {
    let factor = required(keys, "factor")?;
    let own = keys.number("attention_factor")?;
    let parts = [keys.number("mscale")?, keys.number("mscale_all_dim")?];
    let attention_factor = match (own, parts) {
        (Some(own), _) => own,
        (None, [Some(part), Some(all)]) if part != 0.0 && all != 0.0 => {
            (yarn_attention_factor(factor, part) / yarn_attention_factor(factor, all)) as f32
        }
        (None, _) => yarn_attention_factor(factor, 1.0) as f32,
    };
    Ok(Yarn {
        factor,
        original_context,
        beta_fast: keys.number("beta_fast")?.unwrap_or(32.0),
        beta_slow: keys.number("beta_slow")?.unwrap_or(1.0),
        truncate: keys.flag("truncate", true)?,
        attention_factor,
    })
}

fn read_long_rope(
    keys: &mut Keys<'_>,
    original_context: usize,
    context: usize,
) -> Result<LongRope> {
    let mut list = |key: &'static str| match keys.numbers(key)? {
        Some(numbers) => Ok(numbers.into()),
        None => Err(Refusal::user(format!("{}{key} is missing", keys.prefix()))),
    };
    let (short, long) = (list("short_factor")?, list("long_factor")?);
    let times = match keys.number("factor")? {
        Some(factor) => f64::from(factor),
        None => context as f64 / original_context as f64,
    };
    let usual = || match times <= 1.0 {
        true => 1.0,
        false => (1.0 + times.ln() / (original_context as f64).ln()).sqrt() as f32,
    };
    let attention_factor = keys.number("attention_factor")?.unwrap_or_else(usual);
    Ok(LongRope { short, long, original_context, attention_factor })
}

/// Writes the rotary embedding of a configuration beside its other keys: in the words of transformers 5,
/// and of transformers 4 as well.
pub(crate) fn write_rope(config: &Config, object: &mut Value) {
    let Positions::Rotary(rotary) = &config.positions else { return };
    object["rope_theta"] = decimal(rotary.theta);
    let main = rope_object(config, rotary);
    if rotary.scaling != RopeScaling::None {
        let mut scaling = main.clone();
        if let Some(scaling) = scaling.as_object_mut() {
            scaling.remove("rope_theta");
            scaling.remove("partial_rotary_factor");
        }
        object["rope_scaling"] = scaling;
    }
    if rotary.rotary_dim != config.head_dim {
        object["partial_rotary_factor"] = partial(config, rotary);
    }
    object["rope_parameters"] = match &config.window_rotary {
        None => main,
        Some(other) => json!({
            "full_attention": main,
            "sliding_attention": rope_object(config, other),
        }),
    };
}

fn partial(config: &Config, rotary: &RotaryConfig) -> Value {
    json!(rotary.rotary_dim as f64 / config.head_dim as f64)
}

fn rope_object(config: &Config, rotary: &RotaryConfig) -> Value {
    let mut object = match &rotary.scaling {
        RopeScaling::None | RopeScaling::Divisors(_) => json!({ "rope_type": "default" }),
        RopeScaling::Linear { factor } => {
            json!({ "rope_type": "linear", "factor": decimal(*factor) })
        }
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
            json!({
                "rope_type": "llama3",
                "factor": decimal(*factor),
                "low_freq_factor": decimal(*low_freq_factor),
                "high_freq_factor": decimal(*high_freq_factor),
                "original_max_position_embeddings": original_context,
            })
        }
        RopeScaling::Dynamic { factor, original_context } => json!({
            "rope_type": "dynamic",
            "factor": decimal(*factor),
            "original_max_position_embeddings": original_context,
        }),
        RopeScaling::Yarn(yarn) => json!({
            "rope_type": "yarn",
            "factor": decimal(yarn.factor),
            "original_max_position_embeddings": yarn.original_context,
            "beta_fast": decimal(yarn.beta_fast),
            "beta_slow": decimal(yarn.beta_slow),
            "truncate": yarn.truncate,
            "attention_factor": decimal(yarn.attention_factor),
        }),
        RopeScaling::LongRope(long_rope) => {
            let list = |numbers: &[f32]| numbers.iter().copied().map(decimal).collect::<Vec<_>>();
            json!({
                "rope_type": "longrope",
                "short_factor": list(&long_rope.short),
                "long_factor": list(&long_rope.long),
                "original_max_position_embeddings": long_rope.original_context,
                "attention_factor": decimal(long_rope.attention_factor),
            })
        }
    };
    object["rope_theta"] = decimal(rotary.theta);
    if rotary.rotary_dim != config.head_dim {
        object["partial_rotary_factor"] = partial(config, rotary);
    }
    object
}
