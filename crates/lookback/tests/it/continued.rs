//! Runs that are continued: only as they began; longer, or by other settings, and then replayed to the same
//! bits; and which of their weights are kept.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::world::{SMALL, World, sentence};
use serde_json::Value;

/// A run on letters without any order: what it learns of them by heart makes it worse at others.
const BY_HEART: &str = "train noise.txt --tokenizer char --set layers=1 --set heads=2 \
                        --set key_heads=2 --set width=48 --set hidden=96 --set context=16 \
                        --set batch=8 --set optimizer=adamw --set compute=f32 --set rate=0.01 \
                        --set validate_every=30 --set whole_snapshots=true --set snapshots=20 \
                        --steps 600";

/// A world with `noise.txt`.
fn noisy() -> World {
    let world = World::new();
    let mut state = 7_u64;
    let letters = (0..1500).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 40) as u8 % 12)
    });
    world.write("noise.txt", letters.collect::<String>());
    world
}

fn json(world: &World, line: &str) -> Value {
    serde_json::from_str(&world.done(&format!("{line} --json"))).unwrap()
}

/// The lines of a run's metrics.
fn metrics(world: &World, run: &str) -> Vec<Value> {
    let text = String::from_utf8(world.read(&format!("{run}/metrics.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asserts that two runs left a file with the same bytes.
fn assert_same(world: &World, file: &str, one: &str, other: &str) {
    let [one, other] = [one, other].map(|run| world.read(&format!("{run}/{file}")));
    assert!(one == other, "{file} differs");
}

/// Kills a run once its metrics have more lines than these.
fn kill(world: &World, line: &str, run: &str, lines: usize) {
    let mut program = world.program(line.split_whitespace());
    let mut running = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let count = || {
        let text = std::fs::read_to_string(world.at(run).join("metrics.jsonl"));
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
fn read_unfinished(world: &World, line: &str) -> String {
    let said = world.lookback(line);
    assert_eq!(said.code, Some(0), "{line}: {said:?}");
    let remark = " this run has no model yet; its checkpoint after ";
    assert!(said.stderr.contains(remark) && said.stderr.lines().count() == 1, "{line}: {said:?}");
    said.stdout
}

#[test]
fn a_run_goes_on_with_its_own_text_tokenizer_and_preset_only() {
    let world = World::new();
    let town = String::from_utf8(world.read("town.txt")).unwrap();
    world.write("other.txt", town.replace("red", "tiny"));
    world.write("copy.txt", &town);
    world.done(&format!("train town.txt {SMALL} --steps 4 --out run"));
    world.write("other.toml", "seed = 3\n");
    world.write("same.toml", "batch = 4\n\n[model]\nlayers = 1\n");
    let refused = |lines: &[&str]| -> String {
        let said = |line: &&str| {
            let whole = format!("train --resume --out run {line}");
            format!("$ {line}\n{}\n", world.refused(&whole))
        };
        lines.iter().map(said).collect()
    };
    let said = refused(&[
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
    insta::assert_snapshot!(said);
    for line in [
        "town.txt --tokenizer char --preset tiny",
        "copy.txt",
        "--tokenizer run/tokenizer.json",
        "--config same.toml",
        "--config run/training.toml",
    ] {
        world.done(&format!("train --resume --out run {line}"));
    }
    // The file has become another.
    world.write("town.txt", town.replace("old", "new"));
    let said = world.refused("train town.txt --resume --out run");
    assert!(
        said.contains("town.txt does not give the tokens any more that it learns from"),
        "{said}"
    );
    world.write("town.txt", &town);
    // An older version did not say what a run began with.
    let settings = String::from_utf8(world.read("run/training.toml")).unwrap();
    let (older, _) = settings.split_once("\n[begun]").unwrap();
    world.write("run/training.toml", older);
    for line in ["other.txt", "--tokenizer bpe:300", "--tokenizer gpt2", "--preset gpt2"] {
        let said = world.refused(&format!("train --resume --out run {line}"));
        assert!(said.starts_with("--resume: the run in run goes on as it began: it"), "{said}");
    }
    world.done(&format!("train town.txt {SMALL} --preset tiny --resume --out run"));
}

#[test]
fn settings_that_were_settled_cannot_be_edited_in_the_file() {
    let world = World::new();
    world.done(&format!("train town.txt {SMALL} --steps 4 --out run"));
    let settings = String::from_utf8(world.read("run/training.toml")).unwrap();
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
        world.write("run/training.toml", settings.replace(&line, &format!("{key} = {to}\n")));
        let said = world.refused("train --resume --out run");
        assert_eq!(
            said,
            format!(
                "run/training.toml: it says {key} = {to}, and the run was trained with {key} = {from}; \
                 put that back, or train anew into another directory"
            )
        );
    }
    // What may change over a run may be edited, too, and is recorded.
    world.write("run/training.toml", settings.replace("rate = 0.004\n", "rate = 0.001\n"));
    world.done("train --resume --out run --steps 8");
    world.done("train --replay run --out again");
    assert_same(&world, "model.safetensors", "run", "again");
    assert_same(&world, "training.toml", "run", "again");
}

#[test]
fn a_run_that_is_done_says_so_and_how_to_go_on() {
    let world = World::with_model();
    let told = world.done("train --resume --out good");
    assert!(told.starts_with("the run is done: all of its 5 steps were taken before, "), "{told}");
    assert!(told.ends_with(" lookback train --resume --out good --steps 10\n"), "{told}");
    let first = json(&world, "train --resume --out good");
    assert_eq!((&first["steps"], &first["steps_taken"]), (&5.into(), &0.into()), "{first}");
    assert!(first["tokens_per_second"].is_null() && first["training_loss"].is_number(), "{first}");
    let longer = world.done("train --resume --out good --steps 10");
    assert!(longer.starts_with("10 steps in "), "{longer}");
}

#[test]
fn a_run_that_was_made_longer_is_replayed_to_the_same_bits() {
    let world = World::new();
    let run = format!("train town.txt {SMALL} --set average_share=0.2");
    world.done(&format!("{run} --steps 20 --out run"));
    world.done("train --resume --out run --steps 40");
    world.done("train --resume --out run --steps 45 --set rate=0.001 --set schedule=stable");
    // As if nothing had been asked for otherwise.
    world.done("train --resume --out run --steps 45 --set rate=0.001");
    world.done("train --replay run --out again");
    for file in ["model.safetensors", "checkpoint.safetensors", "training.toml"] {
        assert_same(&world, file, "run", "again");
    }
    let last = |run: &str| metrics(&world, run).last().unwrap()["validation_loss"].clone();
    assert_eq!(last("run"), last("again"));
    // It is another than one that had this length from its beginning.
    world.done(&format!("{run} --steps 45 --set rate=0.001 --set schedule=stable --out at-once"));
    assert!(world.read("run/model.safetensors") != world.read("at-once/model.safetensors"));
    // An older version did not record it.
    let settings = String::from_utf8(world.read("run/training.toml")).unwrap();
    let (older, _) = settings.split_once("\n[begun]").unwrap();
    world.write("run/training.toml", older);
    let said = world.refused("train --replay run --out third");
    assert!(said.contains("tells of another rate at step 1 than its training.toml"), "{said}");
}

#[test]
fn the_weights_of_the_best_validation_are_kept_and_it_is_said() {
    let world = noisy();
    let said = json(&world, &format!("{BY_HEART} --out run"));
    let judged: Vec<(u64, f64)> = metrics(&world, "run")
        .iter()
        .filter_map(|line| Some((line["step"].as_u64()?, line["validation_loss"].as_f64()?)))
        .collect();
    let best = judged.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1)).unwrap();
    let last = *judged.last().unwrap();
    assert!(judged.len() == 20 && best.0 < 300 && last.1 > best.1 + 0.15, "{judged:?}");
    assert_eq!(said["kept_step"], best.0);
    assert_eq!(said["validation_loss"], best.1);
    assert_eq!(said["last_validation_loss"], last.1);
    let (model, last_weights) =
        ("run/model.safetensors", "run/snapshots/00000600/model.safetensors");
    let snapshot = format!("run/snapshots/{:08}/model.safetensors", best.0);
    assert!(world.read(model) == world.read(&snapshot));
    let told = world.done("train --resume --out run");
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
    world.done("train --replay run --out again");
    assert_same(&world, "model.safetensors", "run", "again");
    let judged = world.done("eval run noise.txt --json");
    for file in ["model.safetensors", "config.json", "generation_config.json"] {
        std::fs::remove_file(world.at("again").join(file)).unwrap();
    }
    assert_eq!(read_unfinished(&world, "eval again noise.txt --json"), judged);
    // On request they are the last.
    world.done("train --resume --out run --set keep=last");
    assert!(world.read(model) == world.read(last_weights));
}

#[test]
fn a_run_that_was_killed_keeps_the_weights_of_one_that_was_not() {
    let world = noisy();
    world.done(&format!("{BY_HEART} --out whole"));
    // After its best validation, and after a checkpoint that came later.
    let run = format!("{BY_HEART} --set checkpoint_every=70 --out killed");
    kill(&world, &run, "killed", 460);
    // What it has come to is read from its checkpoint.
    read_unfinished(&world, "generate killed -p abc -n 3");
    world.done("train --resume --out killed --set checkpoint_every=0");
    for file in ["model.safetensors", "checkpoint.safetensors", "metrics.jsonl"] {
        assert_same(&world, file, "whole", "killed");
    }
    assert!(
        world.read("whole/model.safetensors")
            != world.read("whole/snapshots/00000600/model.safetensors")
    );
}

#[test]
fn the_training_loss_is_a_mean_that_a_stop_does_not_change() {
    let world = World::new();
    let run = format!("train town.txt {SMALL} --set checkpoint_every=20");
    let whole = json(&world, &format!("{run} --steps 90 --out whole"));
    let losses = metrics(&world, "whole");
    let losses: Vec<f64> =
        losses.iter().filter_map(|line| line["training_loss"].as_f64()).collect();
    assert_eq!(losses.len(), 90);
    let (mut sum, mut weight) = (0.0, 0.0);
    for (age, loss) in losses.iter().rev().enumerate() {
        sum += 0.95_f64.powi(age as i32) * loss;
        weight += 0.95_f64.powi(age as i32);
    }
    let said = whole["training_loss"].as_f64().unwrap();
    assert!((said - sum / weight).abs() < 1e-9, "{said} and {}", sum / weight);
    kill(&world, &format!("{run} --steps 90 --out killed"), "killed", 50);
    let killed = json(&world, "train --resume --out killed");
    assert_eq!(killed["training_loss"], whole["training_loss"]);
    // Of one step it is that step's.
    let one = json(&world, &format!("train town.txt {SMALL} --steps 1 --out one"));
    let first = one["training_loss"].as_f64().unwrap();
    assert!((first - losses[0]).abs() < 1e-12, "{first} and {}", losses[0]);
}

#[test]
fn a_run_is_read_before_it_has_a_model_or_says_that_it_has_none_yet() {
    let world = World::new();
    let run = format!("train town.txt {SMALL} --steps 100000 --out run");
    kill(&world, &format!("{run} --set checkpoint_every=99999"), "run", 20);
    for line in ["generate run -p tom", "eval run town.txt", "look run -p tom"] {
        let said = world.refused(line);
        let wanted = "run: this run has kept no model and no checkpoint yet; ";
        assert!(said.starts_with(wanted), "{line}: {said}");
    }
    // What ended before its first checkpoint is in nobody's way.
    world.done(&format!("train town.txt {SMALL} --steps 4 --out run"));
    world.done(&format!("train town.txt {SMALL} --steps 4 --out fresh"));
    for file in ["model.safetensors", "training.toml", "metrics.jsonl"] {
        assert_same(&world, file, "run", "fresh");
    }
    let lines = ["generate run -p tom -n 5 --seed 1", "eval run town.txt", "look run -p tom"];
    let by_model = lines.map(|line| world.done(line));
    for file in ["model.safetensors", "config.json", "generation_config.json"] {
        std::fs::remove_file(world.at("run").join(file)).unwrap();
    }
    assert_eq!(lines.map(|line| read_unfinished(&world, line)), by_model);
}

#[test]
fn the_shapes_of_benches_are_saved_as_a_gpt2_whose_biases_are_zero() {
    let world = World::new();
    let small = "--set layers=1 --set heads=2 --set key_heads=2 --set width=16 --set hidden=32 \
                 --set context=16 --set batch=4 --tokenizer char --steps 30";
    world.done(&format!("train town.txt --preset bench-a {small} --out run"));
    let config = String::from_utf8(world.read("run/config.json")).unwrap();
    assert!(config.contains("GPT2LMHeadModel") && config.contains("\"gelu\""), "{config}");
    let by_model = world.done("look run -p tom --json");
    world.done("train --resume --steps 40 --out run");
    world.done("train --replay run --out again");
    assert_same(&world, "model.safetensors", "run", "again");
    assert!(world.done("look run -p tom --json") != by_model);
}

#[test]
fn a_directory_takes_a_few_times_the_bytes_of_its_model() {
    let world = World::new();
    world.done("train town.txt --steps 30 --set batch=1 --out run");
    let bytes = |at: &str| -> u64 {
        let files = world.files().into_iter().filter(|(path, _)| path.starts_with(world.at(at)));
        files.map(|(_, bytes)| bytes.len() as u64).sum()
    };
    let (whole, model) = (bytes("run"), bytes("run/model.safetensors"));
    assert!(whole < 6 * model, "{whole} bytes, of which {model} are the model");
    // More is kept where more is asked for.
    let more = "--checkpoints 3 --set snapshots=10";
    world.done(&format!("train town.txt --steps 30 --set batch=1 --out more {more}"));
    let count = |at: &str, start: &str| {
        let names = std::fs::read_dir(world.at(at)).unwrap();
        names
            .filter(|name| name.as_ref().unwrap().file_name().to_str().unwrap().starts_with(start))
            .count()
    };
    assert_eq!((count("run", "checkpoint"), count("run/snapshots", "0")), (1, 5));
    assert_eq!((count("more", "checkpoint"), count("more/snapshots", "0")), (3, 11));
    assert_same(&world, "model.safetensors", "run", "more");
}

#[cfg(unix)]
#[test]
fn a_directory_behind_a_link_is_as_good_as_another() {
    let world = World::new();
    std::fs::create_dir(world.at("there")).unwrap();
    std::os::unix::fs::symlink("there", world.at("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", world.at("broken")).unwrap();
    let run = format!("train town.txt {SMALL} --steps 4 --out");
    world.done(&format!("{run} link"));
    world.done(&format!("{run} plain"));
    for file in ["model.safetensors", "checkpoint.safetensors", "training.toml"] {
        assert_same(&world, file, "there", "plain");
    }
    world.done("train --resume --steps 8 --out link");
    let refused = |line: &str| {
        let said = world.lookback(line);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{line}: {said:?}");
        sentence(line, &said)
    };
    assert!(refused(&format!("{run} link")).contains("something is in it already"));
    let said = refused(&format!("{run} broken"));
    assert!(said.starts_with("broken: it is a link to nothing"), "{said}");
}
