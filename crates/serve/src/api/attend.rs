//! `POST /api/attend`: one head's comparisons before they become weights. `/glance`: thumbnails of all heads, made
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
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::{ModelInput, Prompt},
    state::AppState,
    tensors::{Tensor, tensor_response},
};

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/attend", post(head))
        .route("/api/attend/glance", post(patterns))
        .route("/api/attend/cell", post(weight_sum))
}

#[derive(Deserialize)]
struct HeadRequest {
    #[serde(flatten)]
    prompt: Prompt,
    layer: usize,
    head: usize,
}

#[derive(Deserialize)]
struct CellRequest {
    #[serde(flatten)]
    head: HeadRequest,
    /// The token that looks.
    query: usize,
    /// The token that is looked at.
    key: usize,
}

/// Largest small pattern that is sent.
const MAX_SIDE: usize = 64;

#[derive(Deserialize)]
struct PatternsRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// Cells of a small pattern's side, at most.
    #[serde(rename = "most")]
    max_side: usize,
}

async fn head(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<HeadRequest>,
) -> Result<impl IntoResponse> {
    let HeadRequest { prompt, layer, head } = request;
    let input = state.model_input(&prompt).await?;
    check(&input, layer, head)?;
    let pass = state.passes.sites(&input, &sites(layer)).await?;
    let tokens = input.ids.len();
    let compared = {
        let (pass, model) = (pass.clone(), input.model.clone());
        state.run_blocking(move || head_scores(&pass, &model.weights, layer, head)).await?
    };
    let compared = compared.ok_or_else(|| ErrorResponse::not_found("this layer was not read"))?;
    let square = |name: &str, values| Tensor::new(name, vec![tokens, tokens], values);
    let mut tensors =
        vec![square("products", compared.products), square("scaled", compared.scaled)];
    // Steps that only some families have.
    tensors.extend(compared.capped.map(|capped| square("capped", capped)));
    tensors.extend(compared.biased.map(|biased| square("biased", biased)));
    tensors.push(square("exponentials", compared.exponentials));
    tensor_response(&input, pass.milliseconds, tensors)
}

async fn patterns(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<PatternsRequest>,
) -> Result<impl IntoResponse> {
    let input = state.model_input(&request.prompt).await?;
    let max_side = request.max_side.clamp(1, MAX_SIDE);
    let config = input.model.config();
    let pass = state.passes.sites(&input, &[Site::Embed]).await?;
    // Every pass keeps one of the size that the page draws.
    let kept = pass.thumbnails.clone().filter(|kept| kept.side == input.ids.len().min(max_side));
    let (all, milliseconds) = match kept {
        Some(kept) => (kept, pass.milliseconds),
        None => {
            let (model, ids, edits) = (input.model.clone(), input.ids.clone(), input.edits.clone());
            let began = Instant::now();
            let work = move |pool: &ThreadPool| {
                pattern_thumbnails((&model.weights, &edits), pool, &ids, max_side)
            };
            let all = state.passes.with_compute_lock(work).await??;
            (Arc::new(all), 1e3 * began.elapsed().as_secs_f64())
        }
    };
    let shape = vec![config.layers, config.heads, all.side, all.side];
    tensor_response(&input, milliseconds, vec![Tensor::new("glance", shape, &all.values)])
}

async fn weight_sum(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<CellRequest>,
) -> Result<Json<Value>> {
    let HeadRequest { prompt, layer, head } = request.head;
    let input = state.model_input(&prompt).await?;
    check(&input, layer, head)?;
    let tokens = input.ids.len();
    if let Some(token) = [request.query, request.key].into_iter().find(|&token| token >= tokens) {
        return Err(ErrorResponse::bad_request(format!(
            "token {token} is not there: the prompt has {tokens}"
        )));
    }
    let pass = state.passes.sites(&input, &sites(layer)).await?;
    let weights = &input.model.weights;
    let found = weight_steps(&pass, weights, [layer, head], [request.query, request.key]);
    found
        .map(|cell| Json(to_json(&cell)))
        .ok_or_else(|| ErrorResponse::not_found("this layer was not read"))
}

fn sites(layer: usize) -> Vec<Site> {
    ATTENTION_STEP_SITES.map(|site| Site::Block(layer as u16, site)).to_vec()
}

fn check(input: &ModelInput, layer: usize, head: usize) -> Result<()> {
    let config = input.model.config();
    let (layers, heads, name) = (config.layers, config.heads, &input.model.name);
    if layer >= layers {
        return Err(ErrorResponse::bad_request(format!(
            "{name} has {layers} layers, so no layer {layer}"
        )));
    }
    if head >= heads {
        return Err(ErrorResponse::bad_request(format!(
            "{name} has {heads} heads a layer, so no head {head}"
        )));
    }
    Ok(())
}

fn to_json(cell: &WeightSteps) -> Value {
    json!({
        "query": cell.query,
        "key": cell.key,
        "products": cell.products,
        "sums": cell.sums,
        "scale": cell.scale,
        "scaled": cell.scaled,
        "capped": cell.capped,
        "slope": cell.slope,
        "unmasked": cell.unmasked,
        // JSON has no −∞.
        "score": cell.score.is_finite().then_some(cell.score),
        "largest": cell.largest,
        "exponentials": cell.exponentials,
        "sink": cell.sink,
        "sink_exponential": cell.sink_exponential,
        "total": cell.total,
        "softmax": cell.softmax,
        "weight": cell.weight,
        "score_edited": cell.is_score_edited,
        "weight_edited": cell.is_weight_edited,
    })
}
