//! `POST /api/sweep`: activation patching or ablation at every place of a grid; `POST /api/diff`: two passes side
//! by side.
//!
//! `{prompt…, "corrupt": text, "over": ["resid_pre"], "metric", "answer": id, "wrong": id, "agree": false,
//! "attribution": false}` or `{prompt…, "ablate": "mean" | "zero"}` to the report of the library;
//! `{prompt…, "other": text, "with": model, "edits"}` to `lens::PassDifferences` and the pieces that may follow.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::SweepMetric;
use lookback_model::TokenId;
use lookback_open::{AblationQuery, Model, SweepQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::pieces,
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::{ModelInput, Prompt},
    state::AppState,
};

/// Tokens of a prompt, at most.
const MAX_TOKENS: usize = 64;
/// Kinds of a sweep, and changed passes of all of them, at most: nothing else is computed meanwhile.
const MAX_KINDS: usize = 16;
const MAX_CHANGES: usize = 10_000;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/sweep", post(sweep)).route("/api/diff", post(diff))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ablation {
    Mean,
    Zero,
}

#[derive(Deserialize)]
struct SweepRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// The prompt that is patched into.
    corrupt: Option<String>,
    /// Takes heads and MLPs out instead.
    ablate: Option<Ablation>,
    #[serde(default)]
    over: Vec<String>,
    metric: Option<String>,
    answer: Option<u32>,
    wrong: Option<u32>,
    /// Predicts every change as well.
    #[serde(default)]
    agree: bool,
    /// Predicts them alone.
    #[serde(default)]
    attribution: bool,
}

async fn sweep(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<SweepRequest>,
) -> Result<Json<Value>> {
    if state.is_edited(&request.prompt)? {
        return Err(ErrorResponse::bad_request(
            "a sweep makes changes of its own, one in each pass, and takes no edits and no variant beside them; \
             leave them out",
        ));
    }
    let input = checked_input(&state, &request.prompt).await?;
    let corrupted = match (&request.corrupt, request.ablate) {
        (Some(text), None) => {
            let prompt = Prompt { prompt: text.clone(), ..request.prompt.clone() };
            Some(checked_input(&state, &prompt).await?)
        }
        (None, Some(_)) => None,
        _ => {
            return Err(ErrorResponse::bad_request("give either corrupt or ablate"));
        }
    };
    if request.over.len() > MAX_KINDS {
        return Err(ErrorResponse::bad_request(format!("over takes at most {MAX_KINDS} kinds")));
    }
    let answer = state.passes.with_compute_lock(move |_| {
        let (model, ids): (&Model, _) = (&input.model, &input.ids);
        let metric = request.metric.as_deref().map(str::parse::<SweepMetric>).transpose()?;
        let id = |id: Option<u32>| id.map(TokenId);
        let (answer, wrong) = (id(request.answer), id(request.wrong));
        let (report, shown) = match (&corrupted, request.ablate) {
            (Some(corrupted), _) => {
                let mut query = model.sweep(ids, &corrupted.ids);
                query = answer.into_iter().fold(query, SweepQuery::answer);
                query = wrong.into_iter().fold(query, SweepQuery::wrong);
                query = metric.into_iter().fold(query, SweepQuery::metric);
                let usual = [String::from("resid_pre")];
                let kinds = if request.over.is_empty() { &usual[..] } else { &request.over };
                for kind in kinds {
                    query = query.over(kind)?;
                }
                query = match (request.attribution, request.agree) {
                    (true, _) => query.attribution_alone(),
                    (false, true) => query.attribution(),
                    (false, false) => query,
                };
                let (_, changes) = query.plan();
                if changes > MAX_CHANGES {
                    return Err(ErrorResponse::bad_request(format!(
                        "{changes} changed passes are more than the {MAX_CHANGES} of one request; sweep over \
                         fewer kinds, or ask for their attribution"
                    )));
                }
                (json!(query.report(&mut |_, _| Ok(()))?), &corrupted.ids)
            }
            (None, ablate) => {
                let mut query = model.ablate(ids).zero(matches!(ablate, Some(Ablation::Zero)));
                query = answer.into_iter().fold(query, AblationQuery::answer);
                query = wrong.into_iter().fold(query, AblationQuery::wrong);
                query = metric.into_iter().fold(query, AblationQuery::metric);
                (json!(query.report(&mut |_, _| Ok(()))?), ids)
            }
        };
        let mut object = report;
        object["ids"] = json!(shown.iter().map(|id| id.0).collect::<Vec<_>>());
        object["pieces"] = json!(pieces(&input.model.tokenizer, shown.iter().map(|id| id.0)));
        Ok(object)
    });
    answer.await?.map(Json)
}

/// A prompt that is short enough.
async fn checked_input(state: &AppState, prompt: &Prompt) -> Result<ModelInput> {
    let input = state.unedited_input(prompt).await?;
    check_tokens(&input)?;
    Ok(input)
}

fn check_tokens(input: &ModelInput) -> Result<()> {
    let tokens = input.ids.len();
    if tokens <= MAX_TOKENS {
        return Ok(());
    }
    Err(ErrorResponse::bad_request(format!(
        "{tokens} tokens are more than the {MAX_TOKENS} that are swept over; shorten the prompt"
    )))
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
    let (interventions, variant) =
        (request.prompt.given.interventions()?, request.prompt.given.variant);
    if request.other.is_none()
        && request.with.is_none()
        && interventions.is_empty()
        && variant.is_none()
    {
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
        let ids = |input: &ModelInput| input.ids.iter().map(|id| id.0).collect::<Vec<_>>();
        Ok(json!({
            "ids": ids(&input),
            "other_ids": ids(&other),
            "pieces": pieces(
                &input.model.tokenizer,
                found.positions.iter().chain([&found.last]).flat_map(|at| at.next),
            ),
            "differences": found,
        }))
    });
    answer.await?.map(Json)
}
