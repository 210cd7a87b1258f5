//! Runs that are stopped, killed or go wrong: what is kept, and that going on gives the bits of a
//! run that was never interrupted.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use crate::fixture::{Fixture, ProgramOutput, SMALL, sentence};
use serde_json::Value;

/// Steps that take about a second, so that a signal arrives in their midst.
const STEPS: &str = "--steps 1500 --set checkpoint_every=100";

const HANGUP: i32 = 1;
const INTERRUPT: i32 = 2;
const KILL: i32 = 9;

/// A run in its own process.
struct Running(Child);

impl Running {
    /// Begins `lookback` with these arguments, on a set of instructions.
    fn begin(fixture: &Fixture, line: &str, path: Option<&str>) -> Self {
        let mut program = fixture.program(line.split_whitespace());
        if let Some(path) = path {
            program.env("LOOKBACK_PATH", path);
        }
        Self(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Waits until `is_so`, then sends a signal and waits for the end.
    fn signal(self, signal: i32, is_so: impl Fn() -> bool) -> Output {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "it never came so far");
            std::thread::sleep(Duration::from_millis(1));
        }
        let command = format!("kill -{signal} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
        self.0.wait_with_output().unwrap()
    }
}

fn output(done: &Output) -> ProgramOutput {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    ProgramOutput {
        code: done.status.code(),
        stdout: text(&done.stdout),
        stderr: text(&done.stderr),
    }
}

fn was_killed(status: ExitStatus, signal: i32) -> bool {
    status.signal() == Some(signal)
}

/// Everything in a run's directory.
fn files(fixture: &Fixture, run: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = fixture.at(run);
    let all = fixture.files().into_iter();
    all.filter_map(|(path, bytes)| Some((path.strip_prefix(&folder).ok()?.to_owned(), bytes)))
        .collect()
}

/// Asserts that two runs left the same files with the same bytes.
fn assert_same(fixture: &Fixture, run: &str, other: &str) {
    let (one, two) = (files(fixture, run), files(fixture, other));
    assert!(one.contains_key(&PathBuf::from("model.safetensors")), "{:?}", one.keys());
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (path, bytes) in &one {
        assert!(*bytes == two[path], "{} differs", path.display());
    }
}

/// The lines of a run's metrics.
fn lines(fixture: &Fixture, run: &str) -> usize {
    let metrics = std::fs::read_to_string(fixture.at(run).join("metrics.jsonl"));
    metrics.map_or(0, |metrics| metrics.lines().count())
}

/// Whether a run's metrics tell of a step after this one.
fn is_beyond(fixture: &Fixture, run: &str, steps: usize) -> bool {
    lines(fixture, run) > steps
}

#[test]
fn a_run_that_is_interrupted_or_killed_goes_on_to_the_same_bits() {
    let fixture = Fixture::new();
    let train =
        |out: &str, more: &str| format!("train town.txt {SMALL} {STEPS} --out {out} {more}");
    fixture.done(&train("whole", "--threads 1"));

    let running = Running::begin(&fixture, &train("stopped", "--threads 2"), None);
    let output = output(&running.signal(INTERRUPT, || is_beyond(&fixture, "stopped", 150)));
    assert_eq!((output.code, output.stdout.as_str()), (Some(130), ""), "{output:?}");
    let told = sentence("stopped", &output);
    let steps = told.strip_prefix("stopped after ").and_then(|rest| rest.split(' ').next());
    assert!(steps.unwrap().parse::<u64>().unwrap() >= 100, "{told}");
    assert!(told.ends_with(" steps, which are kept in stopped; go on with --resume"), "{told}");
    // What was learned so far is a model already.
    fixture.done("generate stopped -p tom -n 3");
    fixture.done("train --resume --out stopped --threads 1");
    assert_same(&fixture, "whole", "stopped");

    let running = Running::begin(&fixture, &train("killed", "--threads 1"), None);
    let checkpoint = fixture.at("killed/checkpoint.safetensors");
    let done = running.signal(KILL, || checkpoint.exists() && is_beyond(&fixture, "killed", 250));
    assert!(was_killed(done.status, KILL), "{done:?}");
    // As if it had been killed while it wrote.
    fixture.write("killed/.Ab3dEf.part", "half a checkpoi");
    fixture.done(&format!("{} --resume", train("killed", "--threads 2")));
    assert_same(&fixture, "whole", "killed");

    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        let running = Running::begin(&fixture, &train("avx2", "--threads 1"), Some("avx2"));
        let done = running.signal(INTERRUPT, || is_beyond(&fixture, "avx2", 200));
        assert_eq!(done.status.code(), Some(130), "{done:?}");
        let mut program = fixture.program("train --resume --out avx2 --threads 2".split(' '));
        let resumed = crate::fixture::output(program.env("LOOKBACK_PATH", "avx2"));
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        assert_same(&fixture, "whole", "avx2");
    }
}

