//! Files that other programs write: keys that they leave out, tokens beyond the table, types that are
//! widened. What is done then is what llama.cpp and transformers do.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::{
    files::{self, Gguf},
    fixture::{self, Fixture},
};
use serde_json::Value;

const WIDTH: usize = 256;
/// The scale of every block, and its bytes as a half.
const SCALE: f32 = 1.0 / 2048.0;
const SCALE_BYTES: [u8; 2] = [0x00, 0x10];

/// How a matrix is written.
#[derive(Clone, Copy, PartialEq)]
enum Written {
    F32,
    Q6K,
}

/// A few bytes that are always the same.
fn bytes(seed: usize, count: usize) -> Vec<u8> {
    (0..count).map(|at| ((at + seed) * 89 + at / 7 * 31) as u8).collect()
}

/// Rows of Q6_K blocks, small numbers.
fn q6_k(seed: usize, rows: usize) -> Vec<u8> {
    let mut blocks = bytes(seed, rows * 210);
    for block in blocks.chunks_exact_mut(210) {
        block[208..].copy_from_slice(&SCALE_BYTES);
    }
    blocks
}

/// What the blocks stand for, one element after the other by the formula of the format.
fn widened(blocks: &[u8]) -> Vec<f32> {
    let element = |block: &[u8], at: usize| {
        let (half, quarter, i) = (at / 128, at % 128 / 32, at % 32);
        let low = block[64 * half + 32 * (quarter % 2) + i] >> (4 * (quarter / 2)) & 15;
        let high = block[128 + 32 * half + i] >> (2 * quarter) & 3;
        SCALE * f32::from(block[192 + at / 16] as i8) * (f32::from(low | high << 4) - 32.0)
    };
    blocks.chunks_exact(210).flat_map(|block| (0..256).map(move |at| element(block, at))).collect()
}

/// A llama of one block whose last token is `last`; its table or head is written as told.
fn gguf(last: &str, kind: i32, is_tied: bool, written: Written) -> Gguf {
    gguf_with("llama", last, kind, is_tied, written, 0)
}

/// The same with another tokenizer, and more tokens of no use.
fn gguf_with(
    model: &str,
    last: &str,
    kind: i32,
    is_tied: bool,
    written: Written,
    unused: usize,
) -> Gguf {
    let mut gguf = Gguf::new();
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec();
    tokens.extend((0..=255).map(|byte| format!("<0x{byte:02X}>")));
    tokens.extend(["\u{2581}", "t", "o", "m", last].map(str::to_owned));
    tokens.extend((0..unused).map(|at| format!("x{at}")));
    let list = |kind: u32, values: Vec<[u8; 4]>| {
        [&kind.to_le_bytes()[..], &(values.len() as u64).to_le_bytes(), &values.concat()].concat()
    };
    let count = tokens.len();
    let kinds = (0..count).map(|id| match id {
        0 => 2i32,
        1 | 2 => 3,
        3..259 => 6,
        263 => kind,
        _ => 1,
    });
    gguf.text("general.architecture", "llama")
        .number("llama.block_count", 1)
        .number("llama.context_length", 16)
        .number("llama.embedding_length", WIDTH)
        .number("llama.feed_forward_length", 32)
        .number("llama.attention.head_count", 2)
        .number("llama.attention.head_count_kv", 1)
        .number("llama.rope.dimension_count", WIDTH / 2)
        .real("llama.rope.freq_base", 10000.0)
        .real("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .text("tokenizer.ggml.model", model)
        .texts("tokenizer.ggml.tokens", &tokens)
        .key("tokenizer.ggml.scores", 9, &list(6, vec![0f32.to_le_bytes(); count]))
        .key("tokenizer.ggml.token_type", 9, &list(5, kinds.map(i32::to_le_bytes).collect()));
    let mut add = |name: &str, rows: usize, inner: usize, seed: usize, written: Written| {
        let blocks = q6_k(seed, rows * inner.div_ceil(256));
        let values = &widened(&blocks)[..rows * inner];
        match written {
            Written::Q6K => gguf.tensor(name, 14, &[rows, inner], &blocks),
            Written::F32 if rows == 1 => {
                gguf.tensor(name, 0, &[inner], &files::bytes(&vec![1.0; inner]))
            }
            Written::F32 => gguf.tensor(name, 0, &[rows, inner], &files::bytes(values)),
        };
    };
    add("token_embd.weight", count, WIDTH, 1, if is_tied { written } else { Written::F32 });
    if !is_tied {
        add("output.weight", count, WIDTH, 2, written);
    }
    for norm in ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"] {
        add(&format!("{norm}.weight"), 1, WIDTH, 0, Written::F32);
    }
    for (name, rows, inner) in [
        ("attn_q", WIDTH, WIDTH),
        ("attn_k", WIDTH / 2, WIDTH),
        ("attn_v", WIDTH / 2, WIDTH),
        ("attn_output", WIDTH, WIDTH),
        ("ffn_gate", 32, WIDTH),
        ("ffn_up", 32, WIDTH),
        ("ffn_down", WIDTH, 32),
    ] {
        // Blocks of 256 need rows of whole blocks.
        let written = if inner == WIDTH { written } else { Written::F32 };
        add(&format!("blk.0.{name}.weight"), rows, inner, 3, written);
    }
    gguf
}

