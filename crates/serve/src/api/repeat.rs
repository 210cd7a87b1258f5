//! `POST /api/repeat`: a text written token by token, as server-sent events.
//!
//! A request gives the whole text: the prompt, and the tokens `behind` that stand behind it already. So
//! pausing is closing the connection, rewinding is leaving tokens out, and branching is putting
//! another one in. The first event, `begin`, has the text; each `turn` (a decode step) what may follow it and what
//! the seed draws, which the next step has appended; `end` why nothing more comes.
//!
//! The t-th token behind the prompt is the t-th draw of the seed, wherever a text was broken off: the
//! text is the one that `lookback generate` writes. The pool is taken for one step at a time, so that
//! other figures come in between, and a client that goes away ends its work within a step.

mod text;

use std::time::Duration;

use axum::{Router, extract, response::IntoResponse, routing::post};
use lookback_engine::ThreadPool;
use lookback_generate::{
    decode_step::{DecodeOptions, DecodeStep, decode_step},
    sample::SamplerChain,
};
use serde::Deserialize;
use serde_json::{Value, json};
use text::Text;

use crate::{
    error_response::{ErrorResponse, Result},
    events::{EventSender, events},
    json_request::JsonRequest,
    prefix_caches::{self, SharedCache},
    prompt::Prompt,
    sampling_parameters::SamplingParameters,
    state::AppState,
};

/// Tokens that one request may have written, and that may stand behind a prompt.
const MAX_TOKENS: usize = 16_384;
/// Alternatives in the event of a decode step.
const MAX_ALTERNATIVES: usize = 64;
/// The longest pause between decode steps.
const MAX_PAUSE_MS: u64 = 10_000;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/repeat", post(repeat))
}

#[derive(Deserialize)]
struct RepeatRequest {
    #[serde(flatten)]
    prompt: Prompt,
    #[serde(flatten)]
    sampling: SamplingParameters,
    /// Tokens behind the prompt.
    #[serde(default)]
    behind: Vec<u32>,
    /// Mirostat's bound, from the event of the decode step that is continued.
    bound: Option<f64>,
    /// How many tokens to append at most; 0 tells only what may follow.
    #[serde(default)]
    tokens: usize,
    /// Alternatives in the event of each decode step.
    #[serde(default = "eight")]
    alternatives: usize,
    /// Whether each text is read without a cache too.
    #[serde(default)]
    afresh: bool,
    /// Milliseconds to wait between decode steps, so that they can be read.
    #[serde(default)]
    pause: u64,
}

fn eight() -> usize {
    8
}

async fn repeat(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<RepeatRequest>,
) -> Result<impl IntoResponse> {
    if request.tokens.max(request.behind.len()) > MAX_TOKENS {
        return Err(ErrorResponse::bad_request(format!(
            "one request may write {MAX_TOKENS} tokens behind as many, not {} behind {}",
            request.tokens,
            request.behind.len()
        )));
    }
    // Refused before anything is read.
    SamplerChain::new(&request.sampling.settings()?)?;
    let input = state.model_input(&request.prompt).await?;
    let mut sampler = SamplerChain::new(&request.sampling.settings_for(&input.model)?)?;
    input.model.config().check_ids("token", request.behind.iter().copied())?;
    sampler.skip(request.behind.len());
    if let Some(bound) = request.bound {
        sampler.set_mirostat_mu(bound);
    }
    let text = Text::new(input, &request.behind);
    let begin = text.begin();
    let generation = Generation {
        cache: state.prefix_caches.get_or_create(
            &text.input,
            state.passes.threads(),
            state.passes.free(),
        )?,
        shown: DecodeOptions {
            alternatives: request.alternatives.min(MAX_ALTERNATIVES),
            compares_uncached: request.afresh,
        },
        state,
        text,
        sampler,
    };
    let (tokens, pause) = (request.tokens, Duration::from_millis(request.pause.min(MAX_PAUSE_MS)));
    Ok(events(move |sender| generation.run(sender, begin, tokens, pause)))
}

/// A text on its way.
struct Generation {
    state: AppState,
    cache: SharedCache,
    shown: DecodeOptions,
    text: Text,
    sampler: SamplerChain,
}

impl Generation {
    /// Sends all events; ends early when the client has gone.
    async fn run(mut self, sender: EventSender, begin: Value, tokens: usize, pause: Duration) {
        if sender.send(begin).await.is_err() {
            return;
        }
        let end = match self.decode_steps(&sender, tokens, pause).await {
            Ok(None) => return,
            Ok(Some(finish)) => json!({ "type": "end", "finish": finish }),
            Err(refused) => json!({
                "type": "refused",
                "error": refused.sentence(),
                "kind": refused.kind().name(),
            }),
        };
        // A client that has gone does not get the last event.
        drop(sender.send(end).await);
    }

    /// Why it ended; `None` if the client went away.
    async fn decode_steps(
        &mut self,
        sender: &EventSender,
        tokens: usize,
        pause: Duration,
    ) -> Result<Option<&'static str>> {
        for written in 0..=tokens {
            if self.text.is_over() {
                return Ok(Some("stop"));
            }
            let bound = self.sampler.mirostat_mu();
            let step = tokio::select! {
                () = sender.closed() => return Ok(None),
                step = self.decode_step() => step?,
            };
            if sender.send(self.text.event(&step, bound)).await.is_err() {
                return Ok(None);
            }
            if written < tokens {
                self.text.push(step.drawn);
                tokio::select! {
                    () = sender.closed() => return Ok(None),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
        Ok(Some("length"))
    }

    /// One decode step, for which the pool is taken and given back.
    async fn decode_step(&mut self) -> Result<DecodeStep> {
        let (model, cache, shown) = (self.text.input.model.clone(), self.cache.clone(), self.shown);
        let (window, mut sampler) = (self.text.window(), self.sampler.clone());
        if self.text.input.edits.names_positions() && window.discarded() > 0 {
            return Err(ErrorResponse::bad_request(
                "the text has outgrown the context, and an edit names some of its tokens, which would \
                 move; shorten the prompt",
            ));
        }
        let work = move |pool: &ThreadPool| {
            let mut branches = prefix_caches::lock(&cache);
            let step =
                decode_step(&mut branches, &model.weights, pool, &window, &mut sampler, shown)?;
            Ok((step, sampler))
        };
        let done: lookback_files::Result<_> = self.state.passes.with_compute_lock(work).await?;
        let (step, sampler) = done?;
        self.sampler = sampler;
        Ok(step)
    }
}
