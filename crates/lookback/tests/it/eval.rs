//! A model is judged by texts and by what its run kept back, and is asked Tinytown's questions.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{Fixture, SMALL};
use serde_json::Value;

#[test]
fn questions_are_scored_by_kind_beside_those_who_understand_nothing() {
    let fixture = Fixture::new();
    fixture.write("tinytown.txt", fixture.done("corpus --bytes 200000"));
    fixture.done(&format!("train tinytown.txt {SMALL} --steps 5 --out some"));
    let output = fixture.done("eval some --questions --json");
    assert_eq!(
        output,
        fixture.done("eval some --questions --seed 1 --json"),
        "nothing is left to chance"
    );
    let object: Value = serde_json::from_str(&output).unwrap();
    // A token counted from the end is another one in each question, and so is one that is found by its text.
    let asked = |edit: &str| format!("eval some --questions --json --edit {edit}");
    assert_eq!(output, fixture.done(&asked("blocks.0.resid_post[-1]*=1")));
    let refused = fixture.refused(&asked("embed[\"zz\"]=0"));
    assert!(
        refused.contains("question \"") && refused.contains("does not contain \"zz\""),
        "{refused}"
    );
    let kinds = object["questions"].as_object().unwrap();
    for kind in ["fact-asked", "fact-held-out", "lookup-easy", "lookup-hard", "list", "few-shot"] {
        assert!(kinds.contains_key(kind), "{output}");
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
        assert!(of(kind, "copier") > 0.9, "{kind}: {output}");
    }
    assert!(of("fact-asked", "parrot") > 0.9 && of("fact-held-out", "parrot") < 0.5, "{output}");
    // As many as the corpus prints: no question is left out, and each is counted once.
    let asked: u64 = kinds.values().map(|score| score["asked"].as_u64().unwrap()).sum();
    let printed = fixture.done("corpus --questions");
    let drawn = printed.lines().filter(|line| !line.contains("\"kind\":\"analogy\"")).count();
    assert_eq!(asked as usize, drawn);

    let lines = fixture.done("eval some --questions");
    assert_eq!(lines.lines().count(), 1 + kinds.len(), "{lines}");
}

#[test]
fn analogies_are_ranked_and_models_are_told_apart() {
    let fixture = Fixture::new();
    fixture.write("tinytown.txt", fixture.done("corpus --bytes 300000"));
    let small = SMALL.replace("--tokenizer char", "--tokenizer bpe:2048");
    fixture.done(&format!("train tinytown.txt {small} --steps 5 --out some"));
    fixture.done(&format!("train tinytown.txt {small} --steps 60 --set rate=0.02 --out other"));
    let output = fixture.done("eval some --questions --json");
    let object: Value = serde_json::from_str(&output).unwrap();
    let analogies = object["analogies"].as_array().unwrap();
    assert!(analogies.iter().any(|of| of["x"] == "king" && of["answer"] == "queen"), "{output}");
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
    let other: Value =
        serde_json::from_str(&fixture.done("eval other --questions --json")).unwrap();
    let apart: Value =
        serde_json::from_str(&fixture.done("eval some --questions --against other --json"))
            .unwrap();
    let apart = apart["differences"].as_array().unwrap();
    let only = |who: &str| apart.iter().filter(|of| of[who] == true).count() as u64;
    assert_eq!(right(&object) + only("there"), right(&other) + only("here"));
    let same = fixture.done("eval some --questions --against some --json");
    assert_eq!(same.trim(), r#"{"differences":[]}"#);
}

/// An object of `--json`.
fn object(fixture: &Fixture, line: &str) -> Value {
    serde_json::from_str(&fixture.done(line)).unwrap()
}

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap()
}

/// Documents of one line, 3 to 40 characters long, and their lines of JSON.
fn documents() -> Vec<String> {
    let of = |day: usize| {
        let what = ["red", "an old house", "tom sees the bird of anna, and a dog"][day % 3];
        format!("{what}{}", "!".repeat(day % 5))
    };
    (0..300).map(of).collect()
}

fn as_lines(documents: &[String]) -> String {
    documents.iter().map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect()
}

#[test]
fn a_run_is_judged_by_what_it_kept_back_with_its_own_number_to_the_last_bit() {
    let fixture = Fixture::new();
    let documents = documents();
    fixture.write("all.jsonl", as_lines(&documents));
    std::fs::create_dir(fixture.at("folder")).unwrap();
    for (number, part) in documents.chunks(20).enumerate() {
        fixture.write(&format!("folder/{number:02}.txt"), part.join("\n"));
    }
    let bpe = SMALL.replace("--tokenizer char", "--tokenizer bpe:300");
    for (texts, settings) in [
        ("all.jsonl", SMALL.to_owned()),
        ("all.jsonl", format!("{bpe} --threads 1")),
        ("all.jsonl", format!("{bpe} --set compute=bf16 --set average_share=0.5")),
        ("all.jsonl", format!("{SMALL} --set at_documents=true")),
        ("folder", format!("{SMALL} --set at_documents=true --set compute=bf16")),
        ("folder", bpe.clone()),
        ("town.txt", SMALL.to_owned()),
        ("town.txt all.jsonl", format!("{SMALL} --set at_documents=true")),
    ] {
        let what = format!("{texts} {settings}");
        let trained =
            object(&fixture, &format!("train {texts} {settings} --steps 7 --out run --json"));
        let own = object(&fixture, "eval run --threads 2 --json");
        assert_eq!(number(&own, "loss"), number(&trained, "validation_loss"), "{what}");
        let kept_back = own["documents"].as_u64().unwrap() as usize;
        match texts {
            "all.jsonl" => {
                assert!((25..40).contains(&kept_back), "{what}: {kept_back}");
                fixture.write("held.jsonl", as_lines(&documents[300 - kept_back..]));
                let held = object(&fixture, "eval run held.jsonl --json");
                assert_eq!(held, own, "{what}");
                let text: usize = documents[300 - kept_back..].iter().map(String::len).sum();
                if settings == SMALL {
                    // Each with its end, but for the very first token.
                    assert_eq!(number(&own, "tokens") as usize, text + kept_back - 1);
                    let bits = number(&own, "loss") * number(&own, "tokens") / 2f64.ln();
                    let per_byte = bits / (text - 1) as f64;
                    assert!((number(&own, "bits_per_byte") - per_byte).abs() < 1e-12);
                }
            }
            "folder" => {
                assert_eq!(kept_back, 1, "{what}");
                let held = object(&fixture, "eval run folder/14.txt --json");
                assert_eq!(held, own, "{what}");
            }
            _ => {}
        }
        std::fs::remove_dir_all(fixture.at("run")).unwrap();
    }
}

