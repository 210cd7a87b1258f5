//! Ctrl-C and SIGTERM end the program wherever it is, and what it leaves blocks nothing.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(unix)]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::fixture::{Fixture, SMALL};

fn signal(name: &str, program: &Child) {
    let id = program.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

/// Starts a line and gives it a signal when its stderr has a line with this in it; its exit code, none
/// where the system ended it.
fn stopped(fixture: &Fixture, line: &str, at: &str, name: &str) -> Option<i32> {
    let mut program = fixture.program(line.split(' '));
    if let Ok(stdin) = File::open(fixture.at("stdin.txt")) {
        program.stdin(stdin);
    }
    let mut program = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(at)), "{line} does not say {at}");
    signal(name, &program);
    lines.for_each(drop);
    program.wait().unwrap().code()
}

/// The main job writes stories and learns tokens for many seconds before its first step.
#[test]
fn the_main_job_is_ended_before_it_trains() {
    for (line, name) in [
        ("--no-serve --verbose", "-TERM"),
        ("--no-open --port 0 --verbose", "-TERM"),
        ("--no-open --port 0 --verbose", "-INT"),
    ] {
        let fixture = Fixture::new();
        let code = stopped(&fixture, line, "writing Tinytown", name);
        assert!(code.is_none() || code == Some(130) || code == Some(0), "{line}: {code:?}");
        // It went no further than that.
        let made: Vec<_> = fixture.files().into_keys().collect();
        let is_begun = |path: &std::path::PathBuf| path.ends_with("training.toml");
        assert!(!made.iter().any(is_begun), "{line}: {made:?}");
    }
}

#[test]
fn what_has_nothing_to_keep_ends_and_leaves_nothing_in_the_way() {
    let fixture = Fixture::with_model();
    let text = String::from_utf8(fixture.read("town.txt")).unwrap();
    let long: String = (0..3000).map(|day| text.replace("day", &format!("day{day}"))).collect();
    fixture.write("long.txt", long);
    let wide = SMALL.replace("context=16", "context=2048");
    fixture.done(&format!("train town.txt {wide} --set batch=1 --steps 1 --out wide"));
    fixture.write("stdin.txt", text.chars().take(2000).collect::<String>());
    for (line, at) in [
        ("tokenizer train long.txt --vocab 30000 --out t.json --verbose", " begun "),
        ("eval good long.txt --verbose", " computing "),
        ("generate good -p on -n 100000000 --ignore-eos --verbose", " weights loaded "),
        ("bench good --decode 4 --batch 1024 --verbose", " weights loaded "),
        ("look wide -p - -o trace.json --verbose", " weights loaded "),
    ] {
        for name in ["-TERM", "-INT"] {
            let code = stopped(&fixture, line, at.trim(), name);
            assert!(code.is_none() || code == Some(130), "{line} {name}: {code:?}");
        }
    }
    assert!(!fixture.at("t.json").exists() && !fixture.at("trace.json").exists());
    let train = format!(
        "train long.txt {} --steps 5 --out fresh --verbose",
        SMALL.replace("char", "bpe:20000")
    );
    let code = stopped(&fixture, &train, "begun", "-TERM");
    assert!(code.is_none() || code == Some(130), "{code:?}");
    assert!(!fixture.at("fresh").exists());
}

#[test]
fn a_sweep_is_stopped_with_a_sentence_and_writes_nothing() {
    let fixture = Fixture::with_model();
    let wide = SMALL.replace("context=16", "context=512").replace("layers=1", "layers=2");
    fixture.done(&format!("train town.txt {wide} --set batch=1 --steps 1 --out wide"));
    let ids = |first: usize| {
        let ids: Vec<String> = (0..300).map(|at| ((at + first) % 9).to_string()).collect();
        ids.join(",")
    };
    let sweep = format!(
        "sweep wide --ids {} --corrupt-ids {} --out s.safetensors --plot s.svg --verbose",
        ids(0),
        ids(1)
    );
    let paths = format!("{sweep} --over path --senders heads-by-position --receivers 1.1.q");
    for line in [format!("{sweep} --over z-by-position"), paths] {
        for name in ["-TERM", "-INT"] {
            let mut program = fixture.program(line.split(' '));
            let mut program = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
            // By then it listens.
            assert!(lines.any(|line| line.unwrap().contains("memory of a pass planned")));
            signal(name, &program);
            let rest: Vec<String> = lines.map(Result::unwrap).collect();
            assert_eq!(program.wait().unwrap().code(), Some(130), "{rest:?}");
            assert!(rest.iter().any(|line| line.contains("stopped")), "{rest:?}");
        }
    }
    let left: Vec<PathBuf> = fixture.files().into_keys().collect();
    let is_written = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("s."))
    };
    assert!(!left.iter().any(is_written), "{left:?}");
}

