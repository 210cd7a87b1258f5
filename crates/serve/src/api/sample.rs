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
use lookback_text::{TokenId, Tokenizer};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Ask,
    branches,
    chain::Chain,
    prompt::{Asked, Prompt},
    refuse::{Refused, Result},
    state::State,
};

/// Draws that one request may ask for.
const DRAWS: usize = 10_000;
/// Tokens that one request may have told one by one.
const SHOWN: usize = 64;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/samplers", get(samplers)).route("/api/sample", post(sample))
}

async fn samplers() -> Json<Value> {
    Json(json!({ "samplers": SAMPLER_PARAMETERS }))
}

#[derive(Deserialize)]
struct Sample {
    #[serde(flatten)]
    prompt: Prompt,
    #[serde(flatten)]
    chain: Chain,
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
    extract::State(state): extract::State<State>,
    Ask(sample): Ask<Sample>,
) -> Result<Json<Value>> {
    if sample.draws > DRAWS {
        return Err(Refused::asked(format!(
            "{} draws are more than the {DRAWS} that one request may ask for",
            sample.draws
        )));
    }
    // Refused before anything is read.
    SamplerChain::new(&sample.chain.settings()?)?;
    let asked = state.ask(&sample.prompt).await?;
    let settings = sample.chain.settings_for(&asked.open)?;
    let sampler = SamplerChain::new(&settings)?;
    let next = Next::read(&state, &asked).await?;
    let shown = sample.shown.clamp(1, SHOWN);
    let told = move || {
        let tokenizer = &asked.open.tokenizer;
        let firsts = SamplerChain::first_tokens(&settings, &next.logits, &next.past, sample.draws)?;
        let mut told = next.told(tokenizer, &sampler, shown, firsts.first().copied())?;
        told["draws"] = next.drawn(&firsts, &told);
        Ok::<Value, Refused>(told)
    };
    Ok(Json(state.slowly(told).await??))
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
    async fn read(state: &State, asked: &Asked) -> Result<Self> {
        let read = state.read.of(&asked.open, state.passes.threads());
        let open = asked.open.clone();
        let past = asked.ids.clone();
        let context = branches::context(&open);
        let seen = ContextWindow::new(context, asked.ids.clone(), open.bos()).visible_ids();
        let of = move |pool: &ThreadPool| {
            let mut branches = branches::lock(&read);
            branches.read(&open.weights, pool, &seen)?;
            let logits = branches.logits().to_vec();
            Ok(Self { past, logits, probabilities: branches.probabilities(pool) })
        };
        state.passes.in_turn(of).await?
    }

    /// The tokens that are told one by one, and each stage of the chain.
    fn told(
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
            "stages": stages.iter().map(|stage| staged(stage, &ids)).collect::<Vec<_>>(),
        }))
    }

    /// What the first draws of many seeds are: how often each token that is told, and the others;
    /// beside it how often was to be expected, and the standard deviation of that.
    fn drawn(&self, firsts: &[TokenId], told: &Value) -> Value {
        let draws = firsts.len();
        let mut counts = vec![0_usize; self.logits.len()];
        for id in firsts {
            counts[id.index()] += 1;
        }
        let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let ids = each(&told["tokens"]).into_iter().filter_map(|token| token["id"].as_u64());
        let counts: Vec<usize> = ids.map(|id| counts[id as usize]).collect();
        let last = each(&told["stages"]).pop().unwrap_or_default();
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
fn staged(stage: &StageOutput, ids: &[TokenId]) -> Value {
    let of = |id: &TokenId| stage.kept.iter().find(|(kept, _)| kept == id).map(|(_, share)| *share);
    let told: Vec<Option<f64>> = ids.iter().map(of).collect();
    let others = stage.kept.iter().filter(|(id, _)| !ids.contains(id));
    let share = others.clone().fold(0.0, |total, (_, share)| total + share);
    json!({
        "sampler": stage.stage.as_ref().map(SamplerStage::sampler_name),
        "step": stage.stage.as_ref().map(SamplerStage::to_string),
        "kept": stage.kept.len(),
        "removed": stage.removed,
        "removed_share": stage.removed_share,
        "probabilities": told,
        "others": { "tokens": others.count(), "share": share },
    })
}
