//! Models that transformers wrote are opened whole, and what is not understood is refused by name.

use std::{fs, path::PathBuf};

use lookback_model::{StoredModel, WeightId};
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
    for part in [
        "golden/gpt2",
        "golden/qwen3",
        "golden/gpt-neox",
        "golden/gptj",
        "golden/phi3",
        "golden/falcon",
        "golden/opt",
        "golden/gemma3",
        "golden/mixtral",
        "golden/qwen3-moe",
        "golden/olmoe",
        "golden/gpt-oss",
        "golden/curve",
        "models/stories260k",
    ] {
        let stored = StoredModel::open(&shared(part)).expect(part);
        for id in 0..stored.network().weights.len() {
            let id = WeightId(id as u32);
            let mut values = vec![f32::NAN; stored.network().weight(id).len()];
            stored.read(id, &mut values).expect(part);
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
