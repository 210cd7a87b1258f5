//! Every setting of a run, as `training.toml` keeps them. Read `recipe/choices`,
//! `recipe/presets` and `recipe/schedule` next.

mod check;
mod choices;
mod file;
mod presets;
mod record;
mod schedule;
mod synonyms;

pub use lookback_engine::Compute;
use lookback_engine::{HeadInit, Init};
use lookback_files::Result;
use lookback_model::{Activation, Config, Size};
use lookback_text::{TokenId, dataset::WindowStarts};
use serde::{Deserialize, Serialize};

pub use choices::{Architecture, KeptWeights, Optimizer, Schedule, StartHeads};
pub use presets::preset;
pub use record::{Difference, EarlierSettings, RunRecord};
pub use synonyms::setting_synonym;

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
    /// al. 2022, section 5, have 1e-4); losses are reported without it.
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
    #[serde(default, with = "choices::ComputeName")]
    pub compute: Compute,
    /// Steps between validations; 0 for twenty over the run.
    pub validate_every: u64,
    /// Steps between checkpoints; 0 for ten over the run.
    pub checkpoint_every: u64,
    /// Which weights become the model. Files from before there was a choice mean the last.
    #[serde(default)]
    pub keep: KeptWeights,
    /// Checkpoints that stay, the newest included; at least one.
    #[serde(default = "two")]
    pub checkpoints: usize,
    /// Embedding tables kept over a run besides the first; from 20 on, also where the loss has changed
    /// suddenly. Files from before there was a choice mean 20.
    #[serde(default = "twenty")]
    pub snapshots: u64,
    /// Whether snapshots are whole models, beside the embedding tables.
    #[serde(default)]
    pub whole_snapshots: bool,
    /// The SHA-256 of the tokens that a run learned from; empty until they are settled.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// The model.
    pub model: Shape,
    /// What was asked for when the run began; nothing in settings of no run, or of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<RunRecord>,
    /// Settings that earlier parts of the run had, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<EarlierSettings>,
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
    #[serde(default, with = "choices::GatedActivation")]
    pub activation: Activation,
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

fn two() -> usize {
    2
}

fn twenty() -> u64 {
    20
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
            Architecture::Llama => {
                let shape = if self.model.head_norm { Config::qwen3 } else { Config::llama };
                shape(size)?.with(|config| {
                    config.tied = self.model.tied;
                    config.activation = self.model.activation;
                    config.logit_cap =
                        (self.model.logit_cap != 0.0).then_some(self.model.logit_cap);
                    if let lookback_model::Positions::Rotary(how) = &mut config.positions {
                        how.theta = theta as f32;
                    }
                })?
            }
        };
        config.with(|config| {
            config.bos = end;
            config.eos = end.into_iter().collect();
        })
    }

    /// How weights start.
    pub fn start(&self) -> Init {
        let heads = match self.start_heads {
            StartHeads::Plain => HeadInit::Plain,
            StartHeads::Mimetic => HeadInit::Mimetic,
        };
        Init { seed: self.seed, tables: self.start_tables, matrices: self.start_matrices, heads }
    }

    /// Where windows begin.
    pub fn begin(&self) -> WindowStarts {
        if self.at_documents { WindowStarts::Documents } else { WindowStarts::Anywhere }
    }

    /// Tokens of one step.
    pub fn tokens_per_step(&self) -> usize {
        self.batch * self.accumulate * self.context
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
}
