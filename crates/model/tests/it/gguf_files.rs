//! GGUF files of small networks, as llama.cpp's converter would write them, for the tests that read them.

use std::fs;

use crate::fixture::{self, Gguf};
use lookback_model::{Linear, Network, Norm, StoredModel, WeightId};
use lookback_text::TokenId;

/// The network with what `fixture::gguf_keys` says about begin and end.
pub fn with_ends(network: &Network) -> Network {
    let config = network.config.clone().with(|config| {
        config.bos = Some(TokenId(1));
        config.eos = vec![TokenId(2)];
    });
    Network::new(&config.expect("valid"))
}

pub fn open(bytes: &[u8]) -> StoredModel {
    let file = tempfile::NamedTempFile::new().expect("a place");
    fs::write(file.path(), bytes).expect("written");
    StoredModel::open(file.path()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

pub fn refuse(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().expect("a place");
    fs::write(file.path(), bytes).expect("written");
    fixture::refusal(file.path())
}

pub fn llama_file(network: &Network) -> Gguf {
    let mut gguf = fixture::gguf_keys(network);
    fill(&mut gguf, network, |gguf, name, shape, values, _| {
        gguf.tensor(name, 0, shape, &fixture::bytes(values));
    });
    gguf
}

/// Hands on every tensor of a Llama, or of what is like one, as llama.cpp's converter would write it.
pub fn fill(
    gguf: &mut Gguf,
    network: &Network,
    mut add: impl FnMut(&mut Gguf, &str, &[usize], &[f32], WeightId),
) {
    let head_dim = network.config.head_dim;
    // Its converter reorders the rows of these alone; the heads of others are rotated by halves.
    let is_reordered =
        ["llama", "granite", "smollm3", "olmo"].contains(&network.config.family.gguf);
    let mut one = |name: String, id: WeightId, is_vector: bool, is_rotated: bool| {
        let [outputs, inner] = network.weight(id).shape;
        let mut values = fixture::values(network, id);
        if is_rotated && is_reordered {
            values = fixture::interleave(&values, if is_vector { 1 } else { inner }, head_dim);
        }
        let shape = if is_vector { vec![outputs * inner] } else { vec![outputs, inner] };
        add(gguf, &name, &shape, &values, id);
    };
    one("token_embd.weight".to_owned(), network.embed, false, false);
    for (layer, block) in network.blocks.iter().enumerate() {
        let norms: [(&str, Option<&Norm>); 4] = [
            ("attn_norm", block.ln1.as_ref()),
            ("post_attention_norm", block.ln1_post.as_ref()),
            ("ffn_norm", block.ln2.as_ref()),
            ("post_ffw_norm", block.ln2_post.as_ref()),
        ];
        for (part, norm) in norms {
            let Some(norm) = norm.filter(|_| network.config.has_norm_weights) else { continue };
            one(format!("blk.{layer}.{part}.weight"), norm.weight, true, false);
            if let Some(bias) = norm.bias {
                one(format!("blk.{layer}.{part}.bias"), bias, true, false);
            }
        }
        if let Some(norms) = &block.query_key_norms {
            for (part, norm) in ["attn_q_norm", "attn_k_norm"].into_iter().zip(norms) {
                let name = format!("blk.{layer}.{part}.weight");
                one(name, norm.weight, norm.heads.is_none(), false);
            }
        }
        let [q, k, v] = &block.qkv;
        let gate = block.mlp.mlps()[0].gate.as_ref().expect("a Llama has a gate");
        let linears: [(&str, &Linear, bool); 7] = [
            ("attn_q", q, true),
            ("attn_k", k, true),
            ("attn_v", v, false),
            ("attn_output", &block.output, false),
            ("ffn_gate", gate, false),
            ("ffn_up", &block.mlp.mlps()[0].up, false),
            ("ffn_down", &block.mlp.mlps()[0].down, false),
        ];
        for (part, linear, is_rotated) in linears {
            one(format!("blk.{layer}.{part}.weight"), linear.weight, false, is_rotated);
            if let Some(bias) = linear.bias {
                one(format!("blk.{layer}.{part}.bias"), bias, true, is_rotated);
            }
        }
    }
    if network.config.has_norm_weights {
        one("output_norm.weight".to_owned(), network.ln_final.weight, true, false);
    }
    if let Some(bias) = network.ln_final.bias {
        one("output_norm.bias".to_owned(), bias, true, false);
    }
    if !network.config.tied {
        one("output.weight".to_owned(), network.head.linear.weight, false, false);
    }
}

pub fn gpt2_file(network: &Network) -> Gguf {
    let mut gguf = fixture::gguf_keys(network);
    let mut add = |name: String, shape: &[usize], ids: &[WeightId]| {
        let values: Vec<f32> = ids.iter().flat_map(|id| fixture::values(network, *id)).collect();
        gguf.tensor(&name, 0, shape, &fixture::bytes(&values));
    };
    let config = &network.config;
    let positions = network.positions.expect("GPT-2 learns positions");
    add("token_embd.weight".to_owned(), &[config.vocabulary, config.width], &[network.embed]);
    add("position_embd.weight".to_owned(), &[config.context, config.width], &[positions]);
    for (layer, block) in network.blocks.iter().enumerate() {
        let linears: [(&str, &[Linear]); 4] = [
            ("attn_qkv", &block.qkv),
            ("attn_output", &[block.output]),
            ("ffn_up", &[block.mlp.mlps()[0].up]),
            ("ffn_down", &[block.mlp.mlps()[0].down]),
        ];
        for (part, linears) in linears {
            let outputs = linears.iter().map(|linear| linear.outputs).sum();
            let weights: Vec<_> = linears.iter().map(|linear| linear.weight).collect();
            let biases: Vec<_> = linears.iter().filter_map(|linear| linear.bias).collect();
            add(format!("blk.{layer}.{part}.weight"), &[outputs, linears[0].inputs], &weights);
            add(format!("blk.{layer}.{part}.bias"), &[outputs], &biases);
        }
        for (part, norm) in [("attn_norm", &block.ln1), ("ffn_norm", &block.ln2)] {
            let norm = norm.as_ref().expect("a norm");
            add(format!("blk.{layer}.{part}.weight"), &[config.width], &[norm.weight]);
            add(format!("blk.{layer}.{part}.bias"), &[config.width], &[norm.bias.expect("a bias")]);
        }
    }
    let norm = &network.ln_final;
    add("output_norm.weight".to_owned(), &[config.width], &[norm.weight]);
    add("output_norm.bias".to_owned(), &[config.width], &[norm.bias.expect("a bias")]);
    gguf
}
