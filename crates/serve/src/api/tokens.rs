//! `POST /api/tokens`: how the chosen model cuts a text.

use axum::{Json, Router, extract, routing::post};
use serde_json::{Value, json};

use crate::{ask::Ask, prompt::Prompt, refuse::Result, state::State};

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/tokens", post(tokens))
}

async fn tokens(
    extract::State(state): extract::State<State>,
    Ask(prompt): Ask<Prompt>,
) -> Result<Json<Value>> {
    let asked = state.ask(&prompt).await?;
    let ids: Vec<u32> = asked.ids.iter().map(|id| id.0).collect();
    let pieces: Vec<String> = asked.ids.iter().map(|id| asked.open.tokenizer.piece(*id)).collect();
    Ok(Json(json!({ "ids": ids, "pieces": pieces })))
}
