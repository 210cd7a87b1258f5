//! `POST /api/depths`: the logit lens, a prediction after each layer, at some tokens of the prompt.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{LensPoints, logit_lens, logit_lens_sites};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::{Chosen, check_token, pieces},
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::Prompt,
    state::AppState,
};

/// Next tokens that one request may ask for at each site and token.
const MAX_TOP_K: usize = 64;
/// Tokens that one request may ask for: each costs a whole unembedding at every site.
const MAX_TOKENS: usize = 32;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/depths", post(answer))
}

#[derive(Deserialize)]
struct DepthsRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// The first token whose predictions are read.
    first: usize,
    /// How many.
    count: usize,
    /// The token whose likeliest next tokens are the candidates for `target`.
    token: usize,
    /// The next token whose rank is given everywhere; the likeliest after `token` if left out.
    #[serde(rename = "of")]
    target: Option<u32>,
    /// Whether attention and MLP are read apart.
    #[serde(default)]
    halves: bool,
    #[serde(rename = "most")]
    top_k: usize,
}

async fn answer(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<DepthsRequest>,
) -> Result<Json<Value>> {
    if request.top_k > MAX_TOP_K || request.count > MAX_TOKENS {
        return Err(ErrorResponse::bad_request(format!(
            "at most {MAX_TOKENS} tokens and {MAX_TOP_K} guesses of each"
        )));
    }
    let input = state.model_input(&request.prompt).await?;
    let end = request.first.saturating_add(request.count);
    check_token(&input, end.saturating_sub(1))?;
    let points = if request.halves { LensPoints::Sublayers } else { LensPoints::Layers };
    let sites = logit_lens_sites(input.model.config(), points);
    let wanted = sites.clone();
    let (chosen, pass) =
        Chosen::find(&state, &input, request.token, request.target, wanted).await?;
    let answer = state.passes.with_compute_lock(move |pool| {
        let (weights, tokens) = (&input.model.weights, request.first..end);
        let readouts =
            logit_lens(weights, pool, &pass, &sites, tokens, request.top_k, Some(chosen.target))?;
        let predictions = readouts.iter().flat_map(|readout| &readout.tokens);
        let likeliest =
            predictions.flat_map(|prediction| prediction.top.iter().map(|next| next.id));
        let ids = likeliest.chain(chosen.ids());
        Ok(json!({
            "of": chosen.target.0,
            "candidates": chosen.candidates,
            "pieces": pieces(&input.model.tokenizer, ids),
            "depths": readouts,
        }))
    });
    answer.await?.map(Json)
}
