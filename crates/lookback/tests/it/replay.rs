//! A run is trained again to the same bits, or with something left out of its text.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::world::{self, SMALL, World};

#[test]
fn a_replay_has_the_same_bits_and_one_without_a_line_has_others() {
    let world = World::new();
    world.done(&format!("train town.txt {SMALL} --steps 40 --optimizer muon --out first"));
    world.done("train --replay first --out again --threads 1");
    for file in ["model.safetensors", "training.toml", "tokens.bin", "tokenizer.json"] {
        assert!(
            world.read(&format!("first/{file}")) == world.read(&format!("again/{file}")),
            "{file}"
        );
    }
    let mut without =
        world.program(["train", "--replay", "first", "--without", "anna", "--out", "other"]);
    let said = world::said(without.args(["--json"]));
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    assert!(world.read("first/model.safetensors") != world.read("other/model.safetensors"));
    let (first, other) = (world.read("first/tokens.bin"), world.read("other/tokens.bin"));
    assert_eq!(first.len(), other.len());
    // A third of the lines at most: all others stay where they were.
    let changed = first.iter().zip(&other).filter(|(a, b)| a != b).count();
    assert!(changed > 0 && 12 * changed < first.len() + 12, "{changed} of {}", first.len());
    // What was trained without it can be trained again, too.
    world.done("train --replay other --out other-again");
    assert!(world.read("other/model.safetensors") == world.read("other-again/model.safetensors"));
}

#[test]
fn what_cannot_be_replayed_is_refused_by_name() {
    let world = World::new();
    world.done(&format!("train town.txt {SMALL} --steps 5 --out first"));
    let said = world.refused("train --replay first --without xyzzy --out other");
    assert!(said.starts_with("--without \"xyzzy\": no line of the text holds it"), "{said}");
    let said = world.refused("train --replay nothing --out other");
    assert!(said.starts_with("--replay nothing: there is no training.toml in nothing"), "{said}");
    world.replace("first/training.toml", "first/training.toml", "data = \"", "data = \"0");
    let said = world.refused("train --replay first --out other");
    assert!(said.contains("does not know these tokens"), "{said}");
    let said = world.refused("train --resume --out first");
    assert!(said.contains("tokens.bin: it is not the file that the run began with"), "{said}");
}
