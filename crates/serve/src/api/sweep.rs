//! `POST /api/sweep`: activation patching, path patching or ablation at every place of a grid.
//!
//! `{prompt…, "corrupt": text, "over": ["resid_pre"], "metric", "answer": id, "wrong": id, "agree": false,
//! "attribution": false, "edits", "variant"}`, with `"over": ["path"]` also `"senders": "heads", "receivers": "logits",
//! "recompute_mlps": false`, or `{prompt…, "ablate": "mean" | "zero"}` to the report of the library. With
//! `"stream": true` as server-sent events: what it takes, how many passes are done, and the report. A client that goes
//! away ends its sweep, either way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Json, Router, extract,
    response::{IntoResponse, Response},
    routing::post,
};
use lookback_files::Refusal;
use lookback_lens::{LocalFiles, NoFiles, SweepMetric};
use lookback_model::TokenId;
use lookback_open::{AblationQuery, Model, SweepQuery};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::error::TrySendError;

use crate::{
    api::stream::pieces,
    error_response::{ErrorResponse, Result},
    events::{EventSender, events},
    json_request::JsonRequest,
    prompt::{ModelInput, Prompt},
    state::AppState,
};

/// Tokens of a prompt, at most.
const MAX_TOKENS: usize = 64;
/// Kinds of a sweep, and changed passes of all of them, at most: nothing else is computed meanwhile.
const MAX_KINDS: usize = 16;
const MAX_CHANGES: usize = 10_000;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/sweep", post(sweep))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ablation {
    Mean,
    Zero,
}

#[derive(Deserialize)]
struct SweepRequest {
    #[serde(flatten)]
    prompt: Prompt,
    /// The prompt that is patched into.
    corrupt: Option<String>,
    /// Takes heads and MLPs out instead.
    ablate: Option<Ablation>,
    #[serde(default)]
    over: Vec<String>,
    /// The two sets of path patching.
    senders: Option<String>,
    receivers: Option<String>,
    #[serde(default)]
    recompute_mlps: bool,
    metric: Option<String>,
    answer: Option<u32>,
    wrong: Option<u32>,
    /// Predicts every change as well.
    #[serde(default)]
    agree: bool,
    /// Predicts them alone.
    #[serde(default)]
    attribution: bool,
    /// Tells how far it is.
    #[serde(default)]
    stream: bool,
}

async fn sweep(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<SweepRequest>,
) -> Result<Response> {
    let input = checked_input(&state, &request.prompt).await?;
    let corrupted = match (&request.corrupt, request.ablate) {
        (Some(text), None) => {
            let prompt = Prompt { prompt: text.clone(), ..request.prompt.clone() };
            Some(checked_input(&state, &prompt).await?)
        }
        (None, Some(_)) => None,
        _ => {
            return Err(ErrorResponse::bad_request("give either corrupt or ablate"));
        }
    };
    if request.over.len() > MAX_KINDS {
        return Err(ErrorResponse::bad_request(format!("over takes at most {MAX_KINDS} kinds")));
    }
    let is_streamed = request.stream;
    // Its edits may need passes of their own.
    let planned = {
        let state = state.clone();
        move |_: &_| Sweep::new(&state, request, input, corrupted)
    };
    let sweep = state.passes.with_compute_lock(planned).await??;
    if is_streamed {
        return Ok(events(move |sender| sweep.tell(state, sender)).into_response());
    }
    let gone = Gone::default();
    let flag = gone.0.clone();
    let counted = state.changed_passes.clone();
    let run = move |_: &_| {
        sweep.report(&mut |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            if flag.load(Ordering::Relaxed) { Err(gone_away()) } else { Ok(()) }
        })
    };
    let report = state.passes.with_compute_lock(run).await??;
    Ok(Json(report).into_response())
}

/// Tells the work of a request, which is dropped where its client goes away, that no client waits for it.
#[derive(Default)]
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn gone_away() -> Refusal {
    Refusal::interrupt("the client has gone away")
}

/// What is asked of the library.
enum Query {
    Patching(SweepQuery),
    Ablation(AblationQuery),
}

/// A sweep that is to be made, with the tokens of its positions.
struct Sweep {
    query: Query,
    shown: ModelInput,
    bytes: usize,
    changes: usize,
}

