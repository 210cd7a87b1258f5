//! GPT-J (Wang and Komatsuzaki 2021): attention and MLP side by side behind one layer norm, neighbouring
//! dimensions of a head rotated together, an untied head with a bias.

use lookback_files::Result;
use serde_json::{Value, json};

use super::{gpt2, llama};
use crate::{
    BlockOrder, Config, Family, Positions, RotaryConfig, Size,
    config::Keys,
    files::{Layout, Names},
};

/// Dimensions of a head that are rotated, where a file does not say so.
const ROTARY_DIM: usize = 64;

pub(super) static FAMILY: Family = Family {
    name: "GPT-J",
    model_type: "gptj",
    architecture: "GPTJForCausalLM",
    gguf: "",
    names: Names {
        embed: "wte",
        block: "h",
        ln1: "ln_1",
        qkv: ["attn.q_proj", "attn.k_proj", "attn.v_proj"],
        output: "attn.out_proj",
        gate: "",
        up: "mlp.fc_in",
        down: "mlp.fc_out",
        ln_final: "ln_f",
        rotated: Layout::Pairs,
        prefix: "transformer.",
        ignored: &["attn.bias", "attn.masked_bias", "attn.embed_positions"],
        ..llama::NAMES
    },
    shape,
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: Size) -> Config {
    let plain = Config::plain(family, size);
    let rotary_dim = ROTARY_DIM.min(plain.head_dim);
    Config {
        positions: Positions::Rotary(RotaryConfig::plain(10_000.0, rotary_dim)),
        block_order: BlockOrder::ParallelSharedNorm,
        attention_bias: false,
        output_bias: false,
        head_bias: true,
        tied: false,
        ..plain
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    // transformers reads neither in this family.
    keys.only("scale_attn_weights", &json!(true))?;
    keys.only("scale_attn_by_inverse_layer_idx", &json!(false))?;
    let config = gpt2::read(family, keys)?;
    let rotary_dim = keys.size_or_none("rotary_dim")?.unwrap_or(ROTARY_DIM);
    let positions = Positions::Rotary(RotaryConfig::plain(10_000.0, rotary_dim));
    keys.take("rotary");
    Ok(Config { positions, ..config })
}

fn write(config: &Config) -> Value {
    let mut object = gpt2::write(config);
    let rotary_dim = config.rotary(0).map(|rotary| rotary.rotary_dim);
    object["rotary_dim"] = json!(rotary_dim);
    object
}
