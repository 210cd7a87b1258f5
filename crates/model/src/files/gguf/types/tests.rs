//! The types of tensors, beside what llama.cpp's own program chose for models of these shapes.

use super::*;
use crate::{ExpertWeighting, Size};

const SIZE: Size = Size {
    vocabulary: 64,
    width: 512,
    layers: 16,
    heads: 8,
    key_heads: 4,
    hidden: 1024,
    context: 64,
};

fn of<'a>(config: &'a Config, kind: &str) -> Types<'a> {
    Types::new(GgufType::from_name(kind).unwrap(), config, config.family)
}

/// In which layers a part has each type, as `q6_k 0 1 4`.
fn layers(config: &Config, kind: &str, part: &str, inner: usize) -> String {
    let types = of(config, kind);
    let name = |layer: usize| format!("blk.{layer}.{part}.weight");
    let all: Vec<StorageType> =
        (0..config.layers).map(|layer| types.of(&name(layer), &[512, inner])).collect();
    let mut seen: Vec<StorageType> = Vec::new();
    for storage in &all {
        if !seen.contains(storage) {
            seen.push(*storage);
        }
    }
    let told = seen.iter().map(|storage| {
        let at = all.iter().enumerate().filter(|(_, other)| *other == storage);
        let at: Vec<String> = at.map(|(layer, _)| layer.to_string()).collect();
        format!("{} {}", storage.name(), at.join(" "))
    });
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn layers_whose_errors_matter_more_have_more_bits() {
    let config = Config::llama(SIZE).unwrap();
    let some = "q6_k 0 1 4 7 10 13 14 15, q4_k 2 3 5 6 8 9 11 12";
    for part in ["attn_v", "ffn_down"] {
        assert_eq!(layers(&config, "q4_k_m", part, 512), some, "{part}");
        assert_eq!(layers(&config, "q5_k_m", part, 512), some.replace("q4_k", "q5_k"), "{part}");
    }
    let first = |count: usize| {
        let list = |range: std::ops::Range<usize>| {
            range.map(|layer| layer.to_string()).collect::<Vec<_>>().join(" ")
        };
        format!("q5_k {}, q4_k {}", list(0..count), list(count..16))
    };
    assert_eq!(layers(&config, "q4_k_s", "attn_v", 512), first(4));
    assert_eq!(layers(&config, "q4_k_s", "ffn_down", 512), first(2));
    for (kind, part, wanted) in [
        ("q4_k_m", "attn_qkv", "q5_k"),
        ("q5_k_m", "attn_qkv", "q6_k"),
        ("q4_k_s", "attn_qkv", "q4_k"),
        ("q4_k_m", "attn_q", "q4_k"),
        ("q4_k_m", "attn_output", "q4_k"),
        ("q6_k", "ffn_down", "q6_k"),
        ("q4_0", "ffn_down", "q4_0"),
    ] {
        let all = layers(&config, kind, part, 512);
        assert!(all.starts_with(wanted) && !all.contains(','), "{kind} {part}: {all}");
    }
}

#[test]
fn rows_that_are_no_whole_blocks_have_a_type_of_shorter_ones() {
    let config = Config::llama(SIZE).unwrap();
    for (kind, inner, wanted) in [
        ("q4_k_s", 576, StorageType::Q5_0),
        ("q5_k_m", 576, StorageType::Q5_1),
        ("q6_k", 576, StorageType::Q8_0),
        ("q4_k_m", 100, StorageType::F16),
        ("q8_0", 100, StorageType::F16),
        ("q4_0", 576, StorageType::Q4_0),
        ("f16", 100, StorageType::F16),
    ] {
        let found = of(&config, kind).of("blk.9.ffn_up.weight", &[8, inner]);
        assert_eq!(found, wanted, "{kind} of {inner}");
    }
}

#[test]
fn the_table_of_the_logits_has_six_bits_or_eight() {
    let untied = Config::llama(SIZE).unwrap();
    let tied = Config::llama(SIZE).unwrap().with(|config| config.tied = true).unwrap();
    for (kind, inner, wanted) in [
        ("q4_0", 512, StorageType::Q6K),
        ("q4_0", 576, StorageType::Q8_0),
        ("q8_0", 512, StorageType::Q8_0),
        ("q4_k_m", 512, StorageType::Q6K),
        ("q4_k_m", 576, StorageType::Q8_0),
        ("bf16", 512, StorageType::Bf16),
    ] {
        let shape = [64, inner];
        assert_eq!(of(&untied, kind).of("output.weight", &shape), wanted, "{kind}");
        assert_eq!(of(&tied, kind).of("token_embd.weight", &shape), wanted, "{kind}");
    }
    let embedding = of(&untied, "q4_k_m").of("token_embd.weight", &[64, 512]);
    assert_eq!(embedding, StorageType::Q4K);
}

#[test]
fn eight_experts_and_falcons_have_mixtures_of_their_own() {
    let mixtral = Config::mixtral(SIZE).unwrap();
    assert_eq!(mixtral.mixture.as_ref().map(|mixture| mixture.experts), Some(8));
    assert_eq!(
        mixtral.mixture.as_ref().map(|mixture| mixture.weighting),
        Some(ExpertWeighting::Normalized)
    );
    let types = of(&mixtral, "q4_k_m");
    for (part, wanted) in [
        ("attn_k", StorageType::Q8_0),
        ("attn_v", StorageType::Q8_0),
        ("attn_output", StorageType::Q5K),
        ("attn_q", StorageType::Q4K),
        ("ffn_gate_inp", StorageType::F32),
        ("ffn_down_exps", StorageType::Q4K),
    ] {
        let found = types.of(&format!("blk.2.{part}.weight"), &[512, 512]);
        assert_eq!(found, wanted, "{part}");
    }
    let falcon = crate::FAMILIES.iter().find(|family| family.has_own_mixtures).unwrap();
    let falcon = falcon.config(Size { layers: 32, key_heads: 1, ..SIZE }).unwrap();
    let types = of(&falcon, "q4_k_m");
    assert_eq!(types.of("token_embd.weight", &[64, 512]), StorageType::Q8_0);
    let down = |layer| types.of(&format!("blk.{layer}.ffn_down.weight"), &[512, 512]);
    assert_eq!(
        [0, 2, 4, 6].map(down),
        [StorageType::Q6K, StorageType::Q5K, StorageType::Q4K, StorageType::Q5K]
    );
}

#[test]
fn vectors_and_positions_stay_as_they_are() {
    let config = Config::llama(SIZE).unwrap();
    let types = of(&config, "q4_0");
    for (name, shape) in [
        ("blk.0.attn_norm.weight", &[512][..]),
        ("blk.0.attn_q.bias", &[512]),
        ("blk.0.attn_q_norm.weight", &[8, 64]),
        ("blk.0.ffn_gate_exps.bias", &[8, 512]),
        ("position_embd.weight", &[64, 512]),
    ] {
        assert_eq!(types.of(name, shape), StorageType::F32, "{name}");
    }
}
