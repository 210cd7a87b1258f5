//! `POST /api/weights`: one row of a layer's matrix at work at a token, and the whole matrix at a glance.
//!
//! `{prompt…, "layer", "token", "matrix": "q", "row": 0}` to a `lens::MatrixRow` and a `lens::MatrixSummary`, with all
//! `"matrices"` that work on the token. A matrix depends on no prompt, so those that were asked about last are
//! remembered.

use axum::{Json, Router, extract, routing::post};
use lookback_engine::Compute;
use lookback_files::Refusal;
use lookback_lens::{MatrixSummary, layer_matrices, matrix_row, matrix_sites};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{error_response::Result, json_request::JsonRequest, prompt::Prompt, state::AppState};

/// Cells of the picture, a side.
const SIDE: usize = 64;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/weights", post(answer))
}

#[derive(Deserialize)]
struct WeightsRequest {
    #[serde(flatten)]
    prompt: Prompt,
    layer: usize,
    token: usize,
    /// The first of those that work on the token where it is left out.
    matrix: Option<String>,
    #[serde(default)]
    row: usize,
}

async fn answer(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<WeightsRequest>,
) -> Result<Json<Value>> {
    let WeightsRequest { prompt, layer, token, matrix, row } = request;
    let input = state.model_input(&prompt).await?;
    input.check_layer(layer)?;
    let pass = state.passes.sites(&input, &matrix_sites(input.model.config(), layer)).await?;
    let answers = state.answers.clone();
    let answer = state.passes.with_compute_lock(move |_| {
        let weights = &input.model.weights;
        let matrices = layer_matrices(&pass, weights.network(), layer, token)?;
        let name = matrix.as_deref().unwrap_or(&matrices[0].name);
        let made = matrix_row(&pass, weights, [layer, token], &matrices, (name, row))?;
        let question = ("weights", input.model.weights_id(), json!([layer, name]));
        let summary = answers.find(&question).unwrap_or_else(|| {
            let chosen = matrices.iter().find(|matrix| matrix.name == made.matrix);
            let summary = json!(chosen.map(|matrix| MatrixSummary::new(weights, matrix, SIDE)));
            answers.remember(question, summary.clone());
            summary
        });
        let mut object = json!(made);
        object["matrices"] = json!(matrices);
        object["histogram"] = summary["histogram"].clone();
        object["picture"] = summary["picture"].clone();
        // In bf16 the engine adds in another order, see `docs/arithmetic.md`.
        object["compute"] = json!(match weights.compute() {
            Compute::F32 => "f32",
            Compute::Bf16 => "bf16",
        });
        Ok::<_, Refusal>(object)
    });
    Ok(Json(answer.await??))
}
