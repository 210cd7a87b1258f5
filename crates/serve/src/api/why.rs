//! `POST /api/why`: one logit as the sum that it is, opened where that is asked for; `POST /api/heads`: the
//! scores of all heads; `POST /api/neurons`: what makes neurons fire.
//!
//! `{prompt…, "position": -1, "of": id, "against": id, "neurons": 3, "share": 0.8, "openings": 1000, "exact": false,
//! "check": 8, "check_alone": false, "variant": {"no_mask": true}}` to `{"why": lens::Why, "paths", "check", "pieces"}`;
//! without `share` nothing is opened, and with `check_alone` what was opened is not answered. The others:
//! `{"model", "text", "sequences": 64, "tokens": 64}`, over the built-in corpus where there is no text, to the library's
//! reports with the `"pieces"` of the ids in them.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{Component, UnfoldOptions, paths};
use lookback_model::{PassVariant, TokenId};
use lookback_open::{HeadsQuery, Model};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::pieces,
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::Prompt,
    state::AppState,
};

/// Tokens of a prompt, at most: its patterns and logits are held.
const MAX_TOKENS: usize = 512;
/// Times that parts are opened for a request, at most.
const MAX_OPENINGS: usize = 1000;
/// Neurons of each MLP, and heads and MLPs that are switched off, at most.
const MAX_COUNT: usize = 64;
/// Sequences that a request reads, and tokens of each, at most.
const MAX_SEQUENCES: usize = 128;
const MAX_SEQUENCE_TOKENS: usize = 128;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/why", post(why))
        .route("/api/heads", post(heads))
        .route("/api/neurons", post(neurons))
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
    /// What the pass leaves out or replaces.
    #[serde(default)]
    variant: PassVariant,
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
    let answer = state.passes.with_compute_lock(move |_| {
        let model: &Model = &input.model;
        let mut query = model.why(&input.ids).position(request.position).neurons(request.neurons);
        query = query.variant(request.variant);
        let id = |id: Option<u32>| id.map(TokenId);
        query = id(request.target).into_iter().fold(query, |query, id| query.token(id));
        query = id(request.against).into_iter().fold(query, |query, id| query.against(id));
        if let Some(share) = request.share {
            let max_openings = request.openings.unwrap_or(MAX_OPENINGS).min(MAX_OPENINGS);
            let through_mlps = !request.exact;
            query = query.unfold(UnfoldOptions { share, max_openings, through_mlps });
        }
        let mut why = query.sum()?;
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

#[derive(Deserialize)]
struct SequencesRequest {
    model: Option<String>,
    text: Option<String>,
    #[serde(default = "half_of_most")]
    sequences: usize,
    #[serde(default = "half_of_most")]
    tokens: usize,
    /// Neurons of each layer.
    #[serde(default = "few")]
    neurons: usize,
    /// Pairs of heads that compose most.
    #[serde(default)]
    composition: usize,
    #[serde(default)]
    raw: bool,
}

fn half_of_most() -> usize {
    64
}

fn few() -> usize {
    5
}

impl SequencesRequest {
    fn check(&self) -> Result<()> {
        let is_much = self.sequences > MAX_SEQUENCES || self.tokens > MAX_SEQUENCE_TOKENS;
        if is_much || self.neurons > MAX_COUNT || self.composition > MAX_COUNT {
            return Err(ErrorResponse::bad_request(format!(
                "at most {MAX_SEQUENCES} sequences of {MAX_SEQUENCE_TOKENS} tokens, {MAX_COUNT} neurons of \
                 each layer and {MAX_COUNT} pairs"
            )));
        }
        Ok(())
    }

    fn query(&self, model: &Model) -> HeadsQuery {
        let query = model.heads().sequences(self.sequences).tokens(self.tokens).raw(self.raw);
        let query = query.composition(self.composition);
        self.text.iter().fold(query, |query, text| query.text(text))
    }
}

async fn heads(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<SequencesRequest>,
) -> Result<Json<Value>> {
    request.check()?;
    let model = state.models.find(request.model.as_deref())?;
    let answer = state.passes.with_compute_lock(move |_| {
        let report = request.query(&model).report(&mut |_, _| Ok(()))?;
        let ids = report.sequences.iter().chain(&report.repeated).flatten().copied();
        let words = pieces(&model.tokenizer, ids);
        let mut object = json!(report);
        object["pieces"] = json!(words);
        Ok(object)
    });
    answer.await?.map(Json)
}

async fn neurons(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<SequencesRequest>,
) -> Result<Json<Value>> {
    request.check()?;
    let model = state.models.find(request.model.as_deref())?;
    let answer = state.passes.with_compute_lock(move |_| {
        let query = request.query(&model);
        let (layers, sequences) = query.neurons((request.neurons, 3), &mut |_, _| Ok(()))?;
        let moved = layers.iter().flat_map(|layer| &layer.strongest);
        let moved = moved.flat_map(|firing| firing.up.iter().chain(&firing.down));
        let ids = sequences.iter().flatten().chain(moved).copied();
        let words = pieces(&model.tokenizer, ids);
        Ok(json!({ "layers": layers, "sequences": sequences, "pieces": words }))
    });
    answer.await?.map(Json)
}
