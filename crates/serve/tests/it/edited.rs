//! Each route that shows numbers of a pass shows those of the pass with the request's edits: the same that the
//! library has of a pass of its own with them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{Answer, ask_json, model, routes};
use axum::{Router, http::StatusCode};
use lookback_engine::ThreadPool;
use lookback_lens::{
    Intervention, LensPoints, NeuronOrder, NeuronQuery, NoFiles, PatternThumbnails, Ranking, Trace,
    head_scores, logit_attribution, logit_lens, logit_lens_sites, neuron_effects, ov_decomposition,
    source_contributions, weight_steps,
};
use lookback_model::{BlockSite, PassVariant, Site, TokenId};
use lookback_serve::ServedModel;
use lookback_text::Specials;
use safetensors::SafeTensors;
use serde_json::{Value, json};

const PROMPT: &str = "the bird is red";
/// One in the first layer, one in the last, and one that takes a pass of its own.
const EDITS: [&str; 3] =
    ["blocks.0.attn.z[:, 1] = 0", "blocks.1.attn.z[2:, 3] = mean", "blocks.1.mlp_out[-1] *= 0.5"];
const TOKEN: usize = 3;

fn tiny() -> (ServedModel, Vec<TokenId>) {
    let open = model("tiny", &ThreadPool::single_threaded());
    let ids = open.tokenizer.encode(PROMPT, Specials::Text).unwrap();
    (open, ids)
}

/// A pass of the library's own.
fn trace(model: &ServedModel, ids: &[TokenId], variant: PassVariant) -> Trace {
    let edits: Vec<Intervention> = match variant.is_none() {
        true => EDITS.map(|edit| edit.parse().unwrap()).to_vec(),
        false => Vec::new(),
    };
    model.look(ids).interventions(&edits, &NoFiles).variant(variant).trace().unwrap()
}

/// What each route is asked, beside the prompt.
fn questions() -> Vec<(&'static str, Value)> {
    vec![
        ("/api/next", json!({ "token": TOKEN, "most": 5 })),
        ("/api/attend", json!({ "layer": 1, "head": 2 })),
        ("/api/attend/glance", json!({ "most": 24 })),
        ("/api/attend/glance", json!({ "most": 3 })),
        ("/api/attend/cell", json!({ "layer": 1, "head": 2, "query": TOKEN, "key": 1 })),
        ("/api/context", json!({ "layer": 1, "head": 3, "token": TOKEN, "most": 2 })),
        ("/api/exchange", json!({ "token": TOKEN, "layers": [0, 1] })),
        ("/api/mlp", json!({ "layer": 1, "token": TOKEN, "of": 7, "units": 4, "tokens": 3 })),
        ("/api/stream", json!({ "token": TOKEN, "of": 7 })),
        (
            "/api/depths",
            json!({ "token": TOKEN, "of": 7, "first": 1, "count": 3, "halves": true, "most": 2 }),
        ),
        ("/api/sample", json!({ "draws": 20 })),
        ("/api/embed", json!({ "token": TOKEN })),
        ("/api/position", json!({ "token": TOKEN })),
        ("/api/look", json!({ "sites": [{ "site": "logits" }] })),
        ("/api/why", json!({ "of": 7, "neurons": 2, "share": 0.7, "check": 2 })),
    ]
}

async fn asked(routes: &Router, path: &str, question: &Value, more: Value) -> Answer {
    let mut body = json!({ "model": "tiny", "prompt": PROMPT });
    for part in [question, &more] {
        body.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    }
    ask_json(routes, path, body).await
}

/// As it was told; reading JSON rounds, so what it is compared with is read as well.
fn read(value: impl serde::Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap()
}

/// The same of a part of an answer, whose numbers are widened first.
fn part(value: impl serde::Serialize) -> Value {
    read(serde_json::to_value(value).unwrap())
}

fn tensor(answer: &Answer, name: &str) -> Vec<f32> {
    let file = SafeTensors::deserialize(&answer.bytes).unwrap();
    let bytes = file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec();
    bytes.into_iter().map(f32::from_le_bytes).collect()
}

