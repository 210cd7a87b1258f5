//! The figures of MLP, stream, logit lens and next tokens are answered with the pass's own numbers.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ask_json, model, routes};
use axum::http::StatusCode;
use lookback_engine::ThreadPool;
use lookback_lens::{SiteFilter, Trace, trace};
use lookback_model::Site;
use lookback_text::Specials;
use serde_json::{Value, json};

const PROMPT: &str = "the bird is red";

fn traced() -> Trace {
    let pool = ThreadPool::single_threaded();
    let open = model("tiny", &pool);
    let ids = open.tokenizer.encode(PROMPT, Specials::Text).unwrap();
    trace(&open.weights, &pool, &ids, &SiteFilter::all()).unwrap()
}

/// The likeliest next token after a token of the prompt.
fn likeliest(trace: &Trace, token: usize) -> usize {
    let logits = trace.at(Site::Logits).unwrap().part(token);
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap()
}

async fn answered(path: &str, body: Value) -> Value {
    let answer = ask_json(&routes(), path, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn hidden_units_are_those_of_the_pass() {
    let (trace, token) = (traced(), 2);
    let body = json!({
        "prompt": PROMPT, "layer": 1, "token": token, "by": "activation", "units": 5, "tokens": 3,
    });
    let said = answered("/api/mlp", body).await;
    let site = |name: &str| trace.at(name.parse().unwrap()).unwrap().part(token).to_vec();
    let (pre, linear) = (site("blocks.1.mlp.pre"), site("blocks.1.mlp.pre_linear"));
    let post = site("blocks.1.mlp.post");
    let float = |value: &Value| value.as_f64().unwrap() as f32;
    assert_eq!(said["units"].as_array().unwrap().len(), 5);
    for unit in said["units"].as_array().unwrap() {
        let index = unit["index"].as_u64().unwrap() as usize;
        assert_eq!(float(&unit["pre"]), pre[index]);
        assert_eq!(float(&unit["linear"]), linear[index]);
        assert_eq!(float(&unit["post"]), post[index]);
        // The curve's value times the other branch is what leaves, to the bit.
        assert_eq!(float(&said["bent"][index]) * linear[index], post[index]);
        assert_eq!(unit["up"].as_array().unwrap().len(), 3);
        for push in unit["up"].as_array().unwrap() {
            assert!(said["pieces"][push["id"].to_string()].is_string());
        }
    }
    assert_eq!(said["of"], likeliest(&trace, token));
    assert_eq!(
        said["curve"]["x"].as_array().unwrap().len(),
        said["curve"]["y"].as_array().unwrap().len()
    );
}

#[tokio::test]
async fn the_writers_of_the_stream_add_up_to_the_logit() {
    let trace = traced();
    for of in [None, Some(7)] {
        let said = answered("/api/stream", json!({ "prompt": PROMPT, "token": 3, "of": of })).await;
        let stream = &said["stream"];
        let of = of.unwrap_or(likeliest(&trace, 3));
        assert_eq!(stream["of"], of);
        let logit = trace.at(Site::Logits).unwrap().part(3)[of];
        assert_eq!(stream["logit"].as_f64().unwrap() as f32, logit);
        let writers = stream["writers"].as_array().unwrap();
        assert_eq!(writers.len(), 5);
        let sum = writers.iter().map(|writer| writer["logit"].as_f64().unwrap());
        let sum = sum.fold(stream["bias"].as_f64().unwrap(), |sum, logit| sum + logit);
        let rest = f64::from(logit) - sum;
        assert!(rest.abs() < 1e-5, "{rest}");
    }
}

#[tokio::test]
async fn the_deepest_answer_is_the_model_s() {
    let trace = traced();
    let body = json!({
        "prompt": PROMPT, "first": 1, "count": 2, "token": 2, "of": 9, "halves": true, "most": 4,
    });
    let said = answered("/api/depths", body).await;
    let depths = said["depths"].as_array().unwrap();
    assert_eq!(depths.len(), 5);
    let deepest = depths.last().unwrap();
    assert_eq!(deepest["site"], "blocks.1.resid_post");
    for (token, guess) in (1..3).zip(deepest["tokens"].as_array().unwrap()) {
        let probabilities = trace.at(Site::Probabilities).unwrap().part(token);
        assert_eq!(guess["top"][0]["id"], likeliest(&trace, token));
        assert_eq!(guess["top"].as_array().unwrap().len(), 4);
        assert_eq!(guess["of"]["probability"].as_f64().unwrap() as f32, probabilities[9]);
    }
}

#[tokio::test]
async fn any_token_has_its_rank() {
    let trace = traced();
    let logits = trace.at(Site::Logits).unwrap().part(1).to_vec();
    let open = model("tiny", &ThreadPool::single_threaded());
    let bird = open.tokenizer.piece(trace.ids[2]);
    let body = json!({ "prompt": PROMPT, "token": 1, "most": 20, "of": 4, "find": bird });
    let said = answered("/api/next", body).await;
    assert_eq!(said["top"].as_array().unwrap().len(), 20);
    assert_eq!(said["top"][0]["id"], likeliest(&trace, 1));
    assert_eq!(said["vocabulary"], logits.len());
    let rank = |id: usize| 1 + logits.iter().filter(|&&logit| logit > logits[id]).count();
    assert_eq!(said["of"]["rank"], rank(4));
    // What the prompt goes on with is found by its piece, and by its place.
    let follows = trace.ids[2].0;
    assert_eq!(said["follows"]["id"], follows);
    assert_eq!(said["found"]["tokens"][0]["id"], follows);
    assert_eq!(said["found"]["tokens"][0]["rank"], rank(follows as usize));
    let by_id = json!({ "prompt": PROMPT, "token": 3, "most": 1, "find": "#5" });
    let said = answered("/api/next", by_id).await;
    assert_eq!(said["found"]["tokens"][0]["id"], 5);
    assert_eq!(said["curve"].as_array().unwrap().last().unwrap()["rank"], logits.len());
}

#[tokio::test]
async fn what_there_is_not_is_refused_in_a_sentence() {
    let long = "x".repeat(10_000);
    let cases = [
        ("/api/mlp", json!({ "prompt": PROMPT, "layer": 2, "token": 0, "units": 1, "tokens": 1 })),
        ("/api/mlp", json!({ "prompt": PROMPT, "layer": 0, "token": 99, "units": 1, "tokens": 1 })),
        (
            "/api/mlp",
            json!({ "prompt": PROMPT, "layer": 0, "token": 0, "units": 9999, "tokens": 1 }),
        ),
        ("/api/stream", json!({ "prompt": PROMPT, "token": 0, "of": 4_000_000_000u32 })),
        (
            "/api/depths",
            json!({ "prompt": PROMPT, "first": usize::MAX, "count": 3, "token": 0, "most": 1 }),
        ),
        (
            "/api/depths",
            json!({ "prompt": PROMPT, "first": 0, "count": 33, "token": 0, "most": 1 }),
        ),
        ("/api/next", json!({ "prompt": PROMPT, "token": 0, "most": 1_000_000 })),
        ("/api/next", json!({ "prompt": PROMPT, "token": 99, "most": 1 })),
        ("/api/next", json!({ "prompt": long, "token": 0, "most": 1 })),
    ];
    for (path, body) in cases {
        let answer = ask_json(&routes(), path, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {body}");
        answer.error();
    }
}

#[tokio::test]
async fn a_search_for_nonsense_finds_nothing_and_says_how_it_would_be_written() {
    for text in ["qqzzqq", "<script>alert(1)</script>", "\u{202e}abc", "🐦🐦🐦🐦🐦🐦"] {
        let said =
            answered("/api/next", json!({ "prompt": PROMPT, "token": 0, "most": 1, "find": text }))
                .await;
        assert_eq!(said["found"]["all"], 0, "{text}");
    }
}
