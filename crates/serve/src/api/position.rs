//! `POST /api/position`: how positions enter a layer. Rotary: by which angle each pair of
//! a query turns there. Learned: the lengths of the rows that are added. ALiBi: what scores lose by distance.
//! The vectors themselves are sites; only a query behind its norm and before its rotation is no site, and is in the answer.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{RotaryPair, norm, normed_queries, rotary_pairs};
use lookback_model::{BlockSite, Config, Positions, Rotary, Site};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::{ModelInput, Prompt},
    state::AppState,
};

/// Positions before the chosen one that are in the answer too.
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
    /// Which layer; the first that rotates where it is left out.
    layer: Option<usize>,
    /// The head whose query is in the answer, where queries of that layer have a norm.
    #[serde(default)]
    head: usize,
}

async fn position(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<PositionRequest>,
) -> Result<Json<Value>> {
    let input = state.model_input(&request.prompt).await?;
    let (config, name) = (input.model.config(), &input.model.name);
    let refused = |what: String| Err(ErrorResponse::bad_request(what));
    let PositionRequest { token, layer, head, .. } = request;
    if token >= input.ids.len() {
        let tokens = input.ids.len();
        return refused(format!("there is no token {token}; the prompt has {tokens}"));
    }
    if let Some(layer) = layer.filter(|&layer| layer >= config.layers) {
        return refused(format!("{name} has {} layers, so no layer {layer}", config.layers));
    }
    if head >= config.heads {
        return refused(format!("{name} has {} heads a layer, so no head {head}", config.heads));
    }
    let variant = input.edits.variant();
    match &config.positions {
        _ if variant.no_position => Ok(Json(json!({ "kind": "none" }))),
        Positions::Rotary(_) if variant.plain_attention => Ok(Json(json!({ "kind": "none" }))),
        Positions::Alibi { .. } if variant.uniform_attention => Ok(Json(json!({ "kind": "none" }))),
        Positions::Rotary(_) => rotary(&state, &input, &request).await.map(Json),
        Positions::Learned => learned(&state, &input).await.map(Json),
        Positions::Alibi { .. } => Ok(Json(alibi(&input, &request))),
        Positions::None => Ok(Json(json!({ "kind": "none" }))),
    }
}

/// What scores of each head lose for a position of distance; and those of the chosen head with keys up to
/// the token.
fn alibi(
    input: &ModelInput,
    &PositionRequest { token, layer, head, .. }: &PositionRequest,
) -> Value {
    let attend = &input.model.weights.network().blocks[layer.unwrap_or(0)].attend;
    let slopes: Vec<f32> =
        (0..attend.heads).filter_map(|head| attend.alibi.map(|alibi| alibi.slope(head))).collect();
    let first = token.saturating_sub(PREVIOUS_POSITIONS);
    let slope = slopes.get(head).copied().unwrap_or(0.0);
    let losses: Vec<f32> = (first..=token).map(|key| slope * (token - key) as f32).collect();
    json!({ "kind": "alibi", "slopes": slopes, "first": first, "losses": losses })
}

/// The angles of a layer. For one that does not rotate, which do.
async fn rotary(state: &AppState, input: &ModelInput, request: &PositionRequest) -> Result<Value> {
    let config = input.model.config();
    let thetas: Vec<Option<f32>> =
        (0..config.layers).map(|layer| config.rotary(layer).map(|it| it.theta)).collect();
    let rotates = |layer: usize| thetas[layer].is_some();
    let layer = request.layer.or_else(|| (0..config.layers).find(|&layer| rotates(layer)));
    let layer = layer.unwrap_or(0);
    let block = &input.model.weights.network().blocks[layer];
    let Some(rotary) = &block.rotary else {
        return Ok(json!({ "kind": "none", "layer": layer, "thetas": thetas }));
    };
    let normed = match block.query_key_norms {
        Some(_) => Some(normed_query(state, input, request, layer).await?),
        None => None,
    };
    let mut told = angles(config, layer, rotary, request.token);
    told["thetas"] = json!(thetas);
    told["normed"] = json!(normed);
    Ok(told)
}

/// Each pair of a layer's rotary embedding at a token and before it.
fn angles(config: &Config, layer: usize, rotary: &Rotary, token: usize) -> Value {
    let first = token.saturating_sub(PREVIOUS_POSITIONS);
    let pairs = rotary_pairs(rotary, first..token + 1);
    json!({
        "kind": "rotary",
        "layer": layer,
        "theta": config.rotary(layer).map(|rotary| rotary.theta),
        "rotary_dim": rotary.rotary_dim,
        "factor": rotary.factor,
        "first": first,
        "pairs": pairs.iter().map(to_json).collect::<Vec<_>>(),
    })
}

/// A head's query of the token behind its norm, `[head_dim]`.
async fn normed_query(
    state: &AppState,
    input: &ModelInput,
    &PositionRequest { token, head, .. }: &PositionRequest,
    layer: usize,
) -> Result<Vec<f32>> {
    let site = Site::Block(layer as u16, BlockSite::Q);
    let pass = state.passes.sites(input, &[site]).await?;
    let head_dim = input.model.config().head_dim;
    let weights = input.model.clone();
    let normed = state.passes.with_compute_lock(move |pool| {
        let queries = pass.at(site).map(|seen| seen.part(token))?;
        normed_queries(&weights.weights, pool, layer, queries)
    });
    let normed =
        normed.await?.ok_or_else(|| ErrorResponse::not_found(format!("no site {site}")))?;
    Ok(normed[head * head_dim..(head + 1) * head_dim].to_vec())
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
