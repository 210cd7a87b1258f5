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
    ask::Ask,
    events::events,
    models::Served,
    refuse::{Refused, Result},
    state::State,
};

/// Most steps whose losses are sent.
const POINTS: usize = 500;
/// Seed of the questions that heads are watched at, and how many there are.
const QUESTIONS: (u64, usize) = (11, 24);

pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/api/training", get(training))
        .route("/api/training/history", post(history))
        .route("/api/training/copying", post(copier))
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
        "samples": samples(&lines),
    })))
}

/// The lines of a run's metrics; none of a model that was trained elsewhere.
fn read(path: &std::path::Path) -> Vec<Value> {
    Directory::existing(path).map(|directory| directory.read_metrics()).unwrap_or_default()
}

/// What the model could do after steps of which it was asked.
fn able(lines: &[Value]) -> Vec<Value> {
    lines.iter().filter(|line| line["look_ups"].is_number()).cloned().collect()
}

/// What the model said on its way.
fn samples(lines: &[Value]) -> Vec<Value> {
    let sample = |line: &Value| {
        let text = line["sample"].as_str()?;
        Some(json!({ "step": line["step"].as_u64()?, "text": text }))
    };
    lines.iter().filter_map(sample).collect()
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

/// Tinytown's look-ups are put to the model; the head is the one that has most of its weight on the
/// answer, where it stands in the text before.
async fn copier(
    extract::State(state): extract::State<State>,
    Ask(whose): Ask<Whose>,
) -> Result<Json<Value>> {
    let open = state.models.find(whose.model.as_deref())?;
    state.passes.in_turn(move |pool| watched(&open, pool)).await?.map(Json)
}

fn watched(open: &Served, pool: &ThreadPool) -> Result<Value> {
    let config = open.config();
    let (seed, each) = QUESTIONS;
    let look_ups = questions(seed, each).into_iter().filter(|of| of.kind == Kind::LookupEasy);
    let mut sums = vec![0.0; config.layers * config.heads];
    let (mut asked, mut shown) = (0, None);
    for question in look_ups {
        let ids = open.tokenizer.encode(&question.prompt, Specials::Text)?;
        let answer = open.tokenizer.encode_bare(&question.answer, Specials::Text)?;
        let Some(&answer) = answer.first().filter(|id| ids.contains(id)) else { continue };
        if ids.len() > config.context {
            continue;
        }
        let patterns = SiteFilter::parse("blocks.*.attn.pattern")?;
        let trace = trace(&open.weights, pool, &ids, &patterns)?;
        for (sum, weight) in sums.iter_mut().zip(answer_attention(&trace, config, answer)?) {
            *sum += weight;
        }
        asked += 1;
        let key = ids.iter().rposition(|id| *id == answer);
        shown = Some((question.prompt, ids.len() - 1, key));
    }
    let best = (0..sums.len()).max_by(|&a, &b| sums[a].total_cmp(&sums[b]).then(b.cmp(&a)));
    let (Some(best), Some((prompt, token, key))) = (best, shown) else {
        return Err(Refused::asked(format!("{} cannot read Tinytown's questions", open.name)));
    };
    Ok(json!({
        "layer": best / config.heads,
        "head": best % config.heads,
        "weight": sums[best] / f64::from(asked),
        "questions": asked,
        "prompt": prompt,
        "token": token,
        "key": key,
    }))
}
