//! `POST /api/context`: a head's weighted sum for one token, term by term.
//!
//! `{prompt…, "layer", "head", "token", "most"}` to a `lens::SourceContributions`.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{SourceContributions, source_contributions};
use serde::Deserialize;

use crate::{
    ask::Ask,
    prompt::Prompt,
    refuse::{Refused, Result},
    state::State,
};

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/context", post(answer))
}

#[derive(Deserialize)]
struct Question {
    #[serde(flatten)]
    prompt: Prompt,
    layer: usize,
    head: usize,
    token: usize,
    /// Terms that are written out; the others are counted together.
    most: usize,
}

async fn answer(
    extract::State(state): extract::State<State>,
    Ask(question): Ask<Question>,
) -> Result<Json<SourceContributions>> {
    let Question { prompt, layer, head, token, most } = question;
    let asked = state.ask(&prompt).await?;
    let layers = asked.open.config().layers;
    if layer >= layers {
        return Err(Refused::asked(format!(
            "there is no layer {layer}; this model's layers are 0 to {}",
            layers - 1
        )));
    }
    let pass = state.passes.sites(&asked, &SourceContributions::sites(layer)).await?;
    let network = asked.open.weights.network();
    Ok(Json(source_contributions(&pass, network, [layer, head, token], most)?))
}
