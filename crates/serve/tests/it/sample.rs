//! What the chain leaves is told as the sampler has it, and refused in the sampler's words.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ask, ask_json, get, routes};
use axum::http::StatusCode;
use serde_json::{Value, json};

fn sum(values: &Value) -> f64 {
    values.as_array().unwrap().iter().filter_map(Value::as_f64).sum()
}

#[tokio::test]
async fn the_samplers_are_described() {
    let answer = ask(&routes(), get("/api/samplers")).await.json();
    let names: Vec<&str> = answer["samplers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 21);
    let all = answer["samplers"].as_array().unwrap();
    let main: Vec<&str> = all
        .iter()
        .filter(|of| of["is_main"] == true)
        .map(|of| of["name"].as_str().unwrap())
        .collect();
    assert_eq!(main, ["top_k", "top_p", "min_p", "temperature"]);
    let top_p = all.iter().find(|of| of["name"] == "top_p").unwrap();
    assert_eq!(top_p["default"], json!(0.95));
}

#[tokio::test]
async fn each_stage_tells_what_is_left_and_what_is_gone() {
    let body = json!({
        "prompt": "the bird is red", "draws": 500, "shown": 5, "seed": 3,
        "settings": { "temperature": 0.9, "top_k": 7, "top_p": 1.0, "min_p": 0.0 },
    });
    let routes = routes();
    let answer = ask_json(&routes, "/api/sample", body.clone()).await.json();
    let stages = answer["stages"].as_array().unwrap();
    let steps: Vec<&Value> = stages.iter().map(|stage| &stage["step"]).collect();
    assert_eq!(steps, [&Value::Null, &json!("top-k 7"), &json!("temperature 0.9")]);
    assert_eq!(stages[1]["kept"], 7);
    assert_eq!(stages[1]["removed"], answer["vocabulary"].as_u64().unwrap() - 7);
    assert_eq!(stages[1]["others"]["tokens"], 2);
    assert_eq!((&stages[2]["kept"], &stages[2]["removed"]), (&json!(7), &json!(0)));
    for stage in stages {
        let all = sum(&stage["probabilities"]) + stage["others"]["share"].as_f64().unwrap();
        assert!((all - 1.0).abs() < 1e-9, "{all}");
    }
    // What the model itself says is what the site holds, and the sampler starts from the same.
    let tokens = answer["tokens"].as_array().unwrap();
    for (token, own) in tokens.iter().zip(stages[0]["probabilities"].as_array().unwrap()) {
        let gap = token["probability"].as_f64().unwrap() - own.as_f64().unwrap();
        assert!(gap.abs() < 1e-6, "{gap}");
    }
    let drawn = &answer["draws"];
    assert_eq!(sum(&drawn["counts"]) + drawn["others"].as_f64().unwrap(), 500.0);
    assert!(drawn["distinct"].as_u64().unwrap() <= 7);
    assert_eq!(ask_json(&routes, "/api/sample", body).await.json(), answer);
}

#[tokio::test]
async fn bad_settings_are_answered_in_the_samplers_words() {
    let routes = routes();
    for (settings, sentence) in [
        (json!({ "temperature": -1 }), "settings.temperature -1: a temperature is 0"),
        (json!({ "top_p": 1.5 }), "settings.top_p 1.5: a share of the probability"),
        (json!({ "min_p": -0.1 }), "settings.min_p -0.1: a share of the largest"),
        (json!({ "top_k": 2.5 }), "settings.top_k 2.5: a number of tokens is whole"),
        (json!({ "mirostat": 5 }), "settings.mirostat 5: Mirostat is 0 (off), 1 or 2"),
        (json!({ "luck": 5 }), "there is no sampler \"luck\""),
    ] {
        for path in ["/api/sample", "/api/repeat"] {
            let body = json!({ "prompt": "the bird", "settings": settings });
            let answer = ask_json(&routes, path, body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert!(answer.error().starts_with(sentence), "{}", answer.error());
        }
    }
    let body = json!({ "prompt": "the bird", "draws": 10_001 });
    let said = ask_json(&routes, "/api/sample", body).await.error();
    assert_eq!(said, "10001 draws are more than the 10000 that one request may ask for");
}
