//! What a model's files suggest about sampling, in the words of our settings: `generation_config.json` of
//! a directory, or what a GGUF file says behind `general.sampling.`, where llama.cpp reads it.

mod generation_config;

use std::path::Path;

use lookback_files::{Kind, Refusal, Result};
use lookback_generate::sample::{LogitBias, SamplerKind, Settings};
use lookback_model::{SamplingDefault, StoredModel};

/// What is suggested, and by what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerationDefaults {
    /// Numbers by the names of [`lookback_generate::sample::SAMPLER_PARAMETERS`].
    pub numbers: Vec<(&'static str, f64)>,
    /// The samplers in their order, as `--samplers` has it.
    pub order: Option<String>,
    /// Tokens that never come, or not there.
    pub words: LogitBias,
    /// How many tokens an answer has at most.
    pub max_new_tokens: Option<usize>,
    /// How many tokens prompt and answer have at most, where no number of new ones is named.
    pub max_length: Option<usize>,
    /// Keys that would change the text, and do not here.
    pub ignored_keys: Vec<String>,
    /// The file or the part of it that suggests this.
    pub place: &'static str,
}

impl GenerationDefaults {
    /// Puts what is suggested into settings, unless it `is_given` there; returns what was put in.
    ///
    /// # Errors
    /// When a number or a name is impossible; the place that suggests it is named.
    pub fn apply(
        &self,
        settings: &mut Settings,
        is_given: impl Fn(&str) -> bool,
    ) -> Result<Vec<(&'static str, f64)>> {
        let at = |refusal: Refusal| refusal.at(self.place);
        let mut used = Vec::new();
        for (name, value) in self.numbers.iter().copied().filter(|(name, _)| !is_given(name)) {
            settings.set(name, value).map_err(at)?;
            used.push((name, value));
        }
        if let Some(order) = self.order.as_ref().filter(|_| !is_given("samplers")) {
            settings.order = SamplerKind::parse_all(order).map_err(at)?;
        }
        settings.logit_bias.banned_sequences.extend(self.words.banned_sequences.iter().cloned());
        settings.logit_bias.rules = self.words.rules.clone();
        Ok(used)
    }

    /// How many tokens an answer to a prompt of so many has at most, if anything is suggested.
    pub fn tokens(&self, prompt: usize) -> Option<usize> {
        self.max_new_tokens.or_else(|| Some(self.max_length?.saturating_sub(prompt).max(1)))
    }
}

/// llama.cpp's name, and ours, for what stands behind `general.sampling.`.
const NAMES_OF_GGUF: [(&str, &str); 11] = [
    ("temp", "temperature"),
    ("top_k", "top_k"),
    ("top_p", "top_p"),
    ("min_p", "min_p"),
    ("xtc_probability", "xtc_probability"),
    ("xtc_threshold", "xtc_threshold"),
    ("penalty_last_n", "repeat_last_n"),
    ("penalty_repeat", "repeat_penalty"),
    ("mirostat", "mirostat"),
    ("mirostat_tau", "mirostat_ent"),
    ("mirostat_eta", "mirostat_lr"),
];

/// llama.cpp's name of one of our settings.
pub(crate) fn gguf_name(ours: &str) -> Option<&'static str> {
    let found = NAMES_OF_GGUF.iter().find(|(_, name)| *name == ours);
    found.map(|(theirs, _)| *theirs)
}

/// What the files of a model suggest.
pub(crate) fn from_files(stored: &StoredModel, path: &Path) -> Result<GenerationDefaults> {
    if path.is_dir() {
        return from_directory(stored, path);
    }
    let mut defaults =
        GenerationDefaults { place: "general.sampling", ..GenerationDefaults::default() };
    for (theirs, value) in stored.sampling() {
        let known = NAMES_OF_GGUF.iter().find(|(name, _)| name == theirs);
        match (known, value) {
            (Some((_, ours)), SamplingDefault::Number(number)) => {
                defaults.numbers.push((ours, *number))
            }
            (None, SamplingDefault::Text(order)) if theirs == "sequence" => {
                defaults.order = Some(order.clone());
            }
            (None, _) if theirs != "sequence" => {}
            _ => {
                return Err(Refusal::user(format!(
                    "{}: metadata general.sampling.{theirs}: a {} is needed",
                    path.display(),
                    if known.is_some() { "number" } else { "string" }
                )));
            }
        }
    }
    Ok(defaults)
}

/// What a directory suggests; nothing where there is no such file.
fn from_directory(stored: &StoredModel, folder: &Path) -> Result<GenerationDefaults> {
    let path = folder.join("generation_config.json");
    if !path.is_file() {
        return Ok(GenerationDefaults::default());
    }
    let text = lookback_files::read_utf8(&path)?;
    let config = stored.config();
    let defaults = generation_config::read(&text, config.vocabulary, &config.eos);
    defaults.map_err(|refusal| {
        refusal.at(path.display()).then("fetch it again, or remove it").or_kind(Kind::CorruptFile)
    })
}
