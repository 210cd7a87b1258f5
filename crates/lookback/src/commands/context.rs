//! How much of a text is read at once, and the warning where that is not all of it.

use std::num::NonZeroUsize;

use clap::Args;
use lookback::Model;
use lookback_engine::Session;
use lookback_files::{Refusal, Result};
use lookback_generate::context_window::ContextWindow;
use lookback_model::Edits;

use crate::print::Print;

/// Positions that a chat's cache has from the beginning, where the model and the memory allow it.
const INITIAL_POSITIONS: usize = 8192;

/// The positions of the cache.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Context {
    /// Reads so many tokens of a text at once, and not as many as the model can.
    #[arg(long, value_name = "N")]
    context: Option<NonZeroUsize>,
}

impl Context {
    /// The number that was asked for.
    pub(crate) fn given(self) -> Option<usize> {
        self.context.map(NonZeroUsize::get)
    }

    /// Tokens that are read at once at most.
    pub(crate) fn tokens(self, model: &Model) -> Result<usize> {
        let context = model.config().context;
        match self.given() {
            Some(limit) if limit > context => Err(Refusal::user(format!(
                "--context {limit}: this model reads {context} tokens at once at most"
            ))),
            limit => Ok(limit.unwrap_or(context)),
        }
    }
}

/// A session for a chat, which has `tokens` tokens now and at most `max_tokens`: with room for more turns, if
/// there is the memory.
pub(crate) fn session_with_headroom(
    model: &Model,
    edits: &Edits,
    tokens: usize,
    max_tokens: usize,
) -> Result<Session> {
    let roomy = max_tokens.min(INITIAL_POSITIONS.max(2 * tokens));
    let session = |tokens| model.edited_session(tokens, edits);
    session(roomy).or_else(|_| session(tokens.min(max_tokens)))
}

/// Says that a prompt is longer than what is read of it.
pub(crate) fn warn_truncated_prompt(window: &ContextWindow, max_tokens: usize, print: &mut Print) {
    let (tokens, cut) = (window.ids().len(), window.discarded());
    if cut > 0 {
        print.warn(&format!(
            "the prompt has {tokens} tokens, and {max_tokens} are read at once: its first {cut} are left out"
        ));
    }
}

/// Says that the context was full while the tokens behind a prompt of so many were written.
pub(crate) fn warn_full_context(
    window: &ContextWindow,
    prompt: usize,
    max_tokens: usize,
    print: &mut Print,
) {
    let forgotten = final_truncation(window);
    if forgotten > window.discarded_of(prompt) {
        let written = max_tokens.saturating_sub(prompt);
        print.warn(&format!(
            "after {written} more tokens the context of {max_tokens} was full, and its older half was left \
             out; the last token was written without the first {forgotten} of the text"
        ));
    }
}

/// Tokens that the last one was written without.
pub(crate) fn final_truncation(window: &ContextWindow) -> usize {
    window.discarded_of(window.ids().len().saturating_sub(1))
}
