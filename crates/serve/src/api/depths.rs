//! `POST /api/depths`: what the model would say after each layer, for some tokens of the prompt.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{LensDepth, logit_lens, logit_lens_sites};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::{Chosen, check_token, pieces},
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::Prompt,
    state::AppState,
};

/// Guesses of one place that one request may ask for.
const MAX_GUESSES: usize = 64;
/// Tokens that one request may ask for: each costs a whole head at every depth.
const MAX_TOKENS: usize = 32;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/depths", post(answer))
}

#[derive(Deserialize)]
struct DepthsRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// The first token that is asked at.
    first: usize,
    /// How many.
    count: usize,
    /// The token whose next word is followed through the depths.
    token: usize,
    /// That next word; the likeliest where it is left out.
    #[serde(rename = "of")]
    target: Option<u32>,
    /// Whether attention and MLP are read apart.
    #[serde(default)]
    halves: bool,
    #[serde(rename = "most")]
    max_guesses: usize,
}

async fn answer(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<DepthsRequest>,
) -> Result<Json<Value>> {
    if request.max_guesses > MAX_GUESSES || request.count > MAX_TOKENS {
        return Err(ErrorResponse::bad_request(format!(
            "at most {MAX_TOKENS} tokens and {MAX_GUESSES} guesses of each"
        )));
    }
    let input = state.model_input(&request.prompt).await?;
    let end = request.first.saturating_add(request.count);
    check_token(&input, end.saturating_sub(1))?;
    let steps = if request.halves { LensDepth::Sublayers } else { LensDepth::Layers };
    let sites = logit_lens_sites(input.model.config(), steps);
    let wanted = sites.clone();
    let (chosen, pass) =
        Chosen::find(&state, &input, request.token, request.target, wanted).await?;
    let answer = state.passes.with_compute_lock(move |pool| {
        let (weights, tokens) = (&input.model.weights, request.first..end);
        let depths = logit_lens(
            weights,
            pool,
            &pass,
            &sites,
            tokens,
            request.max_guesses,
            Some(chosen.target),
        )?;
        let guesses = depths.iter().flat_map(|depth| &depth.tokens);
        let ids =
            guesses.flat_map(|guess| guess.top.iter().map(|next| next.id)).chain(chosen.ids());
        Ok(json!({
            "of": chosen.target.0,
            "candidates": chosen.candidates,
            "pieces": pieces(&input.model.tokenizer, ids),
            "depths": depths,
        }))
    });
    answer.await?.map(Json)
}
