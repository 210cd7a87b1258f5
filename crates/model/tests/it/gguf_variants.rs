//! GGUF files that say the same in other ways, as converters of other years and options write them.

use crate::{
    fixture::{self, Gguf, SIZE},
    gguf_files::{fill, llama_file, open, refuse, with_ends},
};
use lookback_model::{
    BlockOrder, Config, FAMILIES, Network, Positions, QueryKeyNorm, RopeScaling, RotaryConfig, save,
};

fn network(model_type: &str, change: impl FnOnce(&mut Config)) -> Network {
    let family = FAMILIES.iter().find(|family| family.model_type == model_type).expect("a family");
    let config = family.config(SIZE).and_then(|config| config.with(change)).expect("valid");
    with_ends(&Network::new(&config))
}

/// Opens a file of the network's tensors with more keys than `gguf_keys` writes.
fn opened(network: &Network, change: impl FnOnce(&mut Gguf)) -> Config {
    let mut gguf = llama_file(network);
    change(&mut gguf);
    open(&gguf.finish()).config().clone()
}

fn refused(network: &Network, change: impl FnOnce(&mut Gguf)) -> String {
    let mut gguf = llama_file(network);
    change(&mut gguf);
    refuse(&gguf.finish())
}

fn numbers(kind: u32, numbers: &[i64]) -> Vec<u8> {
    let mut list = kind.to_le_bytes().to_vec();
    list.extend((numbers.len() as u64).to_le_bytes());
    let width = if kind == 11 { 8 } else { 4 };
    list.extend(numbers.iter().flat_map(|number| number.to_le_bytes()[..width].to_vec()));
    list
}

fn flags(flags: &[u8]) -> Vec<u8> {
    [&7u32.to_le_bytes()[..], &(flags.len() as u64).to_le_bytes(), flags].concat()
}

#[test]
fn queries_keys_and_values_in_one_tensor_keep_the_order_of_their_rows() {
    for model_type in ["llama", "granite", "smollm3", "qwen3"] {
        let network = network(model_type, |_| ());
        let mut gguf = fixture::gguf_keys(&network);
        if model_type == "granite" {
            gguf.real("granite.attention.scale", 1.0);
        }
        let mut fused: Vec<f32> = Vec::new();
        fill(&mut gguf, &network, |gguf, name, shape, values, _| {
            let Some((block, part)) = name.split_once(".attn_") else {
                gguf.tensor(name, 0, shape, &fixture::bytes(values));
                return;
            };
            match part {
                "q.weight" | "k.weight" | "q.bias" | "k.bias" => fused.extend(values),
                "v.weight" => {
                    fused.extend(values);
                    let rows = [fused.len() / shape[1], shape[1]];
                    let name = format!("{block}.attn_qkv.weight");
                    gguf.tensor(&name, 0, &rows, &fixture::bytes(&fused));
                    fused.clear();
                }
                _ => _ = gguf.tensor(name, 0, shape, &fixture::bytes(values)),
            }
        });
        fixture::assert_same(&open(&gguf.finish()), &network);
    }
}

#[test]
fn a_list_with_the_same_number_for_each_layer_is_that_number() {
    let network = with_ends(&fixture::llama());
    for kind in [4, 5, 11] {
        let mut gguf = Gguf::new();
        let keys = fixture::gguf_keys(&network);
        // Keys are replaced by writing the file's anew: a key may stand there once.
        gguf.text("general.architecture", "llama")
            .number("llama.block_count", 2)
            .number("llama.context_length", 32)
            .number("llama.embedding_length", 64)
            .key("llama.feed_forward_length", 9, &numbers(kind, &[96, 96]))
            .key("llama.attention.head_count", 9, &numbers(kind, &[4, 4]))
            .key("llama.attention.head_count_kv", 9, &numbers(kind, &[2, 2]))
            .number("llama.rope.dimension_count", 16)
            .real("llama.rope.freq_base", 10_000.0)
            .real("llama.attention.layer_norm_rms_epsilon", network.config.epsilon);
        let tokens: Vec<String> = (0..37).map(|id| format!("t{id}")).collect();
        gguf.text("tokenizer.ggml.model", "gpt2")
            .texts("tokenizer.ggml.tokens", &tokens)
            .number("tokenizer.ggml.bos_token_id", 1)
            .number("tokenizer.ggml.eos_token_id", 2);
        assert_eq!(gguf.key_count, keys.key_count);
        fill(&mut gguf, &network, |gguf, name, shape, values, _| {
            gguf.tensor(name, 0, shape, &fixture::bytes(values));
        });
        fixture::assert_same(&open(&gguf.finish()), &network);
    }
    let mut gguf = Gguf::new();
    gguf.text("general.architecture", "llama").number("llama.embedding_length", 64).key(
        "llama.attention.head_count",
        9,
        &numbers(5, &[4, 2]),
    );
    let said = refuse(&gguf.finish());
    assert!(
        said.contains("head_count: a whole number, or a list with the same for each layer"),
        "{said}"
    );
    let mut gguf = Gguf::new();
    gguf.text("general.architecture", "llama").number("llama.embedding_length", 64).key(
        "llama.attention.head_count",
        9,
        &numbers(5, &[-4, -4]),
    );
    refuse(&gguf.finish());
}