/// Compares the answer of a route with the library's, over a pass of its own.
fn check(path: &str, answer: &Answer, of: (&ServedModel, &Trace), question: &Value) {
    let (open, trace) = of;
    let (weights, pool) = (&open.weights, ThreadPool::single_threaded());
    let row = |site| trace.at(site).unwrap().part(TOKEN);
    let number = |key: &str| question[key].as_u64().unwrap() as usize;
    let target = TokenId(7);
    match path {
        "/api/next" => {
            let ranking = Ranking::new(row(Site::Logits), row(Site::Probabilities));
            assert_eq!(answer.json()["top"], part(ranking.top(5)));
        }
        "/api/attend" => {
            let scores = head_scores(trace, weights, 1, 2).unwrap();
            assert_eq!(tensor(answer, "products"), scores.products);
            assert_eq!(tensor(answer, "exponentials"), scores.exponentials);
        }
        "/api/attend/glance" => {
            let small = PatternThumbnails::of_trace(trace, open.config(), number("most")).unwrap();
            assert_eq!(tensor(answer, "glance"), small.values);
        }
        "/api/attend/cell" => {
            let steps = weight_steps(trace, weights, [1, 2], [TOKEN, 1]).unwrap();
            let told = answer.json();
            assert_eq!(told["weight"], part(steps.weight));
            assert_eq!(told["softmax"], part(steps.softmax));
            assert_eq!(told["sums"], part(steps.sums));
        }
        "/api/context" => {
            let sum = source_contributions(trace, weights.network(), [1, 3, TOKEN], 2).unwrap();
            assert_eq!(answer.json(), read(sum));
        }
        "/api/exchange" => {
            let sums =
                [0, 1].map(|layer| ov_decomposition(trace, weights, [layer, TOKEN]).unwrap());
            assert_eq!(answer.json()["layers"], read(sums));
        }
        "/api/mlp" => {
            let query = NeuronQuery {
                layer: 1,
                token: TOKEN,
                target,
                order: NeuronOrder::Activation,
                units: 4,
                tokens: 3,
            };
            let units = neuron_effects(weights, &pool, trace, query).unwrap();
            assert_eq!(answer.json()["units"], part(units));
        }
        "/api/stream" => {
            let logit = row(Site::Logits)[target.index()];
            let stream = logit_attribution(weights, &pool, trace, TOKEN, (target, logit)).unwrap();
            assert_eq!(answer.json()["stream"], part(stream));
        }
        "/api/depths" => {
            let sites = logit_lens_sites(open.config(), LensPoints::Sublayers);
            let lens = logit_lens(weights, &pool, trace, &sites, 1..4, 2, Some(target)).unwrap();
            assert_eq!(answer.json()["depths"], part(lens));
        }
        "/api/sample" => {
            let last = trace.at(Site::Probabilities).unwrap().part(trace.ids.len() - 1);
            for token in answer.json()["tokens"].as_array().unwrap() {
                let id = token["id"].as_u64().unwrap() as usize;
                assert_eq!(token["probability"], part(last[id]));
            }
        }
        "/api/look" => {
            assert_eq!(tensor(answer, "logits"), trace.at(Site::Logits).unwrap().values);
        }
        "/api/why" => {
            let edits = trace.edits.clone();
            let why = open.why(&trace.ids).token(target).neurons(2).edits(edits);
            let why = why.sum().unwrap();
            let told = answer.json();
            assert_eq!(told["why"]["parts"], part(&why.parts));
            assert_eq!(told["why"]["logit"], part(why.logit));
            assert_eq!(told["why"]["neurons"], part(&why.neurons));
        }
        "/api/embed" | "/api/position" => {}
        _ => panic!("{path} is not compared"),
    }
}

#[tokio::test]
async fn every_route_tells_the_numbers_of_the_edits_whatever_was_asked_before() {
    let (open, ids) = tiny();
    let trace = trace(&open, &ids, PassVariant::default());
    // At first a pass of its own is made, then one that begins behind what it shares with the pass without edits.
    let routes_that_know_nothing = routes();
    let routes_that_know = routes();
    for (path, question) in questions() {
        let plain = asked(&routes_that_know, path, &question, json!({})).await;
        let empty = asked(&routes_that_know, path, &question, json!({ "edits": [] })).await;
        assert_eq!(plain.status, StatusCode::OK, "{path}: {}", plain.text());
        let same = |answer: &Answer| -> Vec<u8> {
            match path {
                // A file tells how long its pass took, which is the same of a pass that is remembered.
                "/api/attend/glance" => {
                    tensor(answer, "glance").iter().flat_map(|x| x.to_le_bytes()).collect()
                }
                _ => answer.bytes.clone(),
            }
        };
        assert!(same(&plain) == same(&empty), "{path}");
        for routes in [&routes_that_know_nothing, &routes_that_know] {
            let edited = asked(routes, path, &question, json!({ "edits": EDITS })).await;
            assert_eq!(edited.status, StatusCode::OK, "{path}: {}", edited.text());
            check(path, &edited, (&open, &trace), &question);
            let is_changed = !matches!(path, "/api/embed" | "/api/position");
            assert_eq!(edited.bytes != plain.bytes, is_changed, "{path}");
        }
        let after = asked(&routes_that_know, path, &question, json!({})).await;
        assert!(same(&plain) == same(&after), "{path}");
    }
}

