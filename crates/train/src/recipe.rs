//! Every setting of a run, as `training.toml` keeps them. Read `recipe/choices`,
//! `recipe/presets` and `recipe/schedule` next.

mod check;
mod choices;
mod presets;
mod schedule;

use lookback_engine::{Heads, Start};
use lookback_files::{Refusal, Result, nearest};
use lookback_model::{Activation, Config, Family, Size};
use lookback_text::{TokenId, dataset::Begin};
use serde::{Deserialize, Serialize};

pub use choices::{Architecture, Bend, Compute, Optimizer, Schedule, StartHeads};
pub use presets::preset;

/// The settings of a run. Unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of the first weights and of the order of data.
    pub seed: u64,
    /// Optimizer steps; 0 until a number is settled.
    pub steps: u64,
    /// Sequences of a pass.
    pub batch: usize,
    /// Passes whose gradients make one step.
    pub accumulate: usize,
    /// Tokens of a sequence.
    pub context: usize,
    /// Whether windows begin only at documents.
    pub at_documents: bool,
    /// Highest learning rate.
    pub rate: f64,
    /// Share of `rate` at the end.
    pub final_share: f64,
    /// Steps over which the rate rises, as a share of all.
    pub warmup_share: f64,
    /// How the rate goes after it.
    #[serde(default)]
    pub schedule: Schedule,
    /// The last share of the steps, over which a stable rate falls.
    #[serde(default = "usual_cooldown")]
    pub cooldown_share: f64,
    /// How weights follow their gradients. Files from before there was a choice mean AdamW.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Tables learn at this share of `rate`, a tied head with them.
    #[serde(default = "whole")]
    pub table_share: f64,
    /// A head of its own learns at this share of `rate`.
    #[serde(default = "whole")]
    pub head_share: f64,
    /// Muon's decay of the mean of gradients.
    #[serde(default = "usual_momentum")]
    pub momentum: f64,
    /// AdamW's decay of the mean of gradients.
    pub beta1: f64,
    /// AdamW's decay of the mean of their squares.
    pub beta2: f64,
    /// AdamW's addition to the root.
    pub epsilon: f64,
    /// Weight decay of matrices and tables.
    pub decay: f64,
    /// Longest gradient; a longer one is shortened to it.
    pub clip: f64,
    /// What the square of the logits' log-total weighs beside the loss in the gradient (Chowdhery et
    /// al. 2022, section 5, have 1e-4); losses are told without it.
    #[serde(default)]
    pub z_loss: f64,
    /// The model is the mean of the weights over this last share of the steps (Izmailov et al. 2018);
    /// 0 for the weights of the last.
    #[serde(default)]
    pub average_share: f64,
    /// Tokens of a sequence over the first `short_share` of the steps, each with as many tokens as
    /// the others; divides `context` (Press et al. 2021, section 4). 0 for none.
    #[serde(default)]
    pub short_context: usize,
    /// The first share of the steps, whose sequences are short.
    #[serde(default)]
    pub short_share: f64,
    /// Standard deviation of the first tables.
    pub start_tables: f64,
    /// Standard deviation of the first matrices.
    pub start_matrices: f64,
    /// How the matrices of attention start.
    #[serde(default)]
    pub start_heads: StartHeads,
    /// The precision of matrix products. Files from before there was a choice mean f32.
    #[serde(default)]
    pub compute: Compute,
    /// Steps between validations; 0 for twenty over the run.
    pub validate_every: u64,
    /// Steps between checkpoints; 0 for ten over the run.
    pub checkpoint_every: u64,
    /// Whether snapshots are whole models, beside the embedding tables that are always kept.
    #[serde(default)]
    pub whole_snapshots: bool,
    /// The SHA-256 of the tokens that a run learned from; empty until they are settled.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// The model.
    pub model: Shape,
}