#[test]
fn layers_with_a_window_are_those_that_the_file_names() {
    let gemma2 = network("gemma2", |_| ());
    let with = |value: &dyn Fn(&mut Gguf)| {
        let config = opened(&gemma2, |gguf| {
            gguf.number("gemma2.attention.sliding_window", 7);
            value(gguf);
        });
        [0, 1].map(|layer| config.layer_window(layer).is_some())
    };
    let pattern = "gemma2.attention.sliding_window_pattern";
    assert_eq!(with(&|_| ()), [true, false]);
    assert_eq!(with(&|gguf| _ = gguf.key(pattern, 9, &flags(&[0, 1]))), [false, true]);
    assert_eq!(with(&|gguf| _ = gguf.key(pattern, 9, &flags(&[1, 1, 0]))), [true, true]);
    assert_eq!(with(&|gguf| _ = gguf.key(pattern, 9, &flags(&[0]))), [false, false]);
    assert_eq!(with(&|gguf| _ = gguf.number(pattern, 3)), [true, true]);
    assert_eq!(with(&|gguf| _ = gguf.number(pattern, 1)), [false, false]);
    assert_eq!(with(&|gguf| _ = gguf.number(pattern, 0)), [true, true]);
}

#[test]
fn layers_with_a_window_have_the_rotary_base_that_the_file_names() {
    let olmo2 = network("olmo2", |_| ());
    let plain = |theta| Some(RotaryConfig::plain(theta, 16));
    let with = |theta: Option<f32>, factor: Option<f32>| {
        let config = opened(&olmo2, |gguf| {
            gguf.number("olmo2.attention.sliding_window", 7);
            if let Some(theta) = theta {
                gguf.real("olmo2.rope.freq_base_swa", theta);
            }
            if let Some(factor) = factor {
                gguf.real("olmo2.rope.scaling.factor", factor);
            }
        });
        assert_eq!(config.layer_window(0), Some(7));
        config.window_rotary
    };
    let Positions::Rotary(rotary) = &olmo2.config.positions else { panic!("rotary") };
    assert_eq!(with(None, None), None);
    assert_eq!(with(Some(rotary.theta), None), None);
    assert_eq!(with(Some(500.0), None), plain(500.0));
    // Scaling is that of the other layers alone.
    assert_eq!(with(None, Some(4.0)), plain(rotary.theta));
    let gemma2 = network("gemma2", |_| ());
    let config = opened(&gemma2, |gguf| {
        gguf.number("gemma2.attention.sliding_window", 7)
            .real("gemma2.rope.freq_base_swa", 500.0)
            .real("gemma2.rope.scaling.factor", 4.0);
    });
    let scaling = RopeScaling::Linear { factor: 4.0 };
    let scaled = RotaryConfig { theta: 500.0, rotary_dim: 16, scaling };
    assert_eq!(config.window_rotary, Some(scaled));
}

#[test]
fn a_factor_of_rotary_frequencies_counts_unless_the_file_says_that_there_is_none() {
    let llama = with_ends(&fixture::llama());
    let with = |kind: Option<&str>| {
        let config = opened(&llama, |gguf| {
            gguf.real("llama.rope.scaling.factor", 4.0);
            if let Some(kind) = kind {
                gguf.text("llama.rope.scaling.type", kind);
            }
        });
        let Positions::Rotary(rotary) = config.positions else { panic!("rotary") };
        rotary.scaling
    };
    assert_eq!(with(None), RopeScaling::Linear { factor: 4.0 });
    assert_eq!(with(Some("linear")), RopeScaling::Linear { factor: 4.0 });
    assert_eq!(with(Some("none")), RopeScaling::None);
}

