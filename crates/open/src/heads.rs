//! `model.heads()`: what each attention head attends to, copies and reads.

use std::{fs, path::PathBuf};

use lookback_files::{Kind, Refusal, Result, Setting, counted};
use lookback_lens::{
    Composition, HeadProfile, LayerFiring, composition, copying, head_profiles, neuron_firing,
};
use lookback_model::TokenId;
use lookback_text::{Specials, tinytown};
use serde::Serialize;

use crate::model::Model;

/// Sequences of repeated random tokens: one for so many of text.
const TEXT_PER_RANDOM: usize = 8;
/// The seed of the built-in corpus that is read, which is not that of a training.
const CORPUS_SEED: u64 = 77;

impl Model {
    /// Scores its heads.
    ///
    /// ```no_run
    /// let model = lookback_open::Model::open("default")?;
    /// let report = model.heads().sequences(64).report(&mut |_, _| Ok(()))?;
    /// for head in report.heads.iter().map(|head| &head.profile) {
    ///     println!("{}.{}: {:.2}", head.layer, head.head, head.induction);
    /// }
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    pub fn heads(&self) -> HeadsQuery {
        HeadsQuery {
            model: self.clone(),
            text: None,
            sequences: 512,
            tokens: 64,
            is_raw: false,
            compositions: 0,
            with_circuits: true,
        }
    }

    /// The whole models that a run kept on its way (`whole_snapshots`), each with the steps taken, in their order;
    /// none of a model that is no run's.
    pub fn whole_snapshots(&self) -> Vec<(u64, PathBuf)> {
        let entries = fs::read_dir(self.path.join("snapshots")).into_iter().flatten().flatten();
        let mut snapshots: Vec<(u64, PathBuf)> = entries
            .filter(|entry| entry.path().join("config.json").is_file())
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
            .collect();
        snapshots.sort();
        snapshots
    }
}

/// Heads that are to be scored. [`HeadsQuery::report`] does it.
#[derive(Clone, Debug)]
pub struct HeadsQuery {
    model: Model,
    text: Option<String>,
    sequences: usize,
    tokens: usize,
    is_raw: bool,
    compositions: usize,
    with_circuits: bool,
}

/// What was found of all heads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeadsReport {
    /// By layer and head.
    pub heads: Vec<HeadScore>,
    /// The strongest pairs, where they were asked for.
    pub composition: Vec<Composition>,
    /// The sequences of text, as ids.
    pub sequences: Vec<Vec<u32>>,
    /// Those of repeated random tokens.
    pub repeated: Vec<Vec<u32>>,
}

/// A head's scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeadScore {
    /// Over the sequences of text.
    #[serde(flatten)]
    pub profile: HeadProfile,
    /// The induction score over random tokens of the text that come twice.
    pub repeated_induction: f64,
    /// The copying score of its OV circuit, between −1 and 1.
    pub copying: Option<f64>,
}

impl HeadsQuery {
    /// The same question to another model.
    #[must_use]
    pub fn of_model(&self, model: &Model) -> Self {
        Self { model: model.clone(), ..self.clone() }
    }

    /// Over this text, instead of the built-in corpus, or random tokens where a model cannot read that.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// At most so many sequences; 512 by default.
    #[must_use]
    pub fn sequences(mut self, count: usize) -> Self {
        self.sequences = count;
        self
    }

    /// So many tokens in each; 64 by default.
    #[must_use]
    pub fn tokens(mut self, count: usize) -> Self {
        self.tokens = count;
        self
    }

    /// Takes weights as they are, without the gains of norms.
    #[must_use]
    pub fn raw(mut self, is_raw: bool) -> Self {
        self.is_raw = is_raw;
        self
    }

    /// Also finds so many of the pairs of heads that compose most.
    #[must_use]
    pub fn composition(mut self, max_count: usize) -> Self {
        self.compositions = max_count;
        self
    }

    /// Leaves out what weights alone say.
    #[must_use]
    pub fn patterns_alone(mut self) -> Self {
        self.with_circuits = false;
        self
    }

