//! A logit taken apart, heads and neurons, over HTTP.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use axum::http::StatusCode;
use lookback_engine::{Compute, ThreadPool, WeightMode, Weights};
use lookback_model::StoredModel;
use lookback_open::Model;
use lookback_serve::{ServedModel, Server};
use serde_json::{Value, json};

use crate::fixture::{PORT, ask, model, post, routes};

async fn told(path: &str, body: Value) -> Value {
    let answer = ask(&routes(), post(path, body.to_string())).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.json()
}

async fn refused(path: &str, body: Value) -> String {
    let answer = ask(&routes(), post(path, body.to_string())).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text());
    answer.error()
}

#[tokio::test]
async fn a_logit_is_answered_as_its_sum_and_opened_where_asked() {
    let mut body =
        json!({ "prompt": "tom sees the red bird", "of": 7, "against": 9, "neurons": 2 });
    let plain = told("/api/why", body.clone()).await;
    let why = &plain["why"];
    let parts = why["parts"].as_array().unwrap();
    let sum: f64 = parts.iter().map(|part| part["contribution"].as_f64().unwrap()).sum();
    let apart = (sum - why["logit"].as_f64().unwrap()).abs();
    assert!(apart < 1e-5 * why["absolute"].as_f64().unwrap(), "{why}");
    assert_eq!(plain["names"].as_array().unwrap().len(), parts.len());
    assert!(plain["paths"].is_null() && plain["check"].as_array().unwrap().is_empty());
    assert_eq!(why["neurons"][0]["neurons"].as_array().unwrap().len(), 2);

    body["share"] = json!(0.5);
    body["check"] = json!(2);
    let opened = told("/api/why", body.clone()).await;
    assert_eq!(opened["why"]["parts"], why["parts"]);
    assert!(!opened["paths"].as_array().unwrap().is_empty());
    assert_eq!(opened["check"].as_array().unwrap().len(), 2);

    let mut alone = body.clone();
    alone["check_alone"] = json!(true);
    let alone = told("/api/why", alone).await;
    assert_eq!(alone["check"], opened["check"]);
    assert!(alone["paths"].is_null() && alone["why"]["unfolding"].is_null(), "{alone}");

    body["share"] = json!(1.0);
    body["openings"] = json!(1);
    let once = told("/api/why", body).await;
    assert_eq!(once["why"]["unfolding"]["openings"], 1);
    assert_eq!(once["why"]["sum"], opened["why"]["sum"]);
}

#[tokio::test]
async fn the_head_that_adds_most_is_told_and_none_of_a_text_that_cannot_be_read() {
    let prompt = json!({ "prompt": "tom sees the red bird" });
    let whole = told("/api/why", prompt.clone()).await;
    let parts = whole["why"]["parts"].as_array().unwrap().iter();
    let heads = parts.filter(|part| part["kind"] == "head");
    let by_size = |a: &&Value, b: &&Value| {
        let of = |part: &Value| part["contribution"].as_f64().unwrap();
        of(a).total_cmp(&of(b))
    };
    let most = heads.max_by(by_size).unwrap();
    let head = told("/api/why/head", prompt).await;
    assert_eq!(head["head"], json!({ "layer": most["layer"], "head": most["head"] }));
    let long = json!({ "prompt": "the bird ".repeat(700) });
    assert!(told("/api/why/head", long).await["head"].is_null());
}

#[tokio::test]
async fn heads_and_neurons_are_answered() {
    let body = json!({ "text": "tom sees the red bird and the red bird sees tom", "sequences": 2,
                       "tokens": 12, "composition": 3 });
    let heads = told("/api/heads", body.clone()).await;
    assert_eq!(heads["heads"].as_array().unwrap().len(), 8);
    assert_eq!(heads["composition"].as_array().unwrap().len(), 3);
    let neurons = told("/api/neurons", body).await;
    assert_eq!(neurons["layers"].as_array().unwrap().len(), 2);
    for answer in [&heads, &neurons] {
        let read = answer["sequences"].as_array().unwrap().iter();
        for id in read.flat_map(|ids| ids.as_array().unwrap()) {
            assert!(answer["pieces"][id.to_string()].is_string(), "{id} of {answer}");
        }
    }
}

