//! `POST /api/diff`: two passes side by side.
//!
//! `{prompt…, "other": text, "with": model, "edits"}` to `lens::PassDifferences`.

use axum::{Json, Router, extract, routing::post};
use lookback_open::Model;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::sweep::checked_input,
    edits::Given,
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
    #[serde(flatten)]
    given: Given,
}

async fn diff(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<DiffRequest>,
) -> Result<Json<Value>> {
    let interventions = request.given.interventions()?;
    if request.other.is_none() && request.with.is_none() && interventions.is_empty() {
        return Err(ErrorResponse::bad_request("give other, with or edits to compare with"));
    }
    let input = checked_input(&state, &request.prompt).await?;
    let text = request.other.as_ref().unwrap_or(&request.prompt.prompt).clone();
    let model = request.with.clone().or(request.prompt.model.clone());
    let prompt = Prompt { prompt: text, model, ..request.prompt.clone() };
    let other = checked_input(&state, &prompt).await?;
    let answer = state.passes.with_compute_lock(move |_| {
        let model: &Model = &input.model;
        let query = model.diff(&input.ids).with(&other.model, &other.ids)?;
        let found = query.interventions(&interventions, &lookback_lens::NoFiles).report()?;
        let ids = |input: &ModelInput| input.ids.iter().map(|id| id.0).collect::<Vec<_>>();
        Ok(json!({ "ids": ids(&input), "other_ids": ids(&other), "differences": found }))
    });
    answer.await?.map(Json)
}
