//! A run is trained again to the same bits, or with something left out of its text.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{self, Fixture, SMALL};

#[test]
fn a_replay_has_the_same_bits_and_one_without_a_line_has_others() {
    let fixture = Fixture::new();
    fixture.done(&format!("train town.txt {SMALL} --steps 40 --optimizer muon --out first"));
    fixture.done("train --replay first --out again --threads 1");
    for file in ["model.safetensors", "training.toml", "tokens.bin", "tokenizer.json"] {
        assert!(
            fixture.read(&format!("first/{file}")) == fixture.read(&format!("again/{file}")),
            "{file}"
        );
    }
    let mut without =
        fixture.program(["train", "--replay", "first", "--without", "anna", "--out", "other"]);
    let output = fixture::output(without.args(["--json"]));
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert!(fixture.read("first/model.safetensors") != fixture.read("other/model.safetensors"));
    let (first, other) = (fixture.read("first/tokens.bin"), fixture.read("other/tokens.bin"));
    assert_eq!(first.len(), other.len());
    // A third of the lines at most: all others stay where they were.
    let changed = first.iter().zip(&other).filter(|(a, b)| a != b).count();
    assert!(changed > 0 && 12 * changed < first.len() + 12, "{changed} of {}", first.len());
    // What was trained without it can be trained again, too.
    fixture.done("train --replay other --out other-again");
    assert!(
        fixture.read("other/model.safetensors") == fixture.read("other-again/model.safetensors")
    );
}

#[test]
fn what_cannot_be_replayed_is_refused_by_name() {
    let fixture = Fixture::new();
    fixture.done(&format!("train town.txt {SMALL} --steps 5 --out first"));
    let output = fixture.refused("train --replay first --without xyzzy --out other");
    assert!(output.starts_with("--without \"xyzzy\": no line of the text holds it"), "{output}");
    let output = fixture.refused("train --replay nothing --out other");
    assert!(
        output.starts_with("--replay nothing: there is no training.toml in nothing"),
        "{output}"
    );
    fixture.replace("first/training.toml", "first/training.toml", "data = \"", "data = \"0");
    let output = fixture.refused("train --replay first --out other");
    assert!(output.contains("does not know these tokens"), "{output}");
    let output = fixture.refused("train --resume --out first");
    assert!(output.contains("tokens.bin: it is not the file that the run began with"), "{output}");
}
