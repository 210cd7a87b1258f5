//! A logit taken apart, heads and neurons, over HTTP.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{ask, post, routes};

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
