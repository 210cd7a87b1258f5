//! `POST /api/repeat`: a text written token by token, as server-sent events.
//!
//! A request gives the whole text: the prompt, and the tokens `behind` that stand behind it already. So
//! pausing is closing the connection, rewinding is leaving tokens out, and branching is putting
//! another one in. The first event, `begin`, tells the text; each `turn` what may follow it and what
//! the seed draws, which the next turn has appended; `end` why nothing more comes.
//!
//! The t-th token behind the prompt is the t-th draw of the seed, wherever a text was broken off: the
//! text is the one that `lookback generate` writes. The pool is asked for one turn at a time, so that
//! other figures come in between, and a client that goes away ends its work within a turn.

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
    ask::Ask,
    branches::{self, Shared},
    chain::Chain,
    events::{Tell, events},
    prompt::Prompt,
    refuse::{Refused, Result},
    state::State,
};

/// Tokens that one request may have written, and that may stand behind a prompt.
const TOKENS: usize = 16_384;
/// Alternatives that are told of a turn.
const ALTERNATIVES: usize = 64;
/// The longest pause between turns.
const PAUSE: u64 = 10_000;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/repeat", post(repeat))
}

#[derive(Deserialize)]
struct Repeat {
    #[serde(flatten)]
    prompt: Prompt,
    #[serde(flatten)]
    chain: Chain,
    /// Tokens behind the prompt.
    #[serde(default)]
    behind: Vec<u32>,
    /// Mirostat's bound, as the turn told it that these are gone on from.
    bound: Option<f64>,
    /// How many tokens to append at most; 0 tells only what may follow.
    #[serde(default)]
    tokens: usize,
    /// How many alternatives to tell of each turn.
    #[serde(default = "eight")]
    alternatives: usize,
    /// Whether each text is read without a cache too.
    #[serde(default)]
    afresh: bool,
    /// Milliseconds to wait between turns, for readers' eyes.
    #[serde(default)]
    pause: u64,
}

fn eight() -> usize {
    8
}

async fn repeat(
    extract::State(state): extract::State<State>,
    Ask(repeat): Ask<Repeat>,
) -> Result<impl IntoResponse> {
    if repeat.tokens.max(repeat.behind.len()) > TOKENS {
        return Err(Refused::asked(format!(
            "one request may write {TOKENS} tokens behind as many, not {} behind {}",
            repeat.tokens,
            repeat.behind.len()
        )));
    }
    // Refused before anything is read.
    SamplerChain::new(&repeat.chain.settings()?)?;
    let asked = state.ask(&repeat.prompt).await?;
    let mut sampler = SamplerChain::new(&repeat.chain.settings_for(&asked.open)?)?;
    asked.open.config().check_ids("token", repeat.behind.iter().copied())?;
    sampler.skip(repeat.behind.len());
    if let Some(bound) = repeat.bound {
        sampler.set_mirostat_mu(bound);
    }
    let text = Text::new(asked, &repeat.behind);
    let begin = text.begin();
    let writing = Writing {
        read: state.read.of(&text.asked.open, state.passes.threads()),
        shown: DecodeOptions {
            alternatives: repeat.alternatives.min(ALTERNATIVES),
            compares_uncached: repeat.afresh,
        },
        state,
        text,
        sampler,
    };
    let (tokens, pause) = (repeat.tokens, Duration::from_millis(repeat.pause.min(PAUSE)));
    Ok(events(move |tell| writing.tell(tell, begin, tokens, pause)))
}

/// A text on its way.
struct Writing {
    state: State,
    read: Shared,
    shown: DecodeOptions,
    text: Text,
    sampler: SamplerChain,
}

impl Writing {
    /// Tells all events; ends early when nobody listens any more.
    async fn tell(mut self, tell: Tell, begin: Value, tokens: usize, pause: Duration) {
        if tell.send(begin).await.is_err() {
            return;
        }
        let end = match self.turns(&tell, tokens, pause).await {
            Ok(None) => return,
            Ok(Some(finish)) => json!({ "type": "end", "finish": finish }),
            Err(refused) => json!({
                "type": "refused",
                "error": refused.sentence(),
                "kind": refused.kind().name(),
            }),
        };
        // Whoever left does not hear the end.
        drop(tell.send(end).await);
    }

    /// Why it ended; `None` if the client went away.
    async fn turns(
        &mut self,
        tell: &Tell,
        tokens: usize,
        pause: Duration,
    ) -> Result<Option<&'static str>> {
        for written in 0..=tokens {
            if self.text.is_over() {
                return Ok(Some("stop"));
            }
            let bound = self.sampler.mirostat_mu();
            let turn = tokio::select! {
                () = tell.closed() => return Ok(None),
                turn = self.turn() => turn?,
            };
            if tell.send(self.text.turn(&turn, bound)).await.is_err() {
                return Ok(None);
            }
            if written < tokens {
                self.text.push(turn.drawn);
                tokio::select! {
                    () = tell.closed() => return Ok(None),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
        Ok(Some("length"))
    }

    /// One turn, for which the pool is taken and given back.
    async fn turn(&mut self) -> Result<DecodeStep> {
        let (open, read, shown) = (self.text.asked.open.clone(), self.read.clone(), self.shown);
        let (window, mut sampler) = (self.text.window(), self.sampler.clone());
        let of = move |pool: &ThreadPool| {
            let mut branches = branches::lock(&read);
            let turn =
                decode_step(&mut branches, &open.weights, pool, &window, &mut sampler, shown)?;
            Ok((turn, sampler))
        };
        let done: lookback_files::Result<_> = self.state.passes.in_turn(of).await?;
        let (turn, sampler) = done?;
        self.sampler = sampler;
        Ok(turn)
    }
}
