//! What the program says about its arguments: helps, and mistakes in one sentence.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::{Command, Stdio};

/// Exit code, stdout and stderr of the program.
fn lookback(arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_lookback"));
    let done = program.args(arguments).stdin(Stdio::null()).env_remove("COLUMNS").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

#[test]
fn helps_show_what_can_be_done_with_examples_and_defaults() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["train", "--help"],
        &["look", "--help"],
        &["why", "--help"],
        &["heads", "--help"],
        &["neurons", "--help"],
        &["sweep", "--help"],
        &["diff", "--help"],
        &["bench", "--help"],
        &["verify", "--help"],
        &["generate", "-h"],
        &["eval", "--help"],
        &["generate", "--help"],
        &["chat", "--help"],
        &["tokenizer", "--help"],
        &["tokenizer", "train", "--help"],
        &["tokenizer", "encode", "--help"],
        &["tokenizer", "decode", "--help"],
        &["tokenizer", "show", "--help"],
        &["corpus", "--help"],
        &["convert", "--help"],
        &["serve", "--help"],
    ] {
        let (code, stdout, stderr) = lookback(arguments);
        assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{arguments:?} is too wide");
        let name = arguments.join("_").replace("--help", "help").replace("-h", "short_help");
        insta::assert_snapshot!(name, stdout);
    }
}

#[test]
fn mistakes_are_one_sentence_and_exit_with_2() {
    let output: Vec<String> = [
        "generate",
        "generat model",
        "generate model --tempreature 3",
        "generate model --temperature -3",
        "generate model --temperature hot",
        "generate model --top-p 7",
        "generate model --min-p -1",
        "generate model -n many",
        "generate model -n -3",
        "generate model -p x --ids 1,2",
        "generate model - --ids 1,2",
        "generate model --ids 1,two",
        "generate model --greedy --top-k 3",
        "generate model --seed 1 --seed 2",
        "generate model prompt",
        "generate model --threads 0",
        "--no-serve generate model",
        "--greedy",
        "corpus --bytes",
        "tokenizer train",
        "tokenizer trian x",
        "eval model",
        "train my.txt --lr 0.1 --out x",
        "train my.txt --batch-size 8 --out x",
        "train my.txt --epochs 3 --out x",
        "train my.txt --max_iters 5 --out x",
        "train my.txt --init x --out y",
        "train -i my.txt --out x",
        "generate -m model -p x",
        "generate model --n-predict 5",
        "generate model -ngl 99 -p x",
        "generate model -c 4096 -p x",
        "generate model --device cuda",
        "generate model -f prompt.txt",
        "generate model -temp 3",
        "generate model -prompt x",
        "chat model --luck x",
        "corpus --tokens 5",
        "bench model -t 4",
        "run model",
        "help",
        "dance",
    ]
    .iter()
    .map(|line| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (code, stdout, stderr) = lookback(&arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{line}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{line}: {stderr}");
        format!("$ lookback {line}\n{stderr}")
    })
    .collect();
    insta::assert_snapshot!(output.concat());
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = concat!("lookback ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(lookback(&["--version"]), (0, version.to_owned(), String::new()));
}
