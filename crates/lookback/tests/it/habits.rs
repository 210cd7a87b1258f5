//! How shells, pipes and people use a program, as it went wrong in others of its kind.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(unix)]

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    process::{Command, Stdio},
};

use crate::world::{self, World, said};

/// A line in bash; `lookback` is the program.
fn shell(world: &World, line: &str) -> world::Said {
    let line = line.replace("lookback ", &format!("{} ", env!("CARGO_BIN_EXE_lookback")));
    let mut bash = Command::new("bash");
    bash.args(["-o", "pipefail", "-c", &line]).current_dir(world.at("")).stdin(Stdio::null());
    bash.env("LOOKBACK_HOME", world.at("home")).env("HF_HOME", world.at("cache"));
    said(&mut bash)
}

#[test]
fn a_reader_that_has_read_enough_is_no_mistake() {
    let world = World::with_model();
    for line in [
        "lookback tokenizer show --tokenizer gpt2 | head -1",
        "lookback tokenizer show --tokenizer cl100k --json | head -c 10",
        "lookback corpus --bytes 10000000 | head -2",
        "lookback corpus --questions | head -1",
        "lookback generate --help | head -1",
        "lookback completions bash | head -1",
        "lookback manual train | head -1",
        "lookback look good -p on --json | head -c 5",
        "lookback generate good -p on -n 100000 | head -c 20",
    ] {
        let said = shell(&world, line);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{line}: {said:?}");
    }
}

#[test]
fn what_cannot_be_written_is_a_failure_and_no_panic() {
    let world = World::with_model();
    for line in ["generate good -p on -n 9", "corpus", "tokenizer show --tokenizer gpt2", "--help"]
    {
        for to in ["> /dev/full", ">&-"] {
            let said = shell(&world, &format!("lookback {line} {to}"));
            // Rust gives a closed stdout another file in which all is lost.
            let is_told = said.code == Some(1) && said.stderr.lines().count() == 1;
            let is_lost = to == ">&-" && said.code == Some(0) && said.stderr.is_empty();
            assert!(is_told || is_lost, "{line} {to}: {said:?}");
        }
    }
    let said = shell(&world, "lookback generate nothing -p on 2>&-");
    assert_eq!(said.code, Some(2), "{said:?}");
    let said = shell(&world, "lookback generate good -p - -n 3 <&-");
    assert!(said.code.is_some_and(|code| code <= 2), "{said:?}");
}

#[test]
fn a_conversation_without_input_ends_and_a_result_in_a_file_is_the_result() {
    let world = World::with_model();
    let template = "{% for message in messages %}{{ message['content'] }} {% endfor %}";
    world.write("good/tokenizer_config.json", format!(r#"{{"chat_template": "{template}"}}"#));
    let said = shell(&world, "lookback chat good < /dev/null");
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(0), "", ""));
    let said = shell(&world, "echo on | lookback chat good -n 5 --greedy --ignore-eos > out.txt");
    let told = "lookback: the answer was ended after 5 tokens; -n allows more\n";
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(0), "", told));
    let written = String::from_utf8(world.read("out.txt")).unwrap();
    assert!(!written.contains('>') && written.ends_with('\n'), "{written:?}");
}

#[test]
fn a_variable_that_says_no_turns_nothing_on() {
    let world = World::with_model();
    let plain = world.done("tokenizer encode on --tokenizer good");
    for no in ["0", "false", "no", "off", "n", "f", "FALSE", ""] {
        let mut program = world.program("tokenizer encode on --tokenizer good".split(' '));
        assert_eq!(said(program.env("LOOKBACK_JSON", no)).stdout, plain, "{no:?}");
    }
    for yes in ["1", "true", "yes", "on"] {
        let mut program = world.program("tokenizer encode on --tokenizer good".split(' '));
        let json = said(program.env("LOOKBACK_JSON", yes)).stdout;
        assert!(json.starts_with('{'), "{yes}: {json}");
    }
}

#[test]
fn texts_and_names_may_begin_with_a_dash() {
    let world = World::with_model();
    world.write("-dash.txt", world.read("town.txt"));
    let plain = world.done("generate good -p on -n 9");
    for (line, wanted) in [
        ("generate good -p on -n 9 --stop -x", &plain),
        ("generate good -p on -n 9 --stop --", &plain),
        ("generate good -p on -n 9 --stop=-x", &plain),
        ("generate -p on -n 9 -- good", &plain),
    ] {
        assert_eq!(world.done(line), *wanted, "{line}");
    }
    assert_eq!(world.done("eval good -- -dash.txt"), world.done("eval good town.txt"));
    assert_eq!(world.done("eval good ./-dash.txt"), world.done("eval good town.txt"));
    let said = world.refused("generate good -p on --top-k -3");
    assert!(said.starts_with("--top-k"), "{said}");
    let said = world.refused("generate good -p on --seed -1");
    assert!(said.starts_with("--seed cannot be \"-1\""), "{said}");
}

#[test]
fn bytes_that_are_no_text_are_refused_or_are_names() {
    let world = World::with_model();
    let bytes = OsStr::from_bytes(b"\xff\xfe\x1b[31m");
    for line in [
        &["generate"][..],
        &["eval", "good"],
        &["train", "--out", "x"],
        &["tokenizer", "encode", "x", "--tokenizer"],
    ] {
        let mut program = world.program(line.iter().copied());
        let said = said(program.arg(bytes));
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{line:?}: {said:?}");
        let is_one = said.stderr.lines().count() == 1 && !said.stderr.contains('\u{1b}');
        assert!(is_one, "{line:?}: {said:?}");
    }
}

#[test]
fn helps_are_whole_on_terminals_of_any_width_and_without_a_home() {
    let world = World::new();
    for columns in ["0", "1", "7", "40", "10000", "-3", "many", ""] {
        let mut program = world.program(["generate", "--help"]);
        let said = said(program.env("COLUMNS", columns));
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{columns}: {said:?}");
        let words = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("lookback generate runs/mine -p \"ROMEO:\""), "{columns}: {words}");
    }
    let mut program = world.program("generate default -p on".split(' '));
    program.env_clear();
    let said = said(&mut program);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("LOOKBACK_HOME"), "{said:?}");
    // A folder that is gone while somebody stands in it.
    let said = shell(
        &world,
        "mkdir gone; cd gone; rmdir ../gone; lookback corpus --bytes 10; lookback generate x -p on",
    );
    assert_eq!((said.code, said.stderr.lines().count()), (Some(2), 1), "{said:?}");
}
