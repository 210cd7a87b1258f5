//! A chat that reads only what is new in each turn answers as one that reads everything anew.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{self, CONTEXT};
use lookback_engine::{Session, ThreadPool, Weights};
use lookback_files::Result;
use lookback_generate::{
    context_window::ContextWindow,
    repeat::{Continuation, GenerationLimits, LanguageModel},
    sample::{SamplerChain, Settings},
};
use lookback_text::TokenId;

/// A session that remembers the bits of what it said, and how much it read.
struct Overheard<'a> {
    session: Session<&'a Weights, &'a ThreadPool>,
    said: Vec<u32>,
    tokens_read: usize,
}

impl LanguageModel for Overheard<'_> {
    fn truncate(&mut self, tokens: usize) {
        self.session.truncate(tokens);
    }

    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        self.tokens_read += ids.len();
        let logits = self.session.read(ids)?;
        self.said.extend(logits.iter().map(|logit| logit.to_bits()));
        Ok(logits)
    }
}

/// The whole text after each turn, and the reader.
fn chat<'a>(
    weights: &'a Weights,
    pool: &'a ThreadPool,
    beginning: Option<TokenId>,
    anew: bool,
) -> (Vec<Vec<TokenId>>, Overheard<'a>) {
    let session = Session::new(weights, pool, CONTEXT);
    let mut reader = Overheard { session, said: Vec::new(), tokens_read: 0 };
    let mut sampler = SamplerChain::new(&Settings::plain(7)).unwrap();
    let mut window = ContextWindow::new(CONTEXT, Vec::new(), beginning);
    let mut texts = Vec::new();
    let mut text: Vec<TokenId> = beginning.into_iter().collect();
    for turn in 0..9 {
        // What is said next; and the last token of the answer is spelled differently.
        text.pop();
        text.extend((0..20).map(|at| TokenId((turn * 7 + at * 3) % 50)));
        if anew {
            window = ContextWindow::new(CONTEXT, text, beginning);
        } else {
            window.set_text(text);
        }
        let mut answer =
            Continuation::new(reader, window, sampler, GenerationLimits::new(15)).unwrap();
        answer.try_for_each(|id| id.map(drop)).unwrap();
        (reader, window, sampler) = answer.into_parts();
        text = window.ids().to_vec();
        texts.push(text.clone());
    }
    (texts, reader)
}

#[test]
fn a_chat_that_reads_only_what_is_new_says_the_same_to_the_bit() {
    let pool = ThreadPool::single_threaded();
    let weights = fixture::weights(&pool);
    for beginning in [None, Some(TokenId(1))] {
        let (texts, on) = chat(&weights, &pool, beginning, false);
        let (texts_anew, anew) = chat(&weights, &pool, beginning, true);
        assert!(texts == texts_anew && on.said == anew.said);
        assert!(texts.last().unwrap().len() > CONTEXT, "the text outgrows the context");
        assert!(on.tokens_read * 2 < anew.tokens_read, "{} {}", on.tokens_read, anew.tokens_read);
    }
}