#[test]
fn a_run_in_bf16_goes_on_to_the_same_bits_on_any_instructions_and_in_bf16_only() {
    goes_on_as_it_began("compute", "bf16", "f32");
}

#[test]
fn a_run_by_muon_goes_on_to_the_same_bits_on_any_instructions_and_by_muon_only() {
    goes_on_as_it_began("optimizer", "muon", "adamw");
}

/// An option with the value of a run and another that it is not gone on with.
fn goes_on_as_it_began(option: &str, value: &str, other: &str) {
    let fixture = Fixture::new();
    let train = |out: &str, more: &str| {
        format!("train town.txt {SMALL} --{option} {value} {STEPS} --out {out} {more}")
    };
    fixture.done(&train("whole", "--threads 1"));
    let settings = String::from_utf8(fixture.read("whole/training.toml")).unwrap();
    assert!(settings.contains(&format!("{option} = \"{value}\"")), "{settings}");

    let running = Running::begin(&fixture, &train("stopped", "--threads 2"), None);
    let output = output(&running.signal(INTERRUPT, || is_beyond(&fixture, "stopped", 150)));
    assert_eq!(output.code, Some(130), "{output:?}");
    assert_eq!(
        fixture.refused(&format!("train --resume --out stopped --{option} {other}")),
        format!(
            "--resume: {option} was settled when the run began; leave it as it was, or train anew \
             into another --out"
        )
    );
    // A part of it in plain Rust, which is slow, and the rest on the best instructions.
    let kept = lines(&fixture, "stopped");
    let resume = "train --resume --out stopped --threads 1";
    let running = Running::begin(&fixture, resume, Some("portable"));
    let done = running.signal(INTERRUPT, || is_beyond(&fixture, "stopped", kept + 50));
    assert_eq!(done.status.code(), Some(130), "{done:?}");
    fixture.done(resume);
    assert_same(&fixture, "whole", "stopped");
    // The same run the other way is another run.
    fixture.done(&format!("train town.txt {SMALL} {STEPS} --out single"));
    assert!(fixture.read("whole/model.safetensors") != fixture.read("single/model.safetensors"));
}

#[test]
fn a_run_with_every_setting_changed_goes_on_to_the_same_bits() {
    let fixture = Fixture::new();
    let settings = "--set average_share=0.95 --set short_context=8 --set short_share=0.5 \
                    --set z_loss=0.001 --set start_heads=mimetic --set head_norm=true --set logit_cap=10 \
                    --set tied=false --set head_share=0.5 --set activation=relu2 \
                    --set schedule=stable";
    let train = |out: &str, more: &str| {
        format!("train town.txt {SMALL} {settings} {STEPS} --out {out} {more}")
    };
    fixture.done(&train("whole", "--threads 2"));
    let config = String::from_utf8(fixture.read("whole/config.json")).unwrap();
    assert!(config.contains("\"model_type\": \"capped_qwen3\""), "{config}");
    assert!(config.contains("\"hidden_act\": \"relu2\""), "{config}");
    let running = Running::begin(&fixture, &train("stopped", "--threads 1"), None);
    let output = output(&running.signal(INTERRUPT, || is_beyond(&fixture, "stopped", 150)));
    assert_eq!(output.code, Some(130), "{output:?}");
    fixture.done("train --resume --out stopped --threads 2");
    assert_same(&fixture, "whole", "stopped");
}

/// `before` is a run of four steps, made by the version before passes were recorded as programs;
/// `goes-on-to.safetensors` is what that version made of it in nine.
#[test]
fn a_run_of_an_earlier_version_goes_on_to_the_bits_of_that_version() {
    let before = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/before");
    for threads in [1, 2] {
        let fixture = Fixture::new();
        std::fs::create_dir(fixture.at("run")).unwrap();
        for entry in std::fs::read_dir(&before).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap();
            fixture.write(&format!("run/{name}"), std::fs::read(&file).unwrap());
        }
        fixture.done(&format!("train --resume --out run --steps 9 --threads {threads}"));
        let same =
            fixture.read("run/model.safetensors") == fixture.read("run/goes-on-to.safetensors");
        assert!(same, "other weights on {threads} threads");
    }
}

