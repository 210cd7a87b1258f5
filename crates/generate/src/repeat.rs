//! Sample, append, repeat: the loop that makes a text out of next tokens. Every text is written by it:
//! [`step`] reads what is unread and draws, [`Continuation`] appends and repeats.
//!
//! Knows neither words nor weights: whoever reads tokens and answers with logits can be asked.

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
    sample::Sampler,
    window::{Unread, Window},
};

/// A model with a memory of what it has read.
pub trait Reader {
    /// Forgets all but the first `tokens` tokens; the next token read stands after them.
    fn keep(&mut self, tokens: usize);

    /// Reads tokens after those it has read, and says what may follow the last: `[vocabulary]`.
    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]>;
}

impl<W: Deref<Target = Weights>, T: Deref<Target = ThreadPool>> Reader for Session<W, T> {
    fn keep(&mut self, tokens: usize) {
        self.truncate(tokens);
    }

    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        Self::read(self, ids)
    }
}

impl<R: Reader> Reader for &mut R {
    fn keep(&mut self, tokens: usize) {
        (**self).keep(tokens);
    }

    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        (**self).read(ids)
    }
}

/// Where to end at the latest.
#[derive(Clone, Debug)]
pub struct Limits<'a> {
    /// Tokens to append at most.
    pub tokens: usize,
    /// Tokens that end a text; empty to write on past them.
    pub ends: Vec<TokenId>,
    /// Once it is set, nothing more is read or written.
    pub stop: Option<&'a AtomicBool>,
}

impl Limits<'_> {
    /// So many tokens, whatever they are.
    pub fn tokens(tokens: usize) -> Self {
        Self { tokens, ends: Vec::new(), stop: None }
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

/// A token that was drawn, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What follows the text.
    pub token: TokenId,
    /// How long the reader took for what was unread.
    pub read_in: Duration,
    /// How long the sampler took.
    pub chosen_in: Duration,
}

/// Reads what is unread of a window's text, and draws the token that follows. It is not appended.
pub fn step(reader: &mut impl Reader, window: &mut Window, sampler: &mut Sampler) -> Result<Step> {
    let unread = window.take_unread();
    reader.keep(unread.known);
    let began = Instant::now();
    let logits = reader.read(&unread.ids)?;
    let read_in = began.elapsed();
    let began = Instant::now();
    let token = sampler.next(logits, window.ids())?;
    if unread.ids.len() > 1 {
        let (tokens, seconds) = (unread.ids.len(), read_in.as_secs_f64());
        tracing::debug!(tokens, known = unread.known, seconds, "read before the next token");
    }
    Ok(Step { token, read_in, chosen_in: began.elapsed() })
}

/// Reads what is unread but for its last part, unless `stop` is set meanwhile. What was read stays read.
fn read_ahead(reader: &mut impl Reader, window: &mut Window, stop: &AtomicBool) -> Result<()> {
    let Unread { mut known, ids } = window.take_unread();
    reader.keep(known);
    let mut rest = &*ids;
    while rest.len() > PART && !stop.load(Ordering::Relaxed) {
        reader.read(&rest[..PART])?;
        (known, rest) = (known + PART, &rest[PART..]);
    }
    window.unread_from(known);
    Ok(())
}

/// A text that a model writes on: an iterator over the tokens that it appends.
///
/// A token that ends the text is appended, but not given. Reader, window and sampler outlive a text, so a
/// chat goes on with [`Continuation::turn_to`] and reads only what is new in it.
#[derive(Debug)]
pub struct Continuation<'a, R> {
    reader: R,
    window: Window,
    sampler: Sampler,
    limits: Limits<'a>,
    /// Tokens appended since the text was given.
    written: usize,
    finish: Option<Finish>,
}

impl<'a, R: Reader> Continuation<'a, R> {
    /// Writes on from the window's text.
    ///
    /// # Errors
    /// When there is no text to write on from.
    pub fn new(
        reader: R,
        window: Window,
        mut sampler: Sampler,
        limits: Limits<'a>,
    ) -> Result<Self> {
        begin(&window, &mut sampler, &limits)?;
        Ok(Self { reader, window, sampler, limits, written: 0, finish: None })
    }

    /// Turns to another text, of which the beginning that both share stays read.
    ///
    /// # Errors
    /// When it is empty.
    pub fn turn_to(&mut self, ids: Vec<TokenId>, limits: Limits<'a>) -> Result<()> {
        self.window.turn_to(ids);
        begin(&self.window, &mut self.sampler, &limits)?;
        (self.limits, self.written, self.finish) = (limits, 0, None);
        Ok(())
    }

    /// Takes another reader, which has read nothing yet.
    pub fn read_with(&mut self, reader: R) {
        self.reader = reader;
        self.window.unread_from(0);
    }

    /// What it was made of, each as it stands.
    pub fn into_parts(self) -> (R, Window, Sampler) {
        (self.reader, self.window, self.sampler)
    }

    /// What reads the text.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The text, and what is seen of it.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// The tokens behind the text that was given, the one that ended it included.
    pub fn ids(&self) -> &[TokenId] {
        let ids = self.window.ids();
        &ids[ids.len() - self.written..]
    }

    /// Ends the text where it is.
    pub fn stop(&mut self) {
        self.finish.get_or_insert(Finish::Stop);
    }

    /// Why the text ended, once it has.
    pub fn finish(&self) -> Option<Finish> {
        self.finish
    }

