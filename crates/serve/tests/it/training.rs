//! How a training is told over HTTP.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, sync::Arc};

use crate::fixture::{self, PORT, ask, ask_json, get, model, model_with, server};
use axum::http::{StatusCode, header};
use lookback_engine::ThreadPool;
use lookback_lens::{SiteFilter, trace};
use lookback_model::{BlockSite, Site};
use lookback_open::Model;
use lookback_serve::{ProgressEvent, ServedModel, Server};
use lookback_text::{
    Specials, Tokenizer,
    tinytown::{Kind, questions},
};
use serde_json::{Value, json};

/// The objects of an answer of server-sent events.
fn told(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn who_comes_late_is_told_the_whole_training() {
    let server = server();
    let training = server.training();
    training.publish(ProgressEvent::Phase { description: "writing".into() });
    training.publish(ProgressEvent::Step {
        step: 7,
        loss: 2.5,
        tokens_per_second: 9.0,
        seconds_left: 3.0,
    });
    training.publish(ProgressEvent::Sample { step: 7, text: "the bird\n</script>".into() });
    training.publish(ProgressEvent::Done { step: 7, seconds: 1.5 });
    let answer = ask(&server.router("127.0.0.1", PORT), get("/api/training")).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/event-stream");
    let expected = [
        json!({ "type": "phase", "doing": "writing" }),
        json!({ "type": "step", "step": 7, "loss": 2.5, "tokens_per_second": 9.0, "seconds_left": 3.0 }),
        json!({ "type": "said", "step": 7, "text": "the bird\n</script>" }),
        json!({ "type": "done", "step": 7, "seconds": 1.5 }),
    ];
    assert_eq!(told(answer.text()), expected);
}

#[tokio::test]
async fn where_nothing_is_trained_the_page_is_told_so_at_once() {
    let answer = ask(&fixture::routes(), get("/api/training")).await;
    assert_eq!(told(answer.text()), [json!({ "type": "idle" })]);
}

#[tokio::test]
async fn newer_weights_take_the_place_of_older_ones() {
    let server = server();
    let routes = server.router("127.0.0.1", PORT);
    let pool = ThreadPool::single_threaded();
    let sites = json!([{ "site": "logits", "at": [0] }]);
    let body = json!({ "prompt": "the bird", "sites": sites });
    let before = ask_json(&routes, "/api/look", body.clone()).await;
    let open = model("tiny", &pool);
    let mut other = 0.0;
    let network = open.weights.network().clone();
    let weights = lookback_engine::Weights::new(
        network,
        lookback_engine::WeightMode::Inference,
        lookback_engine::Compute::F32,
        &pool,
        |_, to| {
            to.fill_with(|| {
                other = (other * 7.0 + 0.3) % 1.0;
                other - 0.5
            });
            Ok(())
        },
    );
    server.put_model(open.at_step(weights.unwrap(), (40, 100)));
    let after = ask_json(&routes, "/api/look", body).await;
    assert_ne!(before.bytes, after.bytes);
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&after.bytes).unwrap();
    assert_eq!(metadata.metadata().clone().unwrap()["step"], "40");
    let models = ask(&routes, get("/api/models")).await.json();
    assert_eq!(
        (&models["models"][0]["step"], &models["models"][0]["steps"]),
        (&json!(40), &json!(100))
    );
    assert_eq!(models["models"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_run_kept_of_its_losses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("training.toml"), "").unwrap();
    let step = |step: u64| json!({ "step": step, "training_loss": 3.0 }).to_string();
    let mut lines: Vec<String> = (1..=1203).map(step).collect();
    lines.push(json!({ "step": 1203, "tokens": 9, "validation_loss": 2.0 }).to_string());
    let able = json!({ "step": 1203, "look_ups": 0.5, "repeated": 1.25 });
    lines.push(able.to_string());
    lines.push(json!({ "step": 400, "sample": "the bird" }).to_string());
    lines.push("{ cut o".to_owned());
    fs::write(folder.path().join("metrics.jsonl"), lines.join("\n")).unwrap();
    let server = server();
    let pool = ThreadPool::single_threaded();
    let tiny = model("tiny", &pool);
    let mut ran = Model::clone(&tiny);
    ran.path = folder.path().into();
    server.put_model(ServedModel::new("ran", ran).unwrap());
    let routes = server.router("127.0.0.1", PORT);
    let ran = ask_json(&routes, "/api/training/history", json!({ "model": "ran" })).await.json();
    let losses = ran["losses"].as_array().unwrap();
    assert!(losses.len() <= 500 && losses.len() > 300, "{}", losses.len());
    assert_eq!(losses.last().unwrap(), &json!({ "step": 1203, "loss": 3.0 }));
    assert_eq!(
        (&ran["judged"], &ran["able"], &ran["steps"]),
        (&json!([{ "step": 1203, "loss": 2.0 }]), &json!([able]), &json!(1203))
    );
    assert_eq!(ran["samples"], json!([{ "step": 400, "text": "the bird" }]));
    let none = ask_json(&routes, "/api/training/history", json!({ "model": "tiny" })).await.json();
    assert_eq!(
        none,
        json!({ "steps": null, "losses": [], "judged": [], "able": [], "samples": [] })
    );
    let missing = ask_json(&routes, "/api/training/history", json!({ "model": "?" })).await;
    assert_eq!(
        (missing.status, missing.error()),
        (StatusCode::NOT_FOUND, "there is no model \"?\" here".into())
    );
}

/// The mean weight that a head's last query has on the answer, over all questions that the model can read,
/// the last of these, and where the answer stands in it.
fn copied(
    open: &ServedModel,
    layer: u16,
    head: usize,
) -> (f64, usize, Option<(String, usize, usize)>) {
    let (mut weight, mut count, mut shown) = (0.0, 0, None);
    let encode = |text: &str| open.tokenizer.encode_bare(text, Specials::Text).unwrap();
    for question in questions(11, 24).into_iter().filter(|of| of.kind == Kind::LookupEasy) {
        let ids = open.tokenizer.encode(&question.prompt, Specials::Text).unwrap();
        let answer = encode(&question.answer)[0];
        if !ids.contains(&answer) || ids.len() > open.config().context {
            continue;
        }
        let trace =
            trace(&open.weights, &ThreadPool::single_threaded(), &ids, &SiteFilter::all()).unwrap();
        let pattern = trace.at(Site::Block(layer, BlockSite::Pattern)).unwrap();
        let last_row = &pattern.part(head)[(ids.len() - 1) * ids.len()..];
        let places = (0..ids.len()).filter(|&at| ids[at] == answer);
        weight += places.clone().map(|at| f64::from(last_row[at])).sum::<f64>();
        count += 1;
        shown = Some((question.prompt, ids.len() - 1, places.max().unwrap()));
    }
    (weight / count as f64, count, shown)
}

#[tokio::test]
async fn the_head_that_looks_answers_up_most_is_told_with_a_text_in_which_it_does() {
    let routes = fixture::routes();
    let told = ask_json(&routes, "/api/training/copying", json!({ "model": "tiny" })).await;
    assert_eq!(told.status, StatusCode::OK);
    let told = told.json();
    let open = model("tiny", &ThreadPool::single_threaded());
    let heads = (0..2u16).flat_map(|layer| (0..4).map(move |head| (layer, head)));
    let weights: Vec<_> =
        heads.map(|(layer, head)| ((layer, head), copied(&open, layer, head))).collect();
    let best = weights.iter().max_by(|one, other| one.1.0.total_cmp(&other.1.0)).unwrap();
    let ((layer, head), (weight, count, shown)) = best;
    let (prompt, token, key) = shown.clone().unwrap();
    assert!((told["weight"].as_f64().unwrap() - weight).abs() < 1e-9 && *weight > 0.0, "{told}");
    assert_eq!((&told["layer"], &told["head"]), (&json!(layer), &json!(head)));
    assert!(*count > 1, "{count} questions fit");
    assert_eq!(told["questions"], json!(count));
    assert_eq!(
        (&told["prompt"], &told["token"], &told["key"]),
        (&json!(prompt), &json!(token), &json!(key))
    );
    let first = ask_json(&routes, "/api/training/copying", json!({})).await.json();
    assert_eq!(first, told, "without a name, the first model is asked");
}

#[tokio::test]
async fn a_model_that_cannot_read_the_look_ups_is_refused_by_its_name() {
    let server = Server::new(Arc::new(ThreadPool::single_threaded())).unwrap();
    let digits = Tokenizer::train_bpe(&[&"0123456789".repeat(9)], 257, &["<|end|>"]).unwrap();
    let foreign = model_with(digits, &ThreadPool::single_threaded());
    server.put_model(ServedModel::new("foreign", foreign).unwrap());
    let routes = server.router("127.0.0.1", PORT);
    let refused = ask_json(&routes, "/api/training/copying", json!({})).await;
    assert_eq!(
        (refused.status, refused.error()),
        (StatusCode::BAD_REQUEST, "foreign cannot read Tinytown's questions".into())
    );
    let missing = ask_json(&routes, "/api/training/copying", json!({ "model": "?" })).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}
