//! How a model learned. `GET /api/training`: the training that this program does, as server-sent
//! events. `POST /api/training/history`: what was kept of a training that is over.
//! `POST /api/training/copying`: which head looks answers up in the text before.

use axum::{
    Json, Router, extract,
    response::IntoResponse,
    routing::{get, post},
};
use lookback_engine::ThreadPool;
use lookback_lens::{SiteFilter, answer_attention, trace};
use lookback_text::{
    Specials,
    tinytown::{Kind, questions},
};
use lookback_train::Directory;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error_response::{ErrorResponse, Result},
    events::events,
    json_request::JsonRequest,
    models::ServedModel,
    state::AppState,
};

/// Most steps whose losses are sent.
const POINTS: usize = 500;
/// Seed of the questions that heads are watched at, and how many there are.
const QUESTIONS: (u64, usize) = (11, 24);

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/training", get(training))
        .route("/api/training/history", post(history))
        .route("/api/training/copying", post(copying_head_handler))
}

async fn training(extract::State(state): extract::State<AppState>) -> impl IntoResponse {
    events(|sender| state.training.stream(sender))
}

#[derive(Deserialize)]
struct ModelRequest {
    model: Option<String>,
}

async fn history(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<ModelRequest>,
) -> Result<Json<Value>> {
    let model = state.models.find(request.model.as_deref())?;
    let lines = state.run_blocking(move || read(&model.path)).await?;
    let losses = points(&lines, "training_loss");
    let judged = points(&lines, "validation_loss");
    let last = |points: &[Value]| points.last().and_then(|point| point["step"].as_u64());
    Ok(Json(json!({
        "steps": last(&losses).max(last(&judged)),
        "losses": losses,
        "judged": judged,
        "able": abilities(&lines),
        "samples": samples(&lines),
    })))
}

/// The lines of a run's metrics; none of a model that was trained elsewhere.
fn read(path: &std::path::Path) -> Vec<Value> {
    Directory::existing(path).map(|directory| directory.read_metrics()).unwrap_or_default()
}

/// What the model could do after steps of which it was asked.
fn abilities(lines: &[Value]) -> Vec<Value> {
    lines.iter().filter(|line| line["look_ups"].is_number()).cloned().collect()
}

/// Texts that the model wrote while it was trained.
fn samples(lines: &[Value]) -> Vec<Value> {
    let sample = |line: &Value| {
        let text = line["sample"].as_str()?;
        Some(json!({ "step": line["step"].as_u64()?, "text": text }))
    };
    lines.iter().filter_map(sample).collect()
}

/// Steps and losses, at most so many, the last among them.
fn points(lines: &[Value], key: &str) -> Vec<Value> {
    let point = |line: &Value| {
        let (step, loss) = (line["step"].as_u64()?, line[key].as_f64()?);
        Some(json!({ "step": step, "loss": loss }))
    };
    let all: Vec<Value> = lines.iter().filter_map(point).collect();
    let every = all.len().div_ceil(POINTS).max(1);
    let is_kept = |at: &usize| (all.len() - 1 - at).is_multiple_of(every);
    (0..all.len()).filter(is_kept).map(|at| all[at].clone()).collect()
}

/// Tinytown's look-ups are put to the model; the head is the one that has most of its weight on the
/// answer, where it stands in the text before.
async fn copying_head_handler(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<ModelRequest>,
) -> Result<Json<Value>> {
    let model = state.models.find(request.model.as_deref())?;
    state.passes.with_compute_lock(move |pool| copying_head(&model, pool)).await?.map(Json)
}

fn copying_head(model: &ServedModel, pool: &ThreadPool) -> Result<Value> {
    let config = model.config();
    let (seed, each) = QUESTIONS;
    let look_ups =
        questions(seed, each).into_iter().filter(|question| question.kind == Kind::LookupEasy);
    let mut sums = vec![0.0; config.layers * config.heads];
    let (mut question_count, mut shown) = (0, None);
    for question in look_ups {
        let ids = model.tokenizer.encode(&question.prompt, Specials::Text)?;
        let answer = model.tokenizer.encode_bare(&question.answer, Specials::Text)?;
        let Some(&answer) = answer.first().filter(|id| ids.contains(id)) else { continue };
        if ids.len() > config.context {
            continue;
        }
        let patterns = SiteFilter::parse("blocks.*.attn.pattern")?;
        let trace = trace(&model.weights, pool, &ids, &patterns)?;
        for (sum, weight) in sums.iter_mut().zip(answer_attention(&trace, config, answer)?) {
            *sum += weight;
        }
        question_count += 1;
        let key = ids.iter().rposition(|id| *id == answer);
        shown = Some((question.prompt, ids.len() - 1, key));
    }
    let best = (0..sums.len()).max_by(|&a, &b| sums[a].total_cmp(&sums[b]).then(b.cmp(&a)));
    let (Some(best), Some((prompt, token, key))) = (best, shown) else {
        return Err(ErrorResponse::bad_request(format!(
            "{} cannot read Tinytown's questions",
            model.name
        )));
    };
    Ok(json!({
        "layer": best / config.heads,
        "head": best % config.heads,
        "weight": sums[best] / f64::from(question_count),
        "questions": question_count,
        "prompt": prompt,
        "token": token,
        "key": key,
    }))
}
