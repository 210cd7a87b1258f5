//! What cannot be a model is refused, in one sentence.

use std::fmt;

use lookback_files::{Kind, Refusal, Result, counted};

use super::{BlockOrder, Config, NormPlacement};

/// Layers of a model at most.
const LAYERS: usize = 1 << 12;

impl Config {
    /// Refuses ids beyond the vocabulary; `name` is what they are called where they were given.
    ///
    /// # Errors
    /// The first such id is named.
    pub fn check_ids(
        &self,
        name: impl fmt::Display,
        ids: impl IntoIterator<Item = u32>,
    ) -> Result<()> {
        match ids.into_iter().find(|&id| id as usize >= self.vocabulary) {
            None => Ok(()),
            Some(id) => Err(Refusal::of(
                Kind::TokenOutOfRange,
                format!("{name} {id}: this model's vocabulary ends at {}", self.vocabulary - 1),
            )),
        }
    }

    /// Refuses what cannot be a model. The bounds leave room for any product of sizes in 64 bits.
    pub(crate) fn checked(self) -> Result<Self> {
        let sizes = [
            ("a vocabulary", self.vocabulary, 1 << 24),
            ("a width", self.width, 1 << 20),
            ("layers", self.layers, LAYERS),
            ("heads", self.heads, 1 << 12),
            ("key/value heads", self.key_heads, 1 << 12),
            ("a head width", self.head_dim, 1 << 12),
            ("an MLP width", self.hidden, 1 << 22),
            ("an embedding width", self.embedding_width.unwrap_or(1), 1 << 20),
            ("a context", self.long_context.unwrap_or(self.context), 1 << 24),
            ("an attention window", self.window.unwrap_or(1), usize::MAX),
        ];
        for (what, size, max) in sizes {
            if size == 0 || size > max {
                let bound = if size == 0 { "at least 1 is needed".into() } else { at_most(max) };
                return refuse(format!("{what} of {size} cannot be; {bound}"));
            }
        }
        if !self.heads.is_multiple_of(self.key_heads) {
            return refuse(format!(
                "{} cannot share {}; the first must be a multiple of the second",
                counted(self.heads, "head"),
                counted(self.key_heads, "key/value head")
            ));
        }
        if self.norm_placement == NormPlacement::Stream
            && self.block_order != BlockOrder::Sequential
        {
            return refuse(
                "norms on the residual stream cannot be where attention and MLP stand side by side"
                    .to_owned(),
            );
        }
        for rotary in self.rotary_configs() {
            rotary.check(self.head_dim, self.context)?;
        }
        for (name, layers) in [
            ("positions", &self.layers_with_positions),
            ("a sliding window", &self.layers_with_window),
        ] {
            if !layers.is_empty() && layers.len() != self.layers {
                return refuse(format!(
                    "{} said to have {name} or not cannot be; the model has {}",
                    counted(layers.len(), "layer"),
                    self.layers
                ));
            }
        }
        if let Some(mixture) = &self.mixture {
            mixture.check(self.layers)?;
        }
        if !self.epsilon.is_finite() || self.epsilon < 0.0 {
            return refuse(format!(
                "a norm epsilon of {} cannot be; it must be 0 or a little more",
                self.epsilon
            ));
        }
        for (what, factor) in [
            ("a score scale", self.scale),
            ("a factor of the embedding", self.embedding_factor),
            ("a factor of the residual stream", self.residual_factor),
            ("a factor of the logits", self.logit_factor),
        ] {
            if !factor.is_finite() {
                return refuse(format!("{what} of {factor} cannot be"));
            }
        }
        if let Some(bound) = self.qkv_bound
            && !(bound > 0.0 && bound.is_finite())
        {
            return refuse(format!(
                "a bound of queries, keys and values of {bound} cannot be; it must be above 0"
            ));
        }
        for (what, cap) in [("scores", self.score_cap), ("logits", self.logit_cap)] {
            if let Some(cap) = cap
                && !(1e-3..=1e6).contains(&cap)
            {
                return refuse(format!("a cap of {what} of {cap} cannot be; it must be above 0"));
            }
        }
        for id in self.bos.iter().chain(&self.eos) {
            if id.index() >= self.vocabulary {
                return refuse(format!(
                    "token {id} begins or ends a text, but the vocabulary ends before {}",
                    self.vocabulary
                ));
            }
        }
        Ok(self)
    }
}

/// A number of layers as a file gives it. Refused before lists are made with an entry for each layer.
pub(crate) fn layer_count(layers: usize) -> Result<usize> {
    if layers <= LAYERS {
        Ok(layers)
    } else {
        refuse(format!("layers of {layers} cannot be; {}", at_most(LAYERS)))
    }
}

fn at_most(max: usize) -> String {
    format!("{max} is the most that is understood")
}

fn refuse<T>(sentence: String) -> Result<T> {
    Err(Refusal::user(sentence))
}