impl Sweep {
    fn new(
        state: &AppState,
        request: SweepRequest,
        input: ModelInput,
        corrupted: Option<ModelInput>,
    ) -> Result<Self> {
        let model: &Model = &input.model;
        let metric = request.metric.as_deref().map(str::parse::<SweepMetric>).transpose()?;
        let [answer, wrong] = [request.answer, request.wrong].map(|id| id.map(TokenId));
        let own = request.prompt.given.interventions()?;
        let variant = state.variant.and(request.prompt.given.variant);
        let Some(corrupted) = corrupted else {
            let is_zero = matches!(request.ablate, Some(Ablation::Zero));
            let mut query = model.ablate(&input.ids).zero(is_zero).variant(variant);
            query = query.interventions(&state.interventions, &LocalFiles);
            query = query.interventions(&own, &NoFiles);
            query = answer.into_iter().fold(query, AblationQuery::answer);
            query = wrong.into_iter().fold(query, AblationQuery::wrong);
            query = metric.into_iter().fold(query, AblationQuery::metric);
            let config = model.config();
            let (bytes, changes) = (query.bytes(), config.layers * (config.heads + 1));
            return Ok(Self { query: Query::Ablation(query), shown: input, bytes, changes });
        };
        let mut query = model.sweep(&input.ids, &corrupted.ids).variant(variant);
        query = query.interventions(&state.interventions, &LocalFiles);
        query = query.interventions(&own, &NoFiles);
        query = answer.into_iter().fold(query, SweepQuery::answer);
        query = wrong.into_iter().fold(query, SweepQuery::wrong);
        query = metric.into_iter().fold(query, SweepQuery::metric);
        let usual = [String::from("resid_pre")];
        let kinds = if request.over.is_empty() { &usual[..] } else { &request.over };
        let has_sets =
            request.senders.is_some() || request.receivers.is_some() || request.recompute_mlps;
        if has_sets && !kinds.iter().any(|kind| kind == "path") {
            return Err(ErrorResponse::bad_request(
                "senders, receivers and recompute_mlps belong to the kind path; name it in over",
            ));
        }
        for kind in kinds {
            query = match &kind[..] {
                "path" => {
                    let senders = request.senders.as_deref().unwrap_or("heads");
                    let receivers = request.receivers.as_deref().unwrap_or("logits");
                    query.over_paths(senders, receivers, request.recompute_mlps)?
                }
                kind => query.over(kind)?,
            };
        }
        query = match (request.attribution, request.agree) {
            (true, _) => query.attribution_alone(),
            (false, true) => query.attribution(),
            (false, false) => query,
        };
        let (bytes, changes) = query.plan();
        if changes > MAX_CHANGES {
            return Err(ErrorResponse::bad_request(format!(
                "{changes} changed passes are more than the {MAX_CHANGES} of one request; sweep over fewer \
                 kinds, or ask for their attribution"
            )));
        }
        Ok(Self { query: Query::Patching(query), shown: corrupted, bytes, changes })
    }

    /// The report of the library, with the tokens of the positions.
    fn report(
        &self,
        each: &mut dyn FnMut(usize, usize) -> lookback_files::Result<()>,
    ) -> lookback_files::Result<Value> {
        let mut report = match &self.query {
            Query::Patching(query) => json!(query.report(each)?),
            Query::Ablation(query) => json!(query.report(each)?),
        };
        let ids = || self.shown.ids.iter().map(|id| id.0);
        report["ids"] = json!(ids().collect::<Vec<_>>());
        report["pieces"] = json!(pieces(&self.shown.model.tokenizer, ids()));
        Ok(report)
    }

    /// Sends what it takes, how far it is, and the report; ends early when the client has gone.
    async fn tell(self, state: AppState, sender: EventSender) {
        let plan = json!({ "type": "plan", "passes": self.changes, "bytes": self.bytes });
        if sender.send(plan).await.is_err() {
            return;
        }
        let progress = sender.clone();
        let counted = state.changed_passes.clone();
        let run = move |_: &_| {
            self.report(&mut |done, of| {
                counted.fetch_add(1, Ordering::Relaxed);
                let event = json!({ "type": "progress", "done": done, "of": of });
                // A client that reads slowly is not told of every pass.
                match progress.try_send(event) {
                    Ok(()) | Err(TrySendError::Full(_)) => Ok(()),
                    Err(TrySendError::Closed(_)) => Err(gone_away()),
                }
            })
        };
        let made = tokio::select! {
            // It hears of that at the next pass.
            () = sender.closed() => return,
            made = state.passes.with_compute_lock(run) => made,
        };
        let last = match made.and_then(|made| Ok(made?)) {
            Ok(report) => json!({ "type": "end", "report": report }),
            Err(refused) => json!({
                "type": "refused",
                "error": refused.sentence(),
                "kind": refused.kind().name(),
            }),
        };
        // A client that has gone does not get the last event.
        drop(sender.send(last).await);
    }
}

/// A prompt that is short enough.
pub(crate) async fn checked_input(state: &AppState, prompt: &Prompt) -> Result<ModelInput> {
    let input = state.unedited_input(prompt).await?;
    let tokens = input.ids.len();
    if tokens <= MAX_TOKENS {
        return Ok(input);
    }
    Err(ErrorResponse::bad_request(format!(
        "{tokens} tokens are more than the {MAX_TOKENS} that are swept over; shorten the prompt"
    )))
}
