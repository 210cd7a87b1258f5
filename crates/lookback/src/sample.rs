//! A short sample of a model that is being trained.

use lookback_engine::{Session, ThreadPool, Weights};
use lookback_files::Result;
use lookback_generate::{
    context_window::ContextWindow,
    repeat::{Continuation, GenerationLimits},
    sample::{SamplerChain, Settings},
};
use lookback_model::TokenId;
use lookback_text::Tokenizer;

use crate::interrupt;

/// Tokens of a sample.
const TOKENS: usize = 48;

/// About a line of text from the beginning-of-text token, or from the first token, on one line. Asked to
/// end, it is as long as it is by then.
pub(crate) fn short_sample(
    weights: &Weights,
    pool: &ThreadPool,
    tokenizer: &Tokenizer,
) -> Result<String> {
    let context = weights.network().config.context;
    let session = Session::new(weights, pool, context);
    let sampler = SamplerChain::new(&Settings { temperature: 0.8, ..Settings::plain(1) })?;
    let window = ContextWindow::new(context, vec![tokenizer.bos().unwrap_or(TokenId(0))], None);
    let limits = GenerationLimits {
        max_tokens: TOKENS.min(context - 1),
        eos: tokenizer.eos().into_iter().collect(),
        stop: Some(interrupt::stop_flag()?),
    };
    let mut decoder = tokenizer.decoder().without_specials();
    let mut text = String::new();
    for id in Continuation::new(session, window, sampler, limits)? {
        text.push_str(&decoder.push(id?));
    }
    Ok(text.trim().replace('\n', " / "))
}
