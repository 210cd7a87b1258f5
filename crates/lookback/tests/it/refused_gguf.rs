//! GGUF files that cannot be run: exit code 2, one sentence that names the thing, nothing on stdout. What they
//! suggest about sampling is taken and said.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::{files, fixture::Fixture, refused_models::dialogue};

/// A tiny Llama as a GGUF file, with a tokenizer of bytes.
fn gguf() -> files::Gguf {
    let mut gguf = files::Gguf::new();
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec();
    tokens.extend((0..=255).map(|byte| format!("<0x{byte:02X}>")));
    tokens.extend(["\u{2581}", "t", "o", "m"].map(str::to_owned));
    let list = |kind: u32, values: Vec<[u8; 4]>| {
        [&kind.to_le_bytes()[..], &(values.len() as u64).to_le_bytes(), &values.concat()].concat()
    };
    let kinds = (0..tokens.len()).map(|id| match id {
        0 => 2i32,
        1 | 2 => 3,
        3..259 => 6,
        _ => 1,
    });
    gguf.text("general.architecture", "llama")
        .number("llama.block_count", 1)
        .number("llama.context_length", 16)
        .number("llama.embedding_length", 8)
        .number("llama.feed_forward_length", 8)
        .number("llama.attention.head_count", 2)
        .number("llama.attention.head_count_kv", 1)
        .number("llama.rope.dimension_count", 4)
        .real("llama.rope.freq_base", 10000.0)
        .real("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .text("tokenizer.ggml.model", "llama")
        .texts("tokenizer.ggml.tokens", &tokens)
        .key("tokenizer.ggml.scores", 9, &list(6, vec![0f32.to_le_bytes(); tokens.len()]))
        .key("tokenizer.ggml.token_type", 9, &list(5, kinds.map(i32::to_le_bytes).collect()))
        .number("tokenizer.ggml.bos_token_id", 1)
        .number("tokenizer.ggml.eos_token_id", 2)
        .number("tokenizer.ggml.unknown_token_id", 0);
    let mut add = |name: &str, shape: &[usize]| {
        gguf.tensor(name, 0, shape, &vec![0; 4 * shape.iter().product::<usize>()]);
    };
    add("token_embd.weight", &[tokens.len(), 8]);
    add("output_norm.weight", &[8]);
    for part in ["attn_norm", "ffn_norm"] {
        add(&format!("blk.0.{part}.weight"), &[8]);
    }
    for part in ["attn_q", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] {
        add(&format!("blk.0.{part}.weight"), &[8, 8]);
    }
    for part in ["attn_k", "attn_v"] {
        add(&format!("blk.0.{part}.weight"), &[4, 8]);
    }
    gguf
}

#[test]
fn a_gguf_that_is_cut_or_lies_is_refused_by_what_is_wrong() {
    let fixture = Fixture::new();
    let whole = gguf().finish();
    fixture.write("whole.gguf", &whole);
    fixture.done("generate whole.gguf -p tom -n 3 --greedy");
    let mut all = Vec::new();
    let mut case = |name: &str, bytes: &[u8]| {
        fixture.write(&format!("{name}.gguf"), bytes);
        all.push(format!("generate {name}.gguf -p tom"));
    };
    for length in [0, 3, 10, 30, 300, 5000, whole.len() - 4000, whole.len() - 1] {
        case(
            &format!(
                "cut-at-{}",
                if length < 9000 {
                    length.to_string()
                } else {
                    format!("end-{}", whole.len() - length)
                }
            ),
            &whole[..length],
        );
    }
    let replaced = |old: &str, new: &str| {
        assert_eq!(old.len(), new.len());
        let at = whole.windows(old.len()).position(|part| part == old.as_bytes()).unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
        bytes
    };
    case("no-magic", &replaced("GGUF", "GGML"));
    case("architecture", &replaced("\u{5}\0\0\0\0\0\0\0llama", "\u{5}\0\0\0\0\0\0\0mamba"));
    case("no-layers", &replaced("llama.block_count", "llama.block_comte"));
    case("no-tensor", &replaced("blk.0.attn_q.weight", "blk.0.attn_x.weight"));
    let mut version = whole.clone();
    version[4] = 9;
    case("version", &version);
    let mut changed = gguf();
    changed.info("blk.0.x.weight", 16, &[256], 0);
    case("type-not-read", &changed.finish());
    let mut changed = gguf();
    changed.info("blk.0.x.weight", 99, &[32], 0);
    case("type-unknown", &changed.finish());
    let mut changed = gguf();
    changed.info("blk.0.x.weight", 12, &[2, 288], 0);
    case("part-of-a-block", &changed.finish());
    let mut changed = gguf();
    changed.info("blk.0.x.weight", 0, &[8], 0);
    case("overlap", &changed.finish());
    let mut changed = gguf();
    changed.tensor("blk.0.x.weight", 0, &[3], &[0; 12]);
    case("too-much", &changed.finish());
    let mut changed = gguf();
    changed.number("llama.vocab_size", 30);
    case("vocabulary", &changed.finish());
    let mut changed = gguf();
    changed.text("general.sampling.temp", "hot");
    case("sampling-no-number", &changed.finish());
    let mut changed = gguf();
    changed.real("general.sampling.top_k", 2.5);
    case("sampling-half", &changed.finish());
    let mut changed = gguf();
    changed.text("general.sampling.sequence", "top_k;luck");
    case("sampling-order", &changed.finish());
    let not_numbers = [f32::NAN.to_le_bytes(), 1f32.to_le_bytes()].concat();
    let mut changed = gguf();
    changed.tensor("rope_freqs.weight", 0, &[2], &not_numbers);
    case("frequencies-no-numbers", &changed.finish());
    let mut changed = gguf();
    changed.tensor("rope_freqs.weight", 0, &[2], &[0; 8]);
    case("frequencies-of-nothing", &changed.finish());
    let mut changed = gguf();
    changed.number("llama.expert_count", 4).number("llama.expert_used_count", 2);
    case("experts-without-a-router", &changed.finish());
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn a_split_gguf_is_one_model_and_refused_without_one_of_its_parts() {
    let fixture = Fixture::new();
    let part = |number: u16, mut gguf: files::Gguf| {
        gguf.key("split.no", 2, &number.to_le_bytes())
            .key("split.count", 2, &2u16.to_le_bytes())
            .key("split.tensors.count", 5, &12i32.to_le_bytes());
        gguf.finish()
    };
    let mut last = files::Gguf::new();
    last.tensor("rope_freqs.weight", 0, &[2], &[1f32.to_le_bytes(), 2f32.to_le_bytes()].concat());
    let (one, two) = ("split-00001-of-00002.gguf", "split-00002-of-00002.gguf");
    fixture.write(one, part(0, gguf()));
    fixture.write(two, part(1, last));
    let line = |file: &str| format!("generate {file} -p tom -n 3 --greedy --ignore-eos");
    assert_eq!(fixture.done(&line(one)), fixture.done(&line(two)));
    std::fs::remove_file(fixture.at(two)).unwrap();
    std::fs::copy(fixture.at(one), fixture.at("alone.gguf")).unwrap();
    let all = [one, "alone.gguf"].map(line);
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn what_a_gguf_suggests_about_sampling_is_taken_and_said() {
    let fixture = Fixture::new();
    fixture.write("plain.gguf", gguf().finish());
    let mut suggesting = gguf();
    suggesting
        .real("general.sampling.temp", 0.7)
        .number("general.sampling.top_k", 7)
        .text("general.sampling.sequence", "top_k;temperature");
    fixture.write("suggesting.gguf", suggesting.finish());
    let line = |model: &str| format!("generate {model}.gguf -p tom -n 12 --ignore-eos --seed 3");
    let output = fixture.lookback(&line("suggesting"));
    assert_eq!(
        output.stderr,
        "lookback: the model's general.sampling asks for --temperature 0.7 --top-k 7 --samplers \
         top_k;temperature; what is given here goes first\n"
    );
    let given = "--temperature 0.7 --top-k 7 --samplers top_k;temperature";
    assert_eq!(fixture.done(&format!("{} {given}", line("plain"))), output.stdout);
    assert_eq!(fixture.done(&format!("{} {given}", line("suggesting"))), output.stdout);
    // Greedy is asked for: no draw is suggested to it, but which penalties come before it.
    let greedy = fixture.lookback(&format!("{} --greedy", line("suggesting")));
    assert_eq!(greedy.code, Some(0), "{greedy:?}");
    assert_eq!(
        greedy.stderr,
        "lookback: the model's general.sampling asks for --samplers top_k;temperature; what is given \
         here goes first\n"
    );
}
