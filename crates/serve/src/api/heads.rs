//! `POST /api/heads`: the scores of all heads; `POST /api/heads/steps`: those of each whole snapshot of a run, as
//! server-sent events; `POST /api/neurons`: what makes neurons fire.
//!
//! `{"model", "text", "sequences": 64, "tokens": 64}`, over the built-in corpus where there is no text. They depend on no
//! prompt, so the scores of the models that were asked about last are remembered.

use std::{path::PathBuf, sync::Arc};

use axum::{Json, Router, extract, response::IntoResponse, routing::post};
use lookback_files::Refusal;
use lookback_open::{HeadsQuery, Model};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error_response::{ErrorResponse, Result},
    events::{EventSender, events},
    json_request::JsonRequest,
    models::ServedModel,
    pass_cache::SharedComputeLock,
    state::AppState,
};

/// Neurons of each layer, and pairs of heads, at most.
const MAX_COUNT: usize = 64;
/// Sequences that a request reads, and tokens of each, at most.
const MAX_SEQUENCES: usize = 128;
const MAX_SEQUENCE_TOKENS: usize = 128;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/heads", post(heads))
        .route("/api/heads/steps", post(steps))
        .route("/api/neurons", post(neurons))
}

#[derive(Clone, Debug, Deserialize)]
struct SequencesRequest {
    model: Option<String>,
    text: Option<String>,
    #[serde(default = "half_of_most")]
    sequences: usize,
    #[serde(default = "half_of_most")]
    tokens: usize,
    /// Neurons of each layer.
    #[serde(default = "few")]
    neurons: usize,
    /// Pairs of heads that compose most.
    #[serde(default)]
    composition: usize,
    #[serde(default)]
    raw: bool,
}

fn half_of_most() -> usize {
    64
}

fn few() -> usize {
    5
}

impl SequencesRequest {
    fn check(&self) -> Result<()> {
        let is_much = self.sequences > MAX_SEQUENCES || self.tokens > MAX_SEQUENCE_TOKENS;
        if is_much || self.neurons > MAX_COUNT || self.composition > MAX_COUNT {
            return Err(ErrorResponse::bad_request(format!(
                "at most {MAX_SEQUENCES} sequences of {MAX_SEQUENCE_TOKENS} tokens, {MAX_COUNT} neurons of \
                 each layer and {MAX_COUNT} pairs"
            )));
        }
        Ok(())
    }

    fn query(&self, model: &Model) -> HeadsQuery {
        let query = model.heads().sequences(self.sequences).tokens(self.tokens).raw(self.raw);
        let query = query.composition(self.composition);
        self.text.iter().fold(query, |query, text| query.text(text))
    }
}

/// Makes an answer, or takes the one that is remembered. Between two sequences other requests compute.
async fn answered(
    state: &AppState,
    route: &'static str,
    request: SequencesRequest,
    work: impl FnOnce(&HeadsQuery, &mut SharedComputeLock) -> lookback_files::Result<Value>
    + Send
    + 'static,
) -> Result<Json<Value>> {
    request.check()?;
    let model = state.models.find(request.model.as_deref())?;
    let question = (model.weights_id(), format!("{route} {request:?}"));
    if let Some(known) = state.answers.find(&question) {
        return Ok(Json(known));
    }
    let answers = state.answers.clone();
    let compute = move |lock: &mut SharedComputeLock| {
        // The request before may have made it.
        if let Some(known) = answers.find(&question) {
            return Ok(known);
        }
        let answer = work(&request.query(&model), lock)?;
        answers.remember(question, answer.clone());
        Ok::<_, Refusal>(answer)
    };
    Ok(Json(state.passes.with_shared_compute_lock(compute).await??))
}

async fn heads(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<SequencesRequest>,
) -> Result<Json<Value>> {
    let work = |query: &HeadsQuery, lock: &mut SharedComputeLock| {
        let report = query.report(&mut |_, _| {
            lock.pause();
            Ok(())
        })?;
        Ok(json!(report))
    };
    answered(&state, "heads", request, work).await
}

async fn neurons(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<SequencesRequest>,
) -> Result<Json<Value>> {
    let count = request.neurons;
    let work = move |query: &HeadsQuery, lock: &mut SharedComputeLock| {
        let (layers, sequences) = query.neurons((count, 3), &mut |_, _| {
            lock.pause();
            Ok(())
        })?;
        Ok(json!({ "layers": layers, "sequences": sequences }))
    };
    answered(&state, "neurons", request, work).await
}

async fn steps(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<SequencesRequest>,
) -> Result<impl IntoResponse> {
    request.check()?;
    let model = state.models.find(request.model.as_deref())?;
    let snapshots = model.whole_snapshots();
    if snapshots.is_empty() {
        return Err(ErrorResponse::not_found(format!(
            "{}: there is no whole model of an earlier step; train with whole_snapshots=true to keep some",
            model.name
        )));
    }
    Ok(events(move |sender| async move {
        let steps: Vec<u64> = snapshots.iter().map(|(step, _)| *step).collect();
        if sender.send(json!({ "type": "begin", "steps": steps })).await.is_err() {
            return;
        }
        let end = match send_steps(&state, &model, &request, &sender, snapshots).await {
            Ok(()) => json!({ "type": "end" }),
            Err(refused) => json!({
                "type": "refused",
                "error": refused.sentence(),
                "kind": refused.kind().name(),
            }),
        };
        // A client that has gone does not get the last event.
        drop(sender.send(end).await);
    }))
}

/// An event for each snapshot, until the client goes away.
async fn send_steps(
    state: &AppState,
    model: &Arc<ServedModel>,
    request: &SequencesRequest,
    sender: &EventSender,
    snapshots: Vec<(u64, PathBuf)>,
) -> Result<()> {
    for (step, path) in snapshots {
        let (model, request) = (model.clone(), request.clone());
        let score = move |lock: &mut SharedComputeLock| {
            let snapshot = Model::options().pool(model.pool.clone()).open(&path)?;
            let query = request.query(&model).of_model(&snapshot).patterns_alone();
            query.report(&mut |_, _| {
                lock.pause();
                Ok(())
            })
        };
        let report = state.passes.with_shared_compute_lock(score).await??;
        let event = json!({ "type": "step", "step": step, "heads": report.heads });
        if sender.send(event).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
