//! A model is asked Tinytown's questions.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use serde_json::Value;
use world::{SMALL, World};

#[test]
fn questions_are_scored_by_kind_beside_those_who_understand_nothing() {
    let world = World::new();
    world.write("tinytown.txt", world.done("corpus --bytes 200000"));
    world.done(&format!("train tinytown.txt {SMALL} --steps 5 --out some"));
    let said = world.done("eval some --questions --json");
    assert_eq!(
        said,
        world.done("eval some --questions --seed 1 --json"),
        "nothing is left to chance"
    );
    let object: Value = serde_json::from_str(&said).unwrap();
    let kinds = object["questions"].as_object().unwrap();
    for kind in ["fact-asked", "fact-held-out", "lookup-easy", "lookup-hard", "list", "few-shot"] {
        assert!(kinds.contains_key(kind), "{said}");
    }
    for (kind, score) in kinds {
        let number = |key: &str| score[key].as_f64().unwrap();
        assert_eq!(number("share"), number("right") / number("asked"), "{kind}");
        for (who, share) in score["baselines"].as_object().unwrap() {
            assert!((0.0..=1.0).contains(&share.as_f64().unwrap()), "{kind}, {who}: {share}");
        }
        let commonest = score["baselines"]["commonest"].as_f64().unwrap();
        assert!(commonest >= 1.0 / number("asked") && commonest < 1.0, "{kind}: {commonest}");
    }
    // A copier finds what repeats, and a parrot every fact that was told, but none that was not.
    let of = |kind: &str, who: &str| kinds[kind]["baselines"][who].as_f64().unwrap();
    for kind in ["list", "lookup-easy", "lookup-hard"] {
        assert!(of(kind, "copier") > 0.9, "{kind}: {said}");
    }
    assert!(of("fact-asked", "parrot") > 0.9 && of("fact-held-out", "parrot") < 0.5, "{said}");
    // As many as the corpus prints: no question is left out, and each is counted once.
    let asked: u64 = kinds.values().map(|score| score["asked"].as_u64().unwrap()).sum();
    let printed = world.done("corpus --questions");
    let drawn = printed.lines().filter(|line| !line.contains("\"kind\":\"analogy\"")).count();
    assert_eq!(asked as usize, drawn);

    let lines = world.done("eval some --questions");
    assert_eq!(lines.lines().count(), 1 + kinds.len(), "{lines}");
}

#[test]
fn analogies_are_ranked_and_models_are_told_apart() {
    let world = World::new();
    world.write("tinytown.txt", world.done("corpus --bytes 300000"));
    let small = SMALL.replace("--tokenizer char", "--tokenizer bpe:2048");
    world.done(&format!("train tinytown.txt {small} --steps 5 --out some"));
    world.done(&format!("train tinytown.txt {small} --steps 60 --set rate=0.02 --out other"));
    let said = world.done("eval some --questions --json");
    let object: Value = serde_json::from_str(&said).unwrap();
    let analogies = object["analogies"].as_array().unwrap();
    assert!(analogies.iter().any(|of| of["x"] == "king" && of["answer"] == "queen"), "{said}");
    for of in analogies {
        let rank = |key: &str| of[key].as_u64().unwrap();
        // The three words that were left out come before it at most.
        let between = rank("left_out")..=rank("left_out") + 3;
        assert!(rank("left_out") >= 1 && between.contains(&rank("among_all")), "{of}");
        assert!((1..2048).contains(&rank("of_x_alone")), "{of}");
    }
    let right = |of: &Value| -> u64 {
        let kinds = of["questions"].as_object().unwrap();
        kinds.values().map(|score| score["right"].as_u64().unwrap()).sum()
    };
    let other: Value = serde_json::from_str(&world.done("eval other --questions --json")).unwrap();
    let apart: Value =
        serde_json::from_str(&world.done("eval some --questions --against other --json")).unwrap();
    let apart = apart["differences"].as_array().unwrap();
    let only = |who: &str| apart.iter().filter(|of| of[who] == true).count() as u64;
    assert_eq!(right(&object) + only("there"), right(&other) + only("here"));
    let same = world.done("eval some --questions --against some --json");
    assert_eq!(same.trim(), r#"{"differences":[]}"#);
}
