//! What writes into the residual stream, or stands between two who write: the names of the parts of a logit.

use lookback_model::Site;
use serde::{Serialize, Serializer};

/// What a part of a logit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Component {
    /// The token's row of the embedding table, behind its norm where a family has one there.
    Embedding,
    /// The position's row, where positions are learned.
    Position,
    /// What a head adds to the stream: its z through its columns of the output projection.
    Head {
        /// Which layer.
        layer: usize,
        /// Which query head.
        head: usize,
    },
    /// One source token of a head: weight × value through the output projection.
    Source {
        /// Which layer.
        layer: usize,
        /// Which query head.
        head: usize,
    },
    /// The biases of an output projection and of the norm behind it.
    AttentionBias {
        /// Which layer.
        layer: usize,
    },
    /// What the value has whatever the stream holds: the biases of the value projection and of its norm.
    ValueBias {
        /// Which layer.
        layer: usize,
        /// Which query head.
        head: usize,
    },
    /// What an MLP, or a mixture of experts, adds to the stream.
    Mlp {
        /// Which layer.
        layer: usize,
    },
    /// What the tangent of an MLP at this token leaves out: its value less its slope times the stream.
    MlpRemainder {
        /// Which layer.
        layer: usize,
    },
    /// What edits of a site made there, beside what they left of other parts.
    Edit {
        /// Which site.
        #[serde(serialize_with = "name_of_site")]
        site: Site,
    },
    /// What the logit has whatever the stream holds: the biases of the last norm and of the head.
    FinalBias,
}

fn name_of_site<S: Serializer>(site: &Site, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(site)
}

impl Component {
    /// A short name: `embedding`, `2.1` of a head, `mlp 2`.
    pub fn name(self) -> String {
        match self {
            Self::Embedding => "embedding".to_owned(),
            Self::Position => "position".to_owned(),
            Self::Head { layer, head } => format!("head {layer}.{head}"),
            Self::Source { layer, head } => format!("source of {layer}.{head}"),
            Self::AttentionBias { layer } => format!("bias of attention {layer}"),
            Self::ValueBias { layer, head } => format!("bias of values {layer}.{head}"),
            Self::Mlp { layer } => format!("mlp {layer}"),
            Self::MlpRemainder { layer } => format!("mlp {layer}, not linear"),
            Self::Edit { site } => format!("edit of {site}"),
            Self::FinalBias => "bias of the last norm and the head".to_owned(),
        }
    }

    /// The layer that it belongs to, if to one.
    pub fn layer(self) -> Option<usize> {
        match self {
            Self::Edit { site: Site::Block(layer, _) } => Some(usize::from(layer)),
            Self::Embedding | Self::Position | Self::Edit { .. } | Self::FinalBias => None,
            Self::Head { layer, .. }
            | Self::Source { layer, .. }
            | Self::AttentionBias { layer }
            | Self::ValueBias { layer, .. }
            | Self::Mlp { layer }
            | Self::MlpRemainder { layer } => Some(layer),
        }
    }
}
