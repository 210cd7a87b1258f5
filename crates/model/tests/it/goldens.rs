//! Models that transformers wrote are opened whole, and what is not understood is refused by name.

use std::{fs, path::PathBuf};

use lookback_model::{FAMILIES, StoredModel, WeightId};
use safetensors::SafeTensors;

fn shared(part: &str) -> PathBuf {
    let shared = std::env::var("LOOKBACK_SHARED").expect("LOOKBACK_SHARED names a directory");
    PathBuf::from(shared).join(part)
}

fn read(stored: &StoredModel, name: &str) -> Vec<f32> {
    let id = stored.network().find(name).expect(name);
    let mut values = vec![f32::NAN; stored.network().weight(id).len()];
    stored.read(id, &mut values).expect(name);
    values
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn every_weight_of_the_goldens_is_read_and_finite() {
    let families = FAMILIES.iter().map(|family| format!("golden/{}", family.model_type));
    let others = ["golden/curve", "models/stories260k"].map(str::to_owned);
    for part in families.chain(others) {
        let stored = StoredModel::open(&shared(&part)).expect(&part);
        for id in 0..stored.network().weights.len() {
            let id = WeightId(id as u32);
            let mut values = vec![f32::NAN; stored.network().weight(id).len()];
            stored.read(id, &mut values).expect(&part);
            assert!(values.iter().all(|value| value.is_finite()), "{part}");
        }
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn gpt2_keys_are_the_middle_columns_of_its_fused_matrix() {
    let bytes = fs::read(shared("golden/gpt2/model.safetensors")).expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let raw: Vec<f32> = file
        .tensor("transformer.h.1.attn.c_attn.weight")
        .expect("it is there")
        .data()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect();
    let stored = StoredModel::open(&shared("golden/gpt2")).expect("gpt2");
    let key = read(&stored, "blocks.1.attn.k.weight");
    let width = stored.config().width;
    for output in 0..width {
        for input in 0..width {
            assert_eq!(key[output * width + input], raw[input * 3 * width + width + output]);
        }
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn other_families_are_refused_by_what_is_not_understood() {
    for (part, reason) in [
        ("gemma3", Err("gemma3_text")),
        ("gpt-neox", Err("gpt_neox")),
        ("llama3-rope", Ok("llama3 rope scaling is not understood; default is")),
        ("mistral-window", Err("mistral")),
        ("olmo2", Err("olmo2")),
        ("phi3", Err("phi3")),
        ("smollm3", Err("smollm3")),
    ] {
        let folder = shared("golden").join(part);
        let refusal = StoredModel::open(&folder).err().expect(part).to_string();
        let reason = match reason {
            Ok(reason) => reason.to_owned(),
            Err(model_type) => format!("model_type \"{model_type}\" is not understood; gpt2, "),
        };
        let begin = format!("{}: {reason}", folder.join("config.json").display());
        assert!(refusal.starts_with(&begin), "{refusal}");
    }
}
