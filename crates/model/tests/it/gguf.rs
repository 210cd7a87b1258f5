//! GGUF files: every type that is read, llama.cpp's order of rows, the tokenizer as it is stored.

use crate::{
    fixture::{self, Gguf},
    gguf_files::{fill, gpt2_file, llama_file, open, refuse, with_ends},
};
use half::{bf16, f16};
use lookback_model::{GgufTokenizer, Network, StorageType, StoredModel, StoredTokenizer};
use lookback_text::TokenId;

#[test]
fn a_llama_of_floats_is_read_with_its_rows_in_order() {
    let network = with_ends(&fixture::llama());
    let stored = open(&llama_file(&network).finish());
    fixture::assert_same(&stored, &network);
}

#[test]
fn families_with_the_blocks_of_two_are_read_from_a_gguf_as_from_a_directory() {
    let mut read = 0;
    for network in fixture::families() {
        if !["gpt2", "llama", "qwen2", "qwen3"].contains(&network.config.family.model_type) {
            continue;
        }
        read += 1;
        let network = with_ends(&network);
        let is_fused = network.config.family.model_type == "gpt2";
        let gguf = if is_fused { gpt2_file(&network) } else { llama_file(&network) };
        let stored = open(&gguf.finish());
        fixture::assert_same(&stored, &network);
        let folder = tempfile::tempdir().expect("a place");
        fixture::write_directory(folder.path(), &network);
        fixture::assert_same(
            &StoredModel::open(folder.path()).expect("understood"),
            stored.network(),
        );
    }
    assert_eq!(read, 4);
}

#[test]
fn version_2_is_read_and_version_1_is_refused() {
    let network = with_ends(&fixture::llama());
    let mut gguf = llama_file(&network);
    gguf.version = 2;
    fixture::assert_same(&open(&gguf.finish()), &network);
    gguf.version = 1;
    let sentence = refuse(&gguf.finish());
    assert!(sentence.ends_with("it is GGUF version 1, which is not understood; 2 and 3 are"));
    gguf.version = 3u32.swap_bytes();
    assert!(refuse(&gguf.finish()).contains("big-endian"));
}

#[test]
fn a_gpt2_is_read_with_its_fused_rows() {
    let network = with_ends(&fixture::gpt2());
    fixture::assert_same(&open(&gpt2_file(&network).finish()), &network);
}

#[test]
fn a_llama_with_a_tied_head_and_biases_is_recognised_by_its_tensors() {
    let config = with_ends(&fixture::llama()).config.with(|config| {
        config.tied = true;
        config.attention_bias = true;
        config.mlp_bias = true;
    });
    let network = Network::new(&config.expect("valid"));
    fixture::assert_same(&open(&llama_file(&network).finish()), &network);
}

#[test]
fn quantised_rows_equal_their_blocks_one_by_one() {
    let network = with_ends(&fixture::llama());
    for (kind, storage, block_bytes) in
        [(2, StorageType::Q4_0, 18), (3, StorageType::Q4_1, 20), (8, StorageType::Q8_0, 34)]
    {
        let down = network.blocks[1].mlp.mlps()[0].down;
        let blocks = down.outputs * down.inputs / 32;
        let mut bytes: Vec<u8> =
            (0..blocks * block_bytes).map(|at| (at * 89 + at / 7) as u8).collect();
        for block in bytes.chunks_mut(block_bytes) {
            // Finite scales: the sign and the exponents' upper half are as they come.
            block[1] &= 0xbf;
            block[3] &= if kind == 3 { 0xbf } else { 0xff };
        }
        let mut gguf = fixture::gguf_keys(&network);
        fill(&mut gguf, &network, |gguf, name, shape, values, id| {
            if id == down.weight {
                gguf.tensor(name, kind, shape, &bytes);
            } else {
                gguf.tensor(name, 0, shape, &fixture::bytes(values));
            }
        });
        let stored = open(&gguf.finish());
        assert_eq!(stored.storage_type(down.weight), storage);
        let read = fixture::read(&stored, down.weight);
        for (at, value) in read.into_iter().enumerate() {
            let block = &bytes[at / 32 * block_bytes..][..block_bytes];
            let half = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f32();
            let i = at % 32;
            let nibble = |from: usize| f32::from((block[from + i % 16] >> (i / 16 * 4)) & 15);
            let wanted = match storage {
                StorageType::Q4_0 => (nibble(2) - 8.0) * half(0),
                StorageType::Q4_1 => nibble(4) * half(0) + half(2),
                _ => f32::from(block[2 + i] as i8) * half(0),
            };
            assert_eq!(value.to_bits(), wanted.to_bits(), "element {at} of {storage:?}");
        }
    }
}

