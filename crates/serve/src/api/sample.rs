//! `GET /api/samplers`: which samplers there are. `POST /api/sample`: what each of them leaves of a
//! prompt's next tokens, and what many seeds draw.
//!
//! The likeliest tokens, before and after the chain, are told one by one; the others together.

use std::collections::BTreeSet;

use axum::{
    Json, Router, extract,
    routing::{get, post},
};
use lookback_engine::ThreadPool;
use lookback_generate::{
    context_window::ContextWindow,
    decode_step::top_k_ids,
    sample::{SAMPLER_PARAMETERS, SamplerChain, SamplerStage, StageOutput},
};
use lookback_model::Site;
use lookback_text::{TokenId, Tokenizer};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prefix_caches,
    prompt::{ModelInput, Prompt},
    sampling_parameters::SamplingParameters,
    state::AppState,
};

/// Draws that one request may ask for.
const MAX_DRAWS: usize = 10_000;
/// Tokens that one request may have told one by one.
const MAX_SHOWN: usize = 64;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/samplers", get(samplers)).route("/api/sample", post(sample))
}

async fn samplers() -> Json<Value> {
    Json(json!({ "samplers": SAMPLER_PARAMETERS }))
}

#[derive(Deserialize)]
struct SampleRequest {
    #[serde(flatten)]
    prompt: Prompt,
    #[serde(flatten)]
    sampling: SamplingParameters,
    /// How many seeds draw.
    #[serde(default)]
    draws: usize,
    /// How many tokens are told one by one.
    #[serde(default = "a_dozen")]
    shown: usize,
}

fn a_dozen() -> usize {
    12
}

async fn sample(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<SampleRequest>,
) -> Result<Json<Value>> {
    if request.draws > MAX_DRAWS {
        return Err(ErrorResponse::bad_request(format!(
            "{} draws are more than the {MAX_DRAWS} that one request may ask for",
            request.draws
        )));
    }
    // Refused before anything is read.
    SamplerChain::new(&request.sampling.settings()?)?;
    let input = state.model_input(&request.prompt).await?;
    let settings = request.sampling.settings_for(&input.model)?;
    let sampler = SamplerChain::new(&settings)?;
    let next = Next::read(&state, &input).await?;
    let shown = request.shown.clamp(1, MAX_SHOWN);
    let work = move || {
        let tokenizer = &input.model.tokenizer;
        let firsts =
            SamplerChain::first_tokens(&settings, &next.logits, &next.past, request.draws)?;
        let mut object = next.stages_json(tokenizer, &sampler, shown, firsts.first().copied())?;
        object["draws"] = next.draws_json(&firsts, &object);
        Ok::<Value, ErrorResponse>(object)
    };
    Ok(Json(state.run_blocking(work).await??))
}

/// What a model says about the token after a prompt.
struct Next {
    /// The whole prompt.
    past: Vec<TokenId>,
    /// `[vocabulary]`
    logits: Vec<f32>,
    /// `[vocabulary]`, the site `probabilities` at this position.
    probabilities: Vec<f32>,
}

impl Next {
    async fn read(state: &AppState, input: &ModelInput) -> Result<Self> {
        if input.edits.variant().no_mask {
            return Self::of_whole_pass(state, input).await;
        }
        let (threads, free) = (state.passes.threads(), state.passes.free());
        let cache = state.prefix_caches.get_or_create(input, threads, free)?;
        let model = input.model.clone();
        let past = input.ids.clone();
        let context = prefix_caches::max_positions(&model);
        let seen = ContextWindow::new(context, input.ids.clone(), model.bos()).visible_ids();
        let work = move |pool: &ThreadPool| {
            let mut branches = prefix_caches::lock(&cache);
            branches.read(&model.weights, pool, &seen)?;
            let logits = branches.logits().to_vec();
            Ok(Self { past, logits, probabilities: branches.probabilities(pool) })
        };
        state.passes.with_compute_lock(work).await?
    }