#[tokio::test]
async fn every_route_tells_the_numbers_of_a_variant() {
    let (open, ids) = tiny();
    let variants = [
        ("no_mask", PassVariant { no_mask: true, ..PassVariant::default() }),
        ("no_position", PassVariant { no_position: true, ..PassVariant::default() }),
        ("no_scale", PassVariant { no_scale: true, ..PassVariant::default() }),
        ("uniform_attention", PassVariant { uniform_attention: true, ..PassVariant::default() }),
        ("plain_attention", PassVariant { plain_attention: true, ..PassVariant::default() }),
    ];
    let routes = routes();
    for (name, variant) in variants {
        let trace = trace(&open, &ids, variant);
        for (path, mut question) in questions() {
            if (path, name) == ("/api/why", "plain_attention") {
                // Its heads cannot be opened, which is refused by name.
                let more = json!({ "variant": { name: true } });
                let refused = asked(&routes, path, &question, more).await;
                assert!(refused.error().contains("plain attention"), "{}", refused.error());
                question = json!({ "of": 7, "neurons": 2 });
            }
            let more = json!({ "variant": { name: true } });
            let answer = asked(&routes, path, &question, more).await;
            assert_eq!(answer.status, StatusCode::OK, "{name} {path}: {}", answer.text());
            check(path, &answer, (&open, &trace), &question);
        }
    }
    let question = json!({ "token": TOKEN });
    let more = json!({ "variant": { "no_position": true } });
    let answer = asked(&routes, "/api/position", &question, more).await;
    assert_eq!(answer.json()["kind"], "none");
}

#[tokio::test]
async fn a_cell_tells_what_edits_made_of_its_score_and_of_its_weight() {
    let routes = routes();
    let cell = json!({ "layer": 0, "head": 1, "query": TOKEN, "key": 1 });
    for (edit, edited) in [
        ("blocks.0.attn.scores[1, 3, 1] += [2]", [true, false]),
        ("blocks.0.attn.pattern[1, 3, 1] = 0.75", [false, true]),
        ("blocks.0.attn.pattern[1, 3, 2] = 0.75", [false, false]),
    ] {
        let told = asked(&routes, "/api/attend/cell", &cell, json!({ "edits": [edit] })).await;
        let told = told.json();
        assert_eq!(told["score_edited"], edited[0], "{edit}");
        assert_eq!(told["weight_edited"], edited[1], "{edit}");
        assert_eq!(told["score"] != told["unmasked"], edited[0], "{edit}");
        let [softmax, weight] = ["softmax", "weight"].map(|key| told[key].as_f64().unwrap());
        assert_eq!((softmax - weight).abs() > 1e-6, edited[1], "{edit}: {softmax} {weight}");
    }
}

#[tokio::test]
async fn what_a_figure_cannot_tell_is_refused_in_a_sentence() {
    let routes = routes();
    let refused = async |path: &str, question: Value, more: Value| {
        let answer = asked(&routes, path, &question, more).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text());
        answer.error()
    };
    let depths = json!({ "token": 1, "first": 1, "count": 1, "most": 1 });
    let error = refused("/api/depths", depths, json!({ "edits": ["ln_final[:] = 0"] })).await;
    assert!(error.contains("ln_final"), "{error}");
    let error =
        refused("/api/stream", json!({ "token": 1 }), json!({ "edits": ["logits *= 2"] })).await;
    assert!(error.contains("logits"), "{error}");
    let next = json!({ "token": 1, "most": 1 });
    let error = refused("/api/next", next, json!({ "edits": ["blocks.9.attn.z = 0"] })).await;
    assert!(error.contains("2 layers"), "{error}");
    let look = json!({ "sites": [{ "site": "blocks.0.attn.k", "at": [0, 3] }] });
    let more = json!({ "variant": { "plain_attention": true } });
    assert_eq!(asked(&routes, "/api/look", &look, more).await.status, StatusCode::OK);
    let site = Site::Block(0, BlockSite::K);
    let error = refused("/api/look", look, json!({})).await;
    assert!(error.contains(&site.to_string()), "{error}");
}
