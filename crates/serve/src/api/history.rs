//! `POST /api/training/history`: how a model that was trained here has learned.

use axum::{Json, Router, extract, routing::post};
use lookback_train::History;
use serde::Deserialize;

use crate::{ask::Ask, refuse::Result, state::State};

/// Losses that a curve needs.
const POINTS: usize = 512;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/training/history", post(history))
}

#[derive(Deserialize)]
struct Whose {
    model: Option<String>,
}

async fn history(
    extract::State(state): extract::State<State>,
    Ask(whose): Ask<Whose>,
) -> Result<Json<History>> {
    let open = state.models.find(whose.model.as_deref())?;
    let history = state.slowly(move || History::read(&open.path)).await??;
    Ok(Json(history.thinned(POINTS)))
}
