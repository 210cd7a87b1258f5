//! Every setting of a run, as `training.toml` keeps them. Read `recipe/choices` and `recipe/presets` next.

mod choices;
mod presets;

use lookback_engine::{Heads, Start};
use lookback_files::{Refusal, Result};
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
    /// The SHA-256 of the tokens that a run learned from; empty until they are settled.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// The model.
    pub model: Shape,
}

/// The model's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Tokens of a pass at most: far beyond any machine, and too few for a size to overflow.
const ROWS: usize = 1 << 24;

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
            return Err(Refusal::user(format!(
                "--set {setting}: there is no such setting; these are: {}",
                known.join(", ")
            )));
        }
        let as_written = toml::from_str::<toml::Table>(&format!("value = {value}"));
        let value = match as_written.ok().and_then(|mut table| table.remove("value")) {
            Some(value) => value,
            None => toml::Value::String(value.to_owned()),
        };
        let place = if in_model { table.get_mut("model") } else { None };
        match place.and_then(|model| model.as_table_mut()) {
            Some(model) => model.insert(key.to_owned(), value),
            None => {
                // A whole number where a fraction stands is that fraction.
                let value = match (table.get(key), value) {
                    (Some(toml::Value::Float(_)), toml::Value::Integer(whole)) => {
                        toml::Value::Float(whole as f64)
                    }
                    (_, value) => value,
                };
                table.insert(key.to_owned(), value)
            }
        };
        let error = |error: toml::de::Error| {
            Refusal::user(format!("--set {setting}: {}", plainly(error.message())))
        };
        *self = table.try_into().map_err(error)?;
        Ok(())
    }

    /// Refuses what cannot be meant.
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &str, value: f64, rule: &str| {
            Err(Refusal::user(format!("{key} = {value}: it must be {rule}")))
        };
        for (key, value) in [("batch", self.batch), ("accumulate", self.accumulate)] {
            if value == 0 || value > 1 << 20 {
                return refuse(key, value as f64, "between 1 and a million");
            }
        }
        if self.context == 0 || self.context > 1 << 20 {
            return refuse("context", self.context as f64, "between 1 and a million");
        }
        if self.batch * self.context > ROWS {
            return Err(Refusal::user(format!(
                "batch = {}: with a context of {} a pass has more than {ROWS} tokens; make it \
                 smaller, and accumulate larger",
                self.batch, self.context
            )));
        }
        let rows = self.batch * self.context;
        if self.compute == Compute::Bf16 && self.accumulate > 1 && !rows.is_multiple_of(2) {
            return Err(Refusal::user(format!(
                "accumulate = {}: bf16 takes tokens in pairs, and a pass has {rows} of them; make \
                 batch or context even, or compute in f32",
                self.accumulate
            )));
        }
        let positive = [
            ("rate", self.rate),
            ("table_share", self.table_share),
            ("head_share", self.head_share),
            ("epsilon", self.epsilon),
            ("clip", self.clip),
        ];
        for (key, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return refuse(key, value, "above 0");
            }
        }
        for (key, value) in [
            ("final_share", self.final_share),
            ("warmup_share", self.warmup_share),
            ("cooldown_share", self.cooldown_share),
            ("average_share", self.average_share),
            ("short_share", self.short_share),
            ("beta1", self.beta1),
            ("beta2", self.beta2),
            ("momentum", self.momentum),
        ] {
            let is_decay = key.starts_with("beta") || key == "momentum";
            if !(0.0..=1.0).contains(&value) || (is_decay && value == 1.0) {
                return refuse(key, value, "between 0 and 1");
            }
        }
        for (key, value) in [
            ("decay", self.decay),
            ("z_loss", self.z_loss),
            ("start_tables", self.start_tables),
            ("start_matrices", self.start_matrices),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return refuse(key, value, "0 or above");
            }
        }
        if self.short_context > 0 && !self.context.is_multiple_of(self.short_context) {
            return refuse(
                "short_context",
                self.short_context as f64,
                &format!("0, or divide the context of {}", self.context),
            );
        }
        let plain = (Bend::Silu, true, false);
        let Shape { activation, tied, head_norm, .. } = self.model;
        if self.model.architecture != Architecture::Llama && (activation, tied, head_norm) != plain
        {
            return Err(Refusal::user(
                "activation, tied and head_norm are settings of architecture = llama alone; leave \
                 them out, or choose that",
            ));
        }
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

    /// Tokens of the sequences of a step, counted from 0.
    pub fn context_at(&self, step: u64) -> usize {
        let is_short = self.short_context > 0
            && (step as f64) < libm::round(self.short_share * self.steps as f64);
        if is_short { self.short_context } else { self.context }
    }

    /// How many steps before and with this one, counted from 0, the model is the mean of; 0 of a step
    /// before them.
    pub fn averaged_at(&self, step: u64) -> u64 {
        let count = libm::round(self.average_share * self.steps as f64) as u64;
        (step + 1).saturating_sub(self.steps.saturating_sub(count))
    }

    /// The learning rate of a step, counted from 0: a line up, then what the schedule says.
    pub fn rate_at(&self, step: u64) -> f64 {
        let warmup = f64::max(1.0, libm::round(self.warmup_share * self.steps as f64));
        let done = step as f64;
        if done < warmup {
            return self.rate * (done + 1.0) / warmup;
        }
        let rest = f64::max(1.0, self.steps as f64 - warmup);
        let part = f64::min(1.0, (done - warmup) / rest);
        let share = match self.schedule {
            Schedule::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * part)),
            Schedule::Stable => {
                let left = self.steps as f64 - done;
                let cooldown = f64::max(1.0, self.cooldown_share * self.steps as f64);
                f64::clamp(left / cooldown, 0.0, 1.0)
            }
        };
        self.rate * (self.final_share + (1.0 - self.final_share) * share)
    }
}

