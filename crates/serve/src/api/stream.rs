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
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    pass_cache::{Part, Pass},
    prompt::{ModelInput, Prompt},
    state::AppState,
};

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/stream", post(answer))
}

#[derive(Deserialize)]
struct StreamRequest {
    #[serde(flatten)]
    prompt: Prompt,
    token: usize,
    /// The next token whose logit is taken apart; the likeliest where it is left out.
    #[serde(rename = "of")]
    target: Option<u32>,
}

async fn answer(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<StreamRequest>,
) -> Result<Json<Value>> {
    let input = state.model_input(&request.prompt).await?;
    let wanted = logit_attribution_sites(input.model.config(), &input.edits);
    let (chosen, pass) =
        Chosen::find(&state, &input, request.token, request.target, wanted).await?;
    let answer = state.passes.with_compute_lock(move |pool| {
        let logit = pass.row(Site::Logits, request.token)[chosen.target.index()];
        let stream = logit_attribution(
            &input.model.weights,
            pool,
            &pass,
            request.token,
            (chosen.target, logit),
        )?;
        Ok(json!({
            "stream": stream,
            "candidates": chosen.candidates,
            "pieces": pieces(&input.model.tokenizer, chosen.ids()),
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
    pub(crate) target: TokenId,
    /// The likeliest after this token of the prompt, the likeliest first.
    pub(crate) candidates: Vec<u32>,
}

impl Chosen {
    /// Checks what was asked for against the prompt and the vocabulary, and reads it in one pass with
    /// the sites that a figure wants.
    pub(crate) async fn find(
        state: &AppState,
        input: &ModelInput,
        token: usize,
        target: Option<u32>,
        wanted: Vec<Site>,
    ) -> Result<(Self, Arc<Pass>)> {
        check_token(input, token)?;
        let vocabulary = input.model.config().vocabulary;
        if let Some(id) = target.filter(|&id| id as usize >= vocabulary) {
            let what = format!("there is no token {id}; the vocabulary ends at {}", vocabulary - 1);
            return Err(ErrorResponse::bad_request(what).with_kind(Kind::TokenOutOfRange));
        }
        let mut wanted: Vec<Part> = wanted.into_iter().map(|site| (site, None)).collect();
        wanted.push((Site::Logits, Some(token)));
        let pass = state.passes.parts(input, &wanted).await?;
        let logits = pass.row(Site::Logits, token);
        let candidates = top_k(logits, logits, CANDIDATES);
        let candidates: Vec<u32> = candidates.into_iter().map(|next| next.id).collect();
        let likeliest = candidates.first().copied().unwrap_or(0);
        Ok((Self { target: TokenId(target.unwrap_or(likeliest)), candidates }, pass))
    }

    /// All ids in it.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + use<'_> {
        self.candidates.iter().copied().chain([self.target.0])
    }
}

/// Refuses a place that the prompt does not have.
pub(crate) fn check_token(input: &ModelInput, token: usize) -> Result<()> {
    let tokens = input.ids.len();
    if token < tokens {
        return Ok(());
    }
    Err(ErrorResponse::bad_request(format!(
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
