//! `POST /api/mlp`: one token's way through one MLP: the curve, its values on it, its most active
//! units and what each does to the next token's logits.

use axum::{Json, Router, extract, routing::post};
use lookback_engine::activation;
use lookback_lens::{NeuronOrder, NeuronQuery, neuron_effects, neuron_sites};
use lookback_model::BlockSite;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::{Chosen, pieces},
    ask::Ask,
    prompt::Prompt,
    refuse::{Refused, Result},
    state::State,
};

/// Points of the drawn curve.
const POINTS: usize = 241;
/// The curve is drawn at least from minus this to this, where all its bends are.
const LEAST: f32 = 4.0;
/// Units, and tokens of each, that one request may ask for.
const MOST: usize = 64;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/mlp", post(mlp))
}

#[derive(Deserialize)]
struct Mlp {
    #[serde(flatten)]
    prompt: Prompt,
    layer: usize,
    token: usize,
    /// The next token whose logit is taken apart; the likeliest where it is left out.
    of: Option<u32>,
    #[serde(default)]
    by: Order,
    units: usize,
    tokens: usize,
}

/// What units are chosen by, as a request says it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Activation,
    Written,
    Pushed,
}

async fn mlp(
    extract::State(state): extract::State<State>,
    Ask(mlp): Ask<Mlp>,
) -> Result<Json<Value>> {
    if mlp.units > MOST || mlp.tokens > MOST {
        return Err(Refused::asked(format!("at most {MOST} units and {MOST} tokens of each")));
    }
    let asked = state.ask(&mlp.prompt).await?;
    let config = asked.open.config();
    if mlp.layer >= config.layers {
        return Err(Refused::asked(format!(
            "there is no layer {}; {} has {}, counted from 0",
            mlp.layer, asked.open.name, config.layers
        )));
    }
    let wanted = neuron_sites(config, mlp.layer);
    let (chosen, pass) = Chosen::find(&state, &asked, mlp.token, mlp.of, wanted).await?;
    let answer = state.passes.in_turn(move |pool| {
        let weights = &asked.open.weights;
        let by = match mlp.by {
            Order::Activation => NeuronOrder::Activation,
            Order::Written => NeuronOrder::WriteNorm,
            Order::Pushed => NeuronOrder::LogitEffect,
        };
        let Mlp { layer, token, .. } = mlp;
        let of = chosen.of;
        let which = NeuronQuery {
            layer,
            token,
            target: of,
            order: by,
            units: mlp.units,
            tokens: mlp.tokens,
        };
        let units = neuron_effects(weights, pool, &pass, which)?;
        let pre = pass.block(layer, BlockSite::MlpPre).map_or(&[][..], |seen| seen.part(token));
        let how = asked.open.config().activation;
        let x = across(pre);
        let pushed = units.iter().flat_map(|unit| unit.up.iter().chain(&unit.down));
        let ids = pushed.filter_map(|push| push.id).chain(chosen.ids());
        Ok(json!({
            "of": of.0,
            "candidates": chosen.candidates,
            "curve": { "y": activation(pool, how, &x), "x": x },
            "bent": activation(pool, how, pre),
            "pieces": pieces(&asked.open.tokenizer, ids),
            "units": units,
        }))
    });
    answer.await?.map(Json)
}

/// Points from left to right over all these numbers, and over the curve's bends.
fn across(pre: &[f32]) -> Vec<f32> {
    let finite = || pre.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(-LEAST, f32::min), finite().fold(LEAST, f32::max));
    let share = |point: usize| point as f32 / (POINTS - 1) as f32;
    (0..POINTS).map(|point| low + (high - low) * share(point)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_reaches_over_every_number_and_its_own_bends() {
        let x = across(&[-9.5, 1.0, f32::INFINITY]);
        assert_eq!((x[0], x[POINTS - 1], x.len()), (-9.5, LEAST, POINTS));
        assert!(x.windows(2).all(|two| two[0] < two[1]));
    }
}
