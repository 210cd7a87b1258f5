//! `POST /api/why`: one logit as the sum that it is, opened where that is asked for.
//!
//! `{prompt…, "position": -1, "of": id, "against": id, "neurons": 3, "share": 0.8, "openings": 1000, "exact": false,
//! "check": 8, "check_alone": false}` to `{"why": lens::Why, "paths", "check", "pieces"}`; without `share` nothing is
//! opened, and with `check_alone` what was opened is not answered.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{Component, UnfoldOptions, paths, shape};
use lookback_model::{Site, TokenId};
use lookback_open::{Model, WhyQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::pieces,
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::{ModelInput, Prompt},
    state::AppState,
};

/// Tokens of a prompt, at most: its patterns and logits are held.
const MAX_TOKENS: usize = 512;
/// Bytes of the sites of a pass that is remembered for the next question.
const MAX_KEPT_BYTES: usize = 96 << 20;
/// Times that parts are opened for a request, at most.
const MAX_OPENINGS: usize = 1000;
/// Neurons of each MLP, and heads and MLPs that are switched off, at most.
const MAX_COUNT: usize = 64;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/why", post(why))
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

fn last() -> isize {
    -1
}

async fn why(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<WhyRequest>,
) -> Result<Json<Value>> {
    if request.neurons > MAX_COUNT || request.check > MAX_COUNT {
        let what = format!("at most {MAX_COUNT} neurons of each MLP, and {MAX_COUNT} to check");
        return Err(ErrorResponse::bad_request(what));
    }
    if request.share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(ErrorResponse::bad_request("share lies between 0 and 1"));
    }
    let input = state.model_input(&request.prompt).await?;
    if input.ids.len() > MAX_TOKENS {
        let tokens = input.ids.len();
        let what = format!("{tokens} tokens are more than the {MAX_TOKENS} that are taken apart");
        return Err(ErrorResponse::bad_request(format!("{what}; shorten the prompt")));
    }
    let query = request.query(&input);
    let sites = query.sites()?;
    let config = input.model.config();
    let bytes = |site: &Site| 4 * shape(config, *site, input.ids.len()).iter().product::<usize>();
    // What is larger is read for this answer alone.
    let is_kept = sites.iter().map(bytes).sum::<usize>() <= MAX_KEPT_BYTES;
    let pass = match is_kept {
        true => Some(state.passes.sites(&input, &sites).await?),
        false => None,
    };
    let answer = state.passes.with_compute_lock(move |_| {
        let mut why = match &pass {
            Some(pass) => query.sum_of(pass)?,
            None => query.sum()?,
        };
        let check = query.faithfulness(&why, request.check)?;
        if request.check_alone {
            why.unfolding = None;
        }
        let ids = input.ids.iter().map(|id| id.0).chain([why.target]).chain(why.against);
        let names: Vec<String> =
            why.parts.iter().map(|part| Component::name(part.component)).collect();
        Ok(json!({
            "ids": input.ids.iter().map(|id| id.0).collect::<Vec<_>>(),
            "pieces": pieces(&input.model.tokenizer, ids),
            "names": names,
            "paths": why.unfolding.as_ref().map(paths),
            "check": check,
            "why": why,
        }))
    });
    answer.await?.map(Json)
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
