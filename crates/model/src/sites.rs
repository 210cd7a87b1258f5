//! The sites of the forward pass that can be captured, by TransformerLens's names (less `hook_`).

use std::{fmt, str::FromStr};

use lookback_files::nearest;

/// A place in the forward pass whose numbers can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// `[tokens, width]`: the rows of the embedding table.
    Embed,
    /// `[tokens, width]`: the rows of the position table, where positions are learned.
    PosEmbed,
    /// A site of one block.
    Block(u16, BlockSite),
    /// `[tokens, width]`: after the final norm.
    LnFinal,
    /// `[tokens, vocabulary]`
    Logits,
    /// `[tokens, vocabulary]`: softmax of the logits.
    Probabilities,
}

/// A place inside a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockSite {
    /// `[tokens, width]`: the residual stream that enters.
    ResidPre,
    /// `[tokens, width]`: what attention reads.
    Ln1,
    /// `[tokens, heads, head_dim]`: after bias, before head norms and rotation.
    Q,
    /// `[tokens, key_heads, head_dim]`
    K,
    /// `[tokens, key_heads, head_dim]`
    V,
    /// `[tokens, heads, head_dim]`: what is multiplied.
    RotQ,
    /// `[tokens, key_heads, head_dim]`
    RotK,
    /// `[heads, queries, keys]`: scaled, −inf where hidden.
    Scores,
    /// `[heads, queries, keys]`: exp(score − log-sum-exp).
    Pattern,
    /// `[tokens, heads, head_dim]`: the weighted values.
    Z,
    /// `[tokens, heads, width]`: what each head adds to the output of attention, on demand.
    Result,
    /// `[tokens, width]`: what attention adds to the residual stream.
    AttnOut,
    /// `[tokens, width]`: the residual stream after attention.
    ResidMid,
    /// `[tokens, width]`: what the MLP reads.
    Ln2,
    /// `[tokens, experts]`: the router's logits, of a mixture of experts.
    RouterLogits,
    /// `[tokens, chosen]`: the weights of the experts that work on a token.
    ExpertWeights,
    /// `[tokens, chosen]`: which these are, ascending.
    ExpertIndices,
    /// `[tokens, hidden]`, of a mixture `[tokens, chosen, hidden]`: what enters the activation.
    MlpPre,
    /// The same shape: the other branch of a gated MLP.
    MlpPreLinear,
    /// The same shape: what leaves the activation, after the product.
    MlpPost,
    /// `[tokens, width]`: what the MLP adds to the residual stream.
    MlpOut,
    /// `[tokens, width]`: the residual stream that leaves.
    ResidPost,
}

impl BlockSite {
    /// In the order in which a block computes them, with their names.
    pub const ALL: [(Self, &'static str); 22] = [
        (Self::ResidPre, "resid_pre"),
        (Self::Ln1, "ln1"),
        (Self::Q, "attn.q"),
        (Self::K, "attn.k"),
        (Self::V, "attn.v"),
        (Self::RotQ, "attn.rot_q"),
        (Self::RotK, "attn.rot_k"),
        (Self::Scores, "attn.scores"),
        (Self::Pattern, "attn.pattern"),
        (Self::Z, "attn.z"),
        (Self::Result, "attn.result"),
        (Self::AttnOut, "attn_out"),
        (Self::ResidMid, "resid_mid"),
        (Self::Ln2, "ln2"),
        (Self::RouterLogits, "mlp.router_logits"),
        (Self::ExpertWeights, "mlp.expert_weights"),
        (Self::ExpertIndices, "mlp.expert_indices"),
        (Self::MlpPre, "mlp.pre"),
        (Self::MlpPreLinear, "mlp.pre_linear"),
        (Self::MlpPost, "mlp.post"),
        (Self::MlpOut, "mlp_out"),
        (Self::ResidPost, "resid_post"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(site, _)| *site == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embed => formatter.write_str("embed"),
            Self::PosEmbed => formatter.write_str("pos_embed"),
            Self::Block(layer, site) => write!(formatter, "blocks.{layer}.{}", site.name()),
            Self::LnFinal => formatter.write_str("ln_final"),
            Self::Logits => formatter.write_str("logits"),
            Self::Probabilities => formatter.write_str("probabilities"),
        }
    }
}

impl FromStr for Site {
    type Err = String;

    /// By its name, or by that of TransformerLens's hook point.
    fn from_str(given: &str) -> Result<Self, String> {
        let name = &unhooked(given);
        let unknown = || format!("\"{given}\" is no site{}; docs/sites.md lists them", meant(name));
        match name.as_str() {
            "embed" => Ok(Self::Embed),
            "pos_embed" => Ok(Self::PosEmbed),
            "ln_final" => Ok(Self::LnFinal),
            "logits" => Ok(Self::Logits),
            "probabilities" => Ok(Self::Probabilities),
            _ => {
                let rest = name.strip_prefix("blocks.").ok_or_else(unknown)?;
                let (layer, part) = rest.split_once('.').ok_or_else(unknown)?;
                let layer = layer.parse().map_err(|_| unknown())?;
                let found = BlockSite::ALL.iter().find(|(_, name)| *name == part);
                found.map(|(site, _)| Self::Block(layer, *site)).ok_or_else(unknown)
            }
        }
    }
}

/// The site that was meant by a name that is none, as a part of a sentence; nothing where none is near.
fn meant(name: &str) -> String {
    let nearest = match name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) {
        Some((layer, _)) if layer.parse::<u16>().is_err() => None,
        Some((layer, part)) => nearest(part, BlockSite::ALL.iter().map(|(_, name)| *name))
            .map(|part| format!("blocks.{layer}.{part}")),
        None => nearest(name, ["embed", "pos_embed", "ln_final", "logits", "probabilities"])
            .map(str::to_owned),
    };
    nearest.map_or(String::new(), |site| format!("; did you mean {site}?"))
}

/// A name without the `hook_` of TransformerLens, whose experts' weights are others.
pub fn unhooked(name: &str) -> String {
    if name.contains("hook_expert") {
        return name.to_owned();
    }
    name.replace("hook_attn_scores", "scores").replace("hook_", "")
}
