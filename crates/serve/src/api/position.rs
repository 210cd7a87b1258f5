//! `POST /api/position`: what tells a model where a token stands. Rotary: by which angle each pair of
//! a query turns there. Learned: the lengths of the rows that are added. The vectors themselves are
//! sites.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{RotaryPair, norm, rotary_pairs};
use lookback_model::{BlockSite, Positions, Site};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::{ModelInput, Prompt},
    state::AppState,
};

/// Positions before the chosen one that are told too.
const PREVIOUS_POSITIONS: usize = 15;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/position", post(position))
}

#[derive(Deserialize)]
struct PositionRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// Which token, counted in the prompt.
    token: usize,
}

async fn position(
    extract::State(state): extract::State<AppState>,
    JsonRequest(PositionRequest { prompt, token }): JsonRequest<PositionRequest>,
) -> Result<Json<Value>> {
    let input = state.model_input(&prompt).await?;
    if token >= input.ids.len() {
        let tokens = input.ids.len();
        return Err(ErrorResponse::bad_request(format!(
            "there is no token {token}; the prompt has {tokens}"
        )));
    }
    match &input.model.config().positions {
        Positions::Rotary(config) => {
            let first = token.saturating_sub(PREVIOUS_POSITIONS);
            let mut blocks = input.model.weights.network().blocks.iter();
            let rotary = blocks.find_map(|block| block.rotary.as_ref());
            let pairs = rotary.map(|rotary| rotary_pairs(rotary, first..token + 1));
            let pairs = pairs.unwrap_or_default();
            Ok(Json(json!({
                "kind": "rotary",
                "theta": config.theta,
                "first": first,
                "pairs": pairs.iter().map(to_json).collect::<Vec<_>>(),
            })))
        }
        Positions::Learned => learned(&state, &input).await.map(Json),
        Positions::Alibi { .. } => Ok(Json(json!({ "kind": "alibi" }))),
        Positions::None => Ok(Json(json!({ "kind": "none" }))),
    }
}

fn to_json(pair: &RotaryPair) -> Value {
    let turns = pair.rotations.iter();
    json!({
        "dimensions": pair.dimensions,
        "frequency": pair.frequency,
        "period": pair.period,
        "turns": turns.map(|turn| [turn.angle, turn.cos, turn.sin]).collect::<Vec<_>>(),
    })
}

/// How long the rows are that are added to one another, and what comes of it.
async fn learned(state: &AppState, input: &ModelInput) -> Result<Value> {
    let sum = Site::Block(0, BlockSite::ResidPre);
    let sites = [Site::Embed, Site::PosEmbed, sum];
    let pass = state.passes.sites(input, &sites).await?;
    let lengths = |site: Site| -> Result<Vec<f64>> {
        let seen =
            pass.at(site).ok_or_else(|| ErrorResponse::not_found(format!("no site {site}")))?;
        Ok((0..input.ids.len()).map(|token| norm(seen.part(token))).collect())
    };
    Ok(json!({
        "kind": "learned",
        "embed": lengths(Site::Embed)?,
        "pos_embed": lengths(Site::PosEmbed)?,
        "sum": lengths(sum)?,
    }))
}
