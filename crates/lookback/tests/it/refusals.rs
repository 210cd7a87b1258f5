//! Bad input is refused: exit code 2, one sentence on stderr that names the thing, nothing on
//! stdout, and not a file made, changed or left behind.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{Fixture, SMALL};

/// The lines with what was said to each, as a snapshot shows them.
fn dialogue(fixture: &Fixture, lines: &[String]) -> String {
    let output = |line: &String| format!("$ lookback {line}\n{}\n", fixture.refused(line));
    lines.iter().map(output).collect::<String>().replace(SMALL, "SMALL")
}

/// `train town.txt` of a small model into OUT, with more arguments.
fn train(more: &str) -> String {
    format!("train town.txt --steps 2 --out OUT {more}")
}

#[test]
fn texts_that_cannot_be_learned_from_are_named() {
    let fixture = Fixture::new();
    fixture.write("empty.txt", "");
    fixture.write("short.txt", "too short");
    fixture.write("shorter-than-a-context.txt", "forty-five bytes, and a context of sixty-four");
    fixture.write("bytes.txt", b"good text \xff and more");
    std::fs::create_dir(fixture.at("folder")).unwrap();
    let texts = [
        "missing.txt",
        "folder",
        "empty.txt",
        "short.txt",
        "bytes.txt",
        "town.txt empty.txt",
        "town.txt/x",
    ];
    let mut lines: Vec<String> = texts
        .iter()
        .map(|text| format!("train {text} --tokenizer char --steps 2 --out OUT"))
        .collect();
    lines.push(format!(
        "train shorter-than-a-context.txt {SMALL} --set context=64 --steps 2 --out OUT"
    ));
    lines.push("train --steps 2 --out OUT".to_owned());
    insta::assert_snapshot!(dialogue(&fixture, &lines));
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    fixture.write("secret.txt", "dear diary");
    let nobody = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(fixture.at("secret.txt"), nobody).unwrap();
    // Nothing is hidden from root.
    if std::fs::File::open(fixture.at("secret.txt")).is_err() {
        let output = fixture.lookback("train secret.txt --tokenizer char --steps 2 --out OUT");
        assert_eq!(output.code, Some(2));
        let sentence = "lookback: secret.txt: it may not be read; check its permissions\n";
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", sentence));
    }
}

#[test]
fn settings_that_cannot_be_meant_are_named() {
    let fixture = Fixture::new();
    let settings = [
        "foo=1",
        "foo",
        "=3",
        "model.layers=2",
        "layers=many",
        "layers=-1",
        "layers=0",
        "layers=1.5",
        "layers=5000",
        "heads=3",
        "width=0",
        "hidden=0",
        "context=0",
        "context=2000000000",
        "batch=0",
        "accumulate=-1",
        "rate=-1",
        "rate=nan",
        "rate=fast",
        "clip=inf",
        "beta1=1.0",
        "seed=-1",
        "theta=0",
        "architecture=mamba",
        "at_documents=maybe",
        "steps=7",
        "batch=1000000",
    ];
    let lines: Vec<String> = settings
        .iter()
        .map(|setting| train(&format!("--tokenizer char --set width=32 --set {setting}")))
        .collect();
    insta::assert_snapshot!(dialogue(&fixture, &lines));
}

