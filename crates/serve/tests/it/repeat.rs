//! A text is written as the loop writes it, however often it is broken off, rewound and branched.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use crate::fixture::{self, ask, ask_json, post, routes};
use axum::{Router, body::HttpBody as _, http::StatusCode};
use lookback_engine::{Session, ThreadPool};
use lookback_generate::{
    context_window::ContextWindow,
    repeat::{Continuation, GenerationLimits},
    sample::{SEQUENCE_BREAKERS, SamplerChain, Settings, sequence_breakers},
};
use lookback_serve::ServedModel;
use lookback_text::{Specials, TokenId};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The events of a request.
async fn events(routes: &Router, body: Value) -> Vec<Value> {
    let answer = ask(routes, post("/api/repeat", body.to_string())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let lines = answer.text().lines().filter_map(|line| line.strip_prefix("data:"));
    lines.map(|line| serde_json::from_str(line.trim()).unwrap()).collect()
}

fn drawn(events: &[Value]) -> Vec<u64> {
    let turns = events.iter().filter(|event| event["type"] == "turn");
    turns.map(|turn| turn["drawn"].as_u64().unwrap()).collect()
}

fn settings() -> Value {
    json!({ "temperature": 1.2, "top_k": 40, "repeat_penalty": 1.1, "dry_multiplier": 0.5 })
}

/// What `lookback generate` writes with these settings: the tokens behind the prompt.
fn written(
    open: &ServedModel,
    pool: &ThreadPool,
    prompt: &str,
    tokens: usize,
    seed: u64,
) -> Vec<u64> {
    let ids = open.tokenizer.encode(prompt, Specials::Text).unwrap();
    let session = Session::new(&*open.weights, pool, 64);
    let window = ContextWindow::new(64, ids.clone(), open.bos());
    let settings = Settings {
        temperature: 1.2,
        top_k: 40,
        repeat_penalty: 1.1,
        dry_multiplier: 0.5,
        dry_sequence_breakers: sequence_breakers(&open.tokenizer, &SEQUENCE_BREAKERS),
        ..Settings::plain(seed)
    };
    let sampler = SamplerChain::new(&settings).unwrap();
    let limits = GenerationLimits { eos: open.eos.clone(), ..GenerationLimits::new(tokens) };
    let mut text = Continuation::new(session, window, sampler, limits).unwrap();
    text.try_for_each(|id| id.map(drop)).unwrap();
    text.ids().iter().map(|id: &TokenId| u64::from(id.0)).collect()
}

#[tokio::test]
async fn what_is_written_is_what_the_loop_writes_in_one_piece_or_in_many() {
    let routes = routes();
    let pool = ThreadPool::single_threaded();
    let open = fixture::model("tiny", &pool);
    // So many that the context of 64 runs full, of a seed that draws no end before.
    let of = |seed| (seed, written(&open, &pool, "the bird is red", 100, seed));
    let (seed, expected) = (0..500).map(of).find(|(_, written)| written.len() == 100).unwrap();
    let mut behind: Vec<u64> = Vec::new();
    for tokens in [0, 1, 30, 2, 66] {
        let body = json!({
            "prompt": "the bird is red", "behind": behind, "tokens": tokens, "seed": seed,
            "settings": settings(), "afresh": tokens < 3,
        });
        let events = events(&routes, body).await;
        assert_eq!(events[0]["type"], "begin");
        for turn in events.iter().filter(|event| event["type"] == "turn") {
            assert_eq!(turn["known"].as_u64().unwrap() + turn["read"].as_u64().unwrap(), {
                turn["tokens"].as_u64().unwrap() - turn["forgotten"].as_u64().unwrap()
            });
            // Where nothing was known there is nothing to compare with.
            match turn["known"].as_u64() {
                Some(0) => assert!(turn["afresh"].is_null()),
                _ => assert!(tokens >= 3 || turn["afresh"]["differ"] == 0),
            }
        }
        let drawn = drawn(&events);
        behind.extend(&drawn[..drawn.len().min(tokens)]);
        assert_eq!(drawn.len(), tokens + 1);
    }
    assert_eq!(behind, expected[..99]);
}

#[tokio::test]
async fn a_branch_reads_its_last_token_and_shares_the_rest() {
    let routes = routes();
    let body = |behind: &[u64]| json!({ "prompt": "the bird is red", "behind": behind, "settings": settings(), "tokens": 0 });
    let trunk = events(&routes, body(&[5, 6, 7])).await;
    let branch = events(&routes, body(&[5, 6, 8])).await;
    let turn = &branch[1];
    assert_eq!((turn["read"].as_u64(), turn["pages"].as_u64()), (Some(1), Some(1)));
    assert_eq!(turn["last"]["id"], 8);
    assert_eq!(branch[0]["behind"].as_array().unwrap().len(), 3);
    // Back on the trunk: the same numbers as before.
    let again = events(&routes, body(&[5, 6, 7])).await;
    assert_eq!(again[1]["alternatives"], trunk[1]["alternatives"]);
    assert_eq!((again[1]["known"].clone(), again[1]["read"].clone()), {
        let seen = trunk[1]["tokens"].as_u64().unwrap();
        (json!(seen - 1), json!(1))
    });
}

#[tokio::test]
async fn pieces_of_a_character_are_told_once_it_is_whole() {
    let routes = routes();
    let pool = ThreadPool::single_threaded();
    let open = fixture::model("tiny", &pool);
    // The tokenizer has never seen it, so it is four bytes.
    let ids = open.tokenizer.encode_bare("🐦", Specials::Text).unwrap();
    let behind: Vec<u32> = ids.iter().map(|id| id.0).collect();
    assert_eq!(behind.len(), 4);
    let begin = events(&routes, json!({ "prompt": "a", "behind": behind })).await.swap_remove(0);
    let texts: Vec<&str> =
        begin["behind"].as_array().unwrap().iter().map(|of| of["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["", "", "", "🐦"]);
}

#[tokio::test]
async fn an_end_token_ends_the_text_without_a_turn() {
    let pool = ThreadPool::single_threaded();
    let end = fixture::model("tiny", &pool).eos[0].0;
    let body = json!({ "prompt": "the bird", "behind": [5, end], "tokens": 9 });
    let events = events(&routes(), body).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1], json!({ "type": "end", "finish": "stop" }));
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_work() {
    let routes = routes();
    let body = json!({ "prompt": "the bird", "tokens": 16_000, "settings": settings() });
    let request = post("/api/repeat", body.to_string());
    let mut answer = routes.clone().oneshot(request).await.unwrap().into_body();
    let first = std::future::poll_fn(|context| std::pin::Pin::new(&mut answer).poll_frame(context));
    assert!(first.await.is_some());
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert!(tasks() > 0);
    drop(answer);
    for _ in 0..200 {
        if tasks() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} tasks still work for nobody", tasks());
}

#[tokio::test]
async fn a_text_being_written_lets_others_in() {
    let routes = routes();
    let body = json!({ "prompt": "the bird", "tokens": 16_000, "settings": settings() });
    let request = post("/api/repeat", body.to_string());
    let writing = routes.clone().oneshot(request).await.unwrap().into_body();
    let reading = tokio::spawn(axum::body::to_bytes(writing, usize::MAX));
    for _ in 0..20 {
        let body = json!({ "prompt": "the cat", "draws": 1 });
        let asked = ask_json(&routes, "/api/sample", body);
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert!(!reading.is_finished() || reading.await.unwrap().is_ok());
}

#[tokio::test]
async fn what_cannot_be_written_on_is_refused() {
    let routes = routes();
    for (body, sentence) in [
        (
            json!({ "prompt": "a", "behind": [99_999] }),
            "token 99999: this model's vocabulary ends at",
        ),
        (json!({ "prompt": "a", "tokens": 20_000 }), "one request may write 16384 tokens"),
        (json!({ "prompt": "a", "chat": true }), "tiny has no chat template"),
    ] {
        let answer = ask_json(&routes, "/api/repeat", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.error().starts_with(sentence), "{}", answer.error());
    }
}
