//! Which settings can be meant together.

use lookback_files::{Kind, Refusal, Result};
use lookback_model::Activation;

use super::{Architecture, Compute, Recipe, Shape};

/// Tokens of a pass at most: far beyond any machine, and too few for a size to overflow.
const ROWS: usize = 1 << 24;

impl Recipe {
    /// Refuses what cannot be meant.
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &str, value: f64, rule: &str| {
            Err(Refusal::of(Kind::InvalidSetting, format!("{key} = {value}: it must be {rule}")))
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
            return Err(Refusal::of(
                Kind::InvalidSetting,
                format!(
                    "batch = {}: with a context of {} a pass has more than {ROWS} tokens; make it \
                 smaller, and accumulate larger",
                    self.batch, self.context
                ),
            ));
        }
        let rows = self.batch * self.context;
        if self.compute == Compute::Bf16 && self.accumulate > 1 && !rows.is_multiple_of(2) {
            return Err(Refusal::of(
                Kind::InvalidSetting,
                format!(
                    "accumulate = {}: bf16 takes tokens in pairs, and a pass has {rows} of them; make \
                 batch or context even, or compute in f32",
                    self.accumulate
                ),
            ));
        }
        if self.checkpoints == 0 {
            return refuse("checkpoints", 0.0, "1 or more");
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
        let plain = (Activation::Silu, true, false, 0.0);
        let Shape { activation, tied, head_norm, logit_cap, .. } = self.model;
        if logit_cap != 0.0 && !(1e-3..=1e6).contains(&logit_cap) {
            return refuse(
                "logit_cap",
                f64::from(logit_cap),
                "0 for none, or from 0.001 to a million",
            );
        }
        let has = (activation, tied, head_norm, logit_cap);
        if self.model.architecture != Architecture::Llama && has != plain {
            return Err(Refusal::of(
                Kind::InvalidSetting,
                "activation, tied, head_norm and logit_cap are settings of architecture = llama \
                 alone; leave them out, or choose that",
            ));
        }
        Ok(())
    }
}
