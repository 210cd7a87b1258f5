//! Helps say what there is: every key of --json, and where things are kept.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{Fixture, SMALL};
use serde_json::Value;

/// The help's part after "of --json" or "of each question".
fn keys_in_help(fixture: &Fixture, command: &str) -> String {
    let help = fixture.done(&format!("{command} --help"));
    let at = help.find("\nKey").unwrap_or_else(|| panic!("{command} --help names no keys: {help}"));
    help[at..].split("\nExample").next().unwrap().to_owned()
}

#[test]
fn every_key_of_json_stands_in_the_help() {
    let fixture = Fixture::with_model();
    fixture.done("tokenizer train town.txt --vocab 300 --out small.json");
    fixture.done("look good -p tom -o expected.safetensors");
    let words = SMALL.replace("char", "bpe:300");
    fixture.done(&format!("train town.txt {words} --steps 1 --out words"));
    let run = format!("train town.txt {SMALL} --steps 2 --out other --json");
    for (command, line) in [
        ("train", run.as_str()),
        ("eval", "eval good town.txt --json"),
        ("eval", "eval words --questions --json"),
        ("generate", "generate good -p tom -n 3 --json"),
        ("look", "look good -p tom --json"),
        ("why", "why good -p tom --paths --check --json"),
        ("heads", "heads good --sequences 2 --json"),
        ("neurons", "neurons good --sequences 2 --json"),
        ("sweep", "sweep good -p tom --corrupt bob --agree --json"),
        ("diff", "diff good -p tom --other bob --json"),
        ("verify", "verify good expected.safetensors --json"),
        ("tokenizer train", "tokenizer train town.txt --vocab 300 --out other.json --json"),
        ("tokenizer encode", "tokenizer encode tom --tokenizer good --json"),
        ("tokenizer decode", "tokenizer decode 1 --tokenizer good --json"),
        ("tokenizer show", "tokenizer show --tokenizer good --json"),
        ("bench", "bench good --prompt 4 --decode 2 --look --json"),
        ("corpus", "corpus --questions"),
        ("convert", "convert good converted.gguf --json"),
    ] {
        let keys = keys_in_help(&fixture, command);
        let output = fixture.lookback(line);
        assert_eq!(output.code, Some(0), "{line}: {output:?}");
        let object: Value = serde_json::from_str(output.stdout.lines().next().unwrap()).unwrap();
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
    let fixture = Fixture::with_model();
    let help = fixture.done("look --help");
    fixture.done("look good -p tom -o all.safetensors");
    let all = fixture.read("all.safetensors");
    let file = safetensors::SafeTensors::deserialize(&all).unwrap();
    for name in file.names().into_iter().filter(|name| *name != "input_ids") {
        let plain = name.strip_prefix("blocks.0.").unwrap_or(name);
        assert!(help.contains(plain), "look --help has no {plain}");
    }
    for pattern in ["blocks.0.attn.pattern", "blocks.*.attn.*", "*.resid_post", "blocks.0*"] {
        fixture.done(&format!("look good -p tom --sites {pattern} -o some.json"));
    }
    // What is only there on demand is there when it is named.
    fixture.done("look good -p tom --sites blocks.0.attn.result -o result.safetensors");
    let result = fixture.read("result.safetensors");
    let result = safetensors::SafeTensors::deserialize(&result).unwrap();
    assert!(result.tensor("blocks.0.attn.result").is_ok(), "{:?}", result.names());
    let output = fixture.refused("look good -p tom --sites blocks.7* -o none.json");
    assert!(output.contains("no such site"), "{output}");
}

#[test]
fn the_help_says_where_the_default_model_is_kept() {
    let fixture = Fixture::new();
    let help = fixture.done("--help").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("LOOKBACK_HOME is the folder") && help.contains("~/.local/share"),
        "{help}"
    );
    assert!(help.contains("--config FILE.toml") && help.contains("LOOKBACK_CONFIG"), "{help}");
}
