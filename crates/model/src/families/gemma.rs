//! Gemma (Gemma Team 2024): a llama with a gated GELU, a tied head, an embedding multiplied with the root of
//! the width, and norm weights that are stored less 1.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{Activation, Config, Family, Size, config::Keys, files::Names};

pub(super) static FAMILY: Family = Family {
    name: "Gemma",
    model_type: "gemma",
    architecture: "GemmaForCausalLM",
    gguf: "gemma",
    names: NAMES,
    shape,
    read,
    write,
    ..llama::BASE
};

pub(super) const NAMES: Names = Names { norms_less_one: true, ..llama::NAMES };

pub(super) fn shape(family: &'static Family, size: Size) -> Config {
    Config {
        activation: Activation::GeluTanh,
        tied: true,
        embedding_factor: (size.width as f64).sqrt() as f32,
        ..llama::shape(family, size)
    }
}

/// Its files name the exact GELU, but the models use its tanh approximation.
fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    keys.take("hidden_act");
    let activation = keys.activation("hidden_activation", Activation::GeluTanh)?;
    let config = llama::read_with_head_dim(family, keys, Some(256))?;
    keys.only("use_bidirectional_attention", &json!(false))?;
    Ok(Config { activation, ..config })
}

fn write(config: &Config) -> Value {
    let activation =
        json!({ "hidden_activation": crate::config::activation_name(config.activation) });
    llama::write_with(config, &["mlp_bias", "hidden_act"], activation)
}
