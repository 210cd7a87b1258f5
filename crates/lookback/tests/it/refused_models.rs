//! Models, prompts and texts that cannot be run: exit code 2, one sentence that names the thing,
//! nothing on stdout, and not a file made or changed. Read refusals for training.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{io::Write, process::Stdio};

use crate::{files, fixture::Fixture};

/// The lines with what was said to each, as a snapshot shows them.
pub fn dialogue(fixture: &Fixture, lines: &[String]) -> String {
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
