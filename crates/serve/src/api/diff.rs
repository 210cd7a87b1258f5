//! `POST /api/diff`: two passes side by side.
//!
//! `{prompt…, "other": text, "with": model, "edits", "variant"}` to `lens::PassDifferences` and the pieces that may
//! follow.

use axum::{Json, Router, extract, routing::post};
use lookback_open::Model;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{stream::pieces, sweep::checked_input},
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::{ModelInput, Prompt},
    state::AppState,
};

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/diff", post(diff))
}

#[derive(Deserialize)]
struct DiffRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// What the second pass reads; the same where it is left out.
    other: Option<String>,
    /// The model of the second pass; the same where it is left out.
    with: Option<String>,
}

async fn diff(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<DiffRequest>,
) -> Result<Json<Value>> {
    let given = &request.prompt.given;
    let (interventions, variant) = (given.interventions()?, given.variant);
    let is_same_pass = interventions.is_empty() && variant.is_none();
    if request.other.is_none() && request.with.is_none() && is_same_pass {
        let what = "give other, with, edits or a variant to compare with";
        return Err(ErrorResponse::bad_request(what));
    }
    let input = checked_input(&state, &request.prompt).await?;
    let text = request.other.as_ref().unwrap_or(&request.prompt.prompt).clone();
    let model = request.with.clone().or(request.prompt.model.clone());
    let prompt = Prompt { prompt: text, model, ..request.prompt.clone() };
    let other = checked_input(&state, &prompt).await?;
    let answer = state.passes.with_compute_lock(move |_| {
        let model: &Model = &input.model;
        let query = model.diff(&input.ids).with(&other.model, &other.ids)?;
        let query = query.interventions(&interventions, &lookback_lens::NoFiles).variant(variant);
        let found = query.report()?;
        let next = found.positions.iter().chain([&found.last]).flat_map(|at| at.next);
        let words = pieces(&input.model.tokenizer, next);
        let ids = |input: &ModelInput| input.ids.iter().map(|id| id.0).collect::<Vec<_>>();
        Ok(json!({
            "ids": ids(&input),
            "other_ids": ids(&other),
            "pieces": words,
            "differences": found,
        }))
    });
    answer.await?.map(Json)
}
