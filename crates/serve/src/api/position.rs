//! `POST /api/position`: what tells a model where a token stands. Rotary: by which angle each pair of
//! a query turns there. Learned: the lengths of the rows that are added. The vectors themselves are
//! sites.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{RotaryPair, norm, rotary_pairs};
use lookback_model::{BlockSite, Positions, Site};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Ask,
    prompt::{Asked, Prompt},
    refuse::{Refused, Result},
    state::State,
};

/// Positions before the chosen one that are told too.
const BEFORE: usize = 15;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/position", post(position))
}

#[derive(Deserialize)]
struct Position {
    #[serde(flatten)]
    prompt: Prompt,
    /// Which token, counted in the prompt.
    token: usize,
}

async fn position(
    extract::State(state): extract::State<State>,
    Ask(Position { prompt, token }): Ask<Position>,
) -> Result<Json<Value>> {
    let asked = state.ask(&prompt).await?;
    if token >= asked.ids.len() {
        let tokens = asked.ids.len();
        return Err(Refused::asked(format!("there is no token {token}; the prompt has {tokens}")));
    }
    match asked.open.config().positions {
        Positions::Rotary(how) => {
            let first = token.saturating_sub(BEFORE);
            let pairs = rotary_pairs(asked.open.weights.network(), first..token + 1);
            Ok(Json(json!({
                "kind": "rotary",
                "theta": how.theta,
                "first": first,
                "pairs": pairs.iter().map(told).collect::<Vec<_>>(),
            })))
        }
        Positions::Learned => learned(&state, &asked).await.map(Json),
        Positions::None => Ok(Json(json!({ "kind": "none" }))),
    }
}

fn told(pair: &RotaryPair) -> Value {
    let turns = pair.rotations.iter();
    json!({
        "dimensions": pair.dimensions,
        "frequency": pair.frequency,
        "period": pair.period,
        "turns": turns.map(|turn| [turn.angle, turn.cos, turn.sin]).collect::<Vec<_>>(),
    })
}

/// How long the rows are that are added to one another, and what comes of it.
async fn learned(state: &State, asked: &Asked) -> Result<Value> {
    let sum = Site::Block(0, BlockSite::ResidPre);
    let sites = [Site::Embed, Site::PosEmbed, sum];
    let pass = state.passes.sites(asked, &sites).await?;
    let lengths = |site: Site| -> Result<Vec<f64>> {
        let seen = pass.at(site).ok_or_else(|| Refused::missing(format!("no site {site}")))?;
        Ok((0..asked.ids.len()).map(|token| norm(seen.part(token))).collect())
    };
    Ok(json!({
        "kind": "learned",
        "embed": lengths(Site::Embed)?,
        "pos_embed": lengths(Site::PosEmbed)?,
        "sum": lengths(sum)?,
    }))
}
