//! What a terminal gets: text, and no orders. Vocabularies, names, metadata and templates are strangers'.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(unix)]

use std::{
    fs::{File, OpenOptions},
    io::Read,
    process::{Command, Stdio},
};

use crate::fixture::{Fixture, SMALL, output};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A text with a sequence of each kind: colour, title, clipboard, C1, bell, backspace, override.
const ORDERS: &str = "red \u{1b}[31m title \u{1b}]0;x\u{7} clip \u{1b}]52;c;eA==\u{1b}\\ \u{9b}31m \u{8}\u{202e}over\rlies";
/// The same as a terminal gets it.
const SHOWN: &str = r"red \u{1b}[31m title \u{1b}]0;x\u{7} clip \u{1b}]52;c;eA==\u{1b}\ \u{9b}31m \u{8}\u{202e}over\rlies";

/// What a terminal gets, of stdout and stderr, where both are one.
fn on_a_terminal(program: &mut Command) -> String {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    // The program must not inherit this side. macOS sets that only after the terminal was opened.
    #[cfg(target_os = "linux")]
    let flags = flags | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    #[cfg(not(target_os = "linux"))]
    rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
    let mut child =
        program.stdin(Stdio::null()).stdout(terminal()).stderr(terminal()).spawn().unwrap();
    // The terminal hangs up when nobody holds its other side any more.
    *program = Command::new("true");
    let (mut got, mut master) = (Vec::new(), File::from(master));
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        got.extend_from_slice(&buffer[..count]);
    }
    child.wait().unwrap();
    String::from_utf8(got).unwrap().replace("\r\n", "\n")
}

/// Whether only ends of lines and tabs are left of what a terminal would obey.
fn obeys_nobody(text: &str) -> bool {
    let is_order = |sign: char| sign.is_control() || ('\u{202a}'..='\u{202e}').contains(&sign);
    !text.chars().any(|sign| is_order(sign) && !"\n\t".contains(sign))
}

/// A fixture with a model whose vocabulary has each character of [`ORDERS`], and the ids of that text.
fn with_orders() -> (Fixture, Vec<String>) {
    let fixture = Fixture::new();
    fixture.write("town.txt", format!("{ORDERS}\nand more\ttext\n").repeat(40));
    fixture.done(&format!("train town.txt {SMALL} --steps 2 --out good"));
    let encode = ["tokenizer", "encode", ORDERS, "--tokenizer", "good", "--json"];
    let encoded = output(&mut fixture.program(encode)).stdout;
    assert!(obeys_nobody(&encoded), "{encoded:?}");
    let encoded: serde_json::Value = serde_json::from_str(&encoded).unwrap();
    let ids = encoded["ids"].as_array().unwrap().iter().map(ToString::to_string).collect();
    (fixture, ids)
}

#[test]
fn what_a_model_writes_is_exact_in_a_pipe_and_harmless_on_a_terminal() {
    let (fixture, ids) = with_orders();
    let decode = |json: &'static str| {
        let ids = ids.iter().map(String::as_str);
        let words = ["tokenizer", "decode", "--tokenizer", "good"].into_iter().chain(ids);
        fixture.program(words.chain(Some(json).filter(|json| !json.is_empty())))
    };
    assert_eq!(output(&mut decode("")).stdout, format!("{ORDERS}\n"));
    assert_eq!(on_a_terminal(&mut decode("")), format!("{SHOWN}\n"));
    let json = output(&mut decode("--json")).stdout;
    assert!(obeys_nobody(&json), "{json:?}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["text"], ORDERS);

    // A sequence whose characters are tokens, which come one by one.
    let id_of = |sign: char| &ids[ORDERS.chars().position(|other| other == sign).unwrap()];
    let only = format!("{},{}", id_of('\u{1b}'), id_of('['));
    let line = format!(
        "generate good -p red -n 10 --seed 3 --top-k 0 --top-p 1 --min-p 0 --temperature 9 --only-ids {only}"
    );
    let written = fixture.lookback(&line).stdout;
    assert!(written.contains("\u{1b}["), "{written:?}");
    let shown = on_a_terminal(&mut fixture.program(line.split(' ')));
    assert_eq!(shown, written.replace('\u{1b}', r"\u{1b}"));

    for line in ["tokenizer show --tokenizer good", "look good -p red", "generate good -n 200"] {
        let shown = on_a_terminal(&mut fixture.program(line.split(' ')));
        assert!(obeys_nobody(&shown), "{line}: {shown:?}");
    }
    // Ends of lines and tabs of a text stay.
    let shown = on_a_terminal(&mut fixture.program("corpus --bytes 100".split(' ')));
    assert_eq!(shown, fixture.done("corpus --bytes 100"));
}