/// The model's shape.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Whose form it has.
    pub architecture: Architecture,
    /// Blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub key_heads: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width of the MLP.
    pub hidden: usize,
    /// Base of rotary frequencies, in a llama.
    pub theta: u32,
    /// The MLP's nonlinearity, in a llama.
    #[serde(default)]
    pub activation: Bend,
    /// Whether the head is the table, in a llama; GPT-2's always is.
    #[serde(default = "yes")]
    pub tied: bool,
    /// Whether queries and keys pass a norm of each head, in a llama (Dehghani et al. 2023, section
    /// 2); its files are then those of Qwen3.
    #[serde(default)]
    pub head_norm: bool,
    /// Logits are bounded softly, `cap · tanh(logit / cap)`, in a llama (Gemma Team 2024, section 2,
    /// have 30); 0 for none. transformers has no word for it in these files.
    #[serde(default)]
    pub logit_cap: f32,
}

fn yes() -> bool {
    true
}

fn usual_cooldown() -> f64 {
    0.2
}

fn whole() -> f64 {
    1.0
}

fn usual_momentum() -> f64 {
    0.95
}

impl Recipe {
    /// Reads settings, such as those of `--config`.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let message = plainly(error.message());
            let line = error.span().map(|span| text[..span.start].lines().count().max(1));
            Refusal::user(match line {
                Some(line) => format!("line {line}: {message}"),
                None => message,
            })
        })
    }

    /// The settings as `training.toml`.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Refusal::ours(format!("training.toml: {error}")))
    }

    /// One setting by `key=value`; keys of the model may go without `model.`.
    pub fn set(&mut self, setting: &str) -> Result<()> {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            Refusal::user(format!("--set {setting}: it has no =; write --set key=value"))
        })?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            return Err(Refusal::user(format!("--set {setting}: no key stands before the =")));
        }
        let mut table = toml::Table::try_from(&*self)
            .map_err(|error| Refusal::ours(format!("--set {setting}: {error}")))?;
        let model = table.get("model").and_then(|model| model.as_table());
        let in_model = model.is_some_and(|model| model.contains_key(key));
        let known: Vec<String> = table
            .keys()
            .filter(|name| *name != "model")
            .chain(model.into_iter().flat_map(|model| model.keys()))
            .cloned()
            .collect();
        if !known.iter().any(|name| name == key) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(Refusal::user(format!("--set {setting}: {}", unknown(key, &known))));
        }
        let as_written = toml::from_str::<toml::Table>(&format!("value = {value}"));
        let value = match as_written.ok().and_then(|mut table| table.remove("value")) {
            Some(value) => value,
            None => toml::Value::String(value.to_owned()),
        };
        let place = if in_model { table.get_mut("model") } else { None };
        let place = match place.and_then(|model| model.as_table_mut()) {
            Some(model) => model,
            None => &mut table,
        };
        // A whole number where a fraction stands is that fraction.
        let value = match (place.get(key), value) {
            (Some(toml::Value::Float(_)), toml::Value::Integer(whole)) => {
                toml::Value::Float(whole as f64)
            }
            (_, value) => value,
        };
        place.insert(key.to_owned(), value);
        let error = |error: toml::de::Error| {
            Refusal::user(format!("--set {setting}: {}", plainly(error.message())))
        };
        *self = table.try_into().map_err(error)?;
        Ok(())
    }

    /// The model's configuration, for a vocabulary and its end-of-text token.
    pub fn config(&self, vocabulary: usize, end: Option<TokenId>) -> Result<Config> {
        let Shape { architecture, layers, heads, key_heads, width, hidden, theta, .. } = self.model;
        let size =
            Size { vocabulary, width, layers, heads, key_heads, hidden, context: self.context };
        let config = match architecture {
            Architecture::Gpt2 => Config::gpt2(size)?,
            Architecture::Nanogpt => Config::gpt2(size)?.with(|config| {
                config.activation = Activation::Gelu;
                config.norm_bias = false;
                config.attention_bias = false;
                config.output_bias = false;
                config.mlp_bias = false;
            })?,
            Architecture::Llama => Config::llama(size)?.with(|config| {
                config.tied = self.model.tied;
                config.activation = self.model.activation.into();
                config.head_norm = self.model.head_norm;
                config.cap = (self.model.logit_cap != 0.0).then_some(self.model.logit_cap);
                if config.head_norm {
                    config.family = Family::Qwen3;
                }
                if let lookback_model::Positions::Rotary(how) = &mut config.positions {
                    how.theta = theta as f32;
                }
            })?,
        };
        config.with(|config| {
            config.beginning = end;
            config.ends = end.into_iter().collect();
        })
    }

    /// How weights start.
    pub fn start(&self) -> Start {
        let heads = match self.start_heads {
            StartHeads::Plain => Heads::Plain,
            StartHeads::Mimetic => Heads::Mimetic,
        };
        Start { seed: self.seed, tables: self.start_tables, matrices: self.start_matrices, heads }
    }

    /// Where windows begin.
    pub fn begin(&self) -> Begin {
        if self.at_documents { Begin::Documents } else { Begin::Anywhere }
    }

    /// Tokens of one step.
    pub fn tokens_per_step(&self) -> usize {
        self.batch * self.accumulate * self.context
    }
}