#[test]
fn a_run_that_is_killed_before_its_first_checkpoint_begins_again() {
    let fixture = Fixture::new();
    let train = |out: &str| format!("train town.txt {SMALL} --steps 600 --out {out}");
    fixture.done(&train("whole"));
    let running = Running::begin(
        &fixture,
        &train("killed").replace("--out", "--set checkpoint_every=599 --out"),
        None,
    );
    let done = running.signal(KILL, || is_beyond(&fixture, "killed", 20));
    assert!(was_killed(done.status, KILL), "{done:?}");
    fixture.done("train --resume --out killed --set checkpoint_every=0");
    assert_same(&fixture, "whole", "killed");
}

/// LlamaFactory#3036, mmsegmentation#1998 and ChatGLM2-6B#262: a run behind nohup ended with the terminal.
#[test]
fn a_run_behind_nohup_goes_on_when_its_terminal_closes() {
    let fixture = Fixture::new();
    let line = format!("train town.txt {SMALL} {STEPS} --threads 1");
    let mut ended = Vec::new();
    for starts_with in ["trap '' HUP", "trap - HUP"] {
        let run = format!("run{}", ended.len());
        let mut shell = Command::new("sh");
        let script = format!("{starts_with}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_lookback")]);
        shell.args(line.split_whitespace()).args(["--out", &run]).current_dir(fixture.at(""));
        let running = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let done = Running(running).signal(HANGUP, || is_beyond(&fixture, &run, 150));
        ended.push(done.status.code());
    }
    assert_eq!(ended, [Some(0), Some(130)]);
    fixture.done("train --resume --out run1 --threads 1");
    assert_same(&fixture, "run0", "run1");
}

/// transformers#40691 and ms-swift#10050: after the first pass over the data, a resumed run read it in
/// another order. unsloth-zoo#822 and mmsegmentation#2428: it forgot which validation was the best.
/// burn#5695: its rate went on by passes, not by steps.
#[test]
fn a_run_that_is_stopped_again_and_again_past_its_best_keeps_order_rate_and_best() {
    let fixture = Fixture::new();
    let text = String::from_utf8(fixture.read("town.txt")).unwrap();
    fixture.write("few.txt", &text[..600]);
    let wide = SMALL.replace("width=32", "width=64").replace("rate=0.004", "rate=0.01");
    let train = format!(
        "train few.txt {wide} --set accumulate=3 --set validate_every=20 --steps 600 --threads 1"
    );
    let told = fixture.done(&format!("{train} --out whole"));
    // It has its best behind it for a long time, and has read the text many times.
    let best = told.split("the weights of step ").nth(1).and_then(|rest| rest.split(' ').next());
    let best: usize = best.unwrap_or_else(|| panic!("{told}")).parse().unwrap();
    assert!(best <= 300, "{told}");
    let metrics = std::fs::read_to_string(fixture.at("whole/metrics.jsonl")).unwrap();
    let all = metrics.lines().count();
    let mut line = format!("{train} --out run");
    for part in 1..=5 {
        let running = Running::begin(&fixture, &line, None);
        let done = running.signal(INTERRUPT, || is_beyond(&fixture, "run", all * part / 6));
        assert_eq!(done.status.code(), Some(130), "{done:?}");
        "train --resume --out run --threads 1".clone_into(&mut line);
    }
    fixture.done(&line);
    assert_same(&fixture, "whole", "run");
}

#[test]
fn a_run_that_is_stopped_while_it_is_calibrated_leaves_nothing() {
    let fixture = Fixture::new();
    let before = fixture.files();
    let running =
        Running::begin(&fixture, "train town.txt --tokenizer char --minutes 5 --out run", None);
    let began = Instant::now();
    let done = running.signal(INTERRUPT, || began.elapsed() > Duration::from_millis(700));
    // Before it listens for the signal, the system ends it; nothing is made by then either.
    assert!(done.status.code() == Some(130) || was_killed(done.status, INTERRUPT), "{done:?}");
    assert!(fixture.files() == before);
}