#[test]
fn names_and_values_in_a_refusal_leave_it_one_harmless_line() {
    let fixture = Fixture::with_model();
    fixture.write("named\n\u{1b}[2J.gguf", "no gguf at all");
    fixture.copy("good", "keys");
    fixture.write("keys/config.json", r#"{"model_type": "\u001b[31m\nlookback: all is well"}"#);
    fixture.copy("good", "told");
    let raise = r#"{"chat_template": "{{ raise_exception('\u001b]0;x\u0007\nok') }}"}"#;
    fixture.write("told/tokenizer_config.json", raise);
    fixture.write("talk.txt", "hello\n");
    let lines: [&[&str]; 9] = [
        &["generate", "no\u{1b}[31m\nsuch", "-p", "a"],
        &["generate", "named\n\u{1b}[2J.gguf", "-p", "a"],
        &["generate", "keys", "-p", "a"],
        &["generate", "good", "-p", "a", "--temperature", "\u{9b}31m"],
        &["generate", "good", "-p", "a", "--samplers", "\u{202e}k_pot"],
        &["generate", "good", "-p", "a", "--\u{1b}[31m"],
        &["\u{1b}[31m"],
        &["train", "\u{7f}\r.txt", "--out", "x"],
        &["tokenizer", "encode", "x", "--tokenizer", "\u{200b}gpt2"],
    ];
    for line in lines {
        let output =
            fixture.refused_program(&line.join(" "), &mut fixture.program(line.iter().copied()));
        // A value in config.json is shown with its control characters as spaces.
        let is_escaped = output.contains('\\') || line.contains(&"keys");
        assert!(obeys_nobody(&output) && is_escaped, "{line:?}: {output:?}");
    }
    let mut chat = fixture.program(["chat", "told"]);
    let output = output(chat.stdin(File::open(fixture.at("talk.txt")).unwrap()));
    assert_eq!((output.code, output.stderr.lines().count()), (Some(2), 1), "{output:?}");
    assert!(obeys_nobody(&output.stderr), "{output:?}");
}

#[test]
fn what_verbose_tells_of_strangers_names_is_harmless() {
    let fixture = Fixture::with_model();
    let name = "\u{1b}[31mgood\u{9b}\n";
    fixture.copy("good", name);
    let mut program = fixture.program(["generate", name, "-p", "on", "-n", "2", "--verbose"]);
    let output = output(&mut program);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stderr.contains(r"\u{1b}[31mgood\u{9b}\n"), "{output:?}");
    assert!(obeys_nobody(&output.stderr), "{output:?}");
}

#[test]
fn a_refusal_repeats_no_more_than_a_line_of_what_it_refuses() {
    let fixture = Fixture::with_model();
    let (digits, words) = ("9".repeat(100_000), "many words ".repeat(9_000));
    fixture.copy("good", "long");
    fixture.write("long/config.json", format!(r#"{{"model_type": "{words}"}}"#));
    let lines: [&[&str]; 8] = [
        &["generate", "good", "-p", "a", "--seed", &digits],
        &["generate", "good", "-p", "a", "--samplers", &words],
        &["generate", "good", "-p", "a", &words],
        &["generate", "long", "-p", "a"],
        &["generate", &digits, "-p", "a"],
        &["train", "town.txt", "--set", &words, "--out", "x"],
        &["tokenizer", "decode", &digits, "--tokenizer", "good"],
        &[&digits],
    ];
    for line in lines {
        let output =
            fixture.refused_program("a long line", &mut fixture.program(line.iter().copied()));
        assert!(output.chars().count() <= 800 && output.contains('…'), "{output}");
    }
}
