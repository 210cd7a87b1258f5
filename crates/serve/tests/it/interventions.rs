//! What a request changes holds for its own answer and for no other, whatever was read before and is kept.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{PORT, ask_json, routes, server};
use axum::{Router, http::StatusCode};
use safetensors::SafeTensors;
use serde_json::{Value, json};

const PROMPT: &str = "the bird is red";

async fn logits(routes: &Router, edits: Value) -> Vec<u8> {
    let body = json!({
        "model": "tiny", "prompt": PROMPT, "sites": [{ "site": "logits" }], "edits": edits,
    });
    let answer = ask_json(routes, "/api/look", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    SafeTensors::deserialize(&answer.bytes).unwrap().tensor("logits").unwrap().data().to_vec()
}

async fn written(routes: &Router, more: Value) -> Vec<u64> {
    let mut body = json!({
        "model": "tiny", "prompt": PROMPT, "tokens": 12, "seed": 3, "afresh": true,
        "settings": { "temperature": 0.8 },
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = ask_json(routes, "/api/repeat", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let lines = answer.text().lines().filter_map(|line| line.strip_prefix("data:"));
    let events = lines.map(|line| serde_json::from_str::<Value>(line.trim()).unwrap());
    let turns: Vec<Value> = events.filter(|event| event["type"] == "turn").collect();
    // Read through the cache and without it: the same. The first turn reads the prompt.
    assert!(turns[1..].iter().all(|turn| turn["afresh"]["differ"] == 0), "{turns:?}");
    turns.iter().map(|turn| turn["drawn"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn edits_of_one_request_leave_all_others_alone() {
    let routes = routes();
    let edit = json!(["blocks.0.attn.z[:, 1] = 0"]);
    let plain = logits(&routes, json!([])).await;
    let off = logits(&routes, edit.clone()).await;
    assert_ne!(off, plain);
    assert_eq!(logits(&routes, json!([])).await, plain);
    let object = json!([{ "site": "blocks.0.attn.z", "heads": 1, "op": "set", "value": 0 }]);
    assert_eq!(logits(&routes, object).await, off);
    assert_eq!(logits(&routes, json!(["blocks.0.attn.z[:, 1] *= 1"])).await, plain);

    let (plain, off) = (
        written(&routes, json!({})).await,
        written(
            &routes,
            json!({ "edits": ["blocks.0.mlp_out += [3]", "blocks.1.attn_out = mean"] }),
        )
        .await,
    );
    assert_ne!(off, plain);
    // The pages of one are not those of the other.
    assert_eq!(written(&routes, json!({})).await, plain);
    let behind = json!({ "edits": ["blocks.0.mlp_out += [3]"], "edit_tokens": "generated" });
    assert_eq!(written(&routes, behind).await[0], plain[0]);
}

#[tokio::test]
async fn edits_of_the_server_hold_for_each_request() {
    let edit = "blocks.0.attn.z[:, 1] = 0";
    let edited = server().with_interventions(vec![edit.parse().unwrap()]);
    let edited = edited.router("127.0.0.1", PORT);
    let expected = logits(&routes(), json!([edit])).await;
    assert_eq!(logits(&edited, json!([])).await, expected);
    let both = logits(&routes(), json!([edit, "blocks.1.mlp_out = 0"])).await;
    assert_eq!(logits(&edited, json!(["blocks.1.mlp_out = 0"])).await, both);
}

#[tokio::test]
async fn attention_is_edited_and_left_out_of_one_request() {
    let routes = routes();
    let look = |more: Value| {
        let mut body =
            json!({ "model": "tiny", "prompt": PROMPT, "sites": [{ "site": "logits" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let routes = routes.clone();
        async move { ask_json(&routes, "/api/look", body).await }
    };
    let plain = look(json!({})).await.bytes;
    let hidden = look(json!({ "edits": ["blocks.1.attn.scores[0, -1, 1:3] hide"] })).await.bytes;
    let as_object = json!([{
        "site": "blocks.1.attn.scores", "heads": 0, "queries": -1, "keys": { "start": 1, "end": 3 }, "op": "hide",
    }]);
    assert_ne!(hidden, plain);
    assert_eq!(look(json!({ "edits": as_object })).await.bytes, hidden);
    let open = look(json!({ "variant": { "no_mask": true } })).await.bytes;
    assert_ne!(open, plain);
    assert_eq!(look(json!({})).await.bytes, plain);
    let refused = look(json!({ "variant": { "nomask": true } })).await;
    assert!(
        refused.status.is_client_error() && refused.error().contains("nomask"),
        "{}",
        refused.error()
    );

    let scores =
        json!({ "edits": ["blocks.0.attn.scores[:, :, 0] += [4]"], "edit_tokens": "generated" });
    assert_eq!(written(&routes, scores).await[0], written(&routes, json!({})).await[0]);
    written(&routes, json!({ "variant": { "uniform_attention": true } })).await;
    let body = json!({
        "model": "tiny", "prompt": PROMPT, "tokens": 2, "variant": { "no_mask": true },
    });
    let refused = ask_json(&routes, "/api/repeat", body).await;
    assert!(refused.text().contains("without a mask"), "{}", refused.text());
}

#[tokio::test]
async fn a_request_names_no_file_and_what_is_wrong_is_said() {
    let routes = routes();
    let many: Vec<&str> = vec!["embed = 0"; 257];
    for (edits, why) in [
        (json!(["embed = v.npy"]), "no files are read here"),
        (json!(["embed = mean(/etc/passwd)"]), "no files are read here"),
        (json!(["embed = resample(/etc/passwd, 1)"]), "no files are read here"),
        (json!(["blocks.7.attn.z = 0"]), "this model has 2 layers"),
        (json!([{ "site": "embed", "op": "set" }]), "value"),
        (json!(["embed[\"anna\"] = 0"]), "does not contain"),
        (json!(many), "256"),
    ] {
        let sites = json!([{ "site": "logits" }]);
        let body = json!({ "prompt": PROMPT, "sites": sites, "edits": edits });
        let answer = ask_json(&routes, "/api/look", body).await;
        assert!(answer.status.is_client_error(), "{edits}: {}", answer.status);
        assert!(answer.error().contains(why), "{edits}: {}", answer.error());
    }
}