/// What toml says on one line, without the names of Rust's types.
fn plainly(message: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_over_the_warm_up_and_falls_to_its_share() {
        let mut recipe = preset("tiny").unwrap();
        (recipe.steps, recipe.warmup_share, recipe.final_share) = (1000, 0.1, 0.1);
        recipe.rate = 1.0;
        assert_eq!(recipe.rate_at(0), 0.01);
        assert_eq!(recipe.rate_at(99), 1.0);
        assert!((recipe.rate_at(550) - 0.55).abs() < 1e-9);
        assert!((recipe.rate_at(1000) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_stable_rate_falls_in_a_line_at_the_end() {
        let mut recipe = preset("tiny").unwrap();
        (recipe.steps, recipe.warmup_share, recipe.final_share) = (1000, 0.1, 0.0);
        (recipe.rate, recipe.schedule, recipe.cooldown_share) = (1.0, Schedule::Stable, 0.2);
        assert_eq!(recipe.rate_at(49), 0.5);
        assert_eq!([100, 500, 800].map(|step| recipe.rate_at(step)), [1.0; 3]);
        assert_eq!([900, 1000].map(|step| recipe.rate_at(step)), [0.5, 0.0]);
    }

    #[test]
    fn the_first_steps_are_short_and_the_last_are_averaged() {
        let mut recipe = preset("tiny").unwrap();
        recipe.steps = 100;
        assert_eq!((recipe.context_at(0), recipe.averaged_at(99)), (64, 0));
        (recipe.short_context, recipe.short_share, recipe.average_share) = (16, 0.25, 0.1);
        assert_eq!([0, 24, 25, 99].map(|step| recipe.context_at(step)), [16, 16, 64, 64]);
        assert_eq!([0, 89, 90, 99].map(|step| recipe.averaged_at(step)), [0, 0, 1, 10]);
        recipe.short_context = 24;
        assert!(recipe.check().unwrap_err().to_string().contains("divide the context of 64"));
    }

    #[test]
    fn settings_of_a_llama_are_refused_of_others() {
        let mut recipe = preset("gpt2").unwrap();
        recipe.set("head_norm=true").unwrap();
        assert!(recipe.check().unwrap_err().to_string().contains("architecture = llama"));
    }

    #[test]
    fn files_from_before_a_setting_mean_what_they_meant() {
        let recipe = preset("tiny").unwrap();
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
        assert!(said.contains("lerning_rate") && said.contains("rate, "), "{said}");
        assert!(recipe.set("layers=many").is_err());
    }

    #[test]
    fn settings_survive_their_file_and_unknown_keys_do_not() {
        let recipe = preset("small").unwrap();
        let text = recipe.to_toml().unwrap();
        assert_eq!(Recipe::parse(&text).unwrap(), recipe);
        let said = Recipe::parse(&format!("sede = 1\n{text}")).unwrap_err().to_string();
        assert!(said.contains("line 1") && said.contains("sede"), "{said}");
    }
}