#[test]
fn documents_of_a_model_from_elsewhere_are_read_each_from_its_beginning() {
    let fixture = Fixture::new();
    let (one, two) = ("the red bird sees tom", "an old house of anna's, and a dog, and more");
    let documents: Vec<String> = (0..120).map(|at| [one, two][at % 2].to_owned()).collect();
    fixture.write("all.jsonl", as_lines(&documents));
    fixture.write("one.txt", one);
    fixture.write("two.txt", two);
    fixture.done(&format!("train all.jsonl {SMALL} --steps 30 --out run"));
    std::fs::remove_file(fixture.at("run/training.toml")).unwrap();
    let of = |texts: &str| {
        let object = object(&fixture, &format!("eval run {texts} --json"));
        (number(&object, "loss") * number(&object, "tokens"), number(&object, "tokens"))
    };
    let apart = [of("one.txt"), of("two.txt")];
    assert_eq!(apart.map(|(_, tokens)| tokens as usize), [one.len() - 1, two.len() - 1]);
    let together = of("one.txt two.txt");
    assert_eq!(together.1, apart[0].1 + apart[1].1);
    assert!((together.0 - apart[0].0 - apart[1].0).abs() < 1e-4, "{together:?} {apart:?}");

    // A tokenizer that puts a bos before each text has its first token asked for too.
    let template = serde_json::json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    });
    let whole = String::from_utf8(fixture.read("run/tokenizer.json")).unwrap();
    let mut tokenizer: Value = serde_json::from_str(&whole).unwrap();
    tokenizer["post_processor"] = template;
    fixture.write("run/tokenizer.json", tokenizer.to_string());
    let begun = object(&fixture, "eval run one.txt two.txt --json");
    assert_eq!(number(&begun, "tokens") as usize, one.len() + two.len());
    let bits = number(&begun, "loss") * number(&begun, "tokens") / 2f64.ln();
    let per_byte = bits / (one.len() + two.len()) as f64;
    assert!((number(&begun, "bits_per_byte") - per_byte).abs() < 1e-12, "{begun}");

    let output = fixture.refused("eval run");
    assert!(output.starts_with("TEXT is missing: run was not trained here"), "{output}");
}

#[test]
fn a_run_whose_tokens_are_others_is_not_judged_by_them() {
    let fixture = Fixture::with_model();
    let mut tokens = fixture.read("good/tokens.bin");
    let last = tokens.len() - 4;
    tokens[last] ^= 1;
    fixture.write("good/tokens.bin", tokens);
    let output = fixture.refused("eval good");
    assert!(
        output.ends_with("its tokens are not those that the run began with; name a text"),
        "{output}"
    );
    fixture.done("eval good town.txt");
}

/// transformers#11855: a loss above 709 is a perplexity that no float holds, and ended the evaluation.
#[test]
fn a_perplexity_that_is_too_large_to_read_is_shown_by_its_power_of_ten() {
    let fixture = Fixture::with_model();
    fixture.copy("good", "loud");
    for name in ["training.toml", "checkpoint.safetensors", "tokens.bin", "metrics.jsonl"] {
        std::fs::remove_file(fixture.at("loud").join(name)).unwrap();
    }
    let judged = |factor: f32| {
        let mut bytes = fixture.read("good/model.safetensors");
        let (header, about) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let (from, to) = about.info("model.norm.weight").unwrap().data_offsets;
        for value in bytes[8 + header + from..8 + header + to].as_chunks_mut().0 {
            *value = (f32::from_le_bytes(*value) * factor).to_le_bytes();
        }
        fixture.write("loud/model.safetensors", bytes);
        let object: Value =
            serde_json::from_str(&fixture.done("eval loud town.txt --json")).unwrap();
        (object, fixture.done("eval loud town.txt"))
    };
    let (object, line) = judged(1.0);
    let perplexity = object["perplexity"].as_f64().unwrap();
    assert!(line.contains(&format!(" perplexity {perplexity:.2}, ")), "{line}");
    let (object, line) = judged(3e2);
    let perplexity = object["perplexity"].as_f64().unwrap();
    assert!(perplexity > 1e9, "{object}");
    assert!(line.contains(&format!(" perplexity {perplexity:.2e}, ")), "{line}");
    let (object, line) = judged(1e5);
    assert!(object["loss"].as_f64().unwrap() > 709.8, "{object}");
    assert!(object["perplexity"].is_null() && object["bits_per_byte"].is_number(), "{object}");
    assert!(line.contains(" perplexity above 1.8e308, "), "{line}");
}
