//! Models whose blocks differ: every figure has an answer, and what it says of them is true.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use crate::fixture::{Answer, PORT, ask, ask_json, get, model_with_config};
use axum::{Router, http::StatusCode};
use lookback_engine::{Isa, ThreadPool};
use lookback_model::{
    BlockOrder, Config, ExpertWeighting, MixtureConfig, NormKind, NormPlacement, Positions,
    QueryKeyNorm, RotaryConfig,
};
use lookback_serve::{ServedModel, Server};
use lookback_text::{Tokenizer, tinytown};
use safetensors::SafeTensors;
use serde_json::{Value, json};

/// What makes a model of a llama.
type Change = fn(&mut Config);

/// Norms behind everything, windows, caps and factors; parallel blocks that rotate a half; distances in place
/// of positions, and sinks; norms of queries before they are rotated, in one layer of two; and experts, likewise.
const SHAPES: [(&str, Change); 5] = [
    ("gemma", |config| {
        config.norm_placement = NormPlacement::Both;
        config.window = Some(3);
        config.layers_with_window = vec![true, false];
        config.window_rotary = Some(RotaryConfig::plain(100.0, 4));
        config.score_cap = Some(0.5);
        config.logit_cap = Some(3.0);
        config.embedding_factor = 4.0;
    }),
    ("neox", |config| {
        config.norm = NormKind::Layer;
        config.norm_bias = true;
        config.block_order = BlockOrder::Parallel;
        config.positions = Positions::Rotary(RotaryConfig::plain(10_000.0, 2));
        config.tied = false;
        config.head_bias = true;
    }),
    ("bloom", |config| {
        config.embedding_norm = true;
        config.positions = Positions::Alibi { is_scaled: false };
        config.attention_sinks = true;
    }),
    ("olmo", |config| {
        config.norm_placement = NormPlacement::After;
        config.query_key_norm = Some(QueryKeyNorm::Rows);
        config.layers_with_positions = vec![true, false];
        config.residual_factor = 0.5;
        config.logit_factor = 0.25;
    }),
    ("mixture", |config| {
        config.mixture = Some(MixtureConfig {
            experts: 4,
            chosen: 2,
            hidden: 10,
            weighting: ExpertWeighting::Normalized,
            router_bias: false,
            layers_with_experts: vec![false, true],
        });
    }),
];

fn routes() -> Router {
    let pool = Arc::new(ThreadPool::new(2, Isa::detect()));
    let server = Server::new(pool.clone()).unwrap();
    let text = tinytown::corpus(50_000, 1);
    let tokenizer = Tokenizer::train_bpe(&[&text], 320, &["<|endoftext|>"]).unwrap();
    for (name, change) in SHAPES {
        let model = model_with_config(tokenizer.clone(), &pool, change);
        server.put_model(ServedModel::new(name, model).unwrap());
    }
    server.router("127.0.0.1", PORT)
}

