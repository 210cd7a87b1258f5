//! Sweeps and differences over HTTP.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{ask, post, routes};

async fn answer(path: &str, body: Value) -> Value {
    let answer = ask(&routes(), post(path, body.to_string())).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_sweep_and_an_ablation_are_answered_with_their_grids() {
    let body = json!({ "prompt": "tom sees the red bird", "corrupt": "tom sees the big bird",
                       "over": ["resid_pre", "z"], "answer": 7, "wrong": 9, "agree": true });
    let swept = answer("/api/sweep", body).await;
    assert_eq!((&swept["metric"], &swept["pairs"]), (&json!("logit-difference"), &json!(1)));
    let grids = swept["grids"].as_array().unwrap();
    let cells = |grid: &Value| grid["values"].as_array().unwrap().len();
    let tokens = swept["ids"].as_array().unwrap().len();
    assert_eq!([cells(&grids[0]), cells(&grids[1])], [2 * tokens, 8]);
    assert!(grids[0]["agreement"]["max_error"].is_number(), "{swept}");
    let body = json!({ "prompt": "tom sees the red bird", "ablate": "mean", "answer": 7 });
    let ablated = answer("/api/sweep", body).await;
    assert_eq!([cells(&ablated["grids"][0]), cells(&ablated["grids"][1])], [8, 2]);
    assert!(ablated["unchanged"].is_number());
}

#[tokio::test]
async fn differences_are_answered() {
    let body = json!({ "prompt": "tom sees the red bird", "other": "tom sees the big bird" });
    let found = answer("/api/diff", body).await;
    assert!(found["differences"]["last"]["kl"].as_f64().unwrap() > 0.0, "{found}");
    for next in found["differences"]["last"]["next"].as_array().unwrap() {
        assert!(found["pieces"][next.to_string()].is_string(), "{found}");
    }
    let body = json!({ "prompt": "tom sees", "edits": ["blocks.0.attn.z[:, 1] = 0"] });
    let found = answer("/api/diff", body).await;
    assert_eq!(found["ids"], found["other_ids"]);
    assert!(found["differences"]["layers"][0]["attn_out"].as_f64().unwrap() > 0.0, "{found}");
}

#[tokio::test]
async fn what_cannot_be_swept_is_refused_in_a_sentence() {
    for (path, body, says) in [
        ("/api/sweep", json!({ "prompt": "tom" }), "corrupt or ablate"),
        ("/api/sweep", json!({ "prompt": "tom", "corrupt": "tom" }), "same tokens"),
        ("/api/sweep", json!({ "prompt": "tom", "corrupt": "tom sees" }), "token"),
        ("/api/sweep", json!({ "prompt": "tom", "corrupt": "bob", "over": ["all"] }), "no kind"),
        ("/api/sweep", json!({ "prompt": "tom ".repeat(99), "ablate": "zero" }), "shorten"),
        ("/api/sweep", json!({ "prompt": "tom", "ablate": "mean", "metric": "loss" }), "answer"),
        ("/api/diff", json!({ "prompt": "tom" }), "compare"),
        ("/api/diff", json!({ "prompt": "tom", "with": "nobody" }), "nobody"),
    ] {
        let answer = ask(&routes(), post(path, body.to_string())).await;
        assert!(answer.status.is_client_error(), "{body}: {}", answer.text());
        assert!(answer.error().contains(says), "{body}: {}", answer.error());
    }
}
