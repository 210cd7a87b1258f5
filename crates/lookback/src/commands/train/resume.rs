//! A run that is continued, by its own settings and tokens: an argument that differs from them is refused by
//! name, and one that repeats them changes nothing.

use std::{path::Path, sync::Arc};

use lookback_files::{Refusal, Result};
use lookback_model::Network;
use lookback_text::{
    NamedTokenizer, Tokenizer,
    dataset::{Dataset, Windows},
};
use lookback_train::{Directory, Prepared, Recipe, RunLength, RunRecord, Source, tokens_of};

use super::Train;
use crate::{arguments::settings_of, print::Print};

impl Train {
    /// A run that was begun, from its directory.
    pub(super) fn resumed(&self, print: &mut Print) -> Result<Prepared> {
        let Some(out) = &self.out else {
            return Err(Refusal::user("--resume: which run? Name its directory with --out DIR"));
        };
        let directory = Directory::existing(out)?;
        let lock = Some(directory.lock()?);
        let settings = directory.read_settings()?;
        settings.check().map_err(|refusal| refusal.at(out.display()))?;
        let recipe = self.changed(&settings)?;
        let data = Dataset::open(&directory.tokens())?;
        data.check(recipe.context).map_err(|refusal| refusal.at(out.display()))?;
        if !out.join("tokenizer.json").exists() {
            return Err(Refusal::user(format!(
                "{}: there is no tokenizer.json in it, as after --random-data; such a run is not \
                 gone on with",
                out.display()
            )));
        }
        let tokenizer = Tokenizer::open(out)?;
        let vocabulary = tokenizer.vocabulary();
        if data.largest().is_some_and(|id| id.index() >= vocabulary) {
            return Err(Refusal::user(format!(
                "{}: it holds ids beyond the {vocabulary} tokens of tokenizer.json; train anew",
                directory.tokens().display()
            )));
        }
        self.refuse_another_run(&settings, &data, &tokenizer)?;
        if let (RunLength::Minutes(_), None, true) =
            (self.limit_or_default()?, &settings.begun, self.minutes.is_some())
        {
            let steps = settings.steps;
            print
                .warn(&format!("--minutes changes nothing: the run has a length of {steps} steps"));
        }
        let network = Arc::new(Network::new(&recipe.config(vocabulary, tokenizer.eos())?));
        let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
        Ok(Prepared {
            recipe,
            network,
            tokenizer: Some(tokenizer),
            source: Source { data, windows },
            directory: Some(directory),
            lock,
            is_fresh: false,
        })
    }

    /// The settings of a run with what is asked for otherwise now. What is asked for as it was
    /// changes nothing, and what the model or its data follow from cannot change any more.
    fn changed(&self, settings: &Recipe) -> Result<Recipe> {
        let mut recipe = settings.clone();
        if let Some(path) = &self.config {
            let of_file = settings.with_file(&settings_of(path)?);
            recipe = of_file.map_err(|refusal| refusal.at(path.display()))?;
            if recipe.steps == 0 || self.limit()?.is_some() {
                recipe.steps = settings.steps;
            }
            recipe.data.clone_from(&settings.data);
            recipe.begun.clone_from(&settings.begun);
            recipe.before.clone_from(&settings.before);
        }
        self.settings().try_for_each(|setting| recipe.set(&setting))?;
        let differences = recipe.differences(settings)?;
        if let Some(difference) = differences.into_iter().find(|difference| difference.is_fixed) {
            return Err(Refusal::user(format!(
                "--resume: {} was settled when the run began; leave it as it was, or train anew into \
                 another --out",
                difference.key
            )));
        }
        recipe.check()?;
        if let Some(limit @ (RunLength::Steps(_) | RunLength::Tokens(_))) = self.limit()? {
            let settled = recipe.steps;
            recipe.steps = limit.steps(recipe.tokens_per_step()).unwrap_or(settled);
        }
        Ok(recipe)
    }

