//! Files that brought other programs down, after public reports about llama.cpp, ollama and safetensors
//! (2022 to 2026), and variations of them: each is refused by what is wrong, or is read as it is meant.

use std::fs;

use crate::fixture::{self, Gguf, Raw};
use lookback_model::StoredModel;

fn opened(bytes: &[u8]) -> Result<StoredModel, String> {
    let file = tempfile::NamedTempFile::new().expect("a place");
    fs::write(file.path(), bytes).expect("written");
    StoredModel::open(file.path()).map_err(|refusal| {
        let sentence = refusal.to_string();
        assert!(!sentence.contains('\n') && sentence.chars().count() < 500, "{sentence}");
        sentence
    })
}

/// A llama of one block with one thing changed.
fn changed(change: impl FnOnce(&mut Gguf)) -> Result<StoredModel, String> {
    let whole = fixture::quantised_gguf(8);
    assert!(opened(&whole).is_ok(), "unchanged, it is a model");
    let network = fixture::llama();
    let mut gguf = fixture::gguf_keys(&network);
    change(&mut gguf);
    opened(&gguf.finish())
}

fn list(kind: u32, count: u64, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes(), bytes].concat()
}

#[test]
fn sizes_whose_product_wraps_around_are_refused() {
    // llama.cpp 18674: a dimension of 2^42 + 1 made the stride wrap to nothing.
    // llama.cpp 27203: so did (2^63 - 1, 2), which passed as a negative count.
    // llama.cpp 14595, 26245: four dimensions whose product is a small number again.
    for shape in [
        vec![(1 << 42) + 1, 1 << 22],
        vec![2, i64::MAX as usize],
        vec![1 << 16, 1 << 16, 1 << 16, 1 << 16],
        vec![usize::MAX, usize::MAX],
        vec![1 << 61, 2],
    ] {
        for kind in [0, 1, 8] {
            let said = changed(|gguf| _ = gguf.info("x", kind, &shape, 0)).err().expect("refused");
            assert!(said.contains("tensor x"), "{shape:?}: {said}");
        }
    }
}

#[test]
fn nothing_is_divided_by_a_size_of_nothing() {
    // llama.cpp 24263: a tensor with a dimension of 0 was divided by. ollama 7802: so was a model of no
    // block.
    let said = changed(|gguf| _ = gguf.info("x", 8, &[4, 0], 0)).err().expect("refused");
    assert!(said.contains("tensor"), "{said}");
    let keys = |name: &str| {
        let network = fixture::llama();
        let mut gguf = fixture::gguf_keys(&network);
        gguf.keys.clear();
        gguf.key_count = 0;
        gguf.text("general.architecture", "llama")
            .real("llama.attention.layer_norm_rms_epsilon", 1e-5);
        for key in [
            "block_count",
            "context_length",
            "embedding_length",
            "feed_forward_length",
            "attention.head_count",
            "attention.head_count_kv",
            "vocab_size",
        ] {
            gguf.number(&format!("llama.{key}"), if key == name { 0 } else { 4 });
        }
        opened(&gguf.finish()).err().expect("refused")
    };
    for name in ["block_count", "context_length", "embedding_length", "feed_forward_length"] {
        assert!(keys(name).contains(" of 0 cannot be"), "{name}: {}", keys(name));
    }
    assert!(keys("attention.head_count").contains("cannot be shared by 0 heads"));
    assert!(keys("attention.head_count_kv").contains("key/value heads of 0 cannot be"));
    assert!(keys("vocab_size").contains("a vocabulary of 0 cannot be"));
}

#[test]
fn lengths_and_counts_that_no_file_backs_cost_no_memory() {
    // ollama 17032, 16175, 17042, 16189: lengths of strings and lists, and the count of keys, were taken
    // for what to allocate. llama.cpp 25821: so was the number of layers.
    for (kind, value) in [
        (8, (1u64 << 63).to_le_bytes().to_vec()),
        (8, (u64::MAX - 7).to_le_bytes().to_vec()),
        (9, list(8, u64::MAX, &[])),
        (9, list(0, 1 << 63, &[])),
        (9, list(12, 1 << 61, &[])),
    ] {
        let said = changed(|gguf| _ = gguf.key("x", kind, &value)).err().expect("refused");
        assert!(said.contains("metadata x"), "{said}");
    }
    let said = changed(|gguf| {
        gguf.keys.clear();
        gguf.key_count = 0;
        gguf.text("general.architecture", "llama").number("llama.block_count", u32::MAX as usize);
        for key in ["context_length", "embedding_length", "feed_forward_length", "vocab_size"] {
            gguf.number(&format!("llama.{key}"), 64);
        }
        gguf.number("llama.attention.head_count", 4);
        gguf.real("llama.attention.layer_norm_rms_epsilon", 1e-5);
    });
    let said = said.err().expect("refused");
    assert!(said.contains("layers of 4294967295 cannot be"), "{said}");
}

