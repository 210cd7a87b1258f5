//! `POST /api/mlp`: one token's way through one MLP: the curve, its values on it, its most active
//! units and what each does to the next token's logits.

use axum::{Json, Router, extract, routing::post};
use lookback_engine::{activation, linear_factors};
use lookback_lens::{NeuronOrder, NeuronQuery, neuron_effects, neuron_sites};
use lookback_model::BlockSite;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::{Chosen, pieces},
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::Prompt,
    state::AppState,
};

/// Points of the drawn curve.
const POINTS: usize = 241;
/// The curve is drawn at least from minus this to this, where all its bends are.
const MIN_RANGE: f32 = 4.0;
/// Units, and tokens of each, that one request may ask for.
const MAX_COUNT: usize = 64;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/mlp", post(mlp))
}

#[derive(Deserialize)]
struct MlpRequest {
    #[serde(flatten)]
    prompt: Prompt,
    layer: usize,
    token: usize,
    /// The next token whose logit is taken apart; the likeliest where it is left out.
    #[serde(rename = "of")]
    target: Option<u32>,
    #[serde(rename = "by", default)]
    order: Order,
    units: usize,
    tokens: usize,
}

/// What units are chosen by, in a request.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Activation,
    Written,
    Pushed,
}

async fn mlp(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<MlpRequest>,
) -> Result<Json<Value>> {
    if request.units > MAX_COUNT || request.tokens > MAX_COUNT {
        return Err(ErrorResponse::bad_request(format!(
            "at most {MAX_COUNT} units and {MAX_COUNT} tokens of each"
        )));
    }
    let input = state.model_input(&request.prompt).await?;
    input.check_layer(request.layer)?;
    let wanted = neuron_sites(input.model.config(), request.layer);
    let (chosen, pass) =
        Chosen::find(&state, &input, request.token, request.target, wanted).await?;
    let answer = state.passes.with_compute_lock(move |pool| {
        let weights = &input.model.weights;
        let by = match request.order {
            Order::Activation => NeuronOrder::Activation,
            Order::Written => NeuronOrder::WriteNorm,
            Order::Pushed => NeuronOrder::LogitEffect,
        };
        let MlpRequest { layer, token, .. } = request;
        let of = chosen.target;
        let which = NeuronQuery {
            layer,
            token,
            target: of,
            order: by,
            units: request.units,
            tokens: request.tokens,
        };
        let units = neuron_effects(weights, pool, &pass, which)?;
        let row = |site| pass.block(layer, site).map_or(&[][..], |seen| seen.part(token));
        let pre = row(BlockSite::MlpPre);
        // Of a mixture, the experts that worked on the token.
        let is_mixture = input.model.config().layer_mixture(layer).is_some();
        let experts = is_mixture.then(|| {
            let chosen = row(BlockSite::ExpertIndices).iter().zip(row(BlockSite::ExpertWeights));
            chosen
                .map(|(&index, &weight)| json!({ "index": index as usize, "weight": weight }))
                .collect::<Vec<_>>()
        });
        let activation_kind = input.model.config().activation;
        let x = across(pre);
        let pushed = units.iter().flat_map(|unit| unit.up.iter().chain(&unit.down));
        let ids = pushed.filter_map(|push| push.id).chain(chosen.ids());
        Ok(json!({
            "of": of.0,
            "candidates": chosen.candidates,
            "curve": { "y": activation(pool, activation_kind, &x), "x": x },
            "bent": activation(pool, activation_kind, pre),
            "factors": linear_factors(activation_kind, row(BlockSite::MlpPreLinear)),
            "experts": experts,
            "pieces": pieces(&input.model.tokenizer, ids),
            "units": units,
        }))
    });
    answer.await?.map(Json)
}

/// Points from left to right over all these numbers, and over the curve's bends.
fn across(pre: &[f32]) -> Vec<f32> {
    let finite = || pre.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(-MIN_RANGE, f32::min), finite().fold(MIN_RANGE, f32::max));
    let share = |point: usize| point as f32 / (POINTS - 1) as f32;
    (0..POINTS).map(|point| low + (high - low) * share(point)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_reaches_over_every_number_and_its_own_bends() {
        let x = across(&[-9.5, 1.0, f32::INFINITY]);
        assert_eq!((x[0], x[POINTS - 1], x.len()), (-9.5, MIN_RANGE, POINTS));
        assert!(x.windows(2).all(|two| two[0] < two[1]));
    }
}