#[tokio::test]
async fn heads_are_followed_through_the_whole_snapshots_of_a_run() {
    let pool = Arc::new(ThreadPool::single_threaded());
    let server = Server::new(pool.clone()).unwrap();
    let run = tempfile::tempdir().unwrap();
    let plain = model("plain", &pool);
    let (weights, tokenizer) = (&plain.weights, (*plain.tokenizer).clone());
    // Two steps that are models of their own, and one that is none; of the later one all weights are halved.
    for (step, factor) in [("20", 0.5), ("3", 1.0)] {
        let folder = run.path().join("snapshots").join(step);
        let fill = |id, to: &mut [f32]| {
            weights.read(id, to);
            to.iter_mut().for_each(|x| *x *= factor);
        };
        lookback_model::save(&folder, weights.network(), fill).unwrap();
        tokenizer.write(&folder).unwrap();
    }
    std::fs::create_dir_all(run.path().join("snapshots/7")).unwrap();
    lookback_model::save(run.path(), weights.network(), |id, to| weights.read(id, to)).unwrap();
    let stored = StoredModel::open(run.path()).unwrap();
    let weights = Weights::load(&stored, WeightMode::Inference, Compute::F32, &pool).unwrap();
    let of_run = Model::new(run.path().into(), weights, Some(tokenizer), pool.clone());
    server.put_model(ServedModel::new("run", of_run).unwrap());
    let routes = server.router("127.0.0.1", PORT);
    let body = json!({ "model": "run", "sequences": 2, "tokens": 8,
                       "text": "tom sees the red bird and the red bird sees tom" });
    let answer = ask(&routes, post("/api/heads/steps", body.to_string())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let lines = answer.text().lines().filter_map(|line| line.strip_prefix("data: "));
    let told: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told[0], json!({ "type": "begin", "steps": [3, 20] }));
    assert_eq!(told[3], json!({ "type": "end" }));
    assert_eq!(told.len(), 4);
    let whole = ask(&routes, post("/api/heads", body.to_string())).await.json();
    let heads = |event: &Value| event["heads"].as_array().unwrap().clone();
    assert_eq!((&told[1]["step"], &told[2]["step"]), (&json!(3), &json!(20)));
    assert_eq!(heads(&told[1]).len(), 8);
    assert_ne!(heads(&told[1]), heads(&told[2]));
    // At step 3 the weights were those of the model itself.
    for (then, now) in heads(&told[1]).iter().zip(heads(&whole)) {
        assert_eq!((&then["layer"], &then["head"]), (&now["layer"], &now["head"]));
        assert_eq!(then["previous_token"], now["previous_token"], "{then} {now}");
        assert_eq!(then["induction"], now["induction"], "{then} {now}");
    }
    // A model of no run has none.
    server.put_model(model("plain", &pool));
    let body = json!({ "model": "plain", "sequences": 2, "tokens": 8 });
    let answer = ask(&routes, post("/api/heads/steps", body.to_string())).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.error().contains("whole_snapshots=true"), "{}", answer.error());
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_in_a_sentence() {
    for (more, says) in [
        (json!({ "position": 900 }), "position 900"),
        (json!({ "of": 4_000_000 }), "4000000"),
        (json!({ "share": 2.0 }), "share"),
        (json!({ "neurons": 1000 }), "at most"),
    ] {
        let mut body = json!({ "prompt": "tom" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = refused("/api/why", body).await;
        assert!(error.contains(says), "{error}");
    }
    for path in ["/api/heads", "/api/neurons"] {
        let error = refused(path, json!({ "sequences": 100_000 })).await;
        assert!(error.contains("at most"), "{error}");
        let error = refused(path, json!({ "text": "", "tokens": 8 })).await;
        assert!(error.contains("two tokens"), "{error}");
    }
}
