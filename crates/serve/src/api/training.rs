//! How a model learned. `GET /api/training`: the training that this program does, as server-sent
//! events. `POST /api/training/history`: what was kept of a training that is over.

use axum::{
    Json, Router, extract,
    response::IntoResponse,
    routing::{get, post},
};
use lookback_train::Directory;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{ask::Ask, events::events, refuse::Result, state::State};

/// Most steps whose losses are sent.
const POINTS: usize = 500;

pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/api/training", get(training))
        .route("/api/training/history", post(history))
}

async fn training(extract::State(state): extract::State<State>) -> impl IntoResponse {
    events(|tell| state.training.watch(tell))
}

#[derive(Deserialize)]
struct Whose {
    model: Option<String>,
}

async fn history(
    extract::State(state): extract::State<State>,
    Ask(whose): Ask<Whose>,
) -> Result<Json<Value>> {
    let open = state.models.find(whose.model.as_deref())?;
    let lines = state.slowly(move || read(&open.path)).await?;
    let losses = points(&lines, "training_loss");
    let judged = points(&lines, "validation_loss");
    let last = |points: &[Value]| points.last().and_then(|point| point["step"].as_u64());
    Ok(Json(json!({
        "steps": last(&losses).max(last(&judged)),
        "losses": losses,
        "judged": judged,
        "able": able(&lines),
    })))
}

/// The lines of a run's metrics; none of a model that was trained elsewhere.
fn read(path: &std::path::Path) -> Vec<Value> {
    Directory::begun(path).map(|directory| directory.read_metrics()).unwrap_or_default()
}

/// What the model could do after steps of which it was asked.
fn able(lines: &[Value]) -> Vec<Value> {
    lines.iter().filter(|line| line["look_ups"].is_number()).cloned().collect()
}

/// Steps and losses, at most so many, the last among them.
fn points(lines: &[Value], of: &str) -> Vec<Value> {
    let point = |line: &Value| {
        let (step, loss) = (line["step"].as_u64()?, line[of].as_f64()?);
        Some(json!({ "step": step, "loss": loss }))
    };
    let all: Vec<Value> = lines.iter().filter_map(point).collect();
    let every = all.len().div_ceil(POINTS).max(1);
    let is_kept = |at: &usize| (all.len() - 1 - at).is_multiple_of(every);
    (0..all.len()).filter(is_kept).map(|at| all[at].clone()).collect()
}
