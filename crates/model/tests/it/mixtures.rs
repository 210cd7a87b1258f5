//! Mixtures of experts in both kinds of file, and what cannot be one.

use std::fs;

use crate::{
    fixture::{self, Gguf, SIZE},
    gguf_files::with_ends,
};
use lookback_model::{
    Config, ExpertWeighting, FAMILIES, Family, FeedForward, Linear, Mixture, Mlp, Network,
    StoredModel, WeightId,
};

/// The families with experts, each with two of five.
fn mixtures() -> Vec<Network> {
    let few = |config: &mut Config| {
        let mixture = config.mixture.as_mut().expect("experts");
        (mixture.experts, mixture.chosen) = (5, 2);
    };
    let small = |name| family(name).config(SIZE).and_then(|config| config.with(few));
    let configs = ["mixtral", "qwen3_moe", "olmoe"].map(|name| small(name).expect("valid"));
    configs.iter().map(Network::new).collect()
}

fn family(model_type: &str) -> &'static Family {
    FAMILIES.iter().find(|family| family.model_type == model_type).expect("a family")
}

/// One of the linear layers of an expert.
type Branch = fn(&Mlp) -> Linear;

#[test]
fn a_mixture_is_read_from_the_directory_that_is_written() {
    let gpt_oss = family("gpt_oss").config(SIZE).and_then(|config| {
        config.with(|config| {
            let mixture = config.mixture.as_mut().expect("experts");
            (mixture.experts, mixture.chosen) = (5, 2);
            (config.window, config.layers_with_window) = (Some(7), vec![false, true]);
        })
    });
    let gpt_oss = Network::new(&gpt_oss.expect("valid"));
    for network in mixtures().into_iter().chain([gpt_oss]) {
        let folder = tempfile::tempdir().expect("a place");
        fixture::write_directory(folder.path(), &network);
        fixture::assert_same(&StoredModel::open(folder.path()).expect("written"), &network);
    }
}

#[test]
fn each_setting_of_a_mixture_survives_its_file() {
    let qwen3 = family("qwen3_moe").config(SIZE).and_then(|config| {
        config.with(|config| {
            let mixture = config.mixture.as_mut().expect("experts");
            (mixture.experts, mixture.chosen, mixture.hidden) = (3, 3, 20);
            mixture.weighting = ExpertWeighting::Softmax;
            mixture.layers_with_experts = vec![false, true];
            config.window = Some(7);
        })
    });
    let olmoe = family("olmoe").config(SIZE).and_then(|config| {
        config.with(|config| {
            let mixture = config.mixture.as_mut().expect("experts");
            (mixture.experts, mixture.chosen) = (4, 1);
            mixture.weighting = ExpertWeighting::Normalized;
        })
    });
    for config in [qwen3.expect("valid"), olmoe.expect("valid")] {
        let text = config.to_hugging_face().expect("its words");
        assert_eq!(Config::from_hugging_face(&text).expect("understood"), config);
    }
    // Mixtral has no word for another weighting, and each expert is as wide as its MLP would be.
    for change in [
        |config: &mut Config| {
            config.mixture.as_mut().expect("experts").weighting = ExpertWeighting::Softmax;
        },
        |config: &mut Config| config.mixture.as_mut().expect("experts").hidden = 20,
        |config: &mut Config| config.mixture = None,
    ] {
        let config = Config::mixtral(SIZE).and_then(|config| config.with(change)).expect("valid");
        let said = config.to_hugging_face().expect_err("no words").to_string();
        assert!(said.starts_with("Mixtral's config.json has no words"), "{said}");
    }
}

