//! Sweeps and differences over HTTP.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{PORT, ask, post, routes, server};

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

/// The events of a sweep.
async fn events(body: Value) -> Vec<Value> {
    let answer = ask(&routes(), post("/api/sweep", body.to_string())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let lines = answer.text().lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_streamed_sweep_says_what_it_takes_then_how_far_it_is_and_ends_with_its_report() {
    let body = |stream: bool| {
        json!({ "prompt": "tom sees the red bird", "corrupt": "tom sees the big bird",
                "over": ["z", "resid_pre"], "answer": 7, "wrong": 9, "stream": stream })
    };
    let told = events(body(true)).await;
    let whole = answer("/api/sweep", body(false)).await;
    let cells: usize = whole["grids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grid| grid["values"].as_array().unwrap().len())
        .sum();
    assert_eq!((&told[0]["type"], &told[0]["passes"]), (&json!("plan"), &json!(cells)));
    assert!(told[0]["bytes"].as_u64().unwrap() > 0);
    let progress = &told[1..told.len() - 1];
    assert!(!progress.is_empty());
    for event in progress {
        assert_eq!((&event["type"], &event["of"]), (&json!("progress"), &json!(cells)));
    }
    let done: Vec<u64> = progress.iter().map(|event| event["done"].as_u64().unwrap()).collect();
    assert!(done.is_sorted(), "{done:?}");
    assert_eq!(told.last().unwrap(), &json!({ "type": "end", "report": whole }));
    // What is wrong with a request is its status; what shows only on the way is the last event.
    let mut refused = body(true);
    refused["metric"] = json!("loss");
    refused["answer"] = Value::Null;
    let told = events(refused).await;
    assert_eq!(told.last().unwrap()["type"], "refused");
    assert!(told.last().unwrap()["error"].as_str().unwrap().contains("answer"));
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_sweep() {
    use axum::body::HttpBody as _;
    use tower::ServiceExt as _;

    let server = server();
    let routes = server.router("127.0.0.1", PORT);
    let long = "tom sees the red bird ".repeat(4);
    let other = long.replacen("tom", "bob", 1);
    let body = |stream: bool| {
        json!({ "prompt": long, "corrupt": other, "stream": stream,
                "over": vec!["z-by-position"; 16], "answer": 7, "wrong": 9 })
    };
    let swept = ask(&routes, post("/api/sweep", body(false).to_string())).await.json();
    let cells = |grid: &Value| grid["values"].as_array().unwrap().len();
    let whole: usize = swept["grids"].as_array().unwrap().iter().map(cells).sum();
    assert_eq!(server.changed_passes(), whole);
    for stream in [true, false] {
        let before = server.changed_passes();
        let asked = routes.clone().oneshot(post("/api/sweep", body(stream).to_string()));
        let mut asked = Box::pin(asked);
        // It has begun, and goes away.
        let answer = loop {
            let waited = std::time::Duration::from_millis(1);
            match tokio::time::timeout(waited, &mut asked).await {
                Ok(answer) => break Some(answer.unwrap()),
                Err(_) if server.changed_passes() > before => break None,
                Err(_) => {}
            }
        };
        assert_eq!(answer.is_some(), stream);
        if let Some(answer) = answer {
            let mut events = answer.into_body();
            let first =
                std::future::poll_fn(|context| std::pin::Pin::new(&mut events).poll_frame(context));
            assert!(first.await.is_some());
        }
        drop(asked);
        // The next one has its turn behind what is left of the first.
        let short = json!({ "prompt": "tom", "ablate": "zero" });
        let answer = ask(&routes, post("/api/sweep", short.to_string())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let ablated = answer.json();
        let own: usize = ablated["grids"].as_array().unwrap().iter().map(cells).sum();
        let made = server.changed_passes() - before - own;
        assert!(made < whole, "{made} of {whole} passes were made for no client");
    }
}

#[tokio::test]
async fn paths_and_edits_are_swept() {
    let body = json!({ "prompt": "tom sees the red bird", "corrupt": "tom sees the big bird",
                       "over": ["path"], "senders": "heads,mlp", "receivers": "1.1.q",
                       "answer": 7, "wrong": 9, "recompute_mlps": true });
    let swept = answer("/api/sweep", body.clone()).await;
    assert_eq!(swept["changed"], "clean");
    assert_eq!(swept["grids"][0]["kind"], "heads to 1.1.q");
    let mut edited = body.clone();
    edited["edits"] = json!(["blocks.0.attn.z[:, 1] = 0"]);
    edited["variant"] = json!({ "no_position": true });
    let swept = answer("/api/sweep", edited).await;
    let values = swept["grids"][0]["values"].as_array().unwrap();
    assert_eq!(values[1], swept["clean"]);
    let ablated = json!({ "prompt": "tom sees", "ablate": "zero", "answer": 7,
                          "edits": ["blocks.0.attn.z[:, 1] = 0"] });
    let ablated = answer("/api/sweep", ablated).await;
    assert_eq!(ablated["grids"][0]["values"][1], ablated["unchanged"]);
    for (key, value, says) in [
        ("senders", json!("z"), "senders"),
        ("receivers", json!("7.0.q"), "layers"),
        ("over", json!(["z"]), "name it in over"),
        ("over", json!(["z", "path"]), "by themselves"),
        ("edits", json!(["blocks.9.attn.z[:, 1] = 0"]), "layers"),
        ("senders", json!("1.1"), "no direct path from 1.1 to 1.1.q"),
    ] {
        let mut wrong = body.clone();
        wrong[key] = value;
        let answer = ask(&routes(), post("/api/sweep", wrong.to_string())).await;
        assert!(answer.status.is_client_error(), "{wrong}: {}", answer.text());
        assert!(answer.error().contains(says), "{wrong}: {}", answer.error());
    }
}
