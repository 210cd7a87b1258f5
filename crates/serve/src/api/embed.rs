//! `POST /api/embed`: the lengths of the rows that a prompt's tokens look up, and which rows of the
//! table point most nearly the way of one of them. The rows themselves are sites.

use axum::{Json, Router, extract, routing::post};
use lookback_engine::ThreadPool;
use lookback_lens::{Neighbour, Table, norm};
use lookback_model::{Site, TokenId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    models::ServedModel,
    prompt::Prompt,
    state::AppState,
};

/// Neighbours in the answer.
const NEAREST: usize = 8;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/embed", post(embed))
}

#[derive(Deserialize)]
struct EmbedRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// Whose neighbours are sought, counted in the prompt.
    token: usize,
}

async fn embed(
    extract::State(state): extract::State<AppState>,
    JsonRequest(EmbedRequest { prompt, token }): JsonRequest<EmbedRequest>,
) -> Result<Json<Value>> {
    let input = state.model_input(&prompt).await?;
    let tokens = input.ids.len();
    let id = *input.ids.get(token).ok_or_else(|| {
        ErrorResponse::bad_request(format!("there is no token {token}; the prompt has {tokens}"))
    })?;
    let pass = state.passes.sites(&input, &[Site::Embed]).await?;
    let seen = pass.at(Site::Embed).ok_or_else(|| ErrorResponse::not_found("no site embed"))?;
    let lengths: Vec<f64> = (0..tokens).map(|token| norm(seen.part(token))).collect();
    let near = state.passes.with_compute_lock(move |pool| near(&input.model, pool, id)).await?;
    Ok(Json(json!({ "lengths": lengths, "id": id, "neighbours": near })))
}

/// A token's nearest rows, itself left out.
fn near(model: &ServedModel, pool: &ThreadPool, id: TokenId) -> Vec<Value> {
    let table = Table::of_model(&model.weights);
    let own = table.row(id.index());
    let near = table.nearest_parallel(pool, &own, NEAREST, |row| row != id.index());
    near.into_iter()
        .map(|Neighbour { row, cosine }| {
            let piece = model.tokenizer.piece(TokenId(row as u32));
            json!({ "id": row, "piece": piece, "cosine": cosine })
        })
        .collect()
}