/// What toml says on one line, without the names of Rust's types.
fn plainly(message: &str) -> String {
    // "unknown field `a`, expected one of `b`, `c`"
    if message.starts_with("unknown field") {
        let mut names = message.split('`').skip(1).step_by(2);
        if let Some(key) = names.next() {
            return unknown(key, &names.collect::<Vec<_>>());
        }
    }
    let mut plain = message.trim_end().replace('\n', " ");
    for (rust, words) in [
        ("expected usize", "a whole number is needed"),
        ("expected u64", "a whole number is needed"),
        ("expected u32", "a whole number is needed"),
        ("expected f64", "a number is needed"),
        ("expected a boolean", "true or false is needed"),
    ] {
        plain = plain.replace(rust, words);
    }
    plain
}

/// `there is no setting lerning_rate; these are: seed, steps`
fn unknown(key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(meant) => format!(
            "there is no setting {key}; did you mean {meant}? lookback train --print-config has all"
        ),
        None => format!("there is no setting {key}; these are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_llama_are_refused_of_others() {
        let mut recipe = preset("gpt2").unwrap();
        recipe.set("head_norm=true").unwrap();
        assert!(recipe.check().unwrap_err().to_string().contains("architecture = llama"));
    }

    #[test]
    fn files_from_before_a_setting_mean_what_they_meant() {
        let recipe = preset("bench-a").unwrap();
        let text = recipe.to_toml().unwrap();
        let later = [
            "optimizer",
            "table_share",
            "head_share",
            "momentum",
            "schedule",
            "cooldown_share",
            "z_loss",
            "average_share",
            "short_context",
            "short_share",
            "start_heads",
            "activation",
            "tied",
            "head_norm",
            "logit_cap",
            "whole_snapshots",
        ];
        let is_earlier =
            |line: &&str| !later.iter().any(|key| line.starts_with(&format!("{key} =")));
        let earlier: Vec<&str> = text.lines().filter(is_earlier).collect();
        assert_eq!(earlier.len() + later.len(), text.lines().count());
        assert_eq!(Recipe::parse(&earlier.join("\n")).unwrap(), recipe);
    }

    #[test]
    fn a_setting_is_known_by_its_key() {
        let mut recipe = preset("tiny").unwrap();
        recipe.set("rate=1").unwrap();
        recipe.set("layers = 2").unwrap();
        recipe.set("architecture=gpt2").unwrap();
        assert_eq!((recipe.rate, recipe.model.layers), (1.0, 2));
        let said = recipe.set("lerning_rate=1").unwrap_err().to_string();
        assert!(said.contains("no setting lerning_rate; did you mean rate?"), "{said}");
        let said = recipe.set("colour=1").unwrap_err().to_string();
        assert!(said.contains("no setting colour; these are: accumulate, "), "{said}");
        assert!(recipe.set("layers=many").is_err());
    }

    #[test]
    fn settings_survive_their_file_and_unknown_keys_do_not() {
        let recipe = preset("small").unwrap();
        let text = recipe.to_toml().unwrap();
        assert_eq!(Recipe::parse(&text).unwrap(), recipe);
        let said = Recipe::parse(&format!("sede = 1\n{text}")).unwrap_err().to_string();
        assert!(said.contains("line 1") && said.contains("no setting sede"), "{said}");
    }
}
