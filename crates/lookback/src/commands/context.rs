//! How much of a text is read at once, and what is said where that is not all of it.

use std::num::NonZeroUsize;

use clap::Args;
use lookback::Model;
use lookback_engine::Session;
use lookback_files::{Refusal, Result};
use lookback_generate::context_window::ContextWindow;

use crate::print::Print;

/// Positions that a chat's cache has from the beginning, where the model and the memory allow it.
const FIRST: usize = 8192;

/// The positions of the cache.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Context {
    /// Reads so many tokens of a text at once, and not as many as the model can.
    #[arg(long, value_name = "N")]
    context: Option<NonZeroUsize>,
}

impl Context {
    /// Tokens that are read at once at most.
    pub(crate) fn tokens(self, model: &Model) -> Result<usize> {
        let context = model.config().context;
        match self.context.map(NonZeroUsize::get) {
            Some(asked) if asked > context => Err(Refusal::user(format!(
                "--context {asked}: this model reads {context} tokens at once at most"
            ))),
            asked => Ok(asked.unwrap_or(context)),
        }
    }
}

/// A session for a chat, which has `tokens` tokens now and at most `most`: with room for more turns, if
/// there is the memory.
pub(crate) fn roomy_session(model: &Model, tokens: usize, most: usize) -> Result<Session> {
    let roomy = most.min(FIRST.max(2 * tokens));
    model.session(roomy).or_else(|_| model.session(tokens.min(most)))
}

/// Says that a prompt is longer than what is read of it.
pub(crate) fn say_cut(window: &ContextWindow, most: usize, print: &mut Print) {
    let (tokens, cut) = (window.ids().len(), window.discarded());
    if cut > 0 {
        print.say(&format!(
            "the prompt has {tokens} tokens, and {most} are read at once: its first {cut} are left out"
        ));
    }
}

/// Says that the context was full while the tokens behind a prompt of so many were written.
pub(crate) fn say_full(window: &ContextWindow, prompt: usize, most: usize, print: &mut Print) {
    let forgotten = forgotten_at_the_end(window);
    if forgotten > window.discarded_of(prompt) {
        let written = most.saturating_sub(prompt);
        print.say(&format!(
            "after {written} more tokens the context of {most} was full, and its older half was left \
             out; the last token was written without the first {forgotten} of the text"
        ));
    }
}

/// Tokens that the last one was written without.
pub(crate) fn forgotten_at_the_end(window: &ContextWindow) -> usize {
    window.discarded_of(window.ids().len().saturating_sub(1))
}