/// llama.cpp rotates whole heads at a base of 10000 then, also in families that usually do not.
#[test]
fn a_file_that_says_nothing_of_its_rotary_embedding_has_llama_cpps() {
    for model_type in ["stablelm", "gemma3_text"] {
        let network = network(model_type, |_| ());
        let family = network.config.family.gguf;
        let mut bytes = llama_file(&network).finish();
        for part in ["rope.dimension_count", "rope.freq_base"] {
            let key = format!("{family}.{part}");
            let at = bytes.windows(key.len()).position(|part| part == key.as_bytes());
            let at = at.expect("the key");
            bytes[at..at + 8].copy_from_slice(b"general.");
        }
        let rotary = Positions::Rotary(RotaryConfig::plain(10_000.0, 16));
        assert_eq!(open(&bytes).config().positions, rotary, "{model_type}");
    }
}

/// Files of 2023 say how their rows lie, which follows from their architecture.
#[test]
fn the_layout_that_older_files_name_changes_nothing() {
    let llama = with_ends(&fixture::llama());
    let mut gguf = llama_file(&llama);
    gguf.text("llama.tensor_data_layout", "Meta AI original pth");
    fixture::assert_same(&open(&gguf.finish()), &llama);
}

#[test]
fn a_granite_without_positions_is_one() {
    let granite = network("granite", |_| ());
    let with = |finetuned: Option<bool>| {
        let config = opened(&granite, |gguf| {
            if let Some(finetuned) = finetuned {
                gguf.flag("granite.rope.scaling.finetuned", finetuned);
            }
        });
        [0, 1].map(|layer| config.rotary(layer).is_some())
    };
    assert_eq!(with(None), [true, true]);
    assert_eq!(with(Some(true)), [true, true]);
    assert_eq!(with(Some(false)), [false, false]);
}

#[test]
fn layers_that_no_model_has_are_refused_before_lists_are_made_of_them() {
    for model_type in ["gemma2", "gemma3_text", "llama", "granite"] {
        let network = network(model_type, |_| ());
        let family = network.config.family.gguf;
        let mut gguf = Gguf::new();
        gguf.text("general.architecture", family)
            .number(&format!("{family}.embedding_length"), 64)
            .number(&format!("{family}.attention.head_count"), 4)
            .key(&format!("{family}.block_count"), 10, &(1u64 << 50).to_le_bytes());
        let said = refuse(&gguf.finish());
        assert!(said.contains("layers of 1125899906842624 cannot be"), "{said}");
    }
    let said = refused(&network("gemma2", |_| ()), |gguf| {
        gguf.text("gemma2.attention.sliding_window_pattern", "every other");
    });
    assert!(said.contains("sliding_window_pattern: a whole number is needed"), "{said}");
}

/// llama.cpp 6553, 6635: the norms of heads of StableLM 2 12B, one tensor `[heads, head_dim]` of all.
#[test]
fn heads_with_norms_of_their_own_are_the_rows_of_one_tensor() {
    for key_heads in [1, 2, 4] {
        let network = network("stablelm", |config| {
            config.query_key_norm = Some(QueryKeyNorm::EachHead);
            config.block_order = BlockOrder::ParallelSharedNorm;
            config.key_heads = key_heads;
        });
        fixture::assert_same(&open(&llama_file(&network).finish()), &network);
    }
}

#[test]
fn norms_without_weights_stand_in_no_file_and_are_1() {
    let network = network("olmo", |config| config.qkv_bound = Some(8.0));
    let mut gguf = llama_file(&network);
    let stored = open(&gguf.real("olmo.attention.clamp_kqv", 8.0).finish());
    assert_eq!(*stored.config(), network.config);
    let read = |id| fixture::read(&stored, id);
    for norm in [network.ln_final, network.blocks[1].ln2.expect("a norm")] {
        assert!(read(norm.weight).iter().all(|weight| *weight == 1.0));
    }
    let query = network.blocks[1].qkv[0].weight;
    assert_eq!(read(query), fixture::values(&network, query));
    // llama.cpp 6712: its converter wrote a bound of nothing.
    let mut gguf = llama_file(&network);
    let stored = open(&gguf.real("olmo.attention.clamp_kqv", 0.0).finish());
    assert_eq!(stored.config().qkv_bound, None);
    // Where they have been trained, its files have no place for them.
    let folder = tempfile::tempdir().expect("a place");
    let fill = |id, out: &mut [f32]| out.copy_from_slice(&fixture::values(&network, id));
    let said = save(folder.path(), &network, fill).expect_err("weights of norms").to_string();
    assert!(said.contains("no weights of norms, and blocks.0.ln1.weight was changed"), "{said}");
}
