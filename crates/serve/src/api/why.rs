//! `POST /api/why`: one logit as the sum that it is, opened where that is asked for.
//!
//! `{prompt…, "position": -1, "of": id, "against": id, "neurons": 3, "share": 0.8, "openings": 1000, "exact": false,
//! "check": 8, "check_alone": false}` to `{"why": lens::Why, "paths", "check", "pieces"}`; without `share` nothing is
//! opened, and with `check_alone` what was opened is not answered.
//!
//! `POST /api/why/head`: `{prompt…}` to `{"head": {"layer", "head"}}`, the one that adds most to the likeliest next token,
//! or null where the model cannot read the text, or where its logits are no such sums.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, Router, extract, routing::post};
use lookback_engine::ThreadPool;
use lookback_lens::{
    Component, FaithfulnessPoint, LogitPath, UnfoldOptions, Why, faithfulness_sites, paths, shape,
};
use lookback_model::{Site, TokenId};
use lookback_open::{Model, WhyQuery};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api::stream::pieces,
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    pass_cache::{Part, Pass},
    prompt::{ModelInput, Prompt},
    state::AppState,
};

/// Tokens of a prompt, at most: its patterns and logits are held.
const MAX_TOKENS: usize = 512;
/// Bytes of the sites of a pass that is remembered for the next question.
const MAX_KEPT_BYTES: usize = 144 << 20;
/// Times that parts are opened for a request, at most.
const MAX_OPENINGS: usize = 1000;
/// Neurons of each MLP, and heads and MLPs that are switched off, at most.
const MAX_COUNT: usize = 64;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/why", post(why)).route("/api/why/head", post(head))
}

#[derive(Deserialize)]
struct WhyRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// After which token; from the end where it is negative.
    #[serde(default = "last")]
    position: isize,
    /// The next token whose logit is taken apart; the likeliest where it is left out.
    #[serde(rename = "of")]
    target: Option<u32>,
    against: Option<u32>,
    #[serde(default)]
    neurons: usize,
    /// Opens the parts until ends make up this share.
    share: Option<f64>,
    /// But opens at most so many.
    openings: Option<usize>,
    /// Leaves MLPs closed.
    #[serde(default)]
    exact: bool,
    /// Switches so many heads and MLPs off.
    #[serde(default)]
    check: usize,
    /// Answers what became of that, and not what was opened: of a deep model that is megabytes.
    #[serde(default)]
    check_alone: bool,
}

/// The answer: of a deep model megabytes, which are written as they stand.
#[derive(Serialize)]
struct Answer {
    ids: Vec<u32>,
    pieces: BTreeMap<u32, String>,
    /// Of the parts of the sum.
    names: Vec<String>,
    paths: Option<Vec<LogitPath>>,
    check: Vec<FaithfulnessPoint>,
    why: Why,
}

fn last() -> isize {
    -1
}

async fn why(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<WhyRequest>,
) -> Result<Json<Answer>> {
    if request.neurons > MAX_COUNT || request.check > MAX_COUNT {
        let what = format!("at most {MAX_COUNT} neurons of each MLP, and {MAX_COUNT} to check");
        return Err(ErrorResponse::bad_request(what));
    }
    if request.share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(ErrorResponse::bad_request("share lies between 0 and 1"));
    }
    let input = state.model_input(&request.prompt).await?;
    let query = request.query(&input).matrices(state.matrices.of_weights(input.model.weights_id()));
    let position = query.index()?;
    let pass = pass_of(&state, &input, &query, request.check > 0).await?;
    let answer = state.passes.with_compute_lock(move |_| {
        let mut why = sum_of(&query, pass.as_deref(), position)?;
        let check = match &pass {
            _ if request.check == 0 => Vec::new(),
            Some(pass) => query.faithfulness_in(pass, &why, request.check)?,
            None => query.faithfulness(&why, request.check)?,
        };
        if request.check_alone {
            why.unfolding = None;
        }
        let ids = input.ids.iter().map(|id| id.0).chain([why.target]).chain(why.against);
        let names: Vec<String> =
            why.parts.iter().map(|part| Component::name(part.component)).collect();
        Ok(Answer {
            ids: input.ids.iter().map(|id| id.0).collect(),
            pieces: pieces(&input.model.tokenizer, ids),
            names,
            paths: why.unfolding.as_ref().map(paths),
            check,
            why,
        })
    });
    answer.await?.map(Json)
}

