//! What is refused is told with its kind, and a setting by the name that a request has for it: who sits
//! at the page has no flags.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{Answer, ask, ask_json, get, post, routes};
use axum::http::{Request, header};
use serde_json::{Value, json};

fn kind(answer: &Answer) -> String {
    let object = answer.json();
    assert_eq!(object.as_object().unwrap().len(), 2, "{object}");
    assert!(!object["error"].as_str().unwrap().contains("--"), "{object}");
    object["kind"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn no_refusal_names_a_flag_and_each_tells_its_kind() {
    let routes = routes();
    let asked = |settings: Value| json!({ "prompt": "the bird", "settings": settings });
    let mut bodies: Vec<(Value, &str)> = lookback_generate::sample::SAMPLER_PARAMETERS
        .iter()
        .filter(|sampler| !(sampler.possible[0]..=sampler.possible[1]).contains(&-7.5))
        .map(|sampler| (asked(json!({ sampler.name: -7.5 })), "invalid_setting"))
        .collect();
    assert!(bodies.len() > 12);
    bodies.extend([
        (asked(json!({ "luck": 1 })), "invalid_setting"),
        (json!({ "prompt": "the bird", "samplers": "luck" }), "invalid_setting"),
        (json!({ "prompt": "the bird", "samplers": "top_k;top_k" }), "invalid_setting"),
        (json!({ "prompt": "the bird", "logit_bias": { "red": 1 } }), "invalid_setting"),
        (json!({ "prompt": "the bird", "model": "nobody" }), "not_found"),
        (json!({ "prompt": "the bird ".repeat(100) }), "context_length"),
        (json!({ "prompt": "the bird", "chat": true }), "invalid_input"),
        (json!({ "prompt": 5 }), "invalid_input"),
    ]);
    for path in ["/api/sample", "/api/repeat"] {
        for (body, expected) in &bodies {
            let answer = ask_json(&routes, path, body.clone()).await;
            assert!(answer.status.is_client_error(), "{path} {body}: {}", answer.text());
            assert_eq!(kind(&answer), *expected, "{path} {body}: {}", answer.text());
        }
    }
    let behind = json!({ "prompt": "the bird", "behind": [99_999] });
    assert_eq!(kind(&ask_json(&routes, "/api/repeat", behind).await), "token_out_of_range");
    for (path, body) in [
        ("/api/look", json!({ "prompt": "", "sites": [{ "site": "nowhere" }] })),
        ("/api/look", json!({ "prompt": "tom", "sites": [{ "site": "blocks.9.attn.pattern" }] })),
        ("/api/analogy", json!({ "a": "", "b": "", "c": "" })),
        ("/api/depths", json!({})),
        ("/api/exchange", json!({})),
        ("/api/embed", json!({ "prompt": "tom", "layer": 9 })),
        ("/api/context", json!({ "prompt": "tom", "layer": 9, "head": 9, "token": 9 })),
        ("/api/map", json!({ "snapshot": 3 })),
        ("/api/tokens", json!({ "prompt": 1 })),
    ] {
        let answer = ask_json(&routes, path, body.clone()).await;
        assert!(!answer.text().contains("--"), "{path} {body}: {}", answer.text());
        if !answer.status.is_success() {
            kind(&answer);
        }
    }
    assert_eq!(kind(&ask(&routes, get("/nothing")).await), "not_found");
    assert_eq!(kind(&ask(&routes, post("/api/sample", "{")).await), "invalid_input");
    let elsewhere = Request::get("/").header(header::HOST, "evil.example");
    let elsewhere = elsewhere.body(axum::body::Body::empty()).unwrap();
    assert_eq!(kind(&ask(&routes, elsewhere).await), "forbidden");
}

#[tokio::test]
async fn a_setting_is_named_as_the_request_names_it() {
    let routes = routes();
    for (body, said) in [
        (json!({ "settings": { "top_p": 2 } }), "settings.top_p 2: "),
        (json!({ "samplers": "luck" }), "samplers: there is no sampler \"luck\""),
    ] {
        let mut body = body;
        body["prompt"] = json!("the bird");
        let error = ask_json(&routes, "/api/sample", body).await.error();
        assert!(error.starts_with(said), "{error}");
    }
}
