//! A row of a matrix at work, over HTTP.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ask_json, routes};
use axum::http::StatusCode;
use serde_json::{Value, json};

const PROMPT: &str = "the bird is red";

async fn asked(more: Value) -> Value {
    let mut body = json!({ "prompt": PROMPT, "layer": 1, "token": 2 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask_json(&routes(), "/api/weights", body).await.json()
}

#[tokio::test]
async fn a_row_of_a_matrix_makes_the_number_that_look_shows() {
    for (name, row, site, place) in [
        ("q", 5, "blocks.1.attn.q", vec![2, 1, 1]),
        ("v", 7, "blocks.1.attn.v", vec![2, 1, 3]),
        ("o", 15, "blocks.1.attn_out", vec![2, 15]),
        ("gate", 23, "blocks.1.mlp.pre", vec![2, 23]),
        ("down", 0, "blocks.1.mlp_out", vec![2, 0]),
    ] {
        let answer = asked(json!({ "matrix": name, "row": row })).await;
        assert_eq!(answer["output"]["site"], site);
        assert_eq!(answer["result"], answer["output"]["value"]);
        let index: Vec<String> = place.iter().map(usize::to_string).collect();
        assert_eq!(answer["output"]["index"], index.join(","));
        let columns = answer["columns"].as_u64().unwrap() as usize;
        for list in ["weights", "products", "sums"] {
            assert_eq!(answer[list].as_array().unwrap().len(), columns);
        }
        assert_eq!(answer["input"]["values"].as_array().unwrap().len(), columns);
        let counts = answer["histogram"]["counts"].as_array().unwrap();
        let counted: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(counted, answer["rows"].as_u64().unwrap() * columns as u64);
    }
}

#[tokio::test]
async fn the_first_matrix_is_shown_unless_told_and_all_are_named() {
    let answer = asked(json!({})).await;
    assert_eq!((&answer["matrix"], &answer["row"]), (&json!("q"), &json!(0)));
    let names = answer["matrices"].as_array().unwrap().iter().map(|matrix| &matrix["name"]);
    let names: Vec<&str> = names.map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names, ["q", "k", "v", "o", "gate", "up", "down"]);
    assert_eq!(answer["norm"]["kind"], "rms");
    assert_eq!(answer["norm"]["before"]["site"], "blocks.1.resid_pre");
}

/// What is edited behind the matrix is at the site and not in the row's own result; what stands before it is in both.
#[tokio::test]
async fn the_row_reads_what_edits_leave() {
    let plain = asked(json!({ "matrix": "o", "row": 3 })).await;
    let edits = json!([{ "site": "blocks.1.attn.z", "op": "set", "value": 0.0 }]);
    let answer = asked(json!({ "matrix": "o", "row": 3, "edits": edits })).await;
    assert_ne!(plain["result"], json!(0.0));
    assert_eq!((&answer["result"], &answer["output"]["value"]), (&json!(0.0), &json!(0.0)));
}

#[tokio::test]
async fn places_that_are_not_there_are_refused_by_name() {
    for (change, said) in [
        (json!({ "layer": 2 }), "there is no layer 2; this model's layers are 0 to 1"),
        (json!({ "matrix": "qq" }), "layer 1 has no matrix \"qq\" at token 2"),
        (json!({ "row": 16 }), "matrix q has no row 16; its rows are 0 to 15"),
        (json!({ "token": 99 }), "there is no token 99"),
    ] {
        let mut body = json!({ "prompt": PROMPT, "layer": 1, "token": 2 });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = ask_json(&routes(), "/api/weights", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.error().starts_with(said), "{}", answer.error());
    }
}
