//! Helps say what there is: every key of --json, and where things are kept.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::world::{SMALL, World};
use serde_json::Value;

/// The help's part after "of --json" or "of each question".
fn keys_in_help(world: &World, command: &str) -> String {
    let help = world.done(&format!("{command} --help"));
    let at = help.find("\nKey").unwrap_or_else(|| panic!("{command} --help names no keys: {help}"));
    help[at..].split("\nExample").next().unwrap().to_owned()
}

#[test]
fn every_key_of_json_stands_in_the_help() {
    let world = World::with_model();
    world.done("tokenizer train town.txt --vocab 300 --out small.json");
    world.done("look good -p tom -o expected.safetensors");
    let words = SMALL.replace("char", "bpe:300");
    world.done(&format!("train town.txt {words} --steps 1 --out words"));
    let run = format!("train town.txt {SMALL} --steps 2 --out other --json");
    for (command, line) in [
        ("train", run.as_str()),
        ("eval", "eval good town.txt --json"),
        ("eval", "eval words --questions --json"),
        ("generate", "generate good -p tom -n 3 --json"),
        ("look", "look good -p tom --json"),
        ("verify", "verify good expected.safetensors --json"),
        ("tokenizer train", "tokenizer train town.txt --vocab 300 --out other.json --json"),
        ("tokenizer encode", "tokenizer encode tom --tokenizer good --json"),
        ("tokenizer decode", "tokenizer decode 1 --tokenizer good --json"),
        ("tokenizer show", "tokenizer show --tokenizer good --json"),
        ("bench", "bench good --prompt 4 --decode 2 --look --json"),
        ("corpus", "corpus --questions"),
    ] {
        let keys = keys_in_help(&world, command);
        let said = world.lookback(line);
        assert_eq!(said.code, Some(0), "{line}: {said:?}");
        let object: Value = serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap();
        for key in object.as_object().unwrap().keys() {
            let is_named = keys.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
            assert!(
                is_named.into_iter().any(|word| word == key),
                "{command} --help has no {key}: {keys}"
            );
        }
    }
}

#[test]
fn the_sites_and_patterns_of_the_help_are_those_that_work() {
    let world = World::with_model();
    let help = world.done("look --help");
    world.done("look good -p tom -o all.safetensors");
    let all = world.read("all.safetensors");
    let file = safetensors::SafeTensors::deserialize(&all).unwrap();
    for name in file.names().into_iter().filter(|name| *name != "input_ids") {
        let plain = name.strip_prefix("blocks.0.").unwrap_or(name);
        assert!(help.contains(plain), "look --help has no {plain}");
    }
    for pattern in ["blocks.0.attn.pattern", "blocks.*.attn.*", "*.resid_post", "blocks.0*"] {
        world.done(&format!("look good -p tom --sites {pattern} -o some.json"));
    }
    let said = world.refused("look good -p tom --sites blocks.7* -o none.json");
    assert!(said.contains("no such site"), "{said}");
}

#[test]
fn the_help_says_where_the_default_model_is_kept() {
    let world = World::new();
    let help = world.done("--help").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("LOOKBACK_HOME is the folder") && help.contains("~/.local/share"),
        "{help}"
    );
    assert!(help.contains("--config FILE.toml") && help.contains("LOOKBACK_CONFIG"), "{help}");
}