#[test]
fn layers_without_experts_have_an_mlp_of_their_own_width() {
    let config = family("qwen3_moe").config(SIZE).and_then(|config| {
        config.with(|config| {
            let mixture = config.mixture.as_mut().expect("experts");
            (mixture.experts, mixture.hidden) = (9, 20);
            mixture.layers_with_experts = vec![true, false];
        })
    });
    let network = Network::new(&config.expect("valid"));
    let FeedForward::Mixture(mixture) = &network.blocks[0].mlp else { panic!("experts") };
    assert_eq!((mixture.experts.len(), mixture.experts[8].down.inputs), (9, 20));
    assert_eq!(network.blocks[1].mlp.dense().expect("an MLP").down.inputs, SIZE.hidden);
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &network);
    fixture::assert_same(&StoredModel::open(folder.path()).expect("written"), &network);
    // As Qwen's files may say it: every second layer, but not the last.
    let text = network.config.to_hugging_face().expect("its words");
    let step = text.replace("\"decoder_sparse_step\": 1", "\"decoder_sparse_step\": 2");
    let read = Config::from_hugging_face(&step).expect("understood");
    assert_eq!(read.mixture.expect("experts").layers_with_experts, [false, false]);
    let zero = text.replace("\"decoder_sparse_step\": 1", "\"decoder_sparse_step\": 0");
    let said = Config::from_hugging_face(&zero).expect_err("no step").to_string();
    assert!(said.starts_with("decoder_sparse_step is 0"), "{said}");
}

#[test]
fn what_cannot_be_a_mixture_is_refused_in_a_sentence() {
    let text = Config::mixtral(SIZE).and_then(|config| config.to_hugging_face()).expect("written");
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        Config::from_hugging_face(&text.replace(from, to)).expect_err("refused").to_string()
    };
    let (experts, chosen) = ("\"num_local_experts\": 8", "\"num_experts_per_tok\": 2");
    for (from, to, says) in [
        (experts, "\"num_local_experts\": 0", "experts of 0 cannot be"),
        (experts, "\"num_local_experts\": 1", "2 of 1 expert cannot work on each token"),
        (experts, "\"num_local_experts\": 99999", "experts of 99999 cannot be"),
        (experts, "\"num_local_experts\": \"8\"", "a whole number is needed"),
        (chosen, "\"num_experts_per_tok\": 0", "0 of 8 experts cannot work on each token"),
        (chosen, "\"num_experts_per_tok\": 9", "9 of 8 experts cannot work on each token"),
    ] {
        let said = refused(from, to);
        assert!(said.contains(says), "{to}: {said}");
    }
}

#[test]
fn a_router_without_experts_and_experts_without_a_router_are_refused_by_name() {
    let network = mixtures().swap_remove(1);
    let folder = tempfile::tempdir().expect("a place");
    let written = |keeps: &dyn Fn(&str) -> bool| {
        fixture::write_directory(folder.path(), &network);
        let path = folder.path().join("model.safetensors");
        let mut tensors = fixture::tensors_of(&path);
        tensors.retain(|(name, ..)| keeps(name));
        fs::write(&path, fixture::safetensors(&tensors)).expect("written");
        fixture::refusal(folder.path())
    };
    let said = written(&|name| !name.ends_with("mlp.gate.weight"));
    assert!(said.contains("tensor model.layers.0.mlp.gate.weight is missing"), "{said}");
    let said = written(&|name| !name.contains("layers.1.mlp.experts."));
    assert!(
        said.contains("tensor model.layers.1.mlp.experts.0.gate_proj.weight is missing"),
        "{said}"
    );
    let said = written(&|name| !name.contains("experts.4.up_proj"));
    assert!(said.contains("experts.4.up_proj.weight is missing"), "{said}");
    // One expert more than the configuration has.
    fixture::write_directory(folder.path(), &network);
    let path = folder.path().join("model.safetensors");
    let mut tensors = fixture::tensors_of(&path);
    let is_last = |name: &str| name == "model.layers.0.mlp.experts.4.down_proj.weight";
    let mut another = tensors.iter().find(|(name, ..)| is_last(name)).expect("an expert").clone();
    another.0 = another.0.replace(".4.", ".5.");
    tensors.push(another);
    fs::write(&path, fixture::safetensors(&tensors)).expect("written");
    let said = fixture::refusal(folder.path());
    assert!(said.contains("experts.5.down_proj.weight is not part of the model"), "{said}");
}

