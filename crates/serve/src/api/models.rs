//! `GET /api/models`: which models there are, what they are, and who computes.

use axum::{Json, Router, extract, routing::get};
use serde_json::{Value, json};

use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/models", get(models))
}

async fn models(extract::State(state): extract::State<AppState>) -> Json<Value> {
    let threads = state.passes.threads();
    let mut models = state.models.description();
    for model in &mut models {
        model["threads"] = json!(threads);
    }
    Json(json!({ "models": models, "version": env!("CARGO_PKG_VERSION") }))
}
