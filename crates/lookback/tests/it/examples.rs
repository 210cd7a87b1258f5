//! Every example that a help prints is run, as a shell would run it, in a folder that has small files of
//! the names that it uses. That each is taken is tried by `src/arguments/examples.rs`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(all(unix, feature = "serve"))]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use crate::fixture::{Fixture, output};

/// The helps, in the order in which their examples can follow each other: what one makes, the next uses.
const HELPS: [&str; 23] = [
    "train",
    "tokenizer train",
    "tokenizer encode",
    "tokenizer decode",
    "tokenizer show",
    "tokenizer",
    "generate",
    "chat",
    "eval",
    "look",
    "why",
    "heads",
    "neurons",
    "sweep",
    "diff",
    "verify",
    "convert",
    "bench",
    "corpus",
    "completions",
    "manual",
    "serve",
    "",
];

/// What takes minutes as it stands, and what is done instead.
const SMALLER: [(&str, &str); 9] = [
    ("--minutes 3", "--minutes 0.001"),
    ("--steps 5000", "--steps 2"),
    ("train my.txt --out", "train my.txt --steps 2 --set width=32 --set hidden=64 --out"),
    ("txt --tokenizer char", "txt --set width=32 --tokenizer char"),
    // Where manual pages are not installed they cannot be shown.
    ("man -l -", "cat"),
    ("--port 8080", "--port 0"),
    // A model for a test has not learned to say when it is done.
    ("chat model.gguf --greedy", "chat model.gguf --greedy -n 8"),
    // The run of the examples keeps no whole snapshots.
    ("heads runs/mine --snapshots", "heads runs/mine"),
    // Here two texts are as many tokens by chance only.
    ("-p \"a red bird is\" --corrupt \"a blue bird is\"", "--ids 5,6,7 --corrupt-ids 5,8,7"),
];

/// A folder with what the examples name: texts, and models that were trained for two steps.
fn folder() -> Fixture {
    let fixture = Fixture::new();
    let mut text = String::from_utf8(fixture.read("town.txt")).unwrap();
    text += "the party is on may 3.\n\n";
    text = text.repeat(4);
    for name in ["my", "shakespeare", "a", "b", "held-out", "chapter-1", "chapter-2", "corpus"] {
        fixture.write(&format!("{name}.txt"), &text);
    }
    // Beside a preset of its own size, one with room for a long prompt.
    let long = "--set context=1024 --set batch=1 --steps 1 --tokenizer bpe:300";
    fixture.done(&format!(
        "train my.txt --set layers=4 --set heads=4 --set width=32 --set hidden=32 {long} --out long"
    ));
    fixture.write(
        "long/tokenizer_config.json",
        r#"{"chat_template": "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"}"#,
    );
    for name in ["model.gguf", "smollm2-135m-instruct-q4_1.gguf"] {
        // Wherever a file is named a directory will do.
        symlink(fixture.at("long"), fixture.at(name)).unwrap();
    }
    fs::create_dir_all(fixture.at("home")).unwrap();
    symlink(fixture.at("long"), fixture.at("home/default")).unwrap();
    let bin = fixture.at("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_lookback"), bin.join("lookback")).unwrap();
    for place in [".local/share/bash-completion/completions", ".config/fish/completions"] {
        fs::create_dir_all(fixture.at("person").join(place)).unwrap();
    }
    fixture
}

/// The example lines of a help.
fn examples(fixture: &Fixture, command: &str) -> Vec<String> {
    let help = fixture.done(&format!("{command} --help"));
    let (_, examples) = help.split_once("\nExample").unwrap_or_else(|| panic!("{command}: {help}"));
    examples.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

/// A line in bash, where `lookback` is the program and the home is the fixture's.
fn shell(fixture: &Fixture, line: &str) -> Command {
    let mut program = Command::new("bash");
    program.args(["-o", "pipefail", "-c", line]).current_dir(fixture.at(""));
    let path = format!("{}:{}", fixture.at("bin").display(), std::env::var("PATH").unwrap());
    program.env("PATH", path).env("HOME", fixture.at("person")).stdin(Stdio::null());
    program.env_remove("LOOKBACK_PATH").env_remove("HF_HUB_CACHE");
    program.env("LOOKBACK_HOME", fixture.at("home")).env("HF_HOME", fixture.at("cache"));
    program
}

/// Runs what shows a page until it says where, and ends it.
fn shows_a_page(fixture: &Fixture, line: &str) {
    let mut command = shell(fixture, &format!("exec {line} --no-open"));
    let mut program = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(url.starts_with("http://"), "{line}: {url}");
}

#[test]
fn every_example_of_every_help_does_what_it_says() {
    let fixture = folder();
    let mut run = 0;
    for command in HELPS {
        for example in examples(&fixture, command) {
            let mut line = example.clone();
            for (long, small) in SMALLER {
                line = line.replace(long, small);
            }
            if line.starts_with("python3") {
                // transformers writes such a file, and so do we.
                line = "lookback look runs/mine -p \"tom sees\" -o expected.safetensors".to_owned();
            }
            if example == "lookback" || example.starts_with("lookback serve") {
                shows_a_page(&fixture, line.replace(" --no-open", "").as_str());
            } else {
                if example == "lookback train my.txt --out runs/mine"
                    && fixture.at("runs/mine").exists()
                {
                    line = line.replace("runs/mine", "runs/again");
                }
                let output = output(&mut shell(&fixture, &line));
                assert_eq!(output.code, Some(0), "{command} --help: {line}: {output:?}");
            }
            run += 1;
        }
    }
    assert!(run >= 40, "{run}");
    for made in ["runs/mine", "runs/verse", "runs/both", "runs/without"] {
        assert!(Path::new(&fixture.at(made)).join("model.safetensors").exists(), "{made}");
    }
}
