//! Files that are no files, tokenizers made to do harm, models that change while they are read, and
//! clients that hold what others need: each ends in one sentence, and a server answers those who read.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(unix)]

use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::symlink,
    process::{Command, Stdio},
    time::Duration,
};

use crate::fixture::{self, Fixture};
use lookback::{
    engine::{Compute, ThreadPool, WeightMode, Weights},
    model::StoredModel,
};

/// What is said to a line of arguments; the program is ended where it has not ended after a minute.
fn output(fixture: &Fixture, line: &str) -> fixture::ProgramOutput {
    let program = fixture.program(line.split_whitespace());
    let mut limited = Command::new("timeout");
    limited
        .arg("60")
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(fixture.at(""));
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    fixture::output(limited.stdin(Stdio::null()))
}

/// The sentence that refuses a line of arguments.
fn refused(fixture: &Fixture, line: &str) -> String {
    let output = output(fixture, line);
    assert_eq!(output.code, Some(2), "{line}: {output:?}");
    let sentence = fixture::sentence(line, &output);
    assert!(sentence.chars().count() < 500, "{line}: {sentence}");
    sentence
}

#[test]
fn a_device_or_a_pipe_or_a_directory_for_any_file_is_refused_by_what_it_is() {
    let fixture = Fixture::with_model();
    fs::create_dir(fixture.at("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(fixture.at("pipe")).status().unwrap().success());
    let kinds = [
        ("/dev/zero".into(), "it is a device, and a file is needed"),
        (fixture.at("pipe"), "it is a pipe, and a file is needed"),
        (fixture.at("folder"), "it is a directory, and a file is needed"),
    ];
    let files = [
        ("config.json", "generate bad -p a -n 1"),
        ("generation_config.json", "generate bad -p a -n 1"),
        ("tokenizer.json", "generate bad -p a -n 1"),
        ("tokenizer_config.json", "generate bad -p a -n 1"),
        ("chat_template.jinja", "chat bad"),
        ("model.safetensors", "generate bad -p a -n 1"),
        ("training.toml", "train --resume --out bad"),
        ("metrics.jsonl", "train --resume --out bad --steps 9"),
        ("tokens.bin", "train --resume --out bad --steps 9"),
    ];
    for (place, says) in &kinds {
        for (name, line) in files {
            fixture.copy("good", "bad");
            let _it_may_be_new = fs::remove_file(fixture.at("bad").join(name));
            symlink(place, fixture.at("bad").join(name)).unwrap();
            let sentence = refused(&fixture, line);
            assert!(sentence.contains(&format!("{name}: {says}")), "{name}: {sentence}");
            fs::remove_dir_all(fixture.at("bad")).unwrap();
        }
        let place = place.display();
        for line in [
            format!("generate good -p a --config {place}"),
            format!("train town.txt --config {place}"),
            format!("tokenizer encode a --tokenizer {place}"),
            format!("verify good {place}"),
        ] {
            // A folder may be a tokenizer's, and then lacks its file.
            let is_folder = line.starts_with("tokenizer") && place.to_string().ends_with("folder");
            let sentence = refused(&fixture, &line);
            assert!(sentence.contains(says) || is_folder, "{line}: {sentence}");
        }
    }
    for name in ["pipe", "/dev/zero"] {
        assert!(
            refused(&fixture, &format!("generate {name} -p a")).contains("and a file is needed")
        );
    }
    // The index of shards, of a terabyte that takes no room.
    fixture.copy("good", "bad");
    fs::remove_file(fixture.at("bad/model.safetensors")).unwrap();
    let index = fs::File::create(fixture.at("bad/model.safetensors.index.json")).unwrap();
    index.set_len(1 << 40).unwrap();
    let sentence = refused(&fixture, "generate bad -p a");
    assert!(sentence.contains("index.json: it is longer than 268435456 bytes"), "{sentence}");
}

#[test]
fn a_tokenizer_made_to_do_harm_is_refused_with_the_part_that_does() {
    let fixture = Fixture::with_model();
    let text = String::from_utf8(fixture.read("good/tokenizer.json")).unwrap();
    let put = |name: &str, key: &str, value: serde_json::Value| {
        let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
        file[key] = value;
        fixture.write(name, file.to_string());
    };
    let digits = serde_json::json!({"type": "Digits", "individual_digits": true});
    let all = serde_json::json!({"type": "Sequence", "pretokenizers": vec![digits; 20_000]});
    put("deep.json", "pre_tokenizer", all);
    let double =
        serde_json::json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
    let all = serde_json::json!({"type": "Sequence", "normalizers": vec![double; 60]});
    put("double.json", "normalizer", all);
    let sentence = refused(&fixture, "tokenizer encode tom --tokenizer deep.json");
    assert!(sentence.contains("more than 64 pre-tokenizers, which are the most"), "{sentence}");
    let sentence = refused(&fixture, "tokenizer encode anna --tokenizer double.json");
    assert!(sentence.contains("normalizer 1") && sentence.contains("(Replace)"), "{sentence}");
}

#[test]
fn a_refusal_repeats_no_more_than_a_line_of_what_it_refuses() {
    let fixture = Fixture::with_model();
    let long = "x".repeat(100_000);
    let merges = serde_json::json!([[long, long]]);
    for (file, pointer, key, value) in [
        ("config.json", "", "hidden_act", long.as_str().into()),
        ("config.json", "", "model_type", long.as_str().into()),
        ("config.json", "", long.as_str(), 7.into()),
        ("config.json", "", "bos_token_id", 4_294_967_295u64.into()),
        ("config.json", "", "eos_token_id", serde_json::json!([-3])),
        ("config.json", "", "bos_token_id", 1.5.into()),
        ("config.json", "", "eos_token_id", u64::MAX.into()),
        ("tokenizer.json", "/model", "type", long.as_str().into()),
        ("tokenizer.json", "/model", "merges", merges),
        ("tokenizer.json", "/model", "end_of_word_suffix", long.as_str().into()),
    ] {
        fixture.copy("good", "bad");
        let mut json: serde_json::Value =
            serde_json::from_slice(&fixture.read(&format!("good/{file}"))).unwrap();
        json.pointer_mut(pointer).unwrap()[key] = value;
        fixture.write(&format!("bad/{file}"), json.to_string());
        let sentence = refused(&fixture, "generate bad -p a -n 1");
        // The longest lists every family that there is.
        assert!(sentence.chars().count() < 360, "{file}, {key:.20}: {sentence}");
        fs::remove_dir_all(fixture.at("bad")).unwrap();
    }
}

#[test]
fn a_model_that_is_written_to_while_it_is_read_is_refused() {
    let fixture = Fixture::with_model();
    let stored = StoredModel::open(&fixture.at("good")).unwrap();
    let pool = ThreadPool::single_threaded();
    Weights::load(&stored, WeightMode::Inference, Compute::F32, &pool).unwrap();
    let path = fixture.at("good/model.safetensors");
    let whole = fs::read(&path).unwrap();
    // In place, which a program that writes whole files never does.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"more").unwrap();
    let refused = Weights::load(&stored, WeightMode::Inference, Compute::F32, &pool)
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("model.safetensors: it was written to while it was read"),
        "{refused}"
    );
    // Weights that were read stay as they are, whatever becomes of the file.
    fs::write(&path, &whole).unwrap();
    let stored = StoredModel::open(&fixture.at("good")).unwrap();
    let weights = Weights::load(&stored, WeightMode::Inference, Compute::F32, &pool).unwrap();
    drop(stored);
    fs::write(&path, b"").unwrap();
    let mut values = vec![0.0; 32];
    weights.gather(weights.network().embed, &[1], &mut values);
    assert!(values.iter().any(|&value| value != 0.0));
}

#[cfg(feature = "serve")]
#[test]
fn a_reader_does_not_wait_behind_idle_connections_for_file_descriptors() {
    let fixture = Fixture::with_model();
    let mut program = Command::new("bash");
    let script = "ulimit -n 64; exec \"$lookback\" serve good --port 0 --no-open --threads 1";
    program.args(["-c", script]).env("lookback", env!("CARGO_BIN_EXE_lookback"));
    program.env("LOOKBACK_HOME", fixture.at("home")).current_dir(fixture.at(""));
    let mut program = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address = url.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let _idle: Vec<TcpStream> = (0..90).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(&address).unwrap();
        // Idle connections are given up after twenty seconds.
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let request =
            format!("GET /api/models HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    program.kill().unwrap();
    program.wait().unwrap();
}