    /// Without a mask each token sees those behind it, so that no prefix can be kept.
    async fn of_whole_pass(state: &AppState, input: &ModelInput) -> Result<Self> {
        let last = input.ids.len() - 1;
        let sites = [Site::Logits, Site::Probabilities];
        let pass = state.passes.parts(input, &sites.map(|site| (site, Some(last)))).await?;
        let [logits, probabilities] = sites.map(|site| pass.row(site, last).to_vec());
        Ok(Self { past: input.ids.clone(), logits, probabilities })
    }

    /// The tokens that are told one by one, and each stage of the chain.
    fn stages_json(
        &self,
        tokenizer: &Tokenizer,
        sampler: &SamplerChain,
        shown: usize,
        drawn: Option<TokenId>,
    ) -> Result<Value> {
        let stages = sampler.trace(&self.logits, &self.past)?;
        let last = stages.last().map_or(&[][..], |stage| &stage.kept);
        let mut ids = top_k_ids(&self.logits, shown);
        let after: Vec<TokenId> = last.iter().take(shown).map(|(id, _)| *id).collect();
        // What the first seed draws is named, however improbable it is.
        for id in after.into_iter().chain(drawn) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let token = |id: &TokenId| {
            json!({
                "id": id.0,
                "piece": tokenizer.piece(*id),
                "probability": self.probabilities[id.index()],
            })
        };
        Ok(json!({
            "position": self.past.len() - 1,
            "vocabulary": self.logits.len(),
            "tokens": ids.iter().map(token).collect::<Vec<_>>(),
            "stages": stages.iter().map(|stage| stage_json(stage, &ids)).collect::<Vec<_>>(),
        }))
    }

    /// What the first draws of many seeds are: how often each token that is told, and the others;
    /// beside it how often was to be expected, and the standard deviation of that.
    fn draws_json(&self, firsts: &[TokenId], object: &Value) -> Value {
        let draws = firsts.len();
        let mut counts = vec![0_usize; self.logits.len()];
        for id in firsts {
            counts[id.index()] += 1;
        }
        let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let ids = each(&object["tokens"]).into_iter().filter_map(|token| token["id"].as_u64());
        let counts: Vec<usize> = ids.map(|id| counts[id as usize]).collect();
        let last = each(&object["stages"]).pop().unwrap_or_default();
        let shares: Vec<f64> = each(&last["probabilities"])
            .iter()
            .map(|share| share.as_f64().unwrap_or(0.0))
            .collect();
        let expected = |share: &f64| draws as f64 * share;
        let spread = |share: &f64| (draws as f64 * share * (1.0 - share)).max(0.0).sqrt();
        let distinct: BTreeSet<&TokenId> = firsts.iter().collect();
        json!({
            "seeds": draws,
            "first": firsts.first().map(|id| id.0),
            "others": draws - counts.iter().sum::<usize>(),
            "counts": counts,
            "expected": shares.iter().map(expected).collect::<Vec<_>>(),
            "spread": shares.iter().map(spread).collect::<Vec<_>>(),
            "distinct": distinct.len(),
        })
    }
}

/// What a stage left of the tokens that are told, and of the others together.
fn stage_json(stage: &StageOutput, ids: &[TokenId]) -> Value {
    let of = |id: &TokenId| stage.kept.iter().find(|(kept, _)| kept == id).map(|(_, share)| *share);
    let shares: Vec<Option<f64>> = ids.iter().map(of).collect();
    let others = stage.kept.iter().filter(|(id, _)| !ids.contains(id));
    let share = others.clone().fold(0.0, |total, (_, share)| total + share);
    json!({
        "sampler": stage.stage.as_ref().map(SamplerStage::sampler_name),
        "step": stage.stage.as_ref().map(SamplerStage::to_string),
        "kept": stage.kept.len(),
        "removed": stage.removed,
        "removed_share": stage.removed_share,
        "probabilities": shares,
        "others": { "tokens": others.count(), "share": share },
    })
}
