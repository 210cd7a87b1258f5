//! Variants of a pass: the same network with a part of its attention left out or replaced. They show what the part
//! does; a variant is recorded as a program of its own and shares no batch with others.

use lookback_files::{Kind, Refusal, Result};
use serde::Deserialize;

use crate::{Attend, Network};

/// What a pass leaves out or replaces; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PassVariant {
    /// Every token sees all tokens of its sequence, those behind it too, and there is no window. Such a pass has
    /// whole sequences only.
    pub no_mask: bool,
    /// Scores are the products of queries and keys themselves, without their factor.
    pub no_scale: bool,
    /// No position is added, rotated by, or subtracted from scores as a distance.
    pub no_position: bool,
    /// Every key that a token sees has the same weight: scores are multiplied with 0, without a cap, a distance or
    /// a sink.
    pub uniform_attention: bool,
    /// Queries, keys and values are what attention reads, split into as many heads as there are query heads:
    /// no weights make them, and nothing norms or rotates them. The output projection stays.
    pub plain_attention: bool,
}

impl PassVariant {
    /// What either of two leaves out or replaces.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            no_mask: self.no_mask | other.no_mask,
            no_scale: self.no_scale | other.no_scale,
            no_position: self.no_position | other.no_position,
            uniform_attention: self.uniform_attention | other.uniform_attention,
            plain_attention: self.plain_attention | other.plain_attention,
        }
    }

    /// Whether it is the pass of the network itself.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Refuses a variant that a network does not have.
    ///
    /// # Errors
    /// Plain attention, where heads of queries are not parts of what attention reads.
    pub fn check(self, network: &Network) -> Result<()> {
        let config = &network.config;
        let queries = config.heads * config.head_dim;
        if self.plain_attention && queries != config.width {
            return Err(Refusal::of(
                Kind::InvalidSetting,
                format!(
                    "plain attention splits {} numbers into heads, but this model's {} heads of {} have \
                     {queries}; use a model whose heads are as wide together as its residual stream",
                    config.width, config.heads, config.head_dim
                ),
            ));
        }
        Ok(())
    }

    /// What a block's attention is in this variant.
    #[must_use]
    pub fn attend(self, attend: &Attend) -> Attend {
        let mut attend = *attend;
        attend.is_causal &= !self.no_mask;
        if self.no_scale {
            attend.scale = 1.0;
        }
        if self.no_position {
            attend.alibi = None;
        }
        if self.uniform_attention {
            (attend.scale, attend.score_cap, attend.alibi, attend.sinks) = (0.0, None, None, None);
        }
        if self.plain_attention {
            attend.key_heads = attend.heads;
        }
        attend
    }
}