#[test]
fn half_floats_widen_exactly() {
    let network = with_ends(&fixture::llama());
    for kind in [1, 30] {
        let narrow = |value: &f32| match kind {
            1 => f16::from_f32(*value).to_le_bytes(),
            _ => bf16::from_f32(*value).to_le_bytes(),
        };
        let widen = |value: &f32| match kind {
            1 => f16::from_f32(*value).to_f32(),
            _ => bf16::from_f32(*value).to_f32(),
        };
        let mut gguf = fixture::gguf_keys(&network);
        fill(&mut gguf, &network, |gguf, name, shape, values, _| {
            let bytes: Vec<u8> = values.iter().flat_map(narrow).collect();
            gguf.tensor(name, kind, shape, &bytes);
        });
        let stored = open(&gguf.finish());
        for id in network.ids() {
            let wanted: Vec<f32> = fixture::values(&network, id).iter().map(widen).collect();
            assert_eq!(fixture::read(&stored, id), wanted, "{}", network.weight(id).name);
        }
    }
}

#[test]
fn the_tokenizer_is_handed_on_as_it_is_stored() {
    let network = with_ends(&fixture::llama());
    let mut gguf = llama_file(&network);
    let merges = ["a b".to_owned(), "ab c".to_owned()];
    let floats: Vec<u8> = fixture::bytes(&[0.5; 37]);
    gguf.text("tokenizer.ggml.pre", "smollm")
        .texts("tokenizer.ggml.merges", &merges)
        .key("tokenizer.ggml.scores", 9, &list(6, 37, &floats))
        .key("tokenizer.ggml.token_type", 9, &list(5, 37, &[1, 0, 0, 0].repeat(37)))
        .flag("tokenizer.ggml.add_bos_token", false)
        .flag("tokenizer.ggml.add_space_prefix", true)
        .number("tokenizer.ggml.unknown_token_id", 0)
        .key("tokenizer.ggml.padding_token_id", 4, &u32::MAX.to_le_bytes())
        .text("tokenizer.chat_template", "{{ messages }}")
        .text("tokenizer.chat_template.tool_use", "tools");
    let mut stored = open(&gguf.finish());
    let StoredTokenizer::Gguf(tokenizer) = stored.tokenizer() else { panic!("it is of a GGUF") };
    let wanted = GgufTokenizer {
        model: "gpt2".to_owned(),
        pre: Some("smollm".to_owned()),
        tokens: (0..37).map(|id| format!("t{id}")).collect(),
        scores: vec![0.5; 37],
        token_types: vec![1; 37],
        merges: merges.to_vec(),
        bos: Some(TokenId(1)),
        eos: Some(TokenId(2)),
        eog: vec![TokenId(2)],
        unknown: Some(TokenId(0)),
        add_bos: Some(false),
        add_space_prefix: Some(true),
        chat_template: Some("{{ messages }}".to_owned()),
        named_chat_templates: [("tool_use".to_owned(), "tools".to_owned())].into(),
        ..GgufTokenizer::default()
    };
    assert_eq!(**tokenizer, wanted);
    let templates = stored.tokenizer().chat_templates().expect("readable");
    assert_eq!(templates.choose(None), Ok("{{ messages }}"));
    assert_eq!(templates.choose(Some("tool_use")), Ok("tools"));
    // Once a tokenizer was made of them, the strings are not held beside the weights.
    stored.release_tokenizer();
    assert_eq!(*stored.tokenizer(), StoredTokenizer::Gguf(Box::default()));
}