#[test]
fn a_loss_that_is_no_number_leaves_nothing_where_nothing_was_kept() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.at("empty")).unwrap();
    let before = fixture.files();
    let sentences: Vec<String> = [
        // The first step overflows the weights; the second finds out.
        "--steps 20 --set rate=1e30 --out run",
        // The first step is the last.
        "--steps 1 --set rate=1e300 --out run",
        // A checkpoint is due between the two.
        "--steps 20 --set rate=1e300 --set checkpoint_every=1 --out run",
        "--steps 20 --set rate=1e30 --out empty",
    ]
    .iter()
    .map(|more| {
        let output = fixture.lookback(&format!("train town.txt {SMALL} {more}"));
        assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{more}: {output:?}");
        assert!(fixture.files() == before, "{more} left something behind");
        format!("$ {more}\n{}\n", sentence(more, &output))
    })
    .collect();
    insta::assert_snapshot!(sentences.concat());
}

#[test]
fn a_loss_that_is_no_number_keeps_the_last_good_checkpoint() {
    let fixture = Fixture::with_model();
    fixture.copy("good", "whole");
    std::fs::create_dir(fixture.at("whole/snapshots")).unwrap();
    let kept = ["checkpoint.safetensors", "model.safetensors", "config.json", "tokens.bin"];
    let before = kept.map(|name| fixture.read(&format!("good/{name}")));
    for rate in ["1e30", "1e300"] {
        let wild = format!(
            "train --resume --out good --steps 40 --set checkpoint_every=1 --set rate={rate}"
        );
        let output = fixture.lookback(&wild);
        assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output:?}");
        let told = sentence(&wild, &output);
        assert!(
            told.contains(" became NaN or infinite; the last checkpoint is kept in good; "),
            "{told}"
        );
        assert!(before == kept.map(|name| fixture.read(&format!("good/{name}"))), "rate {rate}");
    }
    // Gone on with as if nothing had happened.
    for run in ["good", "whole"] {
        fixture.done(&format!(
            "train --resume --out {run} --steps 40 --set rate=0.002 --set checkpoint_every=0"
        ));
    }
    let [good, whole] =
        ["good", "whole"].map(|run| fixture.read(&format!("{run}/model.safetensors")));
    assert!(good == whole);
}

/// Megabytes by which a run may pass its plan: a tenth, and what the program is itself.
fn most_mb(planned: u64) -> u64 {
    planned + planned / 10 + 16
}

#[test]
fn a_run_takes_the_memory_that_was_planned() {
    let fixture = Fixture::new();
    // A long text, whose ids would fill far more than the slack if they were held twice.
    let town = String::from_utf8(fixture.read("town.txt")).unwrap();
    fixture.write("long.txt", town.repeat(400));
    let tall = "--preset small --tokenizer char --set context=64 --set batch=4";
    for (text, shape) in [("long.txt", SMALL), ("town.txt", SMALL), ("town.txt", tall)] {
        let line = format!("train {text} {shape} --steps 1 --out run --json");
        let object: Value = serde_json::from_str(&fixture.done(&line)).unwrap();
        let [planned, peak] =
            ["planned_memory_mb", "peak_memory_mb"].map(|key| object[key].as_u64().unwrap());
        // The ids of a long text are in a file, whose pages count while there is room for them.
        let ids = std::fs::metadata(fixture.at("run/tokens.bin")).unwrap().len() >> 20;
        let read = if ids > planned { ids } else { 0 };
        assert!(peak <= most_mb(planned) + read, "{line}: {peak} MB of {planned} planned");
        assert!(planned <= peak, "{line}: {planned} MB planned, {peak} taken");
        std::fs::remove_dir_all(fixture.at("run")).unwrap();
    }
}

#[test]
fn whole_snapshots_are_models_of_their_own() {
    let fixture = Fixture::new();
    fixture
        .done(&format!("train town.txt {SMALL} --steps 20 --set whole_snapshots=true --out run"));
    let model = |path: &str| fixture.read(&format!("run/{path}model.safetensors"));
    assert!(model("snapshots/00000020/") == model(""));
    assert!(model("snapshots/00000010/") != model(""));
    fixture.done("eval run/snapshots/00000010 town.txt");
    fixture.done(&format!("train town.txt {SMALL} --steps 20 --out plain"));
    assert!(model("") == fixture.read("plain/model.safetensors"));
    assert!(!fixture.at("plain/snapshots/00000020").exists());
}