async fn head(
    extract::State(state): extract::State<AppState>,
    JsonRequest(prompt): JsonRequest<Prompt>,
) -> Result<Json<Value>> {
    let found = match strongest_head(&state, &prompt).await {
        Err(refused) if refused.is_bad_request() => None,
        found => found?,
    };
    Ok(Json(json!({ "head": found.map(|[layer, head]| json!({ "layer": layer, "head": head })) })))
}

/// The layer and the number of the head that adds most to the likeliest next token.
async fn strongest_head(state: &AppState, prompt: &Prompt) -> Result<Option<[usize; 2]>> {
    let input = state.model_input(prompt).await?;
    let query = input.model.why(&input.ids).edits(input.edits.clone());
    let query = query.matrices(state.matrices.of_weights(input.model.weights_id()));
    let position = query.index()?;
    let pass = pass_of(state, &input, &query, false).await?;
    let sum = move |_: &ThreadPool| sum_of(&query, pass.as_deref(), position);
    let why = state.passes.with_compute_lock(sum).await??;
    let heads = why.parts.iter().filter_map(|part| match part.component {
        Component::Head { layer, head } => Some(([layer, head], part.contribution)),
        _ => None,
    });
    let strongest = heads.reduce(|a, b| if b.1 > a.1 { b } else { a });
    Ok(strongest.map(|(head, _)| head))
}

/// A pass that holds what a question reads of it, also to check it; none where that is too much to be held.
async fn pass_of(
    state: &AppState,
    input: &ModelInput,
    query: &WhyQuery,
    is_checked: bool,
) -> Result<Option<Arc<Pass>>> {
    let tokens = input.ids.len();
    if tokens > MAX_TOKENS {
        let what = format!("{tokens} tokens are more than the {MAX_TOKENS} that are taken apart");
        return Err(ErrorResponse::bad_request(format!("{what}; shorten the prompt")));
    }
    let config = input.model.config();
    let mut sites = query.sites()?;
    if is_checked {
        sites.extend(faithfulness_sites(config));
    }
    sites.sort_unstable();
    sites.dedup();
    let bytes = |site: &Site| 4 * shape(config, *site, tokens).iter().product::<usize>();
    if sites.iter().map(bytes).sum::<usize>() > MAX_KEPT_BYTES {
        return Ok(None);
    }
    let logits = (Site::Logits, Some(query.index()?));
    let parts: Vec<Part> = sites.into_iter().map(|site| (site, None)).chain([logits]).collect();
    Ok(Some(state.passes.parts(input, &parts).await?))
}

/// The sum, in a pass that is held or in one of its own.
fn sum_of(query: &WhyQuery, pass: Option<&Pass>, position: usize) -> lookback_files::Result<Why> {
    match pass {
        Some(pass) => query.sum_of(pass, pass.row(Site::Logits, position)),
        None => query.sum(),
    }
}

impl WhyRequest {
    fn query(&self, input: &ModelInput) -> WhyQuery {
        let model: &Model = &input.model;
        let mut query = model.why(&input.ids).position(self.position).neurons(self.neurons);
        query = query.edits(input.edits.clone());
        let id = |id: Option<u32>| id.map(TokenId);
        query = id(self.target).into_iter().fold(query, |query, id| query.token(id));
        query = id(self.against).into_iter().fold(query, |query, id| query.against(id));
        if let Some(share) = self.share {
            let max_openings = self.openings.unwrap_or(MAX_OPENINGS).min(MAX_OPENINGS);
            let through_mlps = !self.exact;
            query = query.unfold(UnfoldOptions { share, max_openings, through_mlps });
        }
        query
    }
}