    /// Scores them. `each` is called after every sequence with its number and how many there are.
    ///
    /// # Errors
    /// When the text has too few tokens or the model's context is shorter than a sequence; what `each` says.
    pub fn report(&self, each: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<HeadsReport> {
        let Model { weights, pool, .. } = &self.model;
        let tokens = self.sequence_tokens()?;
        let text = self.text_sequences(tokens)?;
        let repeated = self.repeated_sequences(&text, tokens);
        let all = text.len() + repeated.len();
        let tokenizer = self.model.tokenizer().ok();
        let is_punctuation = |id: TokenId| {
            let text = tokenizer.map(|tokenizer| tokenizer.bytes_of(id).trim_ascii());
            text.is_some_and(|text| !text.is_empty() && text.iter().all(u8::is_ascii_punctuation))
        };
        let none = |_: TokenId| false;
        let mut done = |number: usize| each(number + 1, all);
        let over_text = head_profiles(weights, pool, &text, &is_punctuation, &mut done)?;
        let mut done = |number: usize| each(text.len() + number + 1, all);
        let over_random = head_profiles(weights, pool, &repeated, &none, &mut done)?;
        let copies = self.with_circuits.then(|| copying(weights, pool, self.is_raw));
        let heads = over_text.into_iter().zip(over_random).enumerate();
        let heads = heads.map(|(at, (profile, random))| HeadScore {
            profile,
            repeated_induction: random.induction,
            copying: copies.as_ref().map(|copies| copies[at]),
        });
        let composition = match self.compositions {
            0 => Vec::new(),
            count => composition(weights, pool, self.is_raw, count),
        };
        let heads = heads.collect();
        Ok(HeadsReport { heads, composition, sequences: plain(text), repeated: plain(repeated) })
    }

    /// What makes the neurons of its MLPs fire most, over the same sequences of text: so many `neurons` of each
    /// layer, with so many `tokens` that each raises and lowers; and the sequences, as ids.
    ///
    /// # Errors
    /// As [`HeadsQuery::report`].
    pub fn neurons(
        &self,
        (neurons, tokens): (usize, usize),
        each: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<(Vec<LayerFiring>, Vec<Vec<u32>>)> {
        let Model { weights, pool, .. } = &self.model;
        let text = self.text_sequences(self.sequence_tokens()?)?;
        let all = text.len();
        let mut done = |number: usize| each(number + 1, all);
        let firing = neuron_firing(weights, pool, &text, (neurons, tokens), &mut done)?;
        Ok((firing, plain(text)))
    }

    /// Tokens of a sequence.
    fn sequence_tokens(&self) -> Result<usize> {
        let tokens = self.tokens.min(self.model.config().context);
        if self.sequences == 0 {
            let what = format!("{} 0: at least one sequence is read", Setting("sequences"));
            return Err(Refusal::of(Kind::InvalidSetting, what));
        }
        if tokens < 4 {
            let what = format!("{} {tokens}: a sequence has at least 4 tokens", Setting("tokens"));
            return Err(Refusal::of(Kind::InvalidSetting, what));
        }
        Ok(tokens)
    }

    /// Pieces of the text, evenly over it, each behind the token that begins texts.
    fn text_sequences(&self, tokens: usize) -> Result<Vec<Vec<TokenId>>> {
        let before = self.beginning();
        let own = tokens.saturating_sub(before.len()).max(1);
        let ids = match (&self.text, self.model.tokenizer()) {
            (Some(text), tokenizer) => tokenizer?.encode_bare(text, Specials::Text)?,
            // A token stands for a few bytes; there is always enough of the built-in corpus.
            (None, Ok(tokenizer)) => {
                let text = tinytown::corpus(8 * tokens * self.sequences, CORPUS_SEED);
                tokenizer.encode_bare(&text, Specials::Text).unwrap_or_default()
            }
            (None, Err(_)) => Vec::new(),
        };
        // A model that cannot read the built-in corpus is shown random tokens.
        if self.text.is_none() && ids.is_empty() {
            let all: Vec<_> = (0..self.model.config().vocabulary as u32).map(TokenId).collect();
            return Ok(self.random_sequences(self.sequences, tokens, &all));
        }
        // One piece that is shorter is still one.
        let pieces = (ids.len() / own).clamp(1, self.sequences);
        if ids.len() < 2 {
            return Err(Refusal::user(format!(
                "the text is {} long, and two tokens or more are needed; give more text",
                counted(ids.len(), "token")
            )));
        }
        let last = ids.len().saturating_sub(own);
        let piece = |at: usize| {
            let first = if pieces > 1 { at * last / (pieces - 1) } else { 0 };
            let piece = &ids[first..ids.len().min(first + own)];
            before.iter().chain(piece).copied().collect()
        };
        Ok((0..pieces).map(piece).collect())
    }

    /// Random tokens of those that occur in a text, and the same again.
    fn repeated_sequences(&self, text: &[Vec<TokenId>], tokens: usize) -> Vec<Vec<TokenId>> {
        let before = self.beginning();
        let half = tokens.saturating_sub(before.len()).div_euclid(2).max(1);
        let count = text.len().div_ceil(TEXT_PER_RANDOM);
        let mut known: Vec<TokenId> = text.iter().flatten().copied().collect();
        known.sort();
        known.dedup();
        let sequences = self.random_sequences(count, before.len() + half, &known);
        let twice = |mut ids: Vec<TokenId>| {
            ids.extend_from_within(before.len()..);
            ids
        };
        sequences.into_iter().map(twice).collect()
    }

    /// Random tokens of some, none of them special, the same on every machine.
    fn random_sequences(
        &self,
        count: usize,
        tokens: usize,
        known: &[TokenId],
    ) -> Vec<Vec<TokenId>> {
        let before = self.beginning();
        let tokenizer = self.model.tokenizer().ok();
        let is_plain =
            |id: &&TokenId| tokenizer.is_none_or(|tokenizer| !tokenizer.is_special(**id));
        let plain: Vec<TokenId> = known.iter().filter(is_plain).copied().collect();
        // A text of special tokens alone has nothing else to draw.
        let drawn = if plain.is_empty() { known } else { &plain };
        let mut state = 0x2545_f491_4f6c_dd1du64;
        let mut draw = || {
            // xorshift64 (Marsaglia 2003)
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            drawn[(state >> 32) as usize % drawn.len()]
        };
        let own = tokens.saturating_sub(before.len()).max(1);
        let sequence = |_| {
            let own = std::iter::repeat_with(&mut draw).take(own);
            before.iter().copied().chain(own).collect()
        };
        (0..count).map(sequence).collect()
    }

    /// What the tokenizer puts before a text.
    fn beginning(&self) -> Vec<TokenId> {
        let tokenizer = self.model.tokenizer().ok();
        tokenizer.map_or(Vec::new(), |tokenizer| tokenizer.template_tokens().0)
    }
}

fn plain(sequences: Vec<Vec<TokenId>>) -> Vec<Vec<u32>> {
    let ids = |ids: Vec<TokenId>| ids.into_iter().map(|id| id.0).collect();
    sequences.into_iter().map(ids).collect()
}
