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

use crate::world::{World, said};

/// The helps, in the order in which their examples can follow each other: what one makes, the next uses.
const HELPS: [&str; 17] = [
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
    "verify",
    "bench",
    "corpus",
    "completions",
    "manual",
    "serve",
    "",
];

/// What takes minutes as it stands, and what is done instead.
const SMALLER: [(&str, &str); 7] = [
    ("--minutes 3", "--minutes 0.001"),
    ("--steps 5000", "--steps 2"),
    ("train my.txt --out", "train my.txt --steps 2 --set width=32 --set hidden=64 --out"),
    ("txt --tokenizer char", "txt --set width=32 --tokenizer char"),
    // Where manual pages are not installed they cannot be shown.
    ("man -l -", "cat"),
    ("--port 8080", "--port 0"),
    // A model for a test has not learned to say when it is done.
    ("chat model.gguf --greedy", "chat model.gguf --greedy -n 8"),
];

/// A folder with what the examples name: texts, and models that were trained for two steps.
fn folder() -> World {
    let world = World::new();
    let mut text = String::from_utf8(world.read("town.txt")).unwrap();
    text += "the party is on may 3.\n\n";
    text = text.repeat(4);
    for name in ["my", "shakespeare", "a", "b", "held-out", "chapter-1", "chapter-2", "corpus"] {
        world.write(&format!("{name}.txt"), &text);
    }
    // Beside a preset of its own size, one with room for a long prompt.
    let long = "--set context=1024 --set batch=1 --steps 1 --tokenizer bpe:300";
    world.done(&format!(
        "train my.txt --set layers=4 --set heads=4 --set width=32 --set hidden=32 {long} --out long"
    ));
    world.write(
        "long/tokenizer_config.json",
        r#"{"chat_template": "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"}"#,
    );
    for name in ["model.gguf", "smollm2-135m-instruct-q4_1.gguf"] {
        // Wherever a file is named a directory will do.
        symlink(world.at("long"), world.at(name)).unwrap();
    }
    fs::create_dir_all(world.at("home")).unwrap();
    symlink(world.at("long"), world.at("home/default")).unwrap();
    let bin = world.at("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_lookback"), bin.join("lookback")).unwrap();
    for place in [".local/share/bash-completion/completions", ".config/fish/completions"] {
        fs::create_dir_all(world.at("person").join(place)).unwrap();
    }
    world
}

/// The example lines of a help.
fn examples(world: &World, command: &str) -> Vec<String> {
    let help = world.done(&format!("{command} --help"));
    let (_, examples) = help.split_once("\nExample").unwrap_or_else(|| panic!("{command}: {help}"));
    examples.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

/// A line in bash, where `lookback` is the program and the home is the world's.
fn shell(world: &World, line: &str) -> Command {
    let mut program = Command::new("bash");
    program.args(["-o", "pipefail", "-c", line]).current_dir(world.at(""));
    let path = format!("{}:{}", world.at("bin").display(), std::env::var("PATH").unwrap());
    program.env("PATH", path).env("HOME", world.at("person")).stdin(Stdio::null());
    program.env_remove("LOOKBACK_PATH").env_remove("HF_HUB_CACHE");
    program.env("LOOKBACK_HOME", world.at("home")).env("HF_HOME", world.at("cache"));
    program
}

/// Runs what shows a page until it says where, and ends it.
fn shows_a_page(world: &World, line: &str) {
    let mut command = shell(world, &format!("exec {line} --no-open"));
    let mut program = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(url.starts_with("http://"), "{line}: {url}");
}

#[test]
fn every_example_of_every_help_does_what_it_says() {
    let world = folder();
    let mut run = 0;
    for command in HELPS {
        for example in examples(&world, command) {
            let mut line = example.clone();
            for (long, small) in SMALLER {
                line = line.replace(long, small);
            }
            if line.starts_with("python3") {
                // transformers writes such a file, and so do we.
                line = "lookback look runs/mine -p \"tom sees\" -o expected.safetensors".to_owned();
            }
            if example == "lookback" || example.starts_with("lookback serve") {
                shows_a_page(&world, line.replace(" --no-open", "").as_str());
            } else {
                if example == "lookback train my.txt --out runs/mine"
                    && world.at("runs/mine").exists()
                {
                    line = line.replace("runs/mine", "runs/again");
                }
                let said = said(&mut shell(&world, &line));
                assert_eq!(said.code, Some(0), "{command} --help: {line}: {said:?}");
            }
            run += 1;
        }
    }
    assert!(run >= 40, "{run}");
    for made in ["runs/mine", "runs/verse", "runs/both", "runs/without"] {
        assert!(Path::new(&world.at(made)).join("model.safetensors").exists(), "{made}");
    }
}