    fn append(&mut self) -> Result<Option<TokenId>> {
        if self.written == self.limits.tokens {
            self.finish = Some(Finish::Length);
            return Ok(None);
        }
        let Self { reader, window, sampler, .. } = self;
        if let Some(stop) = self.limits.stop {
            read_ahead(reader, window, stop)?;
            if stop.load(Ordering::Relaxed) {
                self.stop();
                return Ok(None);
            }
        }
        let token = step(reader, window, sampler)?.token;
        self.window.push(token);
        self.written += 1;
        if self.limits.ends.contains(&token) {
            self.stop();
            return Ok(None);
        }
        Ok(Some(token))
    }
}

impl<R: Reader> Iterator for Continuation<'_, R> {
    type Item = Result<TokenId>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finish.is_some() {
            return None;
        }
        let appended = self.append();
        if appended.is_err() {
            self.stop();
        }
        appended.transpose()
    }
}

fn begin(window: &Window, sampler: &mut Sampler, limits: &Limits<'_>) -> Result<()> {
    if window.ids().is_empty() {
        return Err(Refusal::user(format!(
            "there is nothing to write on from, and the model has no beginning-of-text token; \
             give a prompt with {}",
            Setting("prompt")
        )));
    }
    sampler.begin(window.ids().len(), limits.tokens);
    Ok(())
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
        let window = Window::new(6, prompt.iter().copied().map(TokenId).collect(), None);
        let sampler = Sampler::new(&Settings::greedy()).unwrap();
        let mut text = Continuation::new(Adder::default(), window, sampler, limits).unwrap();
        let mut heard = 0;
        while heard < most_heard && text.next().transpose().unwrap().is_some() {
            heard += 1;
        }
        text.stop();
        assert!(text.reader().most <= 6);
        let ids = text.window().ids();
        assert_eq!(&ids[..prompt.len()], prompt.iter().copied().map(TokenId).collect::<Vec<_>>());
        assert_eq!(&ids[prompt.len()..], text.ids());
        (ids.iter().map(|id| id.0).collect(), heard, text.finish().unwrap())
    }

    #[test]
    fn each_token_follows_from_those_before_it() {
        let limits = Limits::tokens(4);
        assert_eq!(written(&[1, 2], limits, 99), (vec![1, 2, 3, 6, 5, 3], 4, Finish::Length));
    }

    #[test]
    fn an_end_token_is_appended_but_not_heard() {
        let limits = Limits { ends: vec![TokenId(5)], ..Limits::tokens(9) };
        assert_eq!(written(&[1, 2], limits, 99), (vec![1, 2, 3, 6, 5], 2, Finish::Stop));
    }

    #[test]
    fn whoever_listens_may_have_enough() {
        assert_eq!(written(&[1, 2], Limits::tokens(9), 1), (vec![1, 2, 3], 1, Finish::Stop));
    }

    #[test]
    fn reading_and_writing_stop_when_told_to_and_go_on_from_there() {
        let stop = AtomicBool::new(true);
        let limits = || Limits { stop: Some(&stop), ..Limits::tokens(3) };
        let ids: Vec<TokenId> = (0..600).map(|id| TokenId(id % 5)).collect();
        let window = Window::new(1000, ids.clone(), None);
        let sampler = Sampler::new(&Settings::greedy()).unwrap();
        let mut text = Continuation::new(Adder::default(), window, sampler, limits()).unwrap();
        assert!(text.next().is_none() && text.finish() == Some(Finish::Stop));
        assert_eq!((text.reader().remembered.len(), text.window().ids().len()), (0, 600));
        for written in 1..3 {
            stop.store(false, Ordering::Relaxed);
            text.turn_to(text.window().ids().to_vec(), limits()).unwrap();
            text.next().unwrap().unwrap();
            stop.store(true, Ordering::Relaxed);
            assert!(text.next().is_none() && text.finish() == Some(Finish::Stop));
            let read = 600 + written - 1;
            assert_eq!(text.reader().remembered, text.window().ids()[..read]);
        }
    }

    #[test]
    fn another_reader_reads_the_text_from_its_beginning() {
        let window = Window::new(9, vec![TokenId(1), TokenId(2)], None);
        let sampler = Sampler::new(&Settings::greedy()).unwrap();
        let mut text =
            Continuation::new(Adder::default(), window, sampler, Limits::tokens(4)).unwrap();
        assert_eq!(text.next().unwrap().unwrap(), TokenId(3));
        text.read_with(Adder::default());
        assert_eq!(text.next().unwrap().unwrap(), TokenId(6));
        assert_eq!(text.reader().remembered, [1, 2, 3].map(TokenId));
    }

    #[test]
    fn a_text_that_outgrows_the_context_goes_on_as_if_read_from_the_window() {
        let (at_once, ..) = written(&[1, 2], Limits::tokens(40), 99);
        let (first, ..) = written(&[1, 2], Limits::tokens(17), 99);
        let (second, ..) = written(&first, Limits::tokens(23), 99);
        assert_eq!(at_once, second);
    }

    #[test]
    fn a_text_without_a_beginning_is_refused() {
        let sampler = Sampler::new(&Settings::greedy()).unwrap();
        let window = Window::new(6, Vec::new(), None);
        let text = Continuation::new(Adder::default(), window, sampler, Limits::tokens(1));
        assert!(text.err().unwrap().to_string().ends_with("give a prompt with prompt"));
    }
}
