//! Every setting of a run, as `training.toml` keeps them.

use lookback_engine::Start;
use lookback_files::{Refusal, Result};
use lookback_model::{Activation, Config, Size};
use lookback_text::{TokenId, dataset::Begin};
use serde::{Deserialize, Serialize};

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
    /// Share of `rate` at the end of the cosine.
    pub final_share: f64,
    /// Steps over which the rate rises, as a share of all.
    pub warmup_share: f64,
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
    /// Standard deviation of the first tables.
    pub start_tables: f64,
    /// Standard deviation of the first matrices.
    pub start_matrices: f64,
    /// The precision of matrix products. Files from before there was a choice mean f32.
    #[serde(default)]
    pub compute: Compute,
    /// Steps between validations; 0 for twenty over the run.
    pub validate_every: u64,
    /// Steps between checkpoints; 0 for ten over the run.
    pub checkpoint_every: u64,
    /// The model.
    pub model: Shape,
}

/// The precision of matrix products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compute {
    /// f32 times f32.
    #[default]
    F32,
    /// Both rounded to bf16, with sums in f32: about twice the speed where the processor has it.
    Bf16,
}

impl From<Compute> for lookback_engine::Compute {
    fn from(compute: Compute) -> Self {
        match compute {
            Compute::F32 => Self::F32,
            Compute::Bf16 => Self::Bf16,
        }
    }
}

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Every weight by AdamW (Loshchilov and Hutter 2019).
    #[default]
    AdamW,
    /// The matrices of the blocks by Muon (Jordan et al. 2024), with steps as long as those of AdamW
    /// (Liu et al. 2025); tables, head, norms and biases by AdamW.
    Muon,
}

impl From<Optimizer> for lookback_engine::Method {
    fn from(optimizer: Optimizer) -> Self {
        match optimizer {
            Optimizer::AdamW => Self::AdamW,
            Optimizer::Muon => Self::Muon,
        }
    }
}

fn whole() -> f64 {
    1.0
}

fn usual_momentum() -> f64 {
    0.95
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
}

/// Forms of model that a run can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// Layer norm, learned positions, GELU with tanh, biases, tied head.
    Gpt2,
    /// As GPT-2, with exact GELU and without biases, as nanoGPT has it: for timing, since no file of
    /// transformers holds a GPT-2 without biases.
    Nanogpt,
    /// RMS norm, rotary positions, gated SiLU, no biases, tied head.
    Llama,
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
            ("start_tables", self.start_tables),
            ("start_matrices", self.start_matrices),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return refuse(key, value, "0 or above");
            }
        }
        Ok(())
    }

    /// The model's configuration, for a vocabulary and its end-of-text token.
    pub fn config(&self, vocabulary: usize, end: Option<TokenId>) -> Result<Config> {
        let Shape { architecture, layers, heads, key_heads, width, hidden, theta } = self.model;
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
                config.tied = true;
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
        Start { seed: self.seed, tables: self.start_tables, matrices: self.start_matrices }
    }

    /// Where windows begin.
    pub fn begin(&self) -> Begin {
        if self.at_documents { Begin::Documents } else { Begin::Anywhere }
    }

    /// Tokens of one step.
    pub fn tokens_per_step(&self) -> usize {
        self.batch * self.accumulate * self.context
    }

    /// The learning rate of a step, counted from 0: a line up, then half a cosine down.
    pub fn rate_at(&self, step: u64) -> f64 {
        let warmup = f64::max(1.0, libm::round(self.warmup_share * self.steps as f64));
        let done = step as f64;
        if done < warmup {
            return self.rate * (done + 1.0) / warmup;
        }
        let rest = f64::max(1.0, self.steps as f64 - warmup);
        let part = f64::min(1.0, (done - warmup) / rest);
        let share = 0.5 * (1.0 + libm::cos(std::f64::consts::PI * part));
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

/// The settings of a preset by its name.
pub fn preset(name: &str) -> Result<Recipe> {
    let shape = |architecture, layers, heads, width, hidden| Shape {
        architecture,
        layers,
        heads,
        key_heads: heads,
        width,
        hidden,
        theta: 10_000,
    };
    let plain = |model: Shape, context, batch| Recipe {
        seed: 0,
        steps: 0,
        batch,
        accumulate: 1,
        context,
        at_documents: false,
        rate: 1e-3,
        final_share: 0.1,
        warmup_share: 0.02,
        optimizer: Optimizer::AdamW,
        table_share: 1.0,
        head_share: 1.0,
        momentum: usual_momentum(),
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        decay: 0.1,
        clip: 1.0,
        start_tables: 0.02,
        start_matrices: 0.02,
        compute: Compute::F32,
        validate_every: 0,
        checkpoint_every: 0,
        model,
    };
    let nano = |layers, heads, width| shape(Architecture::Nanogpt, layers, heads, width, 4 * width);
    let recipe = match name {
        "tiny" => {
            let mut tiny = plain(shape(Architecture::Llama, 4, 4, 128, 344), 64, 12);
            (tiny.rate, tiny.start_tables, tiny.start_matrices) = (4e-3, 0.1, 0.06);
            tiny.final_share = 0.02;
            tiny
        }
        "small" => {
            let mut small = plain(shape(Architecture::Llama, 6, 6, 384, 1024), 256, 16);
            (small.rate, small.start_tables, small.start_matrices) = (2e-3, 0.05, 0.04);
            small
        }
        "gpt2" => plain(shape(Architecture::Gpt2, 12, 12, 768, 3072), 1024, 1),
        "default" => {
            let mut town = plain(shape(Architecture::Llama, 3, 4, 64, 160), 64, 16);
            town.model.theta = 1000;
            (town.rate, town.start_tables, town.start_matrices) = (3e-3, 0.1, 0.06);
            (town.final_share, town.warmup_share) = (0.05, 0.03);
            town.at_documents = true;
            town
        }
        "bench-a" => plain(nano(4, 4, 128), 64, 12),
        "bench-b" => plain(nano(6, 6, 384), 256, 16),
        "bench-c" => plain(nano(8, 8, 512), 512, 4),
        "bench-d" => plain(nano(12, 12, 768), 1024, 1),
        _ => {
            return Err(Refusal::user(format!(
                "--preset {name}: there is no such preset; tiny, small, gpt2, default and bench-a \
                 to bench-d are"
            )));
        }
    };
    Ok(recipe)
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
