//! Numbers over HTTP are the numbers of the pass.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ask, ask_json, get, model, routes};
use axum::http::StatusCode;
use lookback_engine::ThreadPool;
use lookback_lens::{SiteFilter, trace};
use lookback_model::Site;
use lookback_text::Specials;
use safetensors::SafeTensors;
use serde_json::json;

fn values(file: &SafeTensors<'_>, name: &str) -> (Vec<usize>, Vec<f32>) {
    let tensor = file.tensor(name).unwrap();
    let values = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    (tensor.shape().to_vec(), values.collect())
}

#[tokio::test]
async fn every_site_has_the_bits_of_a_trace() {
    let routes = routes();
    let pool = ThreadPool::single_threaded();
    let open = model("tiny", &pool);
    let ids = open.tokenizer.encode("the bird is red", Specials::Text).unwrap();
    let trace = trace(&open.weights, &pool, &ids, &SiteFilter::all()).unwrap();
    let sites: Vec<_> =
        trace.sites.keys().map(|site| json!({ "site": site.to_string() })).collect();
    assert_eq!(sites.len(), lookback_lens::sites(open.config()).len());
    let body = json!({ "model": "tiny", "prompt": "the bird is red", "sites": sites });
    let answer = ask_json(&routes, "/api/look", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let file = SafeTensors::deserialize(&answer.bytes).unwrap();
    for (site, seen) in &trace.sites {
        let (shape, values) = values(&file, &site.to_string());
        assert_eq!(shape, seen.shape, "{site}");
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&values), bits(&seen.values), "{site}");
    }
}

#[tokio::test]
async fn a_part_is_what_stands_there() {
    let routes = routes();
    let sites = json!([
        { "site": "blocks.1.attn.pattern" },
        { "site": "blocks.1.attn.pattern", "at": [3] },
        { "site": "blocks.1.attn.pattern", "at": [3, 2] },
        { "site": "blocks.1.attn.pattern", "at": [3, 2] },
        { "site": "logits", "at": [1] },
    ]);
    let body = json!({ "prompt": "the bird is red", "sites": sites });
    let answer = ask_json(&routes, "/api/look", body).await;
    let file = SafeTensors::deserialize(&answer.bytes).unwrap();
    let (shape, all) = values(&file, "blocks.1.attn.pattern");
    let [heads, tokens, _] = shape[..] else { panic!("{shape:?}") };
    assert_eq!(heads, 4);
    let (shape, head) = values(&file, "blocks.1.attn.pattern@3");
    assert_eq!((shape, &head[..]), (vec![tokens, tokens], &all[3 * tokens * tokens..]));
    let (shape, row) = values(&file, "blocks.1.attn.pattern@3,2");
    assert_eq!((shape, &row[..]), (vec![tokens], &head[2 * tokens..3 * tokens]));
    assert_eq!(row[3..].iter().sum::<f32>(), 0.0);
    let (_, metadata) = SafeTensors::read_metadata(&answer.bytes).unwrap();
    let about = metadata.metadata().clone().unwrap();
    assert_eq!(about["model"], "tiny");
    assert_eq!(about["ids"].split(',').count(), tokens);
    assert!(about["milliseconds"].parse::<f64>().unwrap() > 0.0);
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_name() {
    let routes = routes();
    let refused = async |site: &str, at: &[usize]| {
        let sites = json!([{ "site": site, "at": at }]);
        let body = json!({ "prompt": "the bird", "sites": sites });
        let answer = ask_json(&routes, "/api/look", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{site}");
        answer.error()
    };
    assert_eq!(
        refused("attention", &[]).await,
        "\"attention\" is no site; docs/sites.md lists them"
    );
    assert_eq!(refused("blocks.2.ln1", &[]).await, "tiny has no site blocks.2.ln1");
    assert_eq!(refused("pos_embed", &[]).await, "tiny has no site pos_embed");
    assert_eq!(
        refused("blocks.0.attn.pattern", &[4]).await,
        "blocks.0.attn.pattern: index 4 of axis 0 is not there; it has 4, counted from 0"
    );
    assert_eq!(refused("logits", &[0, 0, 0]).await, "logits has 2 axes, and \"at\" gives 3");
}

#[tokio::test]
async fn the_models_are_told() {
    let answer = ask(&routes(), get("/api/models")).await;
    let models = answer.json();
    let names: Vec<_> = models["models"].as_array().unwrap().iter().map(|m| &m["name"]).collect();
    assert_eq!(names, ["tiny", "other"]);
    let tiny = &models["models"][0];
    assert_eq!((&tiny["layers"], &tiny["key_heads"]), (&json!(2), &json!(2)));
    assert_eq!((&tiny["step"], &tiny["threads"]), (&json!(null), &json!(2)));
}

#[test]
fn every_site_that_is_listed_is_seen() {
    let pool = ThreadPool::single_threaded();
    let open = model("tiny", &pool);
    let ids = open.tokenizer.encode("the bird", Specials::Text).unwrap();
    let seen = trace(&open.weights, &pool, &ids, &SiteFilter::all()).unwrap();
    let mut listed: Vec<Site> = lookback_lens::sites(open.config());
    listed.sort();
    assert_eq!(seen.sites.keys().copied().collect::<Vec<_>>(), listed);
}
