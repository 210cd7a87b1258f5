//! `GET /api/models`: which models there are, what they are, and who computes.

use axum::{Json, Router, extract, routing::get};
use serde_json::{Value, json};

use crate::state::State;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/models", get(models))
}

async fn models(extract::State(state): extract::State<State>) -> Json<Value> {
    let threads = state.passes.threads();
    let mut models = state.models.described();
    for model in &mut models {
        model["threads"] = json!(threads);
    }
    Json(json!({ "models": models, "version": env!("CARGO_PKG_VERSION") }))
}