    /// Refuses a text, a tokenizer, a preset or a length that is not the run's.
    fn refuse_another_run(
        &self,
        settings: &Recipe,
        data: &Dataset,
        tokenizer: &Tokenizer,
    ) -> Result<()> {
        let begun = settings.begun.as_ref();
        let mut others = Vec::new();
        if self.random_data.is_some() {
            others.push("it learns from the tokens that it keeps, not from random ones".to_owned());
        }
        others.extend(self.other_texts(begun, data, tokenizer)?);
        if let Some(kind) = &self.tokenizer
            && !is_its_tokenizer(kind, begun, tokenizer)?
        {
            let own = begun.map_or("another", |begun| &begun.tokenizer);
            others.push(format!("its tokenizer is {own}, not {kind}"));
        }
        others.extend(self.other_preset(settings)?);
        if let (Some(minutes), Some(begun)) = (self.minutes, begun)
            && begun.minutes != Some(minutes)
        {
            others.push(format!(
                "its length is {} steps, not {minutes} minutes (--steps N makes it longer)",
                settings.steps
            ));
        }
        match others.is_empty() {
            true => Ok(()),
            false => Err(Refusal::user(format!(
                "--resume: the run in {} goes on as it began: {}; leave that out, or train anew into \
                 another --out",
                self.out.as_deref().unwrap_or(Path::new("")).display(),
                others.join(", and ")
            ))),
        }
    }

    /// How the texts that are named differ from those that the run learns from, by their tokens.
    fn other_texts(
        &self,
        begun: Option<&RunRecord>,
        data: &Dataset,
        tokenizer: &Tokenizer,
    ) -> Result<Option<String>> {
        if self.texts.is_empty() {
            return Ok(None);
        }
        let named: Vec<String> = self.texts.iter().map(|path| path.display().to_string()).collect();
        let corpus = self.reading.find(&self.texts);
        let given = corpus.and_then(|corpus| tokens_of(&corpus, tokenizer, self.out.as_deref()));
        // A text that cannot be read any more, or not by this tokenizer, is another.
        if let Ok((given, _)) = given
            && given.digest()? == data.digest()?
        {
            return Ok(None);
        }
        let named = named.join(" ");
        let own = begun.map(|begun| begun.texts.join(" ")).filter(|own| !own.is_empty());
        Ok(Some(match own {
            Some(own) if own == named => {
                format!("{named} does not give the tokens any more that it learns from")
            }
            Some(own) => format!("it learns from {own}, not from {named}"),
            None => format!("it learns from other tokens than those of {named}"),
        }))
    }

    /// How the preset that is named differs from the run's.
    fn other_preset(&self, settings: &Recipe) -> Result<Option<String>> {
        let Some(preset) = &self.preset else { return Ok(None) };
        if let Some(begun) = &settings.begun {
            let differs = begun.preset != *preset;
            return Ok(differs.then(|| format!("its preset is {}, not {preset}", begun.preset)));
        }
        // A run of an older version does not record its preset; its settings are those of one.
        let requested = Recipe { data: settings.data.clone(), ..self.recipe()? };
        let differences = requested.differences(settings)?;
        let settled = differences.into_iter().find(|difference| difference.is_fixed);
        Ok(settled.map(|difference| {
            format!(
                "it has {key} = {}, not the {} of {preset}",
                difference.there,
                difference.here,
                key = difference.key
            )
        }))
    }
}

/// Whether a kind of tokenizer names the one that a run has.
fn is_its_tokenizer(kind: &str, begun: Option<&RunRecord>, own: &Tokenizer) -> Result<bool> {
    let is_named_alike = begun.is_some_and(|begun| begun.tokenizer == kind);
    if kind == "char" || kind.starts_with("bpe:") {
        let size = kind.strip_prefix("bpe:").and_then(|size| size.parse::<usize>().ok());
        return Ok(match begun {
            Some(_) => is_named_alike,
            // A run of an older version records only the kind of its tokenizer.
            None => {
                (own.merges() > 0) == size.is_some()
                    && size.is_none_or(|size| own.vocabulary() <= size)
            }
        });
    }
    let other = match NamedTokenizer::from_name(kind) {
        Some(named) => named.tokenizer()?,
        // The run keeps its own copy of a file that is gone.
        None if is_named_alike && !Path::new(kind).exists() => return Ok(true),
        None => Tokenizer::open(Path::new(kind))?,
    };
    Ok(other.to_json() == own.to_json())
}
