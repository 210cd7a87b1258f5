//! Documents keep their beginnings and ends from a file to what a model trained on them says.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Stdio;

use crate::fixture::{Fixture, SMALL};
use serde_json::Value;

const MARK: &[u8] = b"\xef\xbb\xbf";

fn object(fixture: &Fixture, line: &str) -> Value {
    serde_json::from_str(&fixture.done(line)).unwrap()
}

/// Documents as lines of JSON.
fn lines<'a>(documents: impl Iterator<Item = &'a str>) -> String {
    documents.map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect()
}

#[test]
fn names_of_a_model_of_characters_begin_and_stop_by_themselves() {
    const NAMES: [&str; 3] = ["anna", "bob", "carl"];
    let fixture = Fixture::new();
    fixture.write("names.jsonl", lines(NAMES.into_iter().cycle().take(300)));
    std::fs::create_dir(fixture.at("folder")).unwrap();
    for (at, name) in NAMES.into_iter().cycle().take(60).enumerate() {
        fixture.write(&format!("folder/{at:02}.txt"), name);
    }
    for texts in ["names.jsonl", "folder"] {
        fixture.done(&format!("train {texts} {SMALL} --steps 300 --out run"));
        let shown = object(&fixture, "tokenizer show --tokenizer run --json");
        assert_eq!((&shown["beginning"], &shown["end"]), (&0.into(), &0.into()));
        for seed in 0..5 {
            let output =
                object(&fixture, &format!("generate run --seed {seed} --top-p 0.9 -n 12 --json"));
            assert!(NAMES.contains(&output["text"].as_str().unwrap()), "{texts}: {output}");
            assert_ne!(output["finish_reason"], "length", "{output}");
        }
        let output = object(&fixture, "generate run -p c --greedy --json");
        assert_eq!(output["text"], "arl", "{texts}: {output}");
        std::fs::remove_dir_all(fixture.at("run")).unwrap();
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
    let fixture = Fixture::new();
    fixture.write("all.jsonl", lines(documents.iter().map(String::as_str)));
    fixture.write("held.jsonl", lines(documents[360..].iter().map(String::as_str)));
    let settings = format!("{SMALL} --set at_documents=true --steps 40");
    let trained = object(&fixture, &format!("train all.jsonl {settings} --out run --json"));
    let own = object(&fixture, "eval run --json");
    assert_eq!((own["documents"].as_u64(), own["tokens"].as_u64()), (Some(40), Some(40 * 16)));
    // Of the same model without its run, each document is read by itself and without its end.
    fixture.copy("run", "other");
    std::fs::remove_file(fixture.at("other/training.toml")).unwrap();
    let other = object(&fixture, "eval other held.jsonl --json");
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
    let fixture = Fixture::new();
    let chat = r#"{"messages": [{"role": "user", "content": "who sees anna?"}, {"role": "assistant", "content": "tom sees anna."}]}"#;
    fixture.write("chats.jsonl", format!("{chat}\n").repeat(60));
    let output = fixture.lookback(&format!("train chats.jsonl {SMALL} --steps 2 --out run"));
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(
        output.stderr,
        "lookback: 60 documents are messages: their contents are learned one below the other, without the roles \
         of who says them; so the model has no chat template, lookback chat refuses it, and lookback \
         generate goes on with a text\n"
    );
    let output = fixture.refused("chat run");
    assert!(output.starts_with("run: it has no chat template"), "{output}");
}

#[test]
fn every_file_may_begin_with_a_byte_order_mark() {
    let fixture = Fixture::with_model();
    let output = fixture.done("generate good -p tom --greedy -n 5");
    let marked = |name: &str| [MARK, &fixture.read(name)].concat();
    for name in ["config.json", "generation_config.json", "tokenizer.json", "training.toml"] {
        fixture.write(&format!("good/{name}"), marked(&format!("good/{name}")));
    }
    fixture.write("good/tokenizer_config.json", marked("good/tokenizer_config.json"));
    assert_eq!(fixture.done("generate good -p tom --greedy -n 5"), output);
    assert_eq!(fixture.done("eval good town.txt"), {
        fixture.write("marked.txt", marked("town.txt"));
        fixture.done("eval good marked.txt")
    });
    fixture.write("settings.toml", [MARK, b"steps = 3\n"].concat());
    let trained = "train marked.txt --config settings.toml --tokenizer bpe:300 --set width=32 \
                   --set layers=1 --set context=16 --set batch=4 --out other --json";
    assert_eq!(object(&fixture, trained)["steps"], 3);
    let shown = fixture.done("tokenizer show --tokenizer good");
    assert!(!shown.contains('\u{feff}'));
    // Nor does a text from standard input have one.
    let mut encode = fixture.program(["tokenizer", "encode", "--tokenizer", "good", "--json"]);
    let mut running = encode.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut running.stdin.take().unwrap(), &[MARK, b"tom"].concat())
        .unwrap();
    let ids: Value = serde_json::from_slice(&running.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(ids, object(&fixture, "tokenizer encode tom --tokenizer good --json"));
}

#[test]
fn a_vocabulary_of_a_hundred_thousand_tokens_is_learned_with() {
    let fixture = Fixture::new();
    let small = SMALL.replace("--tokenizer char", "--tokenizer cl100k");
    let trained =
        object(&fixture, &format!("train town.txt {small} --steps 1 --threads 2 --out run --json"));
    assert!(trained["validation_loss"].as_f64().unwrap().is_finite(), "{trained}");
}
