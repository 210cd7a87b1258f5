//! `POST /api/embed`: the lengths of the rows that a prompt's tokens look up, and which rows of the
//! table point most nearly the way of one of them. The rows themselves are sites.

use axum::{Json, Router, extract, routing::post};
use lookback_engine::ThreadPool;
use lookback_lens::{Neighbour, Table, norm};
use lookback_model::{Site, TokenId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Ask,
    models::Served,
    prompt::Prompt,
    refuse::{Refused, Result},
    state::State,
};

/// Neighbours that are told.
const NEAREST: usize = 8;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/embed", post(embed))
}

#[derive(Deserialize)]
struct Embed {
    #[serde(flatten)]
    prompt: Prompt,
    /// Whose neighbours are sought, counted in the prompt.
    token: usize,
}

async fn embed(
    extract::State(state): extract::State<State>,
    Ask(Embed { prompt, token }): Ask<Embed>,
) -> Result<Json<Value>> {
    let asked = state.ask(&prompt).await?;
    let tokens = asked.ids.len();
    let id = *asked.ids.get(token).ok_or_else(|| {
        Refused::asked(format!("there is no token {token}; the prompt has {tokens}"))
    })?;
    let pass = state.passes.sites(&asked, &[Site::Embed]).await?;
    let seen = pass.at(Site::Embed).ok_or_else(|| Refused::missing("no site embed"))?;
    let lengths: Vec<f64> = (0..tokens).map(|token| norm(seen.part(token))).collect();
    let near = state.passes.in_turn(move |pool| near(&asked.open, pool, id)).await?;
    Ok(Json(json!({ "lengths": lengths, "id": id, "neighbours": near })))
}

/// A token's nearest rows, itself left out.
fn near(open: &Served, pool: &ThreadPool, id: TokenId) -> Vec<Value> {
    let table = Table::of_model(&open.weights);
    let own = table.row(id.index());
    let near = table.nearest_parallel(pool, &own, NEAREST, |row| row != id.index());
    near.into_iter()
        .map(|Neighbour { row, cosine }| {
            let piece = open.tokenizer.piece(TokenId(row as u32));
            json!({ "id": row, "piece": piece, "cosine": cosine })
        })
        .collect()
}
