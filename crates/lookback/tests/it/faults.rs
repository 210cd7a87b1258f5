//! Runs that are killed at random moments, again and again, and runs whose directory goes wrong under
//! them: nothing is lost, and what is said is one sentence.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher, Hasher, RandomState},
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::fixture::{self, Fixture, SMALL, sentence};
use safetensors::SafeTensors;

/// A checkpoint every so many steps.
const EVERY: u64 = 50;
/// Steps that take about a second.
const STEPS: &str = "--steps 1500 --set checkpoint_every=50";

/// Everything in a run's directory.
fn files(fixture: &Fixture, run: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = fixture.at(run);
    let all = fixture.files().into_iter();
    all.filter_map(|(path, bytes)| Some((path.strip_prefix(&folder).ok()?.to_owned(), bytes)))
        .collect()
}

/// Begins a run, or goes on with what there is of it.
fn begin(fixture: &Fixture, run: &str) -> Child {
    let line = match fixture.at(run).join("training.toml").exists() {
        true => format!("train --resume --out {run} --threads 1"),
        false => format!("train town.txt {SMALL} {STEPS} --out {run} --threads 1"),
    };
    let mut program = fixture.program(line.split_whitespace());
    program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The last step that a run's metrics tell of, and the steps of its newest checkpoint; 0 without.
fn come_so_far(fixture: &Fixture, run: &str) -> (u64, u64) {
    let metrics = fs::read_to_string(fixture.at(run).join("metrics.jsonl")).unwrap_or_default();
    let told = metrics
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["step"].as_u64());
    let bytes = fs::read(fixture.at(run).join("checkpoint.safetensors")).unwrap_or_default();
    let about = SafeTensors::read_metadata(&bytes).ok();
    let steps = about.and_then(|(_, about)| about.metadata().as_ref()?.get("steps")?.parse().ok());
    (told.max().unwrap_or(0), steps.unwrap_or(0))
}

/// Kills a run so many times, at moments that nobody chose, and lets it come to its end.
fn killed_at_random(kills: u32) {
    let fixture = Fixture::new();
    let began = Instant::now();
    assert!(begin(&fixture, "whole").wait().unwrap().success());
    let (whole, second) = (files(&fixture, "whole"), began.elapsed());
    let seed = RandomState::new().build_hasher().finish();
    let mut random = seed | 1;
    let (mut killed, mut runs) = (0, 0);
    while killed < kills {
        runs += 1;
        let run = format!("run{runs}");
        let mut ended = false;
        while killed < kills && !ended {
            let before = come_so_far(&fixture, &run).1;
            let mut running = begin(&fixture, &run);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            std::thread::sleep(second.mul_f64((random >> 33) as f64 / (1_u64 << 31) as f64 / 2.0));
            ended = running.try_wait().unwrap().is_some();
            if ended {
                break;
            }
            running.kill().unwrap();
            running.wait().unwrap();
            killed += 1;
            let (told, kept) = come_so_far(&fixture, &run);
            let due = told.saturating_sub(1) / EVERY * EVERY;
            assert!(kept >= before, "seed {seed}, kill {killed}: {kept} steps, {before} before");
            assert!(kept >= due, "seed {seed}, kill {killed}: {kept} steps kept of {told}");
        }
        let ended = begin(&fixture, &run).wait_with_output().unwrap();
        assert!(ended.status.success(), "seed {seed}, kill {killed}: {ended:?}");
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        let all = files(&fixture, &run);
        assert_eq!(names(&all), names(&whole), "seed {seed}, kill {killed}");
        for (path, bytes) in &whole {
            assert!(all[path] == *bytes, "seed {seed}, kill {killed}: {} differs", path.display());
        }
    }
}

#[test]
fn ten_kills_lose_nothing() {
    killed_at_random(10);
}

#[test]
#[ignore = "takes minutes; .ci/run --full does it"]
fn a_hundred_kills_lose_nothing() {
    killed_at_random(100);
}

/// Waits for something, for a minute at most.
fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came so far");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn one_process_at_a_time_trains_in_a_directory() {
    let fixture = Fixture::new();
    let line = format!("train town.txt {SMALL} --steps 1000000 --out run");
    let mut first =
        fixture.program(line.split_whitespace()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| {
        fixture.at("run/checkpoint.safetensors").exists() || come_so_far(&fixture, "run").0 > 0
    });
    let output = fixture.lookback("train --resume --out run");
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output:?}");
    assert_eq!(
        sentence("resume", &output),
        format!(
            "run: process {} trains in it just now; wait until it is done, or stop it",
            first.id()
        )
    );
    first.kill().unwrap();
    first.wait().unwrap();
    // The lock went with its process, though its file is still there.
    assert!(fixture.at("run/run.lock").exists());
    fixture.done("train --resume --out run --steps 1001");
    assert!(!fixture.at("run/run.lock").exists());
}

#[test]
fn a_directory_that_vanishes_ends_the_run_in_one_sentence() {
    let fixture = Fixture::new();
    let line = format!("train town.txt {SMALL} --steps 1000000 --out run");
    let mut program = fixture.program(line.split_whitespace());
    let running = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| come_so_far(&fixture, "run").0 > 0);
    // What is being written may keep the folder from going at once.
    wait_until(|| fs::remove_dir_all(fixture.at("run")).is_ok());
    let done = running.wait_with_output().unwrap();
    let output = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{output}");
    assert!(output.starts_with("lookback: run/") && output.lines().count() == 1, "{output}");
    assert!(
        output.ends_with("it could not be written, since its directory is not there\n"),
        "{output}"
    );
}

#[test]
fn a_disk_that_holds_no_more_ends_the_run_and_keeps_what_there_is() {
    let fixture = Fixture::new();
    fixture.write("few.txt", "the bird is red. the house is old. ".repeat(20));
    let line = |out: &str| {
        format!(
            "train few.txt --tokenizer char --set layers=1 --set heads=1 --set key_heads=1 \
             --set width=8 --set hidden=8 --set context=8 --set batch=2 --steps 3000 --out {out}"
        )
    };
    fixture.done(&line("whole"));
    // No file may grow beyond this, as on a full disk. Checkpoints stay below it, and the metrics of
    // a run reach it halfway.
    let kilobytes = |name: &str| fs::metadata(fixture.at("whole").join(name)).unwrap().len() / 1024;
    let limit = kilobytes("metrics.jsonl") / 2;
    assert!(limit > kilobytes("checkpoint.safetensors") && limit > kilobytes("tokens.bin"));
    let mut shell = std::process::Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_lookback")])
        .args(line("run").split_whitespace());
    shell.current_dir(fixture.at("")).env("LOOKBACK_HOME", fixture.at("home"));
    let output = fixture::output(&mut shell);
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output:?}");
    let told = sentence("full", &output);
    let expected = "run/metrics.jsonl: it is larger than a file may be here; write to another place; \
                    the last checkpoint is kept in run; go on with --resume when this is mended";
    assert_eq!(told, expected);
    fixture.done("train --resume --out run");
    assert!(files(&fixture, "run") == files(&fixture, "whole"));
}
