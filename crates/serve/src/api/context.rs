//! `POST /api/context`: a head's weighted sum for one token, term by term.
//!
//! `{prompt…, "layer", "head", "token", "most"}` to a `lens::SourceContributions`.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{SourceContributions, source_contributions};
use serde::Deserialize;

use crate::{error_response::Result, json_request::JsonRequest, prompt::Prompt, state::AppState};

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/context", post(answer))
}

#[derive(Deserialize)]
struct Request {
    #[serde(flatten)]
    prompt: Prompt,
    layer: usize,
    head: usize,
    token: usize,
    /// Terms that are written out; the others are counted together.
    #[serde(rename = "most")]
    max_terms: usize,
}

async fn answer(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<Request>,
) -> Result<Json<SourceContributions>> {
    let Request { prompt, layer, head, token, max_terms } = request;
    let input = state.model_input(&prompt).await?;
    input.check_layer(layer)?;
    let pass = state.passes.sites(&input, &SourceContributions::sites(layer)).await?;
    let network = input.model.weights.network();
    Ok(Json(source_contributions(&pass, network, [layer, head, token], max_terms)?))
}