#[test]
fn lists_of_another_type_are_not_read_as_the_one_that_is_needed() {
    // llama.cpp 26690: scores of one byte each were read as floats, three times beyond their end.
    let tokens = fixture::SIZE.vocabulary as u64;
    for (name, kind, bytes) in [
        ("tokenizer.ggml.scores", 0, vec![0; 37]),
        ("tokenizer.ggml.token_type", 0, vec![0; 37]),
        ("tokenizer.ggml.token_type", 6, vec![0; 4 * 37]),
        ("tokenizer.ggml.merges", 5, vec![0; 4 * 37]),
    ] {
        let key = |gguf: &mut Gguf| _ = gguf.key(name, 9, &list(kind, tokens, &bytes));
        let said = changed(key).err().expect("refused");
        assert!(said.contains(&format!("metadata {name}: a list of another type")), "{said}");
    }
    for length in [0, 1, 36, 38] {
        let bytes = vec![0; 4 * length as usize];
        let key = |gguf: &mut Gguf| {
            _ = gguf.key("tokenizer.ggml.scores", 9, &list(6, length, &bytes));
        };
        let said = changed(key).err().expect("it lacks tensors");
        let is_counted = said.contains("entries for 37 tokens");
        // What is behind the last token belongs to none, here as in llama.cpp.
        assert_eq!(is_counted, (1..tokens).contains(&length), "{said}");
    }
}

#[test]
fn an_empty_key_and_an_alignment_of_another_type_are_no_crash() {
    // llama.cpp 24263, 26318: both failed an assertion.
    let mut whole = fixture::quantised_gguf(8);
    // The key count is behind the magic, the version and the tensor count; keys begin at byte 24.
    let count = u64::from_le_bytes(whole[16..24].try_into().expect("eight bytes")) + 1;
    whole[16..24].copy_from_slice(&count.to_le_bytes());
    let empty = [&0u64.to_le_bytes()[..], &5u32.to_le_bytes(), &(-7i32).to_le_bytes()].concat();
    // Sixteen bytes more: what follows keeps its place in a file aligned to 32 with as many behind.
    whole.splice(24..24, empty.iter().copied());
    let _it_may_be_read_or_refused = opened(&whole);
    let said = changed(|gguf| _ = gguf.real("general.alignment", 32.0)).err().expect("refused");
    assert!(said.contains("general.alignment: a whole number is needed"), "{said}");
    let said = changed(|gguf| _ = gguf.key("general.alignment", 11, &(-32i64).to_le_bytes()));
    assert!(said.err().expect("refused").contains("general.alignment"));
}

#[test]
fn token_ids_beyond_the_vocabulary_are_no_index() {
    // llama.cpp: special tokens' ids of a file were taken for an index without a look.
    for name in ["bos", "eos", "unknown", "padding", "eot"] {
        for id in [37, 1 << 24, u32::MAX as usize - 1, u32::MAX as usize] {
            let network = fixture::llama();
            let mut gguf = fixture::gguf_keys(&network);
            gguf.keys.clear();
            gguf.key_count = 0;
            let tokens: Vec<String> = (0..3).map(|id| format!("t{id}")).collect();
            gguf.text("general.architecture", "llama").texts("tokenizer.ggml.tokens", &tokens);
            gguf.number(&format!("tokenizer.ggml.{name}_token_id"), id);
            let said = opened(&gguf.finish()).err().expect("it lacks its sizes");
            assert!(said.contains("is missing"), "{said}");
        }
    }
}

