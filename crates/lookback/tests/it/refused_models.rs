//! Models, prompts and texts that cannot be run: exit code 2, one sentence that names the thing,
//! nothing on stdout, and not a file made or changed. Read refusals for training.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{io::Write, process::Stdio};

use crate::{files, fixture::Fixture};

/// The lines with what was said to each, as a snapshot shows them.
fn dialogue(fixture: &Fixture, lines: &[String]) -> String {
    lines.iter().map(|line| format!("$ lookback {line}\n{}\n", fixture.refused(line))).collect()
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_no_model_is_refused() {
    let fixture = Fixture::with_model();
    std::fs::create_dir(fixture.at("folder")).unwrap();
    for (name, file) in [("no-config", "config.json"), ("no-weights", "model.safetensors")] {
        fixture.copy("good", name);
        std::fs::remove_file(fixture.at(name).join(file)).unwrap();
        // A run without a model would be read from its checkpoint.
        std::fs::remove_file(fixture.at(name).join("training.toml")).unwrap();
    }
    fixture.write("empty.gguf", "");
    let mut all = Vec::new();
    for model in [
        "nowhere",
        "some/model",
        "default",
        "folder",
        "no-config",
        "no-weights",
        "town.txt",
        "empty.gguf",
    ] {
        all.push(format!("generate {model} -p tom"));
    }
    for command in
        ["eval MODEL town.txt", "look MODEL -p tom", "verify MODEL x.safetensors", "chat MODEL"]
    {
        all.push(command.replace("MODEL", "folder"));
    }
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn a_configuration_that_is_not_understood_is_refused_by_key() {
    let fixture = Fixture::with_model();
    let changes = [
        ("activation", "\"silu\"", "\"swish2\""),
        ("architecture", "\"model_type\": \"llama\"", "\"model_type\": \"mamba\""),
        ("vocabulary", "\"vocab_size\": 29", "\"vocab_size\": 2800000000000"),
        ("smaller", "\"vocab_size\": 29", "\"vocab_size\": 20"),
        ("layers", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2"),
        ("negative", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": -1"),
        ("missing", "  \"num_hidden_layers\": 1,\n", ""),
        ("heads", "\"num_attention_heads\": 2", "\"num_attention_heads\": 3"),
        ("scaled", "\"rope_type\": \"default\"", "\"rope_type\": \"spiral\""),
        ("cut", "  \"use_cache\": true,", ""),
    ];
    let mut all = Vec::new();
    for (name, old, new) in changes {
        fixture.copy("good", name);
        let config = format!("{name}/config.json");
        fixture.replace("good/config.json", &config, old, new);
        if name == "cut" {
            let text = fixture.read(&config);
            fixture.write(&config, &text[..text.len() / 2]);
        }
        all.push(format!("generate {name} -p tom"));
    }
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

/// Takes away what says which token begins a text.
fn without_a_beginning(fixture: &Fixture, model: &str) {
    let config = format!("{model}/config.json");
    fixture.replace(&config, &config, "  \"bos_token_id\": 0,\n", "");
    for name in ["tokenizer_config.json", "generation_config.json"] {
        std::fs::remove_file(fixture.at(&format!("{model}/{name}"))).unwrap();
    }
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let fixture = Fixture::with_model();
    fixture.done("tokenizer train town.txt --vocab 300 --out bpe.json");
    fixture.copy("good", "other");
    fixture.write("other/tokenizer.json", fixture.read("bpe.json"));
    fixture.copy("good", "broken");
    fixture.write("broken/tokenizer.json", "{\"model\": {\"type\": \"WordPiece\"}}");
    fixture.copy("good", "without");
    std::fs::remove_file(fixture.at("without/tokenizer.json")).unwrap();
    without_a_beginning(&fixture, "without");
    let all = lines(&[
        "generate other -p tom",
        "eval other town.txt",
        "generate broken -p tom",
        "generate without -p tom",
        "generate without",
        "eval without town.txt",
        "look without -p tom",
        "chat without",
        "tokenizer show --tokenizer without",
        "tokenizer show --tokenizer town.txt",
        "tokenizer encode tom --tokenizer nowhere.json",
    ]);
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn weights_that_are_cut_or_lie_are_refused_by_length_type_and_shape() {
    let fixture = Fixture::with_model();
    let path = fixture.at("good/model.safetensors");
    let whole = fixture.read("good/model.safetensors");
    let tensors = files::tensors_of(&path);
    let data = tensors.iter().map(|tensor| tensor.3.len()).sum::<usize>();
    let header = String::from_utf8(whole[8..whole.len() - data].to_vec()).unwrap();
    let with = |old: &str, new: &str| {
        assert!(header.contains(old), "no {old}: {header}");
        files::with_header(&header.replacen(old, new, 1), &whole[whole.len() - data..])
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("cut-in-length", whole[..5].to_vec()),
        ("cut-in-header", whole[..100].to_vec()),
        ("cut-in-data", whole[..whole.len() - 1].to_vec()),
        ("longer", [&whole[..], &[0; 3]].concat()),
        ("wrong-length", [&9_000_000_000u64.to_le_bytes()[..], &whole[8..]].concat()),
        ("no-json", files::with_header("{\"lm_head\"", &whole[whole.len() - data..])),
        ("unknown-type", with("\"F32\"", "\"F31\"")),
        ("type-not-read", with("\"F32\"", "\"I32\"")),
        ("other-size", with("\"F32\"", "\"F16\"")),
        ("other-shape", with("[48,32]", "[32,48]")),
        ("shape-too-large", with("[48,32]", "[48,33]")),
        ("other-offsets", with("\"data_offsets\":[0,", "\"data_offsets\":[4,")),
        ("other-name", with("model.norm.weight", "model.morn.weight")),
    ];
    let mut all = Vec::new();
    for (name, bytes) in cases {
        fixture.copy("good", name);
        fixture.write(&format!("{name}/model.safetensors"), bytes);
        all.push(format!("generate {name} -p tom"));
    }
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn weights_that_are_no_numbers_give_no_text() {
    let fixture = Fixture::with_model();
    let mut bytes = fixture.read("good/model.safetensors");
    let end = bytes.len();
    for at in (end - 128..end).step_by(4) {
        bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    }
    fixture.write("good/model.safetensors", bytes);
    let all = lines(&["generate good -p tom", "generate good -p tom --greedy --json"]);
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn prompts_and_ids_that_a_model_cannot_read_are_refused() {
    let fixture = Fixture::with_model();
    fixture.copy("good", "plain");
    without_a_beginning(&fixture, "plain");
    let all = lines(&[
        "generate plain",
        "generate good --ids 1,2,99",
        "generate good --ids 1,-2",
        "generate good --ids 4294967296",
        "generate good --ids ,",
        "generate good -p é",
        "look good --ids 29",
        "look good -p on-day-1-tom-sees-the-red-house",
        "look good -p tom --layer 1",
        "look good -p tom --head 2",
        "look good -p tom -o trace.png",
        "look good -p tom -o nowhere/trace.json",
        "look good -p tom -o trace.json --sites blocks.*.attn.patern,logits",
        "look good -p tom --sites logits",
        "chat good",
        "tokenizer decode 1 2 29 --tokenizer good",
        "tokenizer decode 1 two --tokenizer good",
    ]);
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn numbers_that_cannot_be_meant_are_refused_by_name() {
    let fixture = Fixture::with_model();
    let all = lines(&[
        "generate good -p tom --temperature -3",
        "generate good -p tom --temperature inf",
        "generate good -p tom --top-p 7",
        "generate good -p tom --top-p -0.1",
        "generate good -p tom --top-k -1",
        "generate good -p tom --min-p 3",
        "generate good -p tom --seed -1",
        "generate good -p tom -n -1",
        "generate good -p tom -n 99999999999999999999",
        "generate good -p tom --threads 0",
        "chat good --threads -1",
        "eval good town.txt --threads many",
        "look good -p tom --layer -1",
        "verify good x.safetensors --tolerance -1",
        "corpus --bytes -1",
        "corpus --seed 1.5",
        "tokenizer train town.txt --vocab -1 --out t.json",
    ]);
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn texts_to_be_judged_by_are_refused_by_name() {
    let fixture = Fixture::with_model();
    fixture.write("empty.txt", "");
    fixture.write("one.txt", "t");
    fixture.write("bytes.txt", b"tom \xc3\x28 sees");
    fixture.write("snow.txt", "tom sees \u{2603}");
    fixture.write("wide.txt", b"\xff\xfet\0o\0m\0");
    fixture.copy("good", "other");
    std::fs::remove_file(fixture.at("other/training.toml")).unwrap();
    let all = lines(&[
        "eval other",
        "eval good missing.txt",
        "eval good .",
        "eval good empty.txt",
        "eval other one.txt",
        "eval good bytes.txt",
        "eval good wide.txt",
        "eval good snow.txt",
        "eval good town.txt missing.txt --json",
        "verify good missing.safetensors",
        "verify good town.txt",
        "verify good good/model.safetensors",
        "tokenizer train missing.txt --vocab 300 --out t.json",
        "tokenizer train empty.txt --vocab 300 --out t.json",
        "tokenizer train bytes.txt --vocab 300 --out t.json",
        "tokenizer train town.txt --vocab 256 --out t.json",
        "tokenizer train town.txt --vocab 300 --out good",
        "tokenizer train town.txt --vocab 300 --out nowhere/t.json",
    ]);
    insta::assert_snapshot!(dialogue(&fixture, &all));
}

#[test]
fn standard_input_that_is_no_text_is_refused_with_its_byte() {
    let fixture = Fixture::with_model();
    let mut running = fixture
        .program(["generate", "good", "-p", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    running.stdin.take().unwrap().write_all(b"tom \xff").unwrap();
    let done = running.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(2), &b""[..]));
    let output = String::from_utf8(done.stderr).unwrap();
    assert!(output.starts_with("lookback: standard input: byte 4 is not valid UTF-8"), "{output}");
}

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
    changed.info("blk.0.x.weight", 12, &[256], 0);
    case("type-not-read", &changed.finish());
    let mut changed = gguf();
    changed.info("blk.0.x.weight", 99, &[32], 0);
    case("type-unknown", &changed.finish());
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
