//! Runs that are continued: only as they began; longer, or by other settings, and then replayed to the same
//! bits; and which of their weights are kept.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::fixture::{Fixture, SMALL};
use serde_json::Value;

/// A run on letters without any order: what it learns of them by heart makes it worse at others.
const BY_HEART: &str = "train noise.txt --tokenizer char --set layers=1 --set heads=2 \
                        --set key_heads=2 --set width=48 --set hidden=96 --set context=16 \
                        --set batch=8 --set optimizer=adamw --set compute=f32 --set rate=0.01 \
                        --set validate_every=30 --set whole_snapshots=true --set snapshots=20 \
                        --steps 600";

/// A fixture with `noise.txt`.
fn noisy() -> Fixture {
    let fixture = Fixture::new();
    let mut state = 7_u64;
    let letters = (0..1500).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 40) as u8 % 12)
    });
    fixture.write("noise.txt", letters.collect::<String>());
    fixture
}

fn json(fixture: &Fixture, line: &str) -> Value {
    serde_json::from_str(&fixture.done(&format!("{line} --json"))).unwrap()
}

/// The lines of a run's metrics.
fn metrics(fixture: &Fixture, run: &str) -> Vec<Value> {
    let text = String::from_utf8(fixture.read(&format!("{run}/metrics.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asserts that two runs left a file with the same bytes.
fn assert_same(fixture: &Fixture, file: &str, one: &str, other: &str) {
    let [one, other] = [one, other].map(|run| fixture.read(&format!("{run}/{file}")));
    assert!(one == other, "{file} differs");
}

/// Kills a run once its metrics have more lines than these.
fn kill(fixture: &Fixture, line: &str, run: &str, lines: usize) {
    let mut program = fixture.program(line.split_whitespace());
    let mut running = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let count = || {
        let text = std::fs::read_to_string(fixture.at(run).join("metrics.jsonl"));
        text.map_or(0, |text| text.lines().count())
    };
    while count() <= lines {
        assert!(began.elapsed() < Duration::from_secs(120), "it never came so far");
        std::thread::sleep(Duration::from_millis(1));
    }
    running.kill().unwrap();
    running.wait().unwrap();
}

/// What a command prints that reads a run without a model, and says so.
fn read_unfinished(fixture: &Fixture, line: &str) -> String {
    let output = fixture.lookback(line);
    assert_eq!(output.code, Some(0), "{line}: {output:?}");
    let remark = " this run has no model yet; its checkpoint after ";
    assert!(
        output.stderr.contains(remark) && output.stderr.lines().count() == 1,
        "{line}: {output:?}"
    );
    output.stdout
}

#[test]
fn a_run_goes_on_with_its_own_text_tokenizer_and_preset_only() {
    let fixture = Fixture::new();
    let town = String::from_utf8(fixture.read("town.txt")).unwrap();
    fixture.write("other.txt", town.replace("red", "tiny"));
    fixture.write("copy.txt", &town);
    fixture.done(&format!("train town.txt {SMALL} --steps 4 --out run"));
    fixture.write("other.toml", "seed = 3\n");
    fixture.write("same.toml", "batch = 4\n\n[model]\nlayers = 1\n");
    let refused = |lines: &[&str]| -> String {
        let output = |line: &&str| {
            let whole = format!("train --resume --out run {line}");
            format!("$ {line}\n{}\n", fixture.refused(&whole))
        };
        lines.iter().map(output).collect()
    };
    let output = refused(&[
        "other.txt",
        "no-such-file.txt",
        "town.txt other.txt",
        "no-such-file.txt --tokenizer o200k --preset small --steps 40",
        "--tokenizer bpe:300",
        "--tokenizer gpt2",
        "--preset gpt2",
        "--random-data 100",
        "--minutes 3",
        "--config other.toml",
        "--config none.toml",
    ]);
    insta::assert_snapshot!(output);
    for line in [
        "town.txt --tokenizer char --preset tiny",
        "copy.txt",
        "--tokenizer run/tokenizer.json",
        "--config same.toml",
        "--config run/training.toml",
    ] {
        fixture.done(&format!("train --resume --out run {line}"));
    }
    // The file has become another.
    fixture.write("town.txt", town.replace("old", "new"));
    let output = fixture.refused("train town.txt --resume --out run");
    assert!(
        output.contains("town.txt does not give the tokens any more that it learns from"),
        "{output}"
    );
    fixture.write("town.txt", &town);
    // An older version did not say what a run began with.
    let settings = String::from_utf8(fixture.read("run/training.toml")).unwrap();
    let (older, _) = settings.split_once("\n[begun]").unwrap();
    fixture.write("run/training.toml", older);
    for line in ["other.txt", "--tokenizer bpe:300", "--tokenizer gpt2", "--preset gpt2"] {
        let output = fixture.refused(&format!("train --resume --out run {line}"));
        assert!(output.starts_with("--resume: the run in run goes on as it began: it"), "{output}");
    }
    fixture.done(&format!("train town.txt {SMALL} --preset tiny --resume --out run"));
}

#[test]
fn settings_that_were_settled_cannot_be_edited_in_the_file() {
    let fixture = Fixture::new();
    fixture.done(&format!("train town.txt {SMALL} --steps 4 --out run"));
    let settings = String::from_utf8(fixture.read("run/training.toml")).unwrap();
    for (key, from, to) in [
        ("seed", "0", "7"),
        ("batch", "4", "8"),
        ("context", "16", "8"),
        ("at_documents", "false", "true"),
        ("start_tables", "0.1", "0.2"),
        ("compute", "\"f32\"", "\"bf16\""),
        ("average_share", "0.0", "0.5"),
        ("layers", "1", "2"),
        ("theta", "10000", "1000"),
        ("hidden", "48", "64"),
    ] {
        let line = format!("{key} = {from}\n");
        assert!(settings.contains(&line), "{line}: {settings}");
        fixture.write("run/training.toml", settings.replace(&line, &format!("{key} = {to}\n")));
        let output = fixture.refused("train --resume --out run");
        assert_eq!(
            output,
            format!(
                "run/training.toml: it says {key} = {to}, and the run was trained with {key} = {from}; \
                 put that back, or train anew into another directory"
            )
        );
    }
    // What may change over a run may be edited, too, and is recorded.
    fixture.write("run/training.toml", settings.replace("rate = 0.004\n", "rate = 0.001\n"));
    fixture.done("train --resume --out run --steps 8");
    fixture.done("train --replay run --out again");
    assert_same(&fixture, "model.safetensors", "run", "again");
    assert_same(&fixture, "training.toml", "run", "again");
}

#[test]
fn a_run_that_is_done_says_so_and_how_to_go_on() {
    let fixture = Fixture::with_model();
    let told = fixture.done("train --resume --out good");
    assert!(told.starts_with("the run is done: all of its 5 steps were taken before, "), "{told}");
    assert!(told.ends_with(" lookback train --resume --out good --steps 10\n"), "{told}");
    let first = json(&fixture, "train --resume --out good");
    assert_eq!((&first["steps"], &first["steps_taken"]), (&5.into(), &0.into()), "{first}");
    assert!(first["tokens_per_second"].is_null() && first["training_loss"].is_number(), "{first}");
    let longer = fixture.done("train --resume --out good --steps 10");
    assert!(longer.starts_with("10 steps in "), "{longer}");
}

#[test]
fn a_run_that_was_made_longer_is_replayed_to_the_same_bits() {
    let fixture = Fixture::new();
    let run = format!("train town.txt {SMALL} --set average_share=0.2");
    fixture.done(&format!("{run} --steps 20 --out run"));
    fixture.done("train --resume --out run --steps 40");
    fixture.done("train --resume --out run --steps 45 --set rate=0.001 --set schedule=stable");
    // As if nothing had been asked for otherwise.
    fixture.done("train --resume --out run --steps 45 --set rate=0.001");
    fixture.done("train --replay run --out again");
    for file in ["model.safetensors", "checkpoint.safetensors", "training.toml"] {
        assert_same(&fixture, file, "run", "again");
    }
    let last = |run: &str| metrics(&fixture, run).last().unwrap()["validation_loss"].clone();
    assert_eq!(last("run"), last("again"));
    // It is another than one that had this length from its beginning.
    fixture.done(&format!("{run} --steps 45 --set rate=0.001 --set schedule=stable --out at-once"));
    assert!(fixture.read("run/model.safetensors") != fixture.read("at-once/model.safetensors"));
    // An older version did not record it.
    let settings = String::from_utf8(fixture.read("run/training.toml")).unwrap();
    let (older, _) = settings.split_once("\n[begun]").unwrap();
    fixture.write("run/training.toml", older);
    let output = fixture.refused("train --replay run --out third");
    assert!(output.contains("tells of another rate at step 1 than its training.toml"), "{output}");
}

#[test]
fn the_weights_of_the_best_validation_are_kept_and_it_is_said() {
    let fixture = noisy();
    let output = json(&fixture, &format!("{BY_HEART} --out run"));
    let judged: Vec<(u64, f64)> = metrics(&fixture, "run")
        .iter()
        .filter_map(|line| Some((line["step"].as_u64()?, line["validation_loss"].as_f64()?)))
        .collect();
    let best = judged.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1)).unwrap();
    let last = *judged.last().unwrap();
    assert!(judged.len() == 20 && best.0 < 300 && last.1 > best.1 + 0.15, "{judged:?}");
    assert_eq!(output["kept_step"], best.0);
    assert_eq!(output["validation_loss"], best.1);
    assert_eq!(output["last_validation_loss"], last.1);
    let (model, last_weights) =
        ("run/model.safetensors", "run/snapshots/00000600/model.safetensors");
    let snapshot = format!("run/snapshots/{:08}/model.safetensors", best.0);
    assert!(fixture.read(model) == fixture.read(&snapshot));
    let told = fixture.done("train --resume --out run");
    let told = told.lines().last().unwrap();
    assert_eq!(
        told,
        format!(
            "the weights of step {} are kept, where the validation loss was lowest, {:.4}; it has risen \
             by {:.4} since (--set keep=last keeps the last weights)",
            best.0,
            best.1,
            last.1 - best.1
        )
    );
    // A replay keeps the same ones, and a checkpoint is as good as a model.
    fixture.done("train --replay run --out again");
    assert_same(&fixture, "model.safetensors", "run", "again");
    let judged = fixture.done("eval run noise.txt --json");
    for file in ["model.safetensors", "config.json", "generation_config.json"] {
        std::fs::remove_file(fixture.at("again").join(file)).unwrap();
    }
    assert_eq!(read_unfinished(&fixture, "eval again noise.txt --json"), judged);
    // On request they are the last.
    fixture.done("train --resume --out run --set keep=last");
    assert!(fixture.read(model) == fixture.read(last_weights));
}

#[test]
fn a_run_that_was_killed_keeps_the_weights_of_one_that_was_not() {
    let fixture = noisy();
    fixture.done(&format!("{BY_HEART} --out whole"));
    // After its best validation, and after a checkpoint that came later.
    let run = format!("{BY_HEART} --set checkpoint_every=70 --out killed");
    kill(&fixture, &run, "killed", 460);
    // What it has come to is read from its checkpoint.
    read_unfinished(&fixture, "generate killed -p abc -n 3");
    fixture.done("train --resume --out killed --set checkpoint_every=0");
    for file in ["model.safetensors", "checkpoint.safetensors", "metrics.jsonl"] {
        assert_same(&fixture, file, "whole", "killed");
    }
    assert!(
        fixture.read("whole/model.safetensors")
            != fixture.read("whole/snapshots/00000600/model.safetensors")
    );
}

#[test]
fn the_training_loss_is_a_mean_that_a_stop_does_not_change() {
    let fixture = Fixture::new();
    let run = format!("train town.txt {SMALL} --set checkpoint_every=20");
    let whole = json(&fixture, &format!("{run} --steps 90 --out whole"));
    let losses = metrics(&fixture, "whole");
    let losses: Vec<f64> =
        losses.iter().filter_map(|line| line["training_loss"].as_f64()).collect();
    assert_eq!(losses.len(), 90);
    let (mut sum, mut weight) = (0.0, 0.0);
    for (age, loss) in losses.iter().rev().enumerate() {
        sum += 0.95_f64.powi(age as i32) * loss;
        weight += 0.95_f64.powi(age as i32);
    }
    let output = whole["training_loss"].as_f64().unwrap();
    assert!((output - sum / weight).abs() < 1e-9, "{output} and {}", sum / weight);
    kill(&fixture, &format!("{run} --steps 90 --out killed"), "killed", 50);
    let killed = json(&fixture, "train --resume --out killed");
    assert_eq!(killed["training_loss"], whole["training_loss"]);
    // Of one step it is that step's.
    let one = json(&fixture, &format!("train town.txt {SMALL} --steps 1 --out one"));
    let first = one["training_loss"].as_f64().unwrap();
    assert!((first - losses[0]).abs() < 1e-12, "{first} and {}", losses[0]);
}

#[test]
fn a_run_is_read_before_it_has_a_model_or_says_that_it_has_none_yet() {
    let fixture = Fixture::new();
    let run = format!("train town.txt {SMALL} --steps 100000 --out run");
    kill(&fixture, &format!("{run} --set checkpoint_every=99999"), "run", 20);
    for line in ["generate run -p tom", "eval run town.txt", "look run -p tom"] {
        let output = fixture.refused(line);
        let wanted = "run: this run has kept no model and no checkpoint yet; ";
        assert!(output.starts_with(wanted), "{line}: {output}");
    }
    // What ended before its first checkpoint is in nobody's way.
    fixture.done(&format!("train town.txt {SMALL} --steps 4 --out run"));
    fixture.done(&format!("train town.txt {SMALL} --steps 4 --out fresh"));
    for file in ["model.safetensors", "training.toml", "metrics.jsonl"] {
        assert_same(&fixture, file, "run", "fresh");
    }
    let lines = ["generate run -p tom -n 5 --seed 1", "eval run town.txt", "look run -p tom"];
    let by_model = lines.map(|line| fixture.done(line));
    for file in ["model.safetensors", "config.json", "generation_config.json"] {
        std::fs::remove_file(fixture.at("run").join(file)).unwrap();
    }
    assert_eq!(lines.map(|line| read_unfinished(&fixture, line)), by_model);
}

#[test]
fn the_shapes_of_benches_are_saved_as_a_gpt2_whose_biases_are_zero() {
    let fixture = Fixture::new();
    let small = "--set layers=1 --set heads=2 --set key_heads=2 --set width=16 --set hidden=32 \
                 --set context=16 --set batch=4 --tokenizer char --steps 30";
    fixture.done(&format!("train town.txt --preset bench-a {small} --out run"));
    let config = String::from_utf8(fixture.read("run/config.json")).unwrap();
    assert!(config.contains("GPT2LMHeadModel") && config.contains("\"gelu\""), "{config}");
    let by_model = fixture.done("look run -p tom --json");
    fixture.done("train --resume --steps 40 --out run");
    fixture.done("train --replay run --out again");
    assert_same(&fixture, "model.safetensors", "run", "again");
    assert!(fixture.done("look run -p tom --json") != by_model);
}

#[test]
fn a_directory_takes_a_few_times_the_bytes_of_its_model() {
    let fixture = Fixture::new();
    fixture.done("train town.txt --steps 10 --set batch=1 --out run");
    let bytes = |at: &str| -> u64 {
        let files =
            fixture.files().into_iter().filter(|(path, _)| path.starts_with(fixture.at(at)));
        files.map(|(_, bytes)| bytes.len() as u64).sum()
    };
    let (whole, model) = (bytes("run"), bytes("run/model.safetensors"));
    assert!(whole < 6 * model, "{whole} bytes, of which {model} are the model");
    // More is kept where more is asked for.
    let more = "--checkpoints 3 --set snapshots=10";
    fixture.done(&format!("train town.txt --steps 10 --set batch=1 --out more {more}"));
    let count = |at: &str, start: &str| {
        let names = std::fs::read_dir(fixture.at(at)).unwrap();
        names
            .filter(|name| name.as_ref().unwrap().file_name().to_str().unwrap().starts_with(start))
            .count()
    };
    assert_eq!((count("run", "checkpoint"), count("run/snapshots", "0")), (1, 6));
    assert_eq!((count("more", "checkpoint"), count("more/snapshots", "0")), (3, 11));
    assert_same(&fixture, "model.safetensors", "run", "more");
}

#[cfg(unix)]
#[test]
fn a_directory_behind_a_link_is_as_good_as_another() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.at("there")).unwrap();
    std::os::unix::fs::symlink("there", fixture.at("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", fixture.at("broken")).unwrap();
    let run = format!("train town.txt {SMALL} --steps 4 --out");
    fixture.done(&format!("{run} link"));
    fixture.done(&format!("{run} plain"));
    for file in ["model.safetensors", "checkpoint.safetensors", "training.toml"] {
        assert_same(&fixture, file, "there", "plain");
    }
    fixture.done("train --resume --steps 8 --out link");
    let refused = |line: &str| {
        let output = fixture.lookback(line);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{line}: {output:?}");
        crate::fixture::sentence(line, &output)
    };
    assert!(refused(&format!("{run} link")).contains("something is in it already"));
    let output = refused(&format!("{run} broken"));
    assert!(output.starts_with("broken: it is a link to nothing"), "{output}");
}
