//! Ctrl-C and SIGTERM end the program wherever it is, and what it leaves blocks nothing.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::world::{SMALL, World};

fn signal(name: &str, program: &Child) {
    let id = program.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

/// Starts a line and gives it a signal when its stderr has a line with this in it; its exit code, none
/// where the system ended it.
fn stopped(world: &World, line: &str, at: &str, name: &str) -> Option<i32> {
    let mut program = world.program(line.split(' '));
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
        let world = World::new();
        let code = stopped(&world, line, "writing Tinytown", name);
        assert!(code.is_none() || code == Some(130) || code == Some(0), "{line}: {code:?}");
        // It went no further than that.
        let made: Vec<_> = world.files().into_keys().collect();
        let is_begun = |path: &std::path::PathBuf| path.ends_with("training.toml");
        assert!(!made.iter().any(is_begun), "{line}: {made:?}");
    }
}

#[test]
fn what_has_nothing_to_keep_ends_and_leaves_nothing_in_the_way() {
    let world = World::with_model();
    let text = String::from_utf8(world.read("town.txt")).unwrap();
    let long: String = (0..3000).map(|day| text.replace("day", &format!("day{day}"))).collect();
    world.write("long.txt", long);
    for (line, at) in [
        ("tokenizer train long.txt --vocab 30000 --out t.json --verbose", " begun "),
        ("eval good long.txt --verbose", " computing "),
        ("generate good -p on -n 100000000 --ignore-eos --verbose", " weights loaded "),
        ("bench good --decode 4 --batch 1024 --verbose", " weights loaded "),
    ] {
        for name in ["-TERM", "-INT"] {
            let code = stopped(&world, line, at.trim(), name);
            assert!(code.is_none() || code == Some(130), "{line} {name}: {code:?}");
        }
    }
    assert!(!world.at("t.json").exists());
    let train = format!(
        "train long.txt {} --steps 5 --out fresh --verbose",
        SMALL.replace("char", "bpe:20000")
    );
    let code = stopped(&world, &train, "begun", "-TERM");
    assert!(code.is_none() || code == Some(130), "{code:?}");
    assert!(!world.at("fresh").exists());
}

#[test]
fn a_default_model_that_is_damaged_is_made_again_with_a_word() {
    for damage in ["cut", "empty", "other"] {
        let world = World::with_model();
        world.copy("good", "home/default");
        let weights = world.read("home/default/model.safetensors");
        match damage {
            "cut" => world.write("home/default/model.safetensors", &weights[..weights.len() / 2]),
            "empty" => world.write("home/default/tokenizer.json", ""),
            _ => world.write("home/default/config.json", "{}"),
        }
        let said = world.refused("generate default -p on");
        assert!(
            said.ends_with("lookback without a command makes the default model again"),
            "{said}"
        );
        let line = "--no-serve --verbose";
        stopped(&world, line, "the default model is damaged and is made again (", "-TERM");
        // What was there stays until another is whole.
        assert!(world.at("home/default/model.safetensors").exists(), "{damage}");
    }
}