#[test]
fn headers_of_safetensors_that_lie_in_other_ways_are_refused() {
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &fixture::llama());
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).expect("written");
    let with = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        StoredModel::open(folder.path()).map(drop).map_err(|refusal| refusal.to_string())
    };
    // CVE-2023-37470 and its kin: a length that wraps when eight are added to it.
    for length in [u64::MAX, u64::MAX - 7, 1 << 63, 100_000_001] {
        let mut bytes = whole.clone();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        let said = with(&bytes).expect_err("refused");
        assert!(said.contains(&format!("the header says it is {length} bytes long")), "{said}");
    }
    // fastsafetensors 89: metadata that is there and empty; safetensors 401: a name that is there twice.
    let raw: Vec<Raw> = {
        fs::write(&path, &whole).expect("written");
        fixture::tensors_of(&path)
    };
    let plain = fixture::safetensors(&raw);
    let header_end = 8 + u64::from_le_bytes(plain[..8].try_into().expect("eight bytes")) as usize;
    let header = std::str::from_utf8(&plain[8..header_end]).expect("text");
    let empty = format!("{{\"__metadata__\":{{}},{}", &header[1..]);
    assert_eq!(with(&fixture::with_header(&empty, &plain[header_end..])), Ok(()));
    let deep = format!(
        "{{\"__metadata__\":{}{},{}",
        "[".repeat(200_000),
        "]".repeat(200_000),
        &header[1..]
    );
    // It is passed over without a call for each level.
    assert_eq!(with(&fixture::with_header(&deep, &plain[header_end..])), Ok(()));
    let mut twice = raw.clone();
    twice.push(raw[0].clone());
    let said = with(&fixture::safetensors(&twice)).expect_err("refused");
    assert!(said.contains("is there twice"), "{said}");
    // safetensors 26: a shape of so many dimensions that their list is longer than any tensor.
    let many = format!(
        "{{\"a\":{{\"dtype\":\"F32\",\"shape\":[{}1],\"data_offsets\":[0,4]}}}}",
        "1,".repeat(1 << 20)
    );
    let said = with(&fixture::with_header(&many, &[0; 4])).expect_err("refused");
    assert!(said.chars().count() < 500, "{said}");
}

#[test]
fn a_large_file_of_small_things_costs_no_more_than_it_may() {
    // Each empty string takes eight bytes in a file and twenty-four in memory, each empty tensor a hundred.
    let count = (1u64 << 24) + 1;
    let mut strings = list(8, count, &[]);
    strings.resize(strings.len() + 8 * count as usize, 0);
    let said = changed(|gguf| _ = gguf.key("tokenizer.ggml.merges", 9, &strings));
    let said = said.err().expect("refused");
    assert!(said.contains("elements of tokenizer.ggml.merges follow, and 16777216 are"), "{said}");
    let mut gguf = Gguf::new();
    gguf.infos = vec![0; 32 << 20];
    gguf.info_count = (1 << 20) + 1;
    let said = opened(&gguf.finish()).err().expect("refused");
    assert!(said.contains("1048577 tensors follow, and 1048576 are the most"), "{said}");
    let mut gguf = Gguf::new();
    gguf.keys = vec![0; 32 << 20];
    gguf.key_count = (1 << 20) + 1;
    let said = opened(&gguf.finish()).err().expect("refused");
    assert!(said.contains("1048577 metadata keys follow"), "{said}");
}

#[test]
fn a_shard_of_many_tensors_is_held_against_its_index_once() {
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &fixture::llama());
    fs::remove_file(folder.path().join("model.safetensors")).expect("written before");
    let raw: Vec<Raw> = (0..100_000).map(|at| (format!("t{at}"), "F32", vec![0], vec![])).collect();
    fs::write(folder.path().join("a.safetensors"), fixture::safetensors(&raw)).expect("written");
    let names: Vec<String> =
        (0..100_000).map(|at| format!("\"t{at}\":\"a.safetensors\"")).collect();
    let index = format!("{{\"weight_map\":{{{}}}}}", names.join(","));
    fs::write(folder.path().join("model.safetensors.index.json"), index).expect("written");
    let said = StoredModel::open(folder.path()).err().expect("another model").to_string();
    assert!(said.contains("tensor model.embed_tokens.weight is missing"), "{said}");
}

#[test]
fn outer_sizes_of_1_are_no_other_shape() {
    // ggml leaves them out where it writes a file; other writers keep them, so that a norm is a matrix of one row.
    for ones in [0, 1, 2] {
        let mut gguf = fixture::one_block_keys();
        let mut add = |name: &str, shape: &[usize]| {
            let shape = [&vec![1; ones][..], shape].concat();
            let bytes = vec![0; 4 * shape.iter().product::<usize>()];
            gguf.tensor(name, 0, &shape, &bytes);
        };
        add("token_embd.weight", &[3, 32]);
        for norm in ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"] {
            add(&format!("{norm}.weight"), &[32]);
        }
        for (name, rows) in [("attn_q", 32), ("attn_k", 16), ("attn_v", 16), ("attn_output", 32)] {
            add(&format!("blk.0.{name}.weight"), &[rows, 32]);
        }
        for name in ["ffn_gate", "ffn_up", "ffn_down"] {
            add(&format!("blk.0.{name}.weight"), &[32, 32]);
        }
        assert_eq!(opened(&gguf.finish()).err(), None, "{ones}");
    }
}

#[test]
fn a_model_without_a_mask_is_refused() {
    // Encoders have an architecture of a decoder, and say so; false is no word for nothing here.
    let says = |flag: u8| {
        let said = changed(|gguf| _ = gguf.key("llama.attention.causal", 7, &[flag]));
        said.err().expect("it has no tensors").contains("llama.attention.causal")
    };
    assert!(says(0) && !says(1));
}