#[test]
fn an_answer_ends_at_a_token_that_only_its_name_shows() {
    let fixture = Fixture::new();
    let answer = |name: &str, kind| {
        fixture.write("a.gguf", gguf(name, kind, true, Written::F32).finish());
        let output = fixture.lookback("generate a.gguf --ids 1 --logit-bias 263+1000 -n 4 --json");
        let answer: Value = serde_json::from_str(&output.stdout).unwrap();
        (answer["ids"].as_array().unwrap().len(), output.stderr)
    };
    assert_eq!(answer("<|im_end|>", 3), (1, String::new()));
    let (length, remark) = answer("<|im_end|>", 1);
    assert_eq!(length, 1);
    assert!(
        remark.contains("a.gguf: \"<|im_end|>\" (263) is taken for a control token"),
        "{remark}"
    );
    assert_eq!(answer("<|im_start|>", 3), (4, String::new()));
}

#[test]
fn a_sentence_piece_vocabulary_without_keys_begins_texts_with_its_first_token() {
    let fixture = Fixture::new();
    fixture.write("a.gguf", gguf("x", 1, true, Written::F32).finish());
    let output = fixture.done("tokenizer show --tokenizer a.gguf --json");
    let shown: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&shown["beginning"], &shown["end"]), (&1.into(), &2.into()));
    let output = fixture.done("tokenizer encode tom --tokenizer a.gguf --json");
    assert!(output.starts_with(r#"{"ids":[1,259,260,261,262]"#), "{output}");
}

#[test]
fn what_is_odd_about_a_file_is_said_once_on_stderr() {
    let fixture = Fixture::new();
    fixture.write("a.gguf", gguf_with("gpt2", "x", 1, true, Written::F32, 0).finish());
    for line in ["tokenizer show --tokenizer a.gguf --json", "generate a.gguf --ids 3 -n 1 --json"]
    {
        let output = fixture.lookback(line);
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(
            output.stderr.matches("a.gguf: tokenizer.ggml.pre is missing").count(),
            1,
            "{output:?}"
        );
    }
}

#[test]
fn a_token_without_a_row_is_refused_only_in_a_text_that_has_it() {
    let fixture = Fixture::with_model();
    fixture.copy("good", "padded");
    let settings = r#"{"pad_token": "<pad>", "added_tokens_decoder": {
        "29": {"content": "<pad>", "special": true}, "30": {"content": "<tool>"}}}"#;
    fixture.write("padded/tokenizer_config.json", settings);
    let plain = fixture.done("generate good -p tom -n 5 --greedy");
    assert_eq!(fixture.done("generate padded -p tom -n 5 --greedy"), plain);
    fixture.done("look padded -p tom");
    fixture.done("eval padded town.txt");
    for line in ["generate padded -p tom<tool>", "look padded -p <tool>", "generate other -p tom"] {
        if line.contains("other") {
            fixture.copy("good", "other");
            fixture.done("tokenizer train town.txt --vocab 300 --out other/tokenizer.json");
        }
        let output = fixture.refused(line);
        assert!(
            output.contains("and the model's table ends at 29; leave it out"),
            "{line}: {output}"
        );
    }
}

#[test]
fn matrices_and_tables_in_q6_k_give_the_bits_of_their_copies_in_f32() {
    let fixture = Fixture::new();
    for is_tied in [false, true] {
        let [widened, stored] = [Written::F32, Written::Q6K].map(|written| {
            fixture.write("a.gguf", gguf("x", 1, is_tied, written).finish());
            fixture.done("look a.gguf --ids 5,70 --compute f32 -o t.safetensors");
            fixture.read("t.safetensors")
        });
        assert!(widened == stored, "tied: {is_tied}");
    }
}

