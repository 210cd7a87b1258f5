//! `POST /api/stream`: one token's residual stream, and one next token's logit, as the sum that each is.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, Router, extract, routing::post};
use lookback_files::Kind;
use lookback_lens::{logit_attribution, logit_attribution_sites, top_k};
use lookback_model::{Site, TokenId};
use lookback_text::Tokenizer;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Ask,
    passes::{Part, Pass},
    prompt::{Asked, Prompt},
    refuse::{Refused, Result},
    state::State,
};

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/stream", post(answer))
}

#[derive(Deserialize)]
struct Stream {
    #[serde(flatten)]
    prompt: Prompt,
    token: usize,
    /// The next token whose logit is taken apart; the likeliest where it is left out.
    of: Option<u32>,
}

async fn answer(
    extract::State(state): extract::State<State>,
    Ask(asks): Ask<Stream>,
) -> Result<Json<Value>> {
    let asked = state.ask(&asks.prompt).await?;
    let wanted = logit_attribution_sites(asked.open.config());
    let (chosen, pass) = Chosen::find(&state, &asked, asks.token, asks.of, wanted).await?;
    let answer = state.passes.in_turn(move |pool| {
        let logit = pass.row(Site::Logits, asks.token)[chosen.of.index()];
        let stream =
            logit_attribution(&asked.open.weights, pool, &pass, asks.token, (chosen.of, logit))?;
        Ok(json!({
            "stream": stream,
            "candidates": chosen.candidates,
            "pieces": pieces(&asked.open.tokenizer, chosen.ids()),
        }))
    });
    answer.await?.map(Json)
}

/// Next tokens that a figure offers to be about.
const CANDIDATES: usize = 8;

/// The next token that a figure is about.
#[derive(Clone)]
pub(crate) struct Chosen {
    /// The one asked for, or else the likeliest.
    pub(crate) of: TokenId,
    /// The likeliest after this token of the prompt, the likeliest first.
    pub(crate) candidates: Vec<u32>,
}

impl Chosen {
    /// Checks what was asked for against the prompt and the vocabulary, and reads it in one pass with
    /// the sites that a figure wants.
    pub(crate) async fn find(
        state: &State,
        asked: &Asked,
        token: usize,
        of: Option<u32>,
        wanted: Vec<Site>,
    ) -> Result<(Self, Arc<Pass>)> {
        check_token(asked, token)?;
        let vocabulary = asked.open.config().vocabulary;
        if let Some(id) = of.filter(|&id| id as usize >= vocabulary) {
            let what = format!("there is no token {id}; the vocabulary ends at {}", vocabulary - 1);
            return Err(Refused::asked(what).with_kind(Kind::TokenOutOfRange));
        }
        let mut wanted: Vec<Part> = wanted.into_iter().map(|site| (site, None)).collect();
        wanted.push((Site::Logits, Some(token)));
        let pass = state.passes.parts(asked, &wanted).await?;
        let logits = pass.row(Site::Logits, token);
        let candidates = top_k(logits, logits, CANDIDATES);
        let candidates: Vec<u32> = candidates.into_iter().map(|next| next.id).collect();
        let likeliest = candidates.first().copied().unwrap_or(0);
        Ok((Self { of: TokenId(of.unwrap_or(likeliest)), candidates }, pass))
    }

    /// All ids in it.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + use<'_> {
        self.candidates.iter().copied().chain([self.of.0])
    }
}

/// Refuses a place that the prompt does not have.
pub(crate) fn check_token(asked: &Asked, token: usize) -> Result<()> {
    let tokens = asked.ids.len();
    if token < tokens {
        return Ok(());
    }
    Err(Refused::asked(format!(
        "there is no token {token}; the prompt has {tokens}, counted from 0"
    )))
}

/// What ids look like in print.
pub(crate) fn pieces(
    tokenizer: &Tokenizer,
    ids: impl IntoIterator<Item = u32>,
) -> BTreeMap<u32, String> {
    ids.into_iter().map(|id| (id, tokenizer.piece(TokenId(id)))).collect()
}
