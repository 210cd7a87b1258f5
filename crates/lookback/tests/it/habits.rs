//! How shells, pipes and people use a program, as it went wrong in others of its kind.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(unix)]

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    process::{Command, Stdio},
};

use crate::fixture::{self, Fixture, output};

/// A line in bash; `lookback` is the program.
fn shell(fixture: &Fixture, line: &str) -> fixture::ProgramOutput {
    let line = line.replace("lookback ", &format!("{} ", env!("CARGO_BIN_EXE_lookback")));
    let mut bash = Command::new("bash");
    bash.args(["-o", "pipefail", "-c", &line]).current_dir(fixture.at("")).stdin(Stdio::null());
    bash.env("LOOKBACK_HOME", fixture.at("home")).env("HF_HOME", fixture.at("cache"));
    output(&mut bash)
}

#[test]
fn a_reader_that_has_read_enough_is_no_mistake() {
    let fixture = Fixture::with_model();
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
        let output = shell(&fixture, line);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{line}: {output:?}");
    }
}

#[test]
fn what_cannot_be_written_is_a_failure_and_no_panic() {
    let fixture = Fixture::with_model();
    for line in ["generate good -p on -n 9", "corpus", "tokenizer show --tokenizer gpt2", "--help"]
    {
        for to in ["> /dev/full", ">&-"] {
            let output = shell(&fixture, &format!("lookback {line} {to}"));
            // Rust gives a closed stdout another file in which all is lost.
            let is_told = output.code == Some(1) && output.stderr.lines().count() == 1;
            let is_lost = to == ">&-" && output.code == Some(0) && output.stderr.is_empty();
            assert!(is_told || is_lost, "{line} {to}: {output:?}");
        }
    }
    let output = shell(&fixture, "lookback generate nothing -p on 2>&-");
    assert_eq!(output.code, Some(2), "{output:?}");
    let output = shell(&fixture, "lookback generate good -p - -n 3 <&-");
    assert!(output.code.is_some_and(|code| code <= 2), "{output:?}");
}

#[test]
fn a_conversation_without_input_ends_and_a_result_in_a_file_is_the_result() {
    let fixture = Fixture::with_model();
    let template = "{% for message in messages %}{{ message['content'] }} {% endfor %}";
    fixture.write("good/tokenizer_config.json", format!(r#"{{"chat_template": "{template}"}}"#));
    let output = shell(&fixture, "lookback chat good < /dev/null");
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(0), "", ""));
    let output =
        shell(&fixture, "echo on | lookback chat good -n 5 --greedy --ignore-eos > out.txt");
    let told = "lookback: the answer was ended after 5 tokens; -n allows more\n";
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(0), "", told));
    let written = String::from_utf8(fixture.read("out.txt")).unwrap();
    assert!(!written.contains('>') && written.ends_with('\n'), "{written:?}");
}

#[test]
fn a_variable_that_says_no_turns_nothing_on() {
    let fixture = Fixture::with_model();
    let plain = fixture.done("tokenizer encode on --tokenizer good");
    for no in ["0", "false", "no", "off", "n", "f", "FALSE", ""] {
        let mut program = fixture.program("tokenizer encode on --tokenizer good".split(' '));
        assert_eq!(output(program.env("LOOKBACK_JSON", no)).stdout, plain, "{no:?}");
    }
    for yes in ["1", "true", "yes", "on"] {
        let mut program = fixture.program("tokenizer encode on --tokenizer good".split(' '));
        let json = output(program.env("LOOKBACK_JSON", yes)).stdout;
        assert!(json.starts_with('{'), "{yes}: {json}");
    }
}

#[test]
fn texts_and_names_may_begin_with_a_dash() {
    let fixture = Fixture::with_model();
    fixture.write("-dash.txt", fixture.read("town.txt"));
    let plain = fixture.done("generate good -p on -n 9");
    for (line, wanted) in [
        ("generate good -p on -n 9 --stop -x", &plain),
        ("generate good -p on -n 9 --stop --", &plain),
        ("generate good -p on -n 9 --stop=-x", &plain),
        ("generate -p on -n 9 -- good", &plain),
    ] {
        assert_eq!(fixture.done(line), *wanted, "{line}");
    }
    assert_eq!(fixture.done("eval good -- -dash.txt"), fixture.done("eval good town.txt"));
    assert_eq!(fixture.done("eval good ./-dash.txt"), fixture.done("eval good town.txt"));
    let output = fixture.refused("generate good -p on --top-k -3");
    assert!(output.starts_with("--top-k"), "{output}");
    let output = fixture.refused("generate good -p on --seed -1");
    assert!(output.starts_with("--seed cannot be \"-1\""), "{output}");
}

#[test]
fn bytes_that_are_no_text_are_refused_or_are_names() {
    let fixture = Fixture::with_model();
    let bytes = OsStr::from_bytes(b"\xff\xfe\x1b[31m");
    for line in [
        &["generate"][..],
        &["eval", "good"],
        &["train", "--out", "x"],
        &["tokenizer", "encode", "x", "--tokenizer"],
    ] {
        let mut program = fixture.program(line.iter().copied());
        let output = output(program.arg(bytes));
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{line:?}: {output:?}");
        let is_one = output.stderr.lines().count() == 1 && !output.stderr.contains('\u{1b}');
        assert!(is_one, "{line:?}: {output:?}");
    }
}

#[test]
fn helps_are_whole_on_terminals_of_any_width_and_without_a_home() {
    let fixture = Fixture::new();
    for columns in ["0", "1", "7", "40", "10000", "-3", "many", ""] {
        let mut program = fixture.program(["generate", "--help"]);
        let output = output(program.env("COLUMNS", columns));
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{columns}: {output:?}");
        let words = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("lookback generate runs/mine -p \"ROMEO:\""), "{columns}: {words}");
    }
    let mut program = fixture.program("generate default -p on".split(' '));
    program.env_clear();
    let output = output(&mut program);
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains("LOOKBACK_HOME"), "{output:?}");
    // A folder that is gone while somebody stands in it.
    let output = shell(
        &fixture,
        "mkdir gone; cd gone; rmdir ../gone; lookback corpus --bytes 10; lookback generate x -p on",
    );
    assert_eq!((output.code, output.stderr.lines().count()), (Some(2), 1), "{output:?}");
}
