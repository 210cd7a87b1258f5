//! `POST /api/depths`: what the model would say after each layer, for some tokens of the prompt.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{LensDepth, logit_lens, logit_lens_sites};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::{Chosen, check_token, pieces},
    ask::Ask,
    prompt::Prompt,
    refuse::{Refused, Result},
    state::State,
};

/// Guesses of one place that one request may ask for.
const MOST: usize = 64;
/// Tokens that one request may ask for: each costs a whole head at every depth.
const TOKENS: usize = 32;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/depths", post(answer))
}

#[derive(Deserialize)]
struct Depths {
    #[serde(flatten)]
    prompt: Prompt,
    /// The first token that is asked at.
    first: usize,
    /// How many.
    count: usize,
    /// The token whose next word is followed through the depths.
    token: usize,
    /// That next word; the likeliest where it is left out.
    of: Option<u32>,
    /// Whether attention and MLP are read apart.
    #[serde(default)]
    halves: bool,
    most: usize,
}

async fn answer(
    extract::State(state): extract::State<State>,
    Ask(asks): Ask<Depths>,
) -> Result<Json<Value>> {
    if asks.most > MOST || asks.count > TOKENS {
        return Err(Refused::asked(format!("at most {TOKENS} tokens and {MOST} guesses of each")));
    }
    let asked = state.ask(&asks.prompt).await?;
    let end = asks.first.saturating_add(asks.count);
    check_token(&asked, end.saturating_sub(1))?;
    let steps = if asks.halves { LensDepth::Sublayers } else { LensDepth::Layers };
    let sites = logit_lens_sites(asked.open.config(), steps);
    let wanted = sites.clone();
    let (chosen, pass) = Chosen::find(&state, &asked, asks.token, asks.of, wanted).await?;
    let answer = state.passes.in_turn(move |pool| {
        let (weights, tokens) = (&asked.open.weights, asks.first..end);
        let depths = logit_lens(weights, pool, &pass, &sites, tokens, asks.most, Some(chosen.of))?;
        let guesses = depths.iter().flat_map(|depth| &depth.tokens);
        let ids =
            guesses.flat_map(|guess| guess.top.iter().map(|next| next.id)).chain(chosen.ids());
        Ok(json!({
            "of": chosen.of.0,
            "candidates": chosen.candidates,
            "pieces": pieces(&asked.open.tokenizer, ids),
            "depths": depths,
        }))
    });
    answer.await?.map(Json)
}