#[cfg(feature = "serve")]
#[test]
fn a_server_ends_at_the_first_signal() {
    let fixture = Fixture::with_model();
    for name in ["-TERM", "-INT"] {
        let line = "serve good --port 0 --no-open --verbose";
        let code = stopped(&fixture, line, "weights loaded", name);
        assert!(code.is_none() || code == Some(130) || code == Some(0), "{name}: {code:?}");
    }
}

/// Everything in a run's directory but its lock.
fn run(fixture: &Fixture, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = fixture.at(name);
    let all = fixture.files().into_iter();
    all.filter_map(|(path, bytes)| Some((path.strip_prefix(&folder).ok()?.to_owned(), bytes)))
        .filter(|(path, _)| !path.ends_with("run.lock"))
        .collect()
}

/// The steps behind which a run's metrics have a validation.
fn judged(fixture: &Fixture, name: &str) -> Vec<u64> {
    let metrics = fs::read_to_string(fixture.at(name).join("metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines = lines.filter(|line| line["validation_loss"].is_number());
    lines.map(|line| line["step"].as_u64().unwrap()).collect()
}

/// The validation takes many times as long as the steps. Nothing of one that is cut short is kept, and it
/// is made when the run goes on, also if that is cut short again, and if the run is made longer by then.
#[test]
fn a_run_that_is_stopped_within_a_validation_makes_it_when_it_goes_on() {
    let fixture = Fixture::new();
    let text = String::from_utf8(fixture.read("town.txt")).unwrap();
    fixture.write("long.txt", text.repeat(4));
    let wide = SMALL.replace("width=32", "width=256").replace("hidden=48", "hidden=768");
    let more = "--set validate_every=2 --set snapshots=2 --set average_share=0.4";
    let train = |out: &str| format!("train long.txt {wide} --steps 6 {more} --out {out}");
    fixture.done(&train("whole"));
    assert_eq!(judged(&fixture, "whole"), [2, 4, 6]);
    let lines = [
        (format!("{} --verbose", train("run")), "step=2"),
        ("train --resume --out run --verbose".to_owned(), "step=2"),
        ("train --resume --out run --verbose".to_owned(), "step=4"),
        ("train --resume --out run --verbose".to_owned(), "step=6"),
    ];
    for (at, (line, step)) in lines.iter().enumerate() {
        let name = ["-TERM", "-INT"][at % 2];
        let begun = format!("judging by what was kept back {step}");
        assert_eq!(stopped(&fixture, line, &begun, name), Some(130), "{line}");
        let before: Vec<u64> = [2, 4, 6].into_iter().take(at.saturating_sub(1)).collect();
        assert_eq!(judged(&fixture, "run"), before, "{line}");
    }
    fixture.copy("run", "longer");
    fs::create_dir(fixture.at("longer/snapshots")).unwrap();
    fixture.done("train --resume --out run");
    assert!(run(&fixture, "run") == run(&fixture, "whole"));
    // The last validation of a part is due where the run goes on past it, too.
    fixture.done("train --resume --out longer --steps 8");
    assert_eq!(judged(&fixture, "longer"), [2, 4, 6, 8]);
    fixture.done("train --resume --out whole --steps 8");
    for name in ["model.safetensors", "metrics.jsonl", "checkpoint.safetensors"] {
        let at = |run: &str| fixture.read(&format!("{run}/{name}"));
        assert!(at("longer") == at("whole"), "{name} differs");
    }
}

#[test]
fn a_default_model_that_is_damaged_is_made_again_with_a_word() {
    for damage in ["cut", "empty", "other"] {
        let fixture = Fixture::with_model();
        fixture.copy("good", "home/default");
        let weights = fixture.read("home/default/model.safetensors");
        match damage {
            "cut" => fixture.write("home/default/model.safetensors", &weights[..weights.len() / 2]),
            "empty" => fixture.write("home/default/tokenizer.json", ""),
            _ => fixture.write("home/default/config.json", "{}"),
        }
        let output = fixture.refused("generate default -p on");
        assert!(
            output.ends_with("lookback without a command makes the default model again"),
            "{output}"
        );
        let line = "--no-serve --verbose";
        stopped(&fixture, line, "the default model is damaged and is made again (", "-TERM");
        // What was there stays until another is whole.
        assert!(fixture.at("home/default/model.safetensors").exists(), "{damage}");
    }
}
