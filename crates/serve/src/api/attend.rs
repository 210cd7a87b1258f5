//! `POST /api/attend`: one head's comparisons before they become weights. `/pattern_thumbnails`: all heads, made
//! small. `/cell`: one weight, unfolded into the sum that made it.

use std::{sync::Arc, time::Instant};

use axum::{Json, Router, extract, response::IntoResponse, routing::post};
use lookback_engine::ThreadPool;
use lookback_lens::{
    ATTENTION_STEP_SITES, WeightSteps, head_scores, pattern_thumbnails, weight_steps,
};
use lookback_model::Site;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Ask,
    prompt::{Asked, Prompt},
    refuse::{Refused, Result},
    state::State,
    tensors::{Tensor, answer},
};

pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/api/attend", post(head))
        .route("/api/attend/glance", post(all))
        .route("/api/attend/cell", post(one))
}

#[derive(Deserialize)]
struct Head {
    #[serde(flatten)]
    prompt: Prompt,
    layer: usize,
    head: usize,
}

#[derive(Deserialize)]
struct Place {
    #[serde(flatten)]
    head: Head,
    /// The token that looks.
    query: usize,
    /// The token that is looked at.
    key: usize,
}

/// Largest small pattern that is sent.
const MOST: usize = 64;

#[derive(Deserialize)]
struct All {
    #[serde(flatten)]
    prompt: Prompt,
    /// Cells of a small pattern's side, at most.
    most: usize,
}

async fn head(
    extract::State(state): extract::State<State>,
    Ask(asked_for): Ask<Head>,
) -> Result<impl IntoResponse> {
    let Head { prompt, layer, head } = asked_for;
    let asked = state.ask(&prompt).await?;
    check(&asked, layer, head)?;
    let pass = state.passes.sites(&asked, &sites(layer)).await?;
    let tokens = asked.ids.len();
    let compared = {
        let (pass, open) = (pass.clone(), asked.open.clone());
        state.slowly(move || head_scores(&pass, open.weights.network(), layer, head)).await?
    };
    let compared = compared.ok_or_else(|| Refused::missing("this layer was not read"))?;
    let square = |name: &str, values| Tensor::new(name, vec![tokens, tokens], values);
    answer(
        &asked,
        pass.milliseconds,
        vec![
            square("products", compared.products),
            square("scaled", compared.scaled),
            square("exponentials", compared.exponentials),
        ],
    )
}

async fn all(
    extract::State(state): extract::State<State>,
    Ask(asked_for): Ask<All>,
) -> Result<impl IntoResponse> {
    let asked = state.ask(&asked_for.prompt).await?;
    let most = asked_for.most.clamp(1, MOST);
    let config = asked.open.config();
    let pass = state.passes.sites(&asked, &[Site::Embed]).await?;
    // Every pass keeps one of the size that the page asks for.
    let kept = pass.glance.clone().filter(|kept| kept.side == asked.ids.len().min(most));
    let (all, milliseconds) = match kept {
        Some(kept) => (kept, pass.milliseconds),
        None => {
            let (open, ids) = (asked.open.clone(), asked.ids.clone());
            let began = Instant::now();
            let work = move |pool: &ThreadPool| pattern_thumbnails(&open.weights, pool, &ids, most);
            let all = state.passes.in_turn(work).await??;
            (Arc::new(all), 1e3 * began.elapsed().as_secs_f64())
        }
    };
    let shape = vec![config.layers, config.heads, all.side, all.side];
    answer(&asked, milliseconds, vec![Tensor::new("glance", shape, &all.values)])
}

async fn one(
    extract::State(state): extract::State<State>,
    Ask(place): Ask<Place>,
) -> Result<Json<Value>> {
    let Head { prompt, layer, head } = place.head;
    let asked = state.ask(&prompt).await?;
    check(&asked, layer, head)?;
    let tokens = asked.ids.len();
    if let Some(token) = [place.query, place.key].into_iter().find(|&token| token >= tokens) {
        return Err(Refused::asked(format!("token {token} is not there: the prompt has {tokens}")));
    }
    let pass = state.passes.sites(&asked, &sites(layer)).await?;
    let network = asked.open.weights.network();
    let found = weight_steps(&pass, network, [layer, head], [place.query, place.key]);
    found.map(|cell| Json(said(&cell))).ok_or_else(|| Refused::missing("this layer was not read"))
}

fn sites(layer: usize) -> Vec<Site> {
    ATTENTION_STEP_SITES.map(|site| Site::Block(layer as u16, site)).to_vec()
}

fn check(asked: &Asked, layer: usize, head: usize) -> Result<()> {
    let config = asked.open.config();
    let (layers, heads, name) = (config.layers, config.heads, &asked.open.name);
    if layer >= layers {
        return Err(Refused::asked(format!("{name} has {layers} layers, so no layer {layer}")));
    }
    if head >= heads {
        return Err(Refused::asked(format!("{name} has {heads} heads a layer, so no head {head}")));
    }
    Ok(())
}

fn said(cell: &WeightSteps) -> Value {
    json!({
        "query": cell.query,
        "key": cell.key,
        "products": cell.products,
        "sums": cell.sums,
        "scale": cell.scale,
        "scaled": cell.scaled,
        // JSON knows no −∞.
        "score": cell.score.is_finite().then_some(cell.score),
        "largest": cell.largest,
        "exponentials": cell.exponentials,
        "total": cell.total,
        "weight": cell.weight,
    })
}