#[test]
fn q6_k_is_planned_as_large_as_it_is_held_and_a_quarter_of_f32() {
    use lookback::{
        ThreadPool,
        engine::{Compute, WeightMode, Weights},
        model::StoredModel,
    };
    let fixture = Fixture::new();
    for is_tied in [false, true] {
        for compute in [Compute::F32, Compute::Bf16] {
            let [widened, stored] = [Written::F32, Written::Q6K].map(|written| {
                fixture.write("a.gguf", gguf("x", 1, is_tied, written).finish());
                let stored = StoredModel::open(&fixture.at("a.gguf")).unwrap();
                let mode = WeightMode::Inference;
                let pool = ThreadPool::single_threaded();
                let held = Weights::load(&stored, mode, compute, &pool).unwrap().bytes_held();
                assert_eq!(held, Weights::stored_bytes(&stored, mode, compute));
                held
            });
            assert!(2 * stored < widened, "tied: {is_tied}, {compute:?}: {stored}, {widened}");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn weights_that_do_not_fit_are_refused_with_their_size_before_they_are_read() {
    let fixture = Fixture::new();
    let file = gguf_with("llama", "x", 1, true, Written::F32, 100_000).finish();
    fixture.write("a.gguf", file);
    let program = env!("CARGO_BIN_EXE_lookback");
    let text = format!("ulimit -d 100000 && exec {program} generate a.gguf --ids 5 --threads 1");
    let mut limited = std::process::Command::new("bash");
    limited
        .args(["-c", &text])
        .current_dir(fixture.at(""))
        .env("LOOKBACK_HOME", fixture.at("home"));
    let output = fixture.refused_program("generate", &mut limited);
    assert!(output.starts_with("a.gguf: holding its weights needs 99 MB and "), "{output}");
}

/// Files whose right values other programs gave; `LOOKBACK_SHARED` is the folder that holds them.
#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn the_shared_cases_come_out_as_other_programs_have_them() {
    let fixture = Fixture::new();
    let case = |name: &str| fixture::shared().join("cases/run").join(name).display().to_string();
    let run = |arguments: &[&str]| {
        let output = fixture::output(&mut fixture.program(arguments.iter().copied()));
        assert_eq!(output.code, Some(0), "{output:?}");
        (serde_json::from_str::<Value>(&output.stdout).unwrap(), output.stderr)
    };
    let encoded = |name: &str, text: &str| {
        run(&["tokenizer", "encode", text, "--tokenizer", &case(name), "--json"])
    };
    let shown = |name: &str| run(&["tokenizer", "show", "--tokenizer", &case(name), "--json"]).0;
    let ids = |name: &str, text: &str| -> Vec<u32> {
        serde_json::from_value(encoded(name, text).0["ids"].clone()).unwrap()
    };
    assert_eq!(ids("added_tokens_decoder", "a<tool>b"), [97, 260, 98]);
    assert_eq!(shown("added_tokens_decoder")["end"], 261);
    assert_eq!(ids("bpe-no-pre.gguf", "the 123456 12345!!!")[..5], [116, 259, 32, 257, 265]);
    assert!(encoded("bpe-no-pre.gguf", "a").1.contains("tokenizer.ggml.pre is missing"));
    let shown = shown("spm-no-bos-key.gguf");
    assert_eq!((&shown["beginning"], &shown["end"]), (&1.into(), &2.into()));
    assert_eq!(ids("regex-w-super.json", "a²"), [257]);
    assert_eq!(ids("regex-dollar.json", " \na \nb"), [32, 10, 97, 32, 10, 98]);
    assert_eq!(ids("regex-posix-punct.json", "“”"), [226, 128, 156, 257]);
    let ended = case("eog-by-name.gguf");
    let answer =
        run(&["generate", &ended, "-p", "a", "--logit-bias", "289+1000", "-n", "4", "--json"]).0;
    assert_eq!((&answer["ids"], &answer["finish_reason"]), (&vec![289].into(), &"stop".into()));
    let stored = case("q-Q4_0.gguf");
    let looked = fixture::output(&mut fixture.program(["look", &stored, "--ids", "5,70"]));
    assert_eq!(looked.code, Some(0), "{looked:?}");
}
