//! Sample, append, repeat: the one loop of autoregressive generation. [`sample_next`] reads the
//! uncached tokens and samples the next one; [`Continuation`] appends it and repeats.
//!
//! The loop sees token ids and logits only, through [`LanguageModel`].

use std::{
    fmt,
    ops::Deref,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use lookback_engine::{Session, ThreadPool, Weights};
use lookback_files::{Refusal, Result, Setting};
use lookback_text::TokenId;

use crate::{
    context_window::{ContextWindow, UncachedTokens},
    sample::SamplerChain,
};

/// A model with a cache of the tokens that it has read.
pub trait LanguageModel {
    /// Truncates the cache to the first `tokens` tokens; the next token read stands after them.
    fn truncate(&mut self, tokens: usize);

    /// Reads tokens after those it has read, and gives the logits after the last: `[vocabulary]`.
    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]>;
}

impl<W: Deref<Target = Weights>, T: Deref<Target = ThreadPool>> LanguageModel for Session<W, T> {
    fn truncate(&mut self, tokens: usize) {
        self.truncate(tokens);
    }

    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        Self::read(self, ids)
    }
}

impl<R: LanguageModel> LanguageModel for &mut R {
    fn truncate(&mut self, tokens: usize) {
        (**self).truncate(tokens);
    }

    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        (**self).read(ids)
    }
}

/// When generation stops, at the latest.
#[derive(Clone, Debug)]
pub struct GenerationLimits<'a> {
    /// Tokens to append at most.
    pub max_tokens: usize,
    /// Tokens that end a text; if there are none, generation goes on past them.
    pub eos: Vec<TokenId>,
    /// Once it is set, generation stops before the next chunk of a prompt, or the next token.
    pub stop: Option<&'a AtomicBool>,
}

impl GenerationLimits<'_> {
    /// At most so many tokens, whatever they are.
    pub fn new(max_tokens: usize) -> Self {
        Self { max_tokens, eos: Vec::new(), stop: None }
    }
}

/// Tokens of a chunk of prefill: `stop` is looked at before each chunk.
const PREFILL_CHUNK: usize = 256;

/// Why a text ended, in the words of OpenAI's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// As many tokens as were asked for.
    Length,
    /// An end token, a stop sequence, or the caller's request.
    Stop,
}

impl fmt::Display for FinishReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Length => "length",
            Self::Stop => "stop",
        })
    }
}

/// A token that was sampled, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledToken {
    /// What follows the text.
    pub token: TokenId,
    /// How long [`LanguageModel::read`] took for the uncached tokens.
    pub read_time: Duration,
    /// How long the sampler took.
    pub sampling_time: Duration,
}

/// Reads the uncached tokens of a window, and samples the token that follows. It is not appended.
pub fn sample_next(
    model: &mut impl LanguageModel,
    window: &mut ContextWindow,
    sampler: &mut SamplerChain,
) -> Result<SampledToken> {
    let uncached = window.take_uncached();
    model.truncate(uncached.cached);
    let began = Instant::now();
    let logits = model.read(&uncached.ids)?;
    let read_time = began.elapsed();
    let began = Instant::now();
    let token = sampler.next(logits, window.ids())?;
    if uncached.ids.len() > 1 {
        let (tokens, seconds) = (uncached.ids.len(), read_time.as_secs_f64());
        tracing::debug!(tokens, known = uncached.cached, seconds, "read before the next token");
    }
    Ok(SampledToken { token, read_time, sampling_time: began.elapsed() })
}

/// Reads the uncached tokens but for their last chunk, unless `stop` is set meanwhile. What was read stays cached.
fn prefill(
    model: &mut impl LanguageModel,
    window: &mut ContextWindow,
    stop: &AtomicBool,
) -> Result<()> {
    let UncachedTokens { mut cached, ids } = window.take_uncached();
    model.truncate(cached);
    let mut rest = &*ids;
    while rest.len() > PREFILL_CHUNK && !stop.load(Ordering::Relaxed) {
        model.read(&rest[..PREFILL_CHUNK])?;
        (cached, rest) = (cached + PREFILL_CHUNK, &rest[PREFILL_CHUNK..]);
    }
    window.truncate_cached(cached);
    Ok(())
}