#[test]
fn arguments_that_cannot_be_meant_are_named() {
    let fixture = Fixture::new();
    let mut lines: Vec<String> = [
        "--tokenizer foo",
        "--tokenizer bpe:3",
        "--tokenizer bpe:many",
        "--tokenizer town.txt",
        "--tokenizer missing.json",
        "--preset huge",
        "--compute f64",
        "--minutes 3",
        "--threads 0",
        "--threads -1",
        "--threads 60000",
        "--seed -1",
        "--seed x",
    ]
    .iter()
    .map(|more| train(more))
    .collect();
    lines.extend(
        [
            "train town.txt --out OUT --steps 0",
            "train town.txt --out OUT --steps -1",
            "train town.txt --out OUT --tokens -1",
            "train town.txt --out OUT --minutes 0",
            "train town.txt --out OUT --minutes -3",
            "train town.txt --out OUT --minutes soon",
            "train town.txt --out OUT --seconds inf",
            "train town.txt --steps 2",
            "train town.txt --random-data 100 --out OUT",
            "train --random-data 0 --out OUT",
            "train --random-data 9000000000000 --out OUT",
            "train --random-data 5000 --tokenizer bpe:0 --out OUT",
            "train --resume",
            "train --resume --out OUT",
        ]
        .map(str::to_owned),
    );
    insta::assert_snapshot!(dialogue(&fixture, &lines));
}

#[test]
fn a_place_that_is_taken_is_refused() {
    let fixture = Fixture::with_model();
    fixture.write("file", "");
    std::fs::create_dir(fixture.at("folder")).unwrap();
    fixture.write("folder/letter.txt", "dear reader");
    let mut lines: Vec<String> = ["good", "file", "file/inside", "folder", "."]
        .iter()
        .map(|out| format!("train town.txt {SMALL} --steps 2 --out {out}"))
        .collect();
    lines.extend(["file", "folder", "nowhere"].map(|out| format!("train --resume --out {out}")));
    insta::assert_snapshot!(dialogue(&fixture, &lines));
    std::fs::create_dir(fixture.at("empty")).unwrap();
    fixture.done(&format!("train town.txt {SMALL} --steps 2 --out empty"));
}

#[test]
fn files_of_settings_are_refused_by_line_and_key() {
    let fixture = Fixture::with_model();
    fixture.write("unknown.toml", "seed = 1\nlerning_rate = 3\n");
    fixture.write("cut.toml", "seed = 1\nrate = ");
    fixture.write("some-keys.toml", "seed = 1\nrate = \"fast\"\n");
    fixture.write("bytes.toml", b"seed = \xff");
    fixture.write("key-outside.toml", "seed = 1\nlayers = 2\n");
    let change =
        |to: &str, old: &str, new: &str| fixture.replace("good/training.toml", to, old, new);
    change("text-for-number.toml", "layers = 1", "layers = \"one\"");
    change("key-of-the-model.toml", "layers = 1", "layer = 1");
    change("negative.toml", "layers = 1", "layers = -3");
    change("zero.toml", "batch = 4", "batch = 0");
    change("twice.toml", "batch = 4", "batch = 4\nbatch = 4");
    let files = [
        "missing.toml",
        ".",
        "unknown.toml",
        "cut.toml",
        "some-keys.toml",
        "bytes.toml",
        "key-outside.toml",
        "text-for-number.toml",
        "key-of-the-model.toml",
        "negative.toml",
        "zero.toml",
        "twice.toml",
    ];
    let lines: Vec<String> =
        files.iter().map(|file| train(&format!("--tokenizer char --config {file}"))).collect();
    insta::assert_snapshot!(dialogue(&fixture, &lines));
}

#[test]
fn a_run_that_cannot_fit_is_refused_before_its_directory_is_made() {
    let fixture = Fixture::new();
    let huge = "--set layers=50 --set width=65536 --set heads=32 --set key_heads=32";
    let output = fixture.refused(&train(&format!("--tokenizer char {huge} --set hidden=262144")));
    assert!(output.starts_with("training needs ") && output.contains(" MB are free; "), "{output}");
}

#[test]
fn a_run_goes_on_only_as_it_began() {
    let fixture = Fixture::with_model();
    let settled = "train --resume --out good --steps 5";
    let mut lines: Vec<String> = [
        "--set layers=2",
        "--set context=8",
        "--set batch=8",
        "--seed 7",
        "--set rate=0",
        "--set lr=1",
    ]
    .iter()
    .map(|more| format!("{settled} {more}"))
    .collect();
    lines.push("train --resume --out good --steps 3".to_owned());
    insta::assert_snapshot!(dialogue(&fixture, &lines));
    fixture.done(&format!("{settled} --set layers=1 --seed 0"));
}

