//! What a run needs, read and checked before anything is written or computed.

use lookback_files::{Refusal, Result};
use lookback_text::{TokenId, corpus::CorpusCounts, dataset::Dataset};
use lookback_train::{
    Directory, Prepared, Recipe, RunLength, RunRecord, bpe_size, preset, tokenizer_of_kind,
    tokens_of,
};

use super::Train;
use crate::{arguments::settings_of, memory, options::Texts, print::Print};

impl Train {
    /// A new run.
    pub(super) fn fresh(&self, print: &mut Print) -> Result<Prepared> {
        let mut recipe = self.recipe()?;
        let names_steps = |setting: &String| setting.split('=').next() == Some("steps");
        if self.limit()?.is_some() && self.set.iter().any(names_steps) {
            return Err(Refusal::user(
                "--set steps cannot stand beside another length of the run; give one of them",
            ));
        }
        if self.limit()?.is_some() {
            // An argument goes before a file.
            recipe.steps = 0;
        }
        recipe.begun = Some(self.begun()?);
        let directory = self.out.as_deref().map(Directory::new).transpose()?;
        let (tokenizer, data, vocabulary) = match self.random_data {
            Some(count) => {
                let count = count as usize;
                memory::check_free("--random-data", 2 * size_of::<u32>() * count)?;
                let vocabulary = random_vocabulary(self.preset(), self.tokenizer())?;
                let data = Dataset::new(random_ids(count, vocabulary), Vec::new());
                (None, data, vocabulary)
            }
            None => {
                let corpus = self.reading.find(&self.texts)?;
                let tokenizer = tokenizer_of_kind(self.tokenizer(), &corpus)?;
                let (data, counts) = tokens_of(&corpus, &tokenizer, self.out.as_deref())?;
                Texts::report(&counts, print);
                warn_of_chats(&counts, print);
                let vocabulary = tokenizer.vocabulary();
                (Some(tokenizer), data, vocabulary)
            }
        };
        print.status(&format!("{} tokens of a vocabulary of {vocabulary}", data.len()));
        let place = match self.texts.first() {
            Some(path) => path.display().to_string(),
            None => "--random-data".to_owned(),
        };
        Prepared::fresh(recipe, (tokenizer, vocabulary), data, &place, directory)
    }

    /// The settings of a new run, from file or preset and arguments.
    pub(super) fn recipe(&self) -> Result<Recipe> {
        let mut recipe = preset(self.preset())?;
        if let Some(path) = &self.config {
            let settled = recipe.with_file(&settings_of(path)?);
            recipe = settled.map_err(|refusal| refusal.at(path.display()))?;
        }
        // Of the run that a file of settings was kept with; this is another.
        recipe.data.clear();
        (recipe.begun, recipe.before) = (None, Vec::new());
        self.settings().try_for_each(|setting| recipe.set(&setting))?;
        let place = |refusal: Refusal| match &self.config {
            Some(path) => refusal.at(path.display()),
            None => refusal,
        };
        recipe.check().map_err(place)?;
        Ok(recipe)
    }

    /// What is asked for besides settings.
    fn begun(&self) -> Result<RunRecord> {
        let texts = self.texts.iter().map(|path| path.display().to_string()).collect();
        let minutes = match self.limit_or_default()? {
            RunLength::Minutes(minutes) => Some(minutes),
            _ => None,
        };
        let (tokenizer, preset) = (self.tokenizer().to_owned(), self.preset().to_owned());
        Ok(RunRecord { texts, tokenizer, preset, minutes })
    }

    /// The preset, which is tiny where none is named.
    pub(super) fn preset(&self) -> &str {
        self.preset.as_deref().unwrap_or("tiny")
    }

    /// How text becomes tokens.
    fn tokenizer(&self) -> &str {
        self.tokenizer.as_deref().unwrap_or("bpe:2048")
    }

    /// Each setting that was asked for, those with an option of their own last.
    pub(super) fn settings(&self) -> impl Iterator<Item = String> {
        let seed = self.seed.map(|seed| format!("seed={seed}"));
        let compute = self.compute.map(|compute| format!("compute={}", compute.name()));
        let optimizer = self.optimizer.map(|optimizer| format!("optimizer={}", optimizer.name()));
        let checkpoints = self.checkpoints.map(|count| format!("checkpoints={count}"));
        self.set.iter().cloned().chain(seed).chain(compute).chain(optimizer).chain(checkpoints)
    }
}

/// Tokens of a timing's vocabulary: those of the bench shapes, or the N of `--tokenizer bpe:N`.
fn random_vocabulary(preset: &str, kind: &str) -> Result<usize> {
    match (preset, kind.strip_prefix("bpe:")) {
        ("bench-c", _) => Ok(8192),
        ("bench-d" | "gpt2", _) => Ok(50304),
        ("bench-a" | "bench-b", _) | (_, None) => Ok(65),
        (_, Some(size)) => bpe_size(kind, size),
    }
}

/// A note on what becomes of messages: the model will not be one that chats.
fn warn_of_chats(counts: &CorpusCounts, print: &mut Print) {
    if counts.chats == 0 {
        return;
    }
    let documents = if counts.chats == 1 {
        "1 document is"
    } else {
        &format!("{} documents are", counts.chats)
    };
    print.warn(&format!(
        "{documents} messages: their contents are learned one below the other, without the roles of who \
         says them; so the model has no chat template, lookback chat refuses it, and lookback generate goes \
         on with a text"
    ));
}

/// Ids that look random: a multiplicative walk, the same everywhere.
fn random_ids(count: usize, vocabulary: usize) -> Vec<TokenId> {
    let mut state = 1u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        TokenId(((state >> 33) % vocabulary as u64) as u32)
    };
    (0..count).map(|_| next()).collect()
}
