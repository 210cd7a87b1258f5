//! Documents keep their beginnings and ends from a file to what a model trained on them says.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Stdio;

use crate::world::{SMALL, World};
use serde_json::Value;

const MARK: &[u8] = b"\xef\xbb\xbf";

fn object(world: &World, line: &str) -> Value {
    serde_json::from_str(&world.done(line)).unwrap()
}

/// Documents as lines of JSON.
fn lines<'a>(documents: impl Iterator<Item = &'a str>) -> String {
    documents.map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect()
}

#[test]
fn names_of_a_model_of_characters_begin_and_stop_by_themselves() {
    const NAMES: [&str; 3] = ["anna", "bob", "carl"];
    let world = World::new();
    world.write("names.jsonl", lines(NAMES.into_iter().cycle().take(300)));
    std::fs::create_dir(world.at("folder")).unwrap();
    for (at, name) in NAMES.into_iter().cycle().take(60).enumerate() {
        world.write(&format!("folder/{at:02}.txt"), name);
    }
    for texts in ["names.jsonl", "folder"] {
        world.done(&format!("train {texts} {SMALL} --steps 300 --out run"));
        let shown = object(&world, "tokenizer show --tokenizer run --json");
        assert_eq!((&shown["beginning"], &shown["end"]), (&0.into(), &0.into()));
        for seed in 0..5 {
            let said =
                object(&world, &format!("generate run --seed {seed} --top-p 0.9 -n 12 --json"));
            assert!(NAMES.contains(&said["text"].as_str().unwrap()), "{texts}: {said}");
            assert_ne!(said["finish_reason"], "length", "{said}");
        }
        let said = object(&world, "generate run -p c --greedy --json");
        assert_eq!(said["text"], "arl", "{texts}: {said}");
        std::fs::remove_dir_all(world.at("run")).unwrap();
    }
}

#[test]
fn validation_reads_documents_from_their_beginnings_where_learning_does() {
    // 17 characters each: one window of a context of 16, whose last target is not yet the end.
    let documents: Vec<String> = (0..400u32)
        .map(|at| {
            let digits: String =
                (0..8).map(|k| ["0", "1", "2"][(at * 7 + k * k) as usize % 3]).collect();
            format!("{digits}:{}", digits.chars().rev().collect::<String>())
        })
        .collect();
    let world = World::new();
    world.write("all.jsonl", lines(documents.iter().map(String::as_str)));
    world.write("held.jsonl", lines(documents[360..].iter().map(String::as_str)));
    let settings = format!("{SMALL} --set at_documents=true --steps 40");
    let trained = object(&world, &format!("train all.jsonl {settings} --out run --json"));
    let own = object(&world, "eval run --json");
    assert_eq!((own["documents"].as_u64(), own["tokens"].as_u64()), (Some(40), Some(40 * 16)));
    // Of the same model without its run, each document is read by itself and without its end.
    world.copy("run", "other");
    std::fs::remove_file(world.at("other/training.toml")).unwrap();
    let other = object(&world, "eval other held.jsonl --json");
    assert_eq!(other["tokens"], own["tokens"]);
    let [validation, own, other] = [
        trained["validation_loss"].as_f64().unwrap(),
        own["loss"].as_f64().unwrap(),
        other["loss"].as_f64().unwrap(),
    ];
    assert_eq!(validation, own);
    assert!((own - other).abs() < 1e-6, "{own} {other}");
}

#[test]
fn messages_lose_their_roles_and_that_is_said_with_what_becomes_of_chat() {
    let world = World::new();
    let chat = r#"{"messages": [{"role": "user", "content": "who sees anna?"}, {"role": "assistant", "content": "tom sees anna."}]}"#;
    world.write("chats.jsonl", format!("{chat}\n").repeat(60));
    let said = world.lookback(&format!("train chats.jsonl {SMALL} --steps 2 --out run"));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        said.stderr,
        "lookback: 60 documents are messages: their contents are learned one below the other, without the roles \
         of who says them; so the model has no chat template, lookback chat refuses it, and lookback \
         generate goes on with a text\n"
    );
    let said = world.refused("chat run");
    assert!(said.starts_with("run: it has no chat template"), "{said}");
}

#[test]
fn every_file_may_begin_with_a_byte_order_mark() {
    let world = World::with_model();
    let said = world.done("generate good -p tom --greedy -n 5");
    let marked = |name: &str| [MARK, &world.read(name)].concat();
    for name in ["config.json", "generation_config.json", "tokenizer.json", "training.toml"] {
        world.write(&format!("good/{name}"), marked(&format!("good/{name}")));
    }
    world.write("good/tokenizer_config.json", marked("good/tokenizer_config.json"));
    assert_eq!(world.done("generate good -p tom --greedy -n 5"), said);
    assert_eq!(world.done("eval good town.txt"), {
        world.write("marked.txt", marked("town.txt"));
        world.done("eval good marked.txt")
    });
    world.write("settings.toml", [MARK, b"steps = 3\n"].concat());
    let trained = "train marked.txt --config settings.toml --tokenizer bpe:300 --set width=32 \
                   --set layers=1 --set context=16 --set batch=4 --out other --json";
    assert_eq!(object(&world, trained)["steps"], 3);
    let shown = world.done("tokenizer show --tokenizer good");
    assert!(!shown.contains('\u{feff}'));
    // Nor does a text from standard input have one.
    let mut encode = world.program(["tokenizer", "encode", "--tokenizer", "good", "--json"]);
    let mut running = encode.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut running.stdin.take().unwrap(), &[MARK, b"tom"].concat())
        .unwrap();
    let ids: Value = serde_json::from_slice(&running.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(ids, object(&world, "tokenizer encode tom --tokenizer good --json"));
}

#[test]
fn a_vocabulary_of_a_hundred_thousand_tokens_is_learned_with() {
    let world = World::new();
    let small = SMALL.replace("--tokenizer char", "--tokenizer cl100k");
    let trained =
        object(&world, &format!("train town.txt {small} --steps 1 --threads 2 --out run --json"));
    assert!(trained["validation_loss"].as_f64().unwrap().is_finite(), "{trained}");
}