#[test]
fn a_run_whose_files_are_broken_is_refused_by_the_file() {
    let fixture = Fixture::with_model();
    let mut lines = Vec::new();
    let mut broken = |name: &str, break_it: &dyn Fn(&str)| {
        fixture.copy("good", name);
        break_it(name);
        lines.push(format!("train --resume --out {name}"));
    };
    let file = |name: &str, file: &str| format!("{name}/{file}");
    let cut = |name: &str, at: usize| {
        let whole = fixture.read(&file("good", name));
        whole[..at].to_vec()
    };
    broken("settings-unknown", &|run| {
        fixture.replace("good/training.toml", &file(run, "training.toml"), "seed", "sede");
    });
    broken("settings-cut", &|run| {
        fixture.write(&file(run, "training.toml"), cut("training.toml", 200));
    });
    broken("tokens-missing", &|run| {
        std::fs::remove_file(fixture.at(&file(run, "tokens.bin"))).unwrap();
    });
    broken("tokens-cut", &|run| fixture.write(&file(run, "tokens.bin"), cut("tokens.bin", 1001)));
    broken("tokens-strange", &|run| {
        let mut tokens = cut("tokens.bin", fixture.read("good/tokens.bin").len());
        let last = tokens.len() - 4;
        tokens[last..].copy_from_slice(&500u32.to_le_bytes());
        fixture.write(&file(run, "tokens.bin"), tokens);
    });
    broken("tokenizer-missing", &|run| {
        std::fs::remove_file(fixture.at(&file(run, "tokenizer.json"))).unwrap();
    });
    broken("tokenizer-cut", &|run| {
        fixture.write(&file(run, "tokenizer.json"), cut("tokenizer.json", 300));
    });
    broken("checkpoint-cut", &|run| {
        fixture.write(&file(run, "checkpoint.safetensors"), cut("checkpoint.safetensors", 5000));
    });
    broken("checkpoint-empty", &|run| fixture.write(&file(run, "checkpoint.safetensors"), ""));
    broken("checkpoint-of-another", &|run| {
        fixture.replace(
            "good/training.toml",
            &file(run, "training.toml"),
            "hidden = 48",
            "hidden = 64",
        );
    });
    broken("checkpoint-damaged", &|run| {
        let mut checkpoint = fixture.read("good/checkpoint.safetensors");
        let middle = checkpoint.len() / 2;
        checkpoint[middle] ^= 1;
        fixture.write(&file(run, "checkpoint.safetensors"), checkpoint);
    });
    broken("checkpoint-of-no-numbers", &|run| {
        let mut checkpoint = of_before(&fixture.read("good/checkpoint.safetensors"));
        let last = end_of(&checkpoint, "square.ln_final.weight") - 4;
        checkpoint[last..last + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        fixture.write(&file(run, "checkpoint.safetensors"), checkpoint);
    });
    insta::assert_snapshot!(dialogue(&fixture, &lines));
}

/// Where a tensor of a file ends.
fn end_of(file: &[u8], name: &str) -> usize {
    let (length, rest) = file.split_first_chunk().unwrap();
    let length = u64::from_le_bytes(*length) as usize;
    let header: serde_json::Value = serde_json::from_slice(&rest[..length]).unwrap();
    8 + length + header[name]["data_offsets"][1].as_u64().unwrap() as usize
}

/// A checkpoint as it was written before there were checksums.
fn of_before(checkpoint: &[u8]) -> Vec<u8> {
    let (length, rest) = checkpoint.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
    header.as_object_mut().unwrap().remove("checksum").unwrap();
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), &data[..data.len() - 32]].concat()
}