/// Asks about the fourth token of a prompt that is longer than the window.
async fn asked(routes: &Router, model: &str, path: &str, more: Value) -> Answer {
    let mut body = json!({ "model": model, "prompt": "the bird is red", "token": 3 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask_json(routes, path, body).await
}

async fn told(routes: &Router, model: &str, path: &str, more: Value) -> Value {
    let answer = asked(routes, model, path, more).await;
    assert_eq!(answer.status, StatusCode::OK, "{model} {path}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn every_figure_answers_for_every_shape() {
    let routes = routes();
    for (name, _) in SHAPES {
        for layer in [0, 1] {
            let place = json!({ "layer": layer, "head": 2 });
            for path in ["/api/position", "/api/attend", "/api/context"] {
                let mut more = place.clone();
                more["most"] = json!(12);
                let answer = asked(&routes, name, path, more).await;
                assert_eq!(answer.status, StatusCode::OK, "{name} {path}");
            }
            let cell = json!({ "layer": layer, "head": 2, "query": 3, "key": 1 });
            told(&routes, name, "/api/attend/cell", cell).await;
        }
        let exchange = told(&routes, name, "/api/exchange", json!({ "layers": [0, 1] })).await;
        for layer in exchange["layers"].as_array().unwrap() {
            let [apart, added] = ["apart", "added"].map(|key| layer[key].as_f64().unwrap());
            assert!(apart < 1e-5 * added, "{name}: {apart} of {added}");
        }
        let depths = json!({ "first": 3, "count": 1, "halves": true, "most": 3 });
        told(&routes, name, "/api/depths", depths).await;
        let mlp = json!({ "layer": 1, "units": 4, "tokens": 4 });
        told(&routes, name, "/api/mlp", mlp).await;
        // A logit that is capped is a sum before its cap.
        let stream = told(&routes, name, "/api/stream", json!({})).await["stream"].clone();
        assert_eq!(stream.get("before_cap").is_some(), name == "gemma", "{name}");
    }
}

#[tokio::test]
async fn a_stream_adds_up_to_the_logit_with_its_norms_and_factors() {
    let routes = routes();
    for (name, first, has_bias) in [
        ("neox", "embed", true),
        ("bloom", "blocks.0.resid_pre", false),
        ("olmo", "embed", false),
        ("gemma", "embed", false),
    ] {
        let stream = told(&routes, name, "/api/stream", json!({})).await["stream"].clone();
        let number = |key: &str| stream[key].as_f64().unwrap();
        assert_eq!(stream["writers"][0]["site"], first, "{name}");
        assert_eq!(number("bias") != 0.0, has_bias, "{name}");
        let sum = ["before", "attention", "mlp", "bias"].map(number).iter().sum::<f64>();
        let whole = stream["before_cap"].as_f64().unwrap_or(number("logit"));
        let apart = (sum - whole).abs();
        assert!(apart < 1e-5 * whole.abs().max(1.0), "{name}: {apart}");
        assert!((number("rounding") - (whole - sum)).abs() < 1e-9, "{name}");
    }
}

#[tokio::test]
async fn positions_are_told_by_layer() {
    let routes = routes();
    let at = |layer: usize| json!({ "layer": layer, "head": 1 });
    // Its windowed layer turns by other angles than the one without a window.
    let windowed = told(&routes, "gemma", "/api/position", at(0)).await;
    assert_eq!((&windowed["theta"], &windowed["layer"]), (&json!(100.0), &json!(0)));
    assert_eq!(windowed["thetas"], json!([100.0, 10_000.0]));
    let other = told(&routes, "gemma", "/api/position", at(1)).await;
    assert_eq!(other["theta"], 10_000.0);
    assert_ne!(windowed["pairs"][1]["frequency"], other["pairs"][1]["frequency"]);

    let half = told(&routes, "neox", "/api/position", at(0)).await;
    assert_eq!((&half["kind"], &half["rotary_dim"]), (&json!("rotary"), &json!(2)));
    assert_eq!(half["pairs"].as_array().unwrap().len(), 1);
    assert!(half["normed"].is_null());

    let alibi = told(&routes, "bloom", "/api/position", at(0)).await;
    assert_eq!(alibi["slopes"], json!([0.25, 0.0625, 0.015625, 0.00390625]));
    assert_eq!(alibi["losses"], json!([0.1875, 0.125, 0.0625, 0.0]));

    let without = told(&routes, "olmo", "/api/position", at(1)).await;
    assert_eq!((&without["kind"], &without["layer"]), (&json!("none"), &json!(1)));
    assert_eq!(without["thetas"], json!([10_000.0, null]));
    for path in [json!({ "layer": 2 }), json!({ "head": 4 })] {
        let refused = asked(&routes, "olmo", "/api/position", path).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        refused.error();
    }
}

#[tokio::test]
async fn a_query_is_turned_behind_its_norm() {
    let routes = routes();
    let place = json!({ "layer": 0, "head": 1 });
    let turned = told(&routes, "olmo", "/api/position", place).await;
    let normed: Vec<f64> = serde_json::from_value(turned["normed"].clone()).unwrap();
    let sites = json!({ "sites": [
        { "site": "blocks.0.attn.q", "at": [3, 1] }, { "site": "blocks.0.attn.rot_q", "at": [3, 1] }
    ] });
    let file = asked(&routes, "olmo", "/api/look", sites).await.bytes;
    let file = SafeTensors::deserialize(&file).unwrap();
    let row = |name: &str| -> Vec<f64> {
        let bytes = file.tensor(name).unwrap().data().as_chunks::<4>().0;
        bytes.iter().map(|word| f64::from(f32::from_le_bytes(*word))).collect()
    };
    let (query, rotated) = (row("blocks.0.attn.q@3,1"), row("blocks.0.attn.rot_q@3,1"));
    assert_ne!(query, normed);
    for pair in turned["pairs"].as_array().unwrap() {
        let [a, b] = [0, 1].map(|at| pair["dimensions"][at].as_u64().unwrap() as usize);
        let last = pair["turns"].as_array().unwrap().last().unwrap();
        let [cos, sin] = [1, 2].map(|at| last[at].as_f64().unwrap());
        let expected = [normed[a] * cos - normed[b] * sin, normed[b] * cos + normed[a] * sin];
        for (dimension, expected) in [a, b].into_iter().zip(expected) {
            assert!((rotated[dimension] - expected).abs() < 1e-6, "{dimension}");
        }
    }
}

#[tokio::test]
async fn units_of_a_mixture_are_told_by_the_experts_that_were_chosen() {
    let routes = routes();
    let mlp = |layer: usize| json!({ "layer": layer, "units": 6, "tokens": 1 });
    let dense = told(&routes, "mixture", "/api/mlp", mlp(0)).await;
    assert!(dense["experts"].is_null());
    let mixture = told(&routes, "mixture", "/api/mlp", mlp(1)).await;
    let experts = mixture["experts"].as_array().unwrap();
    assert_eq!(experts.len(), 2);
    let weights: f64 = experts.iter().map(|expert| expert["weight"].as_f64().unwrap()).sum();
    assert!((weights - 1.0).abs() < 1e-6, "{weights}");
    let sites = json!({ "sites": [{ "site": "blocks.1.mlp.post", "at": [3] }] });
    let file = asked(&routes, "mixture", "/api/look", sites).await.bytes;
    let file = SafeTensors::deserialize(&file).unwrap();
    let post = file.tensor("blocks.1.mlp.post@3").unwrap();
    assert_eq!(post.shape(), [2, 10]);
    let post: Vec<f32> =
        post.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
    for unit in mixture["units"].as_array().unwrap() {
        let [place, index] = ["place", "index"].map(|key| unit[key].as_u64().unwrap() as usize);
        let expert = experts[place / 10]["index"].as_u64().unwrap() as usize;
        assert_eq!(index, 10 * expert + place % 10);
        assert_eq!(unit["post"].as_f64().unwrap() as f32, post[place]);
    }
}

#[tokio::test]
async fn a_weight_unfolds_through_caps_distances_and_sinks() {
    let routes = routes();
    let place = |key: usize| json!({ "layer": 0, "head": 1, "query": 3, "key": key });
    let number = |cell: &Value, key: &str| cell[key].as_f64().unwrap();
    let capped = told(&routes, "gemma", "/api/attend/cell", place(2)).await;
    let expected = 0.5 * (number(&capped, "scaled") / 0.5).tanh();
    assert!((number(&capped, "score") - expected).abs() < 1e-6);
    assert_eq!(capped["capped"], capped["score"]);
    assert!(capped["slope"].is_null() && capped["sink"].is_null());
    // Its window of three hides the first token from the fourth.
    let hidden = told(&routes, "gemma", "/api/attend/cell", place(0)).await;
    assert!(hidden["score"].is_null());
    assert_eq!(hidden["weight"], 0.0);

    let distant = told(&routes, "bloom", "/api/attend/cell", place(1)).await;
    assert_eq!(distant["slope"], 0.0625);
    let expected = number(&distant, "scaled") - 2.0 * 0.0625;
    assert!((number(&distant, "score") - expected).abs() < 1e-6);
    assert_eq!(distant["unmasked"], distant["score"]);
    let keys: Vec<f64> = serde_json::from_value(distant["exponentials"].clone()).unwrap();
    let sum = keys.iter().sum::<f64>();
    let sink = number(&distant, "sink_exponential");
    assert!(sink > 0.0 && (number(&distant, "total") - sum - sink).abs() < 1e-12);
}

#[tokio::test]
async fn what_differs_is_told_of_each_model() {
    let told = ask(&routes(), get("/api/models")).await.json();
    let block = |name: &str| {
        let all = told["models"].as_array().unwrap();
        all.iter().find(|model| model["name"] == name).unwrap()["block"].clone()
    };
    let gemma = block("gemma");
    assert_eq!(gemma["windows"], json!([3, null]));
    assert_eq!((&gemma["norms"], &gemma["logit_cap"]), (&json!("both"), &json!(3.0)));
    assert_eq!((&gemma["score_cap"], &gemma["embedding_factor"]), (&json!(0.5), &json!(4.0)));
    let neox = block("neox");
    assert_eq!((&neox["order"], &neox["head_bias"]), (&json!("parallel"), &json!(true)));
    let bloom = block("bloom");
    assert_eq!((&bloom["embedding_norm"], &bloom["sinks"]), (&json!(true), &json!(true)));
    let olmo = block("olmo");
    assert_eq!((&olmo["norms"], &olmo["query_key_norm"]), (&json!("after"), &json!("rows")));
    assert_eq!(olmo["rotary"], json!([true, false]));
}