/// A text and its continuation by a model: an iterator over the tokens that are appended.
///
/// A token that ends the text is appended, but not yielded. Model, window and sampler outlive a
/// text, so a chat goes on with [`Continuation::restart`] and reads only what is new in it.
#[derive(Debug)]
pub struct Continuation<'a, R> {
    model: R,
    window: ContextWindow,
    sampler: SamplerChain,
    limits: GenerationLimits<'a>,
    /// Tokens appended since the text was given.
    appended: usize,
    finish: Option<FinishReason>,
}

impl<'a, R: LanguageModel> Continuation<'a, R> {
    /// Continues the window's text.
    ///
    /// # Errors
    /// When there is no text to write on from.
    pub fn new(
        model: R,
        window: ContextWindow,
        mut sampler: SamplerChain,
        limits: GenerationLimits<'a>,
    ) -> Result<Self> {
        begin_text(&window, &mut sampler, &limits)?;
        Ok(Self { model, window, sampler, limits, appended: 0, finish: None })
    }

    /// Continues another text; the prefix that both share stays cached.
    ///
    /// # Errors
    /// When it is empty.
    pub fn restart(&mut self, ids: Vec<TokenId>, limits: GenerationLimits<'a>) -> Result<()> {
        self.window.set_text(ids);
        begin_text(&self.window, &mut self.sampler, &limits)?;
        (self.limits, self.appended, self.finish) = (limits, 0, None);
        Ok(())
    }

    /// Replaces the model by another one, which has read nothing yet.
    pub fn set_model(&mut self, model: R) {
        self.model = model;
        self.window.truncate_cached(0);
    }

    /// The model, the window and the sampler, in their present states.
    pub fn into_parts(self) -> (R, ContextWindow, SamplerChain) {
        (self.model, self.window, self.sampler)
    }

    /// The model.
    pub fn model(&self) -> &R {
        &self.model
    }

    /// The text, and the window of it that is visible to the model.
    pub fn window(&self) -> &ContextWindow {
        &self.window
    }

    /// The tokens appended to the text that was given, an end token included.
    pub fn ids(&self) -> &[TokenId] {
        let ids = self.window.ids();
        &ids[ids.len() - self.appended..]
    }

    /// Ends the text where it is.
    pub fn stop(&mut self) {
        self.finish.get_or_insert(FinishReason::Stop);
    }

    /// Why the text ended, once it has.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.finish
    }

    fn append(&mut self) -> Result<Option<TokenId>> {
        if self.appended == self.limits.max_tokens {
            self.finish = Some(FinishReason::Length);
            return Ok(None);
        }
        let Self { model, window, sampler, .. } = self;
        if let Some(stop) = self.limits.stop {
            prefill(model, window, stop)?;
            if stop.load(Ordering::Relaxed) {
                self.stop();
                return Ok(None);
            }
        }
        let token = sample_next(model, window, sampler)?.token;
        self.window.push(token);
        self.appended += 1;
        if self.limits.eos.contains(&token) {
            self.stop();
            return Ok(None);
        }
        Ok(Some(token))
    }
}

impl<R: LanguageModel> Iterator for Continuation<'_, R> {
    type Item = Result<TokenId>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finish.is_some() {
            return None;
        }
        let next = self.append();
        if next.is_err() {
            self.stop();
        }
        next.transpose()
    }
}

