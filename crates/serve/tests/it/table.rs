//! The figures about the embedding table: sums of words, and the map.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ask_json, model, routes};
use axum::http::StatusCode;
use lookback_engine::{Isa, ThreadPool};
use lookback_lens::Table;
use safetensors::SafeTensors;
use serde_json::{Value, json};

async fn told(path: &str, body: Value) -> Value {
    let answer = ask_json(&routes(), path, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

async fn refused(path: &str, body: Value) -> String {
    let answer = ask_json(&routes(), path, body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    answer.error()
}

#[tokio::test]
async fn a_sum_of_words_is_ranked_with_what_was_put_in_and_marks_it() {
    // Which words are single tokens depends on the text that the small tokenizer learned from.
    let known = told("/api/words", json!({ "typed": "", "most": 12 })).await;
    let mut words: Vec<&str> =
        known["words"].as_array().unwrap().iter().map(|of| of["text"].as_str().unwrap()).collect();
    words.dedup();
    let body = json!({ "words": ["the", words[0], words[1]], "most": 3 });
    let sum = told("/api/analogy", body).await;
    assert_eq!(sum["inputs"][0]["piece"], " the");
    assert_eq!(sum["directions"], 2);
    assert!(sum["result"]["off"].as_f64().unwrap() < 1e-6);
    let answers = sum["answers"].as_array().unwrap();
    assert_eq!(answers.iter().filter(|answer| answer["is_input"] == false).count(), 3);
    let cosines: Vec<f64> = answers.iter().map(|of| of["cosine"].as_f64().unwrap()).collect();
    assert!(cosines.is_sorted_by(|a, b| a >= b), "{cosines:?}");
}

#[tokio::test]
async fn nobody_has_to_know_a_models_words_to_begin() {
    let sum = told("/api/analogy", json!({})).await;
    assert_eq!(sum["words"].as_array().unwrap().len(), 3);
    assert!(!sum["answers"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_word_that_is_no_token_is_refused_with_its_pieces() {
    let body = json!({ "words": ["xylophonist", "the", "the"] });
    let said = refused("/api/analogy", body).await;
    assert!(said.starts_with("\"xylophonist\" is ") && said.contains(" · "), "{said}");
}

#[tokio::test]
async fn words_are_completed_as_one_types() {
    let found = told("/api/words", json!({ "typed": "th", "most": 5 })).await;
    let words = found["words"].as_array().unwrap();
    assert!(words.iter().all(|word| word["text"].as_str().unwrap().starts_with("th")));
    assert!(words.iter().any(|word| word["text"] == "the" && word["is_spaced"] == true));
}

#[tokio::test]
async fn the_map_has_a_point_and_a_colour_for_every_row() {
    let map = told("/api/map", json!({})).await;
    let rows = map["rows"].as_u64().unwrap() as usize;
    for list in ["pieces", "colors"] {
        assert_eq!(map[list].as_array().unwrap().len(), rows, "{list}");
    }
    assert_eq!(map["steps"], json!([null]), "no snapshots were kept");
    let points = ask_json(&routes(), "/api/map/points", json!({ "axes": [1, 0] })).await;
    let file = SafeTensors::deserialize(&points.bytes).unwrap();
    assert_eq!(file.tensor("points").unwrap().shape(), [rows, 2]);
}

#[tokio::test]
async fn neighbours_are_those_of_the_whole_space() {
    let near = told("/api/map/near", json!({ "id": 300 })).await;
    let pool = ThreadPool::new(1, Isa::detect());
    let open = model("tiny", &pool);
    let table = Table::of_model(&open.weights);
    let expected = table.nearest(&table.row(300), 8, |row| row != 300);
    for (told, expected) in near["near"].as_array().unwrap().iter().zip(expected) {
        assert_eq!(told["id"], expected.row);
        assert_eq!(told["cosine"], expected.cosine);
    }
}

#[tokio::test]
async fn what_the_map_does_not_have_is_refused() {
    let said = refused("/api/map/points", json!({ "axes": [0, 8] })).await;
    assert_eq!(said, "there is no axis 8; this map has 8, counted from 0");
    let said = refused("/api/map/points", json!({ "step": 3 })).await;
    assert_eq!(said, "nowhere: there is no snapshot of step 3");
    let said = refused("/api/map/near", json!({ "id": 99999 })).await;
    assert_eq!(said, "the table that was kept has no row 99999");
}