/// Puts the experts of each block into the two stacks in which transformers 5 computes with them.
fn fuse_experts(tensors: &mut Vec<fixture::Raw>, network: &Network) {
    let experts = network.config.mixture.as_ref().expect("experts").experts;
    let names = if network.config.family.model_type == "mixtral" {
        ("block_sparse_moe", ["w1", "w3", "w2"])
    } else {
        ("mlp", ["gate_proj", "up_proj", "down_proj"])
    };
    let (block, [gate, up, down]) = names;
    for layer in 0..network.config.layers {
        let of = |part: &str| format!("model.layers.{layer}.{block}.{part}");
        let find = |tensors: &[fixture::Raw], name: &str| {
            tensors.iter().find(|tensor| tensor.0 == name).expect("a tensor").clone()
        };
        let router = find(tensors, &of("gate.weight"));
        let (mut branches, mut downs) = (Vec::new(), Vec::new());
        let (mut hidden, mut width) = (0, 0);
        for expert in 0..experts {
            for part in [gate, up] {
                let tensor = find(tensors, &of(&format!("experts.{expert}.{part}.weight")));
                (hidden, width) = (tensor.2[0], tensor.2[1]);
                branches.extend(tensor.3);
            }
            downs.extend(find(tensors, &of(&format!("experts.{expert}.{down}.weight"))).3);
        }
        tensors.retain(|tensor| !tensor.0.starts_with(&of("")));
        let name = |part: &str| format!("model.layers.{layer}.mlp.{part}");
        tensors.push((name("gate.weight"), router.1, router.2, router.3));
        let shape = vec![experts, 2 * hidden, width];
        tensors.push((name("experts.gate_up_proj"), "F32", shape, branches));
        tensors.push((name("experts.down_proj"), "F32", vec![experts, width, hidden], downs));
    }
}

/// transformers 5 saves experts apart, but reads both, and whoever saves a state as it is writes stacks.
#[test]
fn experts_in_the_stacks_of_newer_transformers_are_those_that_stand_apart() {
    for network in mixtures() {
        let folder = tempfile::tempdir().expect("a place");
        fixture::write_directory(folder.path(), &network);
        let path = folder.path().join("model.safetensors");
        let mut tensors = fixture::tensors_of(&path);
        fuse_experts(&mut tensors, &network);
        fs::write(&path, fixture::safetensors(&tensors)).expect("written");
        fixture::assert_same(&StoredModel::open(folder.path()).expect("understood"), &network);

        // A stack that lies the other way around, one that is not there, a matrix too few.
        let changed = |change: &dyn Fn(&mut fixture::Raw)| {
            let mut tensors = tensors.clone();
            let is_branches = |name: &str| name == "model.layers.1.mlp.experts.gate_up_proj";
            change(tensors.iter_mut().find(|tensor| is_branches(&tensor.0)).expect("a stack"));
            fs::write(&path, fixture::safetensors(&tensors)).expect("written");
            fixture::refusal(folder.path())
        };
        let said = changed(&|tensor| tensor.2.swap(1, 2));
        assert!(said.contains("gate_up_proj has the shape [5, 64, 192]"), "{said}");
        let said = changed(&|tensor| tensor.0 = "model.layers.1.mlp.other".to_owned());
        assert!(said.contains("layers.1.mlp.experts.gate_up_proj is missing"), "{said}");
        let said = changed(&|tensor| {
            tensor.2[0] -= 1;
            tensor.3.truncate(tensor.3.len() / 5 * 4);
        });
        assert!(said.contains("gate_up_proj has the shape [4, 192, 64]"), "{said}");
    }
}

#[test]
fn stacked_experts_of_a_gguf_are_those_of_the_directory() {
    for network in mixtures() {
        let network = with_ends(&network);
        fixture::assert_same(&open(&gguf_file(&network, 5).finish()).expect("read"), &network);
        let says = |gguf: &Gguf| open(&gguf.finish()).err().expect("a refusal").to_string();
        let said = says(&gguf_file(&network, 4));
        assert!(said.contains("ffn_gate_inp.weight has the shape"), "{said}");
        let architecture = network.config.family.gguf;
        let said = says(&gguf_file(&network, 0));
        let is_dense = format!("metadata {architecture}.expert_count is missing or 0");
        let is_llama = "expert_used_count";
        assert!(said.contains(&is_dense) || said.contains(is_llama), "{said}");
    }
    // An architecture that has no experts.
    let mut gguf = fixture::gguf_keys(&with_ends(&fixture::qwen3()));
    gguf.number("qwen3.expert_count", 4);
    let said = open(&gguf.finish()).err().expect("a refusal").to_string();
    assert!(said.contains("a mixture of experts is not understood"), "{said}");
}

