//! What a program is told of a refusal, where it asks for JSON: the sentence, and a kind to decide by.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::Fixture;
use lookback::files::Kind;
use serde_json::Value;

/// The kind that stands beside the sentence of a refusal.
fn kind(fixture: &Fixture, line: &str) -> String {
    let output = fixture.lookback(line);
    assert_ne!(output.code, Some(0), "{line}: {output:?}");
    assert_eq!(output.stdout.lines().count(), 1, "{line}: {output:?}");
    let object: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(object.as_object().unwrap().len(), 2, "{line}: {object}");
    let error = object["error"].as_str().unwrap();
    assert_eq!(output.stderr, format!("lookback: {error}\n"), "{line}");
    object["kind"].as_str().unwrap().to_owned()
}

#[test]
fn what_goes_wrong_is_told_by_its_kind() {
    let fixture = Fixture::with_model();
    let write = |name: &str, file: &str, old: &str, new: &str| {
        fixture.copy("good", name);
        fixture.replace(&format!("good/{file}"), &format!("{name}/{file}"), old, new);
    };
    fixture.copy("good", "cut");
    let weights = fixture.read("good/model.safetensors");
    fixture.write("cut/model.safetensors", &weights[..weights.len() - 100]);
    write("no-tokenizer", "tokenizer.json", "{", "");
    write("mamba", "config.json", "\"llama\"", "\"mamba\"");
    write("tanh", "config.json", "\"silu\"", "\"tanh\"");
    for (line, expected) in [
        ("generate good -p tom there --json", Kind::InvalidInput),
        ("generate good -p tom --colour red --json", Kind::InvalidInput),
        ("generate good -p tom --top-p 2 --json", Kind::InvalidSetting),
        ("generate good -p tom --samplers luck --json", Kind::InvalidSetting),
        ("generate nowhere -p tom --json", Kind::NotFound),
        ("eval good nowhere.txt --json", Kind::NotFound),
        ("generate cut -p tom --json", Kind::CorruptFile),
        ("generate no-tokenizer -p tom --json", Kind::CorruptFile),
        ("generate mamba -p tom --json", Kind::UnsupportedArchitecture),
        ("generate tanh -p tom --json", Kind::UnsupportedFeature),
        ("generate good --ids 1,99999 --json", Kind::TokenOutOfRange),
        ("look good --ids 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1 --json", Kind::ContextLength),
        ("eval good town.txt/part.txt --json", Kind::Io),
    ] {
        assert_eq!(kind(&fixture, line), expected.name(), "{line}");
    }
    // What is not asked for is not printed.
    assert_eq!(fixture.lookback("generate good -p tom --top-p 2").stdout, "");
}