#[test]
fn keys_that_change_the_mathematics_are_refused_by_name() {
    type Change = fn(&mut Gguf);
    let cases: [(Change, &str); 6] = [
        (
            |g| _ = g.text("llama.rope.scaling.type", "spiral"),
            "spiral rope scaling is not understood",
        ),
        (|g| _ = g.real("llama.rope.scaling.attn_factor", 4.0), "attn_factor is not understood"),
        (|g| _ = g.number("llama.expert_count", 8), "metadata llama.expert_used_count is missing"),
        (|g| _ = g.real("llama.logit_scale", 2.0), "metadata llama.logit_scale is not understood"),
        (|g| _ = g.number("llama.attention.value_length", 8), "keys and values of different"),
        (|g| _ = g.number("llama.vocab_size", 30), "token_embd.weight has the shape [37, 64]"),
    ];
    let network = with_ends(&fixture::llama());
    for (change, reason) in cases {
        let mut gguf = llama_file(&network);
        change(&mut gguf);
        let sentence = refuse(&gguf.finish());
        assert!(sentence.contains(reason), "{sentence}");
    }
    let mut other = Gguf::new();
    let sentence = refuse(&other.text("general.architecture", "mamba").finish());
    assert!(sentence.contains("general.architecture \"mamba\" is not understood; gpt2, llama"));
    let mut scaled = llama_file(&network);
    scaled.tensor("rope_freqs.weight", 0, &[8], &[0; 32]);
    let sentence = refuse(&scaled.finish());
    assert!(sentence.contains("rotary frequencies that are not finite"), "{sentence}");
    let mut longer = llama_file(&network);
    longer.tensor("rope_freqs.weight", 0, &[9], &[0; 36]);
    let sentence = refuse(&longer.finish());
    assert!(sentence.contains("9 factors of rotary frequencies cannot be"), "{sentence}");
}

/// What is read of a tokenizer with these tokens, all normal, and keys.
fn tokenizer_of(
    model: &str,
    tokens: &[(usize, &str, i32)],
    keys: impl Fn(&mut Gguf),
) -> (GgufTokenizer, Vec<TokenId>) {
    let network = fixture::llama();
    let mut gguf = Gguf::new();
    let mut texts: Vec<String> = (0..37).map(|id| format!("t{id}")).collect();
    let mut types = [1i32; 37];
    for (id, text, kind) in tokens {
        texts[*id] = (*text).to_owned();
        types[*id] = *kind;
    }
    let types: Vec<u8> = types.iter().flat_map(|kind| kind.to_le_bytes()).collect();
    fixture::gguf_shape(&mut gguf, &network.config);
    gguf.text("tokenizer.ggml.model", model).texts("tokenizer.ggml.tokens", &texts).key(
        "tokenizer.ggml.token_type",
        9,
        &list(5, 37, &types),
    );
    keys(&mut gguf);
    fill(&mut gguf, &network, |gguf, name, shape, values, _| {
        gguf.tensor(name, 0, shape, &fixture::bytes(values));
    });
    let stored = open(&gguf.finish());
    assert_eq!(stored.remarks().len(), {
        let StoredTokenizer::Gguf(tokenizer) = stored.tokenizer() else { panic!("it is a file") };
        tokenizer.remarks.len()
    });
    let StoredTokenizer::Gguf(tokenizer) = stored.tokenizer() else { panic!("it is a file") };
    (tokenizer.as_ref().clone(), stored.config().eos.clone())
}

/// As llama.cpp's `llama-vocab.cpp` has it.
#[test]
fn ends_are_found_by_keys_and_then_by_the_names_of_tokens() {
    let ends = |tokens: &[(usize, &str, i32)], keys: &dyn Fn(&mut Gguf)| {
        let (_, ends) = tokenizer_of("llama", tokens, keys);
        ends.into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    let id = |key: &'static str, id: usize| {
        move |gguf: &mut Gguf| _ = gguf.number(&format!("tokenizer.ggml.{key}"), id)
    };
    let none = |_: &mut Gguf| {};
    assert_eq!(ends(&[(2, "</s>", 3), (30, "<|im_end|>", 3)], &none), [2, 30]);
    // The end that the file names comes first.
    assert_eq!(ends(&[(9, "<|eot_id|>", 3)], &id("eos_token_id", 30)), [30, 9]);
    assert_eq!(ends(&[], &id("eot_token_id", 30)), [2, 30]);
    assert_eq!(ends(&[], &id("eom_token_id", 31)), [2, 31]);
    assert_eq!(ends(&[], &id("fim_pad_token_id", 31)), [2, 31]);
    assert_eq!(ends(&[], &id("fim_rep_token_id", 31)), [2, 31]);
    assert_eq!(ends(&[], &id("fim_sep_token_id", 31)), [2, 31]);
    assert_eq!(ends(&[], &id("fim_pre_token_id", 31)), [2]);
    assert_eq!(ends(&[(8, "<|file_sep|>", 3), (7, "<|fim_prefix|>", 3)], &none), [2, 8]);
    assert_eq!(ends(&[(8, "<|repo_name|>", 3), (7, "<|fim_pad|>", 3)], &none), [2, 7, 8]);
    // A key goes before names of its role.
    assert_eq!(ends(&[(8, "<|fim_pad|>", 3)], &id("fim_pad_token_id", 9)), [2, 9]);
    // Where an answer may end in a call, the end of a part of it does not.
    assert_eq!(ends(&[(8, "<|end|>", 3)], &none), [2, 8]);
    assert_eq!(
        ends(&[(8, "<|end|>", 3), (9, "<|return|>", 3), (10, "<|call|>", 3)], &none),
        [2, 9, 10]
    );
    assert_eq!(ends(&[(2, "</s>", 3), (9, "<|tool_response>", 3)], &none), [9]);
    for name in ["<end_of_turn>", "<|endoftext|>", "<EOT>", "<｜end▁of▁sentence｜>", "<|eom_id|>"]
    {
        assert_eq!(ends(&[(9, name, 3)], &none), [2, 9], "{name}");
    }
}

