//! A server with a small model behind it, asked without a socket.

#![allow(dead_code, reason = "each test file uses its part of the fixture")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use lookback_engine::{Compute, Isa, ThreadPool, WeightMode, Weights};
use lookback_model::{Config, Network, Size};
use lookback_open::Model;
use lookback_serve::{ServedModel, Server};
use lookback_text::{Tokenizer, tinytown};
use serde_json::Value;
use tower::ServiceExt;

/// The port that the routes believe they are at.
pub const PORT: u16 = 4747;

/// What was answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The sentence of a refusal.
    pub fn error(&self) -> String {
        let error = self.json()["error"].as_str().unwrap().to_owned();
        assert!(!error.contains('\n') && !error.ends_with('.') && !error.is_empty(), "{error}");
        error
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.bytes).unwrap()
    }
}

/// A model of two layers and a context of 64 that has learned nothing.
pub fn model(name: &str, pool: &ThreadPool) -> ServedModel {
    let text = tinytown::corpus(50_000, 1);
    let tokenizer = Tokenizer::train_bpe(&[&text], 320, &["<|endoftext|>"]).unwrap();
    ServedModel::new(name, model_with(tokenizer, pool)).unwrap()
}

/// The same with another tokenizer, not yet served.
pub fn model_with(tokenizer: Tokenizer, pool: &ThreadPool) -> Model {
    model_with_config(tokenizer, pool, |_| ())
}

/// The same whose configuration differs.
pub fn model_with_config(
    tokenizer: Tokenizer,
    pool: &ThreadPool,
    change: impl FnOnce(&mut Config),
) -> Model {
    let config = Config::llama(Size {
        vocabulary: tokenizer.vocabulary(),
        width: 16,
        layers: 2,
        heads: 4,
        key_heads: 2,
        hidden: 24,
        context: 64,
    });
    let network = Arc::new(Network::new(&config.unwrap().with(change).unwrap()));
    let mut state = 1u32;
    let weights = Weights::new(network, WeightMode::Inference, Compute::F32, pool, |_, to| {
        for x in to {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *x = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        }
        Ok(())
    });
    Model::new(
        "nowhere".into(),
        weights.unwrap(),
        Some(tokenizer),
        Arc::new(ThreadPool::single_threaded()),
    )
}

/// A server with the models `tiny` and `other`.
pub fn server() -> Server {
    let pool = Arc::new(ThreadPool::new(2, Isa::detect()));
    let server = Server::new(pool.clone()).unwrap();
    server.put_model(model("tiny", &pool));
    server.put_model(model("other", &pool));
    server
}

/// Its routes.
pub fn routes() -> Router {
    server().router("127.0.0.1", PORT)
}

/// A request as the page sends it.
pub fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header(header::HOST, format!("127.0.0.1:{PORT}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap()
}

/// A request as the page sends it.
pub fn get(path: &str) -> Request<Body> {
    let host = format!("127.0.0.1:{PORT}");
    Request::get(path).header(header::HOST, host).body(Body::empty()).unwrap()
}

/// Sends a request.
pub async fn ask(routes: &Router, request: Request<Body>) -> Answer {
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, bytes }
}

/// Sends JSON.
pub async fn ask_json(routes: &Router, path: &str, body: Value) -> Answer {
    ask(routes, post(path, body.to_string())).await
}