fn begin_text(
    window: &ContextWindow,
    sampler: &mut SamplerChain,
    limits: &GenerationLimits<'_>,
) -> Result<()> {
    if window.ids().is_empty() {
        return Err(Refusal::user(format!(
            "there is nothing to write on from, and the model has no beginning-of-text token; \
             give a prompt with {}",
            Setting("prompt")
        )));
    }
    sampler.begin_completion(window.ids().len(), limits.max_tokens);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Settings;

    /// Its likeliest next token is the sum of all cached tokens, modulo 7.
    #[derive(Default)]
    struct Adder {
        cached_ids: Vec<TokenId>,
        max_cached: usize,
        logits: Vec<f32>,
    }

    impl LanguageModel for Adder {
        fn truncate(&mut self, tokens: usize) {
            self.cached_ids.truncate(tokens);
        }

        fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
            self.cached_ids.extend(ids);
            self.max_cached = self.max_cached.max(self.cached_ids.len());
            let next = self.cached_ids.iter().map(|id| id.0).sum::<u32>() % 7;
            self.logits = vec![0.0; 7];
            self.logits[next as usize] = 1.0;
            Ok(&self.logits)
        }
    }

    fn appended(
        prompt: &[u32],
        limits: GenerationLimits<'_>,
        max_yielded: usize,
    ) -> (Vec<u32>, usize, FinishReason) {
        let window = ContextWindow::new(6, prompt.iter().copied().map(TokenId).collect(), None);
        let sampler = SamplerChain::new(&Settings::greedy()).unwrap();
        let mut text = Continuation::new(Adder::default(), window, sampler, limits).unwrap();
        let mut yielded = 0;
        while yielded < max_yielded && text.next().transpose().unwrap().is_some() {
            yielded += 1;
        }
        text.stop();
        assert!(text.model().max_cached <= 6);
        let ids = text.window().ids();
        assert_eq!(&ids[..prompt.len()], prompt.iter().copied().map(TokenId).collect::<Vec<_>>());
        assert_eq!(&ids[prompt.len()..], text.ids());
        (ids.iter().map(|id| id.0).collect(), yielded, text.finish_reason().unwrap())
    }

    #[test]
    fn each_token_follows_from_those_before_it() {
        let limits = GenerationLimits::new(4);
        assert_eq!(
            appended(&[1, 2], limits, 99),
            (vec![1, 2, 3, 6, 5, 3], 4, FinishReason::Length)
        );
    }

    #[test]
    fn an_end_token_is_appended_but_not_yielded() {
        let limits = GenerationLimits { eos: vec![TokenId(5)], ..GenerationLimits::new(9) };
        assert_eq!(appended(&[1, 2], limits, 99), (vec![1, 2, 3, 6, 5], 2, FinishReason::Stop));
    }

    #[test]
    fn a_text_can_be_stopped_after_any_token() {
        assert_eq!(
            appended(&[1, 2], GenerationLimits::new(9), 1),
            (vec![1, 2, 3], 1, FinishReason::Stop)
        );
    }

    #[test]
    fn reading_and_writing_stop_when_told_to_and_go_on_from_there() {
        let stop = AtomicBool::new(true);
        let limits = || GenerationLimits { stop: Some(&stop), ..GenerationLimits::new(3) };
        let ids: Vec<TokenId> = (0..600).map(|id| TokenId(id % 5)).collect();
        let window = ContextWindow::new(1000, ids.clone(), None);
        let sampler = SamplerChain::new(&Settings::greedy()).unwrap();
        let mut text = Continuation::new(Adder::default(), window, sampler, limits()).unwrap();
        assert!(text.next().is_none() && text.finish_reason() == Some(FinishReason::Stop));
        assert_eq!((text.model().cached_ids.len(), text.window().ids().len()), (0, 600));
        for appended in 1..3 {
            stop.store(false, Ordering::Relaxed);
            text.restart(text.window().ids().to_vec(), limits()).unwrap();
            text.next().unwrap().unwrap();
            stop.store(true, Ordering::Relaxed);
            assert!(text.next().is_none() && text.finish_reason() == Some(FinishReason::Stop));
            let read = 600 + appended - 1;
            assert_eq!(text.model().cached_ids, text.window().ids()[..read]);
        }
    }

    #[test]
    fn another_model_reads_the_text_from_its_beginning() {
        let window = ContextWindow::new(9, vec![TokenId(1), TokenId(2)], None);
        let sampler = SamplerChain::new(&Settings::greedy()).unwrap();
        let mut text =
            Continuation::new(Adder::default(), window, sampler, GenerationLimits::new(4)).unwrap();
        assert_eq!(text.next().unwrap().unwrap(), TokenId(3));
        text.set_model(Adder::default());
        assert_eq!(text.next().unwrap().unwrap(), TokenId(6));
        assert_eq!(text.model().cached_ids, [1, 2, 3].map(TokenId));
    }

    #[test]
    fn a_text_that_outgrows_the_context_goes_on_as_if_read_from_the_window() {
        let (at_once, ..) = appended(&[1, 2], GenerationLimits::new(40), 99);
        let (first, ..) = appended(&[1, 2], GenerationLimits::new(17), 99);
        let (second, ..) = appended(&first, GenerationLimits::new(23), 99);
        assert_eq!(at_once, second);
    }

    #[test]
    fn a_text_without_a_beginning_is_refused() {
        let sampler = SamplerChain::new(&Settings::greedy()).unwrap();
        let window = ContextWindow::new(6, Vec::new(), None);
        let text = Continuation::new(Adder::default(), window, sampler, GenerationLimits::new(1));
        assert!(text.err().unwrap().to_string().ends_with("give a prompt with prompt"));
    }
}