#[test]
fn a_token_that_is_known_by_name_becomes_a_control_token_with_a_remark() {
    let (tokenizer, _) = tokenizer_of("llama", &[(30, "<|im_end|>", 1)], |_| {});
    assert_eq!((tokenizer.token_types[30], tokenizer.token_types[29]), (3, 1));
    let remark =
        "\"<|im_end|>\" (30) is taken for a control token, as its name says and its type does not";
    assert_eq!(tokenizer.remarks, [remark]);
    let (tokenizer, _) = tokenizer_of("llama", &[(30, "<|im_end|>", 3)], |_| {});
    assert_eq!(tokenizer.remarks, [""; 0]);
}

#[test]
fn ids_that_a_gguf_does_not_name_are_those_that_llama_cpp_takes() {
    let ids = |model: &str, keys: &dyn Fn(&mut Gguf)| {
        let (tokenizer, _) = tokenizer_of(model, &[], keys);
        let ids = [tokenizer.bos, tokenizer.eos, tokenizer.unknown];
        (ids.map(|id| id.map(|id| id.0)), tokenizer.remarks)
    };
    let pre = "tokenizer.ggml.pre";
    assert_eq!(ids("llama", &|_| {}), ([Some(1), Some(2), Some(0)], vec![]));
    assert_eq!(ids("gpt2", &|g| _ = g.text(pre, "gpt-2")), ([Some(11), Some(11), None], vec![]));
    let (_, remarks) = ids("gpt2", &|_| {});
    assert!(remarks[0].starts_with("tokenizer.ggml.pre is missing"), "{remarks:?}");
    // One that is no token is left out with a remark.
    let (bad, remarks) = ids("llama", &|g| _ = g.number("tokenizer.ggml.eos_token_id", 99));
    assert_eq!(bad, [Some(1), Some(2), Some(0)]);
    let remark = "tokenizer.ggml.eos_token_id is 99, which is none of the 37 tokens; 2 is taken";
    assert_eq!(remarks, [remark]);
    let (_, remarks) = ids("llama", &|g| {
        g.key("tokenizer.ggml.padding_token_id", 4, &u32::MAX.to_le_bytes());
    });
    assert_eq!(remarks, [""; 0]);
}

#[test]
fn a_table_may_have_fewer_rows_than_there_are_tokens() {
    let network = with_ends(&fixture::llama());
    let mut gguf = Gguf::new();
    fixture::gguf_shape(&mut gguf, &network.config);
    let tokens: Vec<String> = (0..39).map(|id| format!("t{id}")).collect();
    gguf.text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", &tokens)
        .number("tokenizer.ggml.bos_token_id", 1)
        .number("tokenizer.ggml.eos_token_id", 2);
    fill(&mut gguf, &network, |gguf, name, shape, values, _| {
        gguf.tensor(name, 0, shape, &fixture::bytes(values));
    });
    fixture::assert_same(&open(&gguf.finish()), &network);
}

fn list(kind: u32, count: u64, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes(), bytes].concat()
}
