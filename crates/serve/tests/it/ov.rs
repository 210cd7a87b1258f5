//! What attention moves, over HTTP: by source, and term by term.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ask_json, model, routes};
use axum::http::StatusCode;
use lookback_engine::ThreadPool;
use lookback_lens::{SiteFilter, ov_decomposition, source_contributions, trace};
use lookback_text::Specials;
use serde_json::{Value, json};

const PROMPT: &str = "the bird is red";

/// The same by calling the library; as text and back, since reading JSON rounds once more.
fn directly(layer: usize, head: usize, token: usize) -> (Value, Value) {
    let pool = ThreadPool::single_threaded();
    let open = model("tiny", &pool);
    let ids = open.tokenizer.encode(PROMPT, Specials::Text).unwrap();
    let trace = trace(&open.weights, &pool, &ids, &SiteFilter::all()).unwrap();
    let taken = ov_decomposition(&trace, &open.weights, [layer, token]).unwrap();
    let sum =
        source_contributions(&trace, open.weights.network(), [layer, head, token], 2).unwrap();
    let through = |text: String| serde_json::from_str(&text).unwrap();
    (through(serde_json::to_string(&taken).unwrap()), through(serde_json::to_string(&sum).unwrap()))
}

#[tokio::test]
async fn what_a_token_takes_up_is_told_layer_by_layer() {
    let body = json!({ "prompt": PROMPT, "token": 1, "layers": [1, 0] });
    let answer = ask_json(&routes(), "/api/exchange", body).await.json();
    assert_eq!(answer["token"], 1);
    for (layer, taken) in [1, 0].into_iter().zip(answer["layers"].as_array().unwrap()) {
        assert_eq!(*taken, directly(layer, 0, 1).0);
        for (source, part) in taken["sources"].as_array().unwrap().iter().enumerate() {
            let gives = part["length"].as_f64().unwrap();
            assert!(if source <= 1 { gives > 0.0 } else { gives == 0.0 });
        }
    }
}

#[tokio::test]
async fn a_weighted_sum_is_told_term_by_term() {
    let body = json!({ "prompt": PROMPT, "layer": 1, "head": 3, "token": 3, "most": 2 });
    let answer = ask_json(&routes(), "/api/context", body).await.json();
    assert_eq!(answer, directly(1, 3, 3).1);
    assert_eq!(answer["terms"].as_array().unwrap().len(), 2);
    assert_eq!(answer["rest"]["sources"], 2);
}

#[tokio::test]
async fn places_that_are_not_there_are_refused_by_name() {
    let routes = routes();
    let refused = async |path: &str, body: Value| {
        let answer = ask_json(&routes, path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        answer.error()
    };
    assert_eq!(
        refused("/api/exchange", json!({ "prompt": "", "token": 1, "layers": [0] })).await,
        "there is no token 1; the prompt's tokens are 0 to 0"
    );
    assert_eq!(
        refused("/api/exchange", json!({ "prompt": PROMPT, "token": 1, "layers": [2] })).await,
        "layers must be some of this model's, 0 to 1, each once"
    );
    for (layer, head, sentence) in [
        (2, 0, "there is no layer 2; this model's layers are 0 to 1"),
        (0, 4, "there is no head 4; this model's heads are 0 to 3"),
    ] {
        let body = json!({ "prompt": PROMPT, "layer": layer, "head": head, "token": 0, "most": 9 });
        assert_eq!(refused("/api/context", body).await, sentence);
    }
}
