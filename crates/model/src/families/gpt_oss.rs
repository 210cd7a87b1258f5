//! gpt-oss (OpenAI 2025): a llama with biases, attention sinks, a window in every other layer, and a mixture of
//! experts with biases, whose branches are bounded.

use lookback_files::Result;
use serde_json::{Value, json};

use super::{llama, mixtral};
use crate::{
    Activation, Config, ExpertWeighting, Family, MixtureConfig,
    config::{Keys, layer_types},
    files::{ExpertLayout, ExpertNames, GGUF_NAMES, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "gpt-oss",
    model_type: "gpt_oss",
    architecture: "GptOssForCausalLM",
    gguf: "gpt-oss",
    names: Names {
        experts: ExpertNames {
            router: "mlp.router",
            layout: ExpertLayout::StackedColumns,
            experts: "",
            gate: "mlp.experts.gate_up_proj",
            up: "mlp.experts.gate_up_proj",
            down: "mlp.experts.down_proj",
        },
        ..llama::NAMES
    },
    gguf_names: Names { ln1_post: "", ln2: "post_attention_norm", ..GGUF_NAMES },
    shape: |family, size| {
        let mixture = mixtral::mixture(size, 32, 4, ExpertWeighting::SoftmaxOfChosen);
        Config {
            epsilon: 1e-5,
            activation: Activation::SwigluOai,
            attention_bias: true,
            output_bias: true,
            mlp_bias: true,
            attention_sinks: true,
            mixture: Some(MixtureConfig { router_bias: true, ..mixture }),
            ..llama::shape(family, size)
        }
    },
    // A GGUF file cannot say that the bounds of YaRN's interpolation are not rounded to whole pairs, as this
    // family's configurations say; llama.cpp rounds them, and what its files mean is for it to say.
    read_gguf: |keys, config| {
        let config = keys.windows(config, 2)?;
        keys.window_rotary(config, Clone::clone)
    },
    read,
    write,
    ..llama::BASE
};

/// Every other layer has the window, the first among them.
fn has_window(layer: usize) -> bool {
    layer.is_multiple_of(2)
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    keys.only("hidden_act", &json!("silu"))?;
    keys.only("swiglu_alpha", &json!(1.702))?;
    keys.only("swiglu_limit", &json!(7.0))?;
    // Repeats another key, or describes the first training.
    keys.take("experts_per_token");
    keys.take("initial_context_length");
    let config = llama::read_with_head_dim(family, keys, Some(64))?;
    let window = keys.size_or_none("sliding_window")?;
    let named = keys.layer_types(config.layers)?;
    let layers = named.unwrap_or_else(|| (0..config.layers).map(has_window).collect());
    let config = mixtral::read_mixture(keys, config.with_windows(window, layers))?;
    let config = mixtral::with_expert_width(config, None);
    Ok(Config { activation: Activation::SwigluOai, mlp_bias: true, ..config })
}

fn write(config: &Config) -> Value {
    let mut others = mixtral::write_mixture(config, "num_local_experts");
    others["hidden_act"] = json!("silu");
    others["swiglu_alpha"] = json!(1.702);
    others["swiglu_limit"] = json!(7.0);
    others["sliding_window"] = json!(config.window);
    others["layer_types"] = layer_types(config);
    llama::write_with(config, &["mlp_bias"], others)
}
