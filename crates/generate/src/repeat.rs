//! Sample, append, repeat: the loop that makes a text out of next tokens.
//!
//! Knows neither words nor weights: whoever reads tokens and answers with logits can be asked.

use std::{
    fmt,
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use lookback_files::{Refusal, Result, Setting};
use lookback_text::TokenId;

use crate::{sample::Sampler, window::Window};

/// A model with a memory of what it has read.
pub trait Reader {
    /// Forgets all but the first `tokens` tokens; the next token read stands after them.
    fn keep(&mut self, tokens: usize);

    /// Reads tokens after those it has read, and says what may follow the last: `[vocabulary]`.
    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]>;
}

impl Reader for lookback_engine::Session<'_> {
    fn keep(&mut self, tokens: usize) {
        self.truncate(tokens);
    }

    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        Self::read(self, ids)
    }
}

/// Where to end at the latest.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Tokens to append at most.
    pub tokens: usize,
    /// Tokens that end a text; empty to write on past them.
    pub ends: &'a [TokenId],
    /// Once it is set, nothing more is read or written.
    pub stop: Option<&'a AtomicBool>,
}

impl Limits<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// Tokens that are read between two looks at whether reading is to stop.
const PART: usize = 256;

/// Why a text ended, in the words of the usual API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// As many tokens as were asked for.
    Length,
    /// An end token, or whoever listened had enough.
    Stop,
}

impl fmt::Display for Finish {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Length => "length",
            Self::Stop => "stop",
        })
    }
}

/// Appends tokens to the window's text until something ends it. An end token is appended too, but
/// not handed to `listen`, which may break off after any other.
pub fn repeat(
    reader: &mut impl Reader,
    window: &mut Window,
    sampler: &mut Sampler,
    limits: Limits<'_>,
    mut listen: impl FnMut(TokenId) -> Result<ControlFlow<()>>,
) -> Result<Finish> {
    if window.ids().is_empty() {
        return Err(Refusal::user(format!(
            "there is nothing to write on from, and the model has no beginning-of-text token; \
             give a prompt with {}",
            Setting("prompt")
        )));
    }
    sampler.begin(window.ids().len(), limits.tokens);
    for _ in 0..limits.tokens {
        let unread = window.take_unread();
        reader.keep(unread.known);
        let began = Instant::now();
        let mut rest = &*unread.ids;
        while limits.stop.is_some() && rest.len() > PART && !limits.is_stopped() {
            reader.read(&rest[..PART])?;
            rest = &rest[PART..];
        }
        if limits.is_stopped() {
            window.unread_from(unread.known + unread.ids.len() - rest.len());
            return Ok(Finish::Stop);
        }
        let logits = reader.read(rest)?;
        if unread.ids.len() > 1 {
            let (tokens, seconds) = (unread.ids.len(), began.elapsed().as_secs_f64());
            tracing::debug!(tokens, known = unread.known, seconds, "read before the next token");
        }
        let next = sampler.next(logits, window.ids())?;
        window.push(next);
        if limits.ends.contains(&next) || listen(next)?.is_break() {
            return Ok(Finish::Stop);
        }
    }
    Ok(Finish::Length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Settings;

    /// Says that the sum of everything it remembers, modulo 7, comes next.
    #[derive(Default)]
    struct Adder {
        remembered: Vec<TokenId>,
        most: usize,
        logits: Vec<f32>,
    }

    impl Reader for Adder {
        fn keep(&mut self, tokens: usize) {
            self.remembered.truncate(tokens);
        }

        fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
            self.remembered.extend(ids);
            self.most = self.most.max(self.remembered.len());
            let next = self.remembered.iter().map(|id| id.0).sum::<u32>() % 7;
            self.logits = vec![0.0; 7];
            self.logits[next as usize] = 1.0;
            Ok(&self.logits)
        }
    }

    fn written(prompt: &[u32], limits: Limits<'_>, most_heard: usize) -> (Vec<u32>, usize, Finish) {
        let mut window = Window::new(6, prompt.iter().copied().map(TokenId).collect(), None);
        let mut sampler = Sampler::new(&Settings::greedy()).unwrap();
        let mut heard = 0;
        let listen = |_| {
            heard += 1;
            Ok(if heard < most_heard { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        };
        let mut reader = Adder::default();
        let finish = repeat(&mut reader, &mut window, &mut sampler, limits, listen).unwrap();
        assert!(reader.most <= 6);
        (window.ids().iter().map(|id| id.0).collect(), heard, finish)
    }

    #[test]
    fn each_token_follows_from_those_before_it() {
        let limits = Limits { tokens: 4, ends: &[], stop: None };
        assert_eq!(written(&[1, 2], limits, 99), (vec![1, 2, 3, 6, 5, 3], 4, Finish::Length));
    }

    #[test]
    fn an_end_token_is_appended_but_not_heard() {
        let limits = Limits { tokens: 9, ends: &[TokenId(5)], stop: None };
        assert_eq!(written(&[1, 2], limits, 99), (vec![1, 2, 3, 6, 5], 2, Finish::Stop));
    }

    #[test]
    fn whoever_listens_may_have_enough() {
        let limits = Limits { tokens: 9, ends: &[], stop: None };
        assert_eq!(written(&[1, 2], limits, 1), (vec![1, 2, 3], 1, Finish::Stop));
    }

    #[test]
    fn reading_and_writing_stop_when_told_to_and_go_on_from_there() {
        let stop = AtomicBool::new(true);
        let limits = Limits { tokens: 3, ends: &[], stop: Some(&stop) };
        let ids: Vec<TokenId> = (0..600).map(|id| TokenId(id % 5)).collect();
        let mut window = Window::new(1000, ids.clone(), None);
        let mut sampler = Sampler::new(&Settings::greedy()).unwrap();
        let mut reader = Adder::default();
        let mut listen = |_| {
            stop.store(true, Ordering::Relaxed);
            Ok(ControlFlow::Continue(()))
        };
        let finish = repeat(&mut reader, &mut window, &mut sampler, limits, &mut listen).unwrap();
        assert_eq!((finish, reader.remembered.len(), window.ids().len()), (Finish::Stop, 0, 600));
        stop.store(false, Ordering::Relaxed);
        repeat(&mut reader, &mut window, &mut sampler, limits, &mut listen).unwrap();
        assert_eq!((reader.remembered.len(), window.ids().len()), (600, 601));
        stop.store(false, Ordering::Relaxed);
        repeat(&mut reader, &mut window, &mut sampler, limits, &mut listen).unwrap();
        assert_eq!(reader.remembered, window.ids()[..601]);
    }

    #[test]
    fn a_text_that_outgrows_the_context_goes_on_as_if_read_from_the_window() {
        let limits = |tokens| Limits { tokens, ends: &[], stop: None };
        let (at_once, ..) = written(&[1, 2], limits(40), 99);
        let (first, ..) = written(&[1, 2], limits(17), 99);
        let (second, ..) = written(&first, limits(23), 99);
        assert_eq!(at_once, second);
    }

    #[test]
    fn a_text_without_a_beginning_is_refused() {
        let mut sampler = Sampler::new(&Settings::greedy()).unwrap();
        let mut window = Window::new(6, Vec::new(), None);
        let limits = Limits { tokens: 1, ends: &[], stop: None };
        let listen = |_| Ok(ControlFlow::Continue(()));
        let done = repeat(&mut Adder::default(), &mut window, &mut sampler, limits, listen);
        assert!(done.unwrap_err().to_string().ends_with("give a prompt with prompt"));
    }
}
