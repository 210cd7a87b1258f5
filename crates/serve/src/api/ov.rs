//! `POST /api/exchange`: what a token takes up from each token before it, in the layers asked for.
//!
//! `{prompt…, "token": 1, "layers": [0, 1]}` to `{"token", "layers": [lens::OvDecomposition …]}`.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{OvDecomposition, ov_decomposition};
use serde::{Deserialize, Serialize};

use crate::{
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::Prompt,
    state::AppState,
};

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/exchange", post(answer))
}

#[derive(Deserialize)]
struct Request {
    #[serde(flatten)]
    prompt: Prompt,
    /// Who takes.
    token: usize,
    /// Each costs a product with the output projection for every source.
    layers: Vec<usize>,
}

#[derive(Serialize)]
struct Answer {
    token: usize,
    layers: Vec<OvDecomposition>,
}

async fn answer(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<Request>,
) -> Result<Json<Answer>> {
    let Request { prompt, token, layers } = request;
    let input = state.model_input(&prompt).await?;
    let count = input.model.config().layers;
    if layers.len() > count || layers.iter().any(|&layer| layer >= count) {
        return Err(ErrorResponse::bad_request(format!(
            "layers must be some of this model's, 0 to {}, each once",
            count - 1
        )));
    }
    let sites: Vec<_> = layers.iter().flat_map(|&layer| OvDecomposition::sites(layer)).collect();
    let pass = state.passes.sites(&input, &sites).await?;
    let answer = state.run_blocking(move || {
        let one = |&layer| ov_decomposition(&pass, &input.model.weights, [layer, token]);
        layers.iter().map(one).collect::<lookback_files::Result<_>>()
    });
    Ok(Json(Answer { token, layers: answer.await?? }))
}