fn open(bytes: &[u8]) -> lookback_files::Result<StoredModel> {
    let file = tempfile::NamedTempFile::new().expect("a place");
    fs::write(file.path(), bytes).expect("written");
    StoredModel::open(file.path())
}

/// The file that llama.cpp's converter would write, which says that it has so many experts.
fn gguf_file(network: &Network, says_experts: usize) -> Gguf {
    let config = &network.config;
    let mut gguf = fixture::gguf_keys(network);
    let key = |part: &str| format!("{}.{part}", config.family.gguf);
    let mixture = config.mixture.as_ref().expect("experts");
    gguf.number(&key("expert_count"), says_experts)
        .number(&key("expert_used_count"), mixture.chosen)
        .number(&key("expert_feed_forward_length"), mixture.hidden);
    let values = |id: WeightId| fixture::values(network, id);
    let mut add = |name: String, shape: &[usize], values: &[f32]| {
        gguf.tensor(&format!("{name}.weight"), 0, shape, &fixture::bytes(values));
    };
    let shape = |id: WeightId| network.weight(id).shape;
    add("token_embd".to_owned(), &shape(network.embed), &values(network.embed));
    for (layer, block) in network.blocks.iter().enumerate() {
        let name = |part: &str| format!("blk.{layer}.{part}");
        let query_key_norms = block.query_key_norms.iter().flatten();
        let norms = [("attn_norm", block.ln1.as_ref()), ("ffn_norm", block.ln2.as_ref())];
        let norms = norms.into_iter().filter_map(|(part, norm)| Some((part, norm?)));
        for (part, norm) in
            norms.chain(["attn_q_norm", "attn_k_norm"].into_iter().zip(query_key_norms))
        {
            add(name(part), &[norm.width], &values(norm.weight));
        }
        let [q, k, v] = &block.qkv;
        let linears = [("attn_q", q), ("attn_k", k), ("attn_v", v), ("attn_output", &block.output)];
        for (part, linear) in linears {
            let mut rows = values(linear.weight);
            if config.family.gguf == "llama" && ["attn_q", "attn_k"].contains(&part) {
                rows = fixture::interleave(&rows, linear.inputs, config.head_dim);
            }
            add(name(part), &shape(linear.weight), &rows);
        }
        let FeedForward::Mixture(Mixture { router, experts, .. }) = &block.mlp else {
            panic!("experts")
        };
        add(name("ffn_gate_inp"), &shape(router.weight), &values(router.weight));
        let branches: [(&str, Branch); 3] = [
            ("ffn_gate_exps", |mlp| mlp.gate.expect("a gate")),
            ("ffn_up_exps", |mlp| mlp.up),
            ("ffn_down_exps", |mlp| mlp.down),
        ];
        for (part, branch) in branches {
            let [outputs, inner] = shape(branch(&experts[0]).weight);
            let all = experts.iter().flat_map(|expert| values(branch(expert).weight));
            add(name(part), &[experts.len(), outputs, inner], &all.collect::<Vec<f32>>());
        }
    }
    add("output_norm".to_owned(), &[config.width], &values(network.ln_final.weight));
    let head = network.head.linear.weight;
    if !config.tied {
        add("output".to_owned(), &shape(head), &values(head));
    }
    gguf
}

/// As programs write it that know no other numbers than decimal ones.
#[test]
fn a_number_is_the_same_with_and_without_its_point() {
    let config = family("gpt_oss").config(SIZE).expect("valid");
    let text = config.to_hugging_face().expect("its words");
    let bare = text.replace("\"swiglu_limit\": 7.0", "\"swiglu_limit\": 7");
    assert_ne!(bare, text);
    assert_eq!(Config::from_hugging_face(&bare).expect("understood"), config);
}
