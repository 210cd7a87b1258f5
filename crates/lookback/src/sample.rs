//! A short sample of what a model says while it learns.

use std::sync::atomic::Ordering;

use lookback_engine::{Session, Team, Weights};
use lookback_files::Result;
use lookback_generate::sample::{Sampler, Settings};
use lookback_model::TokenId;
use lookback_text::Tokenizer;

use crate::interrupt;

/// Tokens of a sample.
const TOKENS: usize = 48;

/// About a line of text from the beginning-of-text token, or from the first token, on one line. Asked to
/// end, it is as long as it is by then.
pub(crate) fn short(weights: &Weights, team: &Team, tokenizer: &Tokenizer) -> Result<String> {
    let context = weights.network().config.context;
    let mut session = Session::new(weights, team, context);
    let mut sampler = Sampler::new(&Settings { temperature: 0.8, ..Settings::plain(1) })?;
    let mut ids = vec![tokenizer.beginning().unwrap_or(TokenId(0))];
    let mut decoder = tokenizer.decoder().without_specials();
    let mut text = String::new();
    let stop = interrupt::flag()?;
    for _ in 0..TOKENS.min(context - 1) {
        let id = sampler.next(session.read(&ids[ids.len() - 1..])?, &ids)?;
        if Some(id) == tokenizer.end() || stop.load(Ordering::Relaxed) {
            break;
        }
        text.push_str(&decoder.push(id));
        ids.push(id);
    }
    Ok(text.trim().replace('\n', " / "))
}
