//! The sites that a pass keeps before they are requested: the next figure needs them.

use lookback_lens::{alias_of, shape, sites as all_sites};
use lookback_model::{BlockSite, Config, Site};

/// Bytes that a pass may keep unasked.
pub(super) const MAX_BYTES: usize = 112 << 20;

/// Bytes up to which all logits are kept; a token's are soon made again.
const MAX_LOGIT_BYTES: usize = 16 << 20;

/// Sites that are cheap enough, those that most figures need first.
pub(super) fn sites(config: &Config, tokens: usize) -> Vec<Site> {
    cheap_sites(config, tokens, MAX_BYTES, all_sites(config))
}

/// The same of one layer.
pub(super) fn layer_sites(
    config: &Config,
    layer: usize,
    tokens: usize,
    max_bytes: usize,
) -> Vec<Site> {
    let is_its = |site: &Site| matches!(site, Site::Block(of, _) if usize::from(*of) == layer);
    cheap_sites(config, tokens, max_bytes, all_sites(config).into_iter().filter(is_its).collect())
}

fn cheap_sites(config: &Config, tokens: usize, max_bytes: usize, mut all: Vec<Site>) -> Vec<Site> {
    let is_large = |site: &Site| {
        let elements = shape(config, *site, tokens).iter().product::<usize>();
        matches!(site, Site::Logits | Site::Probabilities) && 4 * elements > MAX_LOGIT_BYTES
    };
    all.retain(|site| !is_large(site));
    all.sort_by_key(|site| rank(*site));
    let mut bytes = 0;
    let mut kept: Vec<Site> = Vec::new();
    for site in all {
        // What a layer leaves is what the next one reads, and is held once.
        let is_held = alias_of(site).is_some_and(|site| kept.contains(&site));
        if !is_held {
            bytes += 4 * shape(config, site, tokens).iter().product::<usize>();
        }
        if bytes > max_bytes {
            break;
        }
        kept.push(site);
    }
    kept
}

/// 0 for what all else can be made again of, more for what fewer figures show.
fn rank(site: Site) -> u8 {
    use BlockSite as B;
    match site {
        Site::Block(_, B::ResidPost) => 0,
        Site::Embed | Site::PosEmbed | Site::Block(_, B::ResidPre) => 1,
        Site::Block(_, B::AttnOut | B::MlpOut) => 2,
        Site::Block(_, B::Q | B::K | B::V | B::RotQ | B::RotK | B::Z | B::ResidMid) => 3,
        Site::Block(_, B::Pattern) => 4,
        Site::Block(_, B::Scores) => 5,
        Site::Block(_, B::RouterLogits | B::ExpertWeights | B::ExpertIndices) => 4,
        Site::Block(_, B::MlpPost | B::MlpPre | B::MlpPreLinear) => 6,
        Site::LnFinal | Site::Block(_, B::Ln1 | B::Ln2) => 7,
        // A token's are made of the end of its stream.
        Site::Logits | Site::Probabilities => 8,
        // Only there where it is asked for.
        Site::Block(_, B::Result) => 9,
    }
}

#[cfg(test)]
mod tests {
    use lookback_model::Size;

    use super::*;

    /// The shape of SmolLM2-135M.
    fn smol() -> Config {
        let size = Size {
            vocabulary: 49152,
            width: 576,
            layers: 30,
            heads: 9,
            key_heads: 3,
            hidden: 1536,
            context: 8192,
        };
        Config::llama(size).unwrap()
    }

    #[test]
    fn a_short_prompt_is_read_once_for_all_figures() {
        assert_eq!(sites(&smol(), 32).len(), all_sites(&smol()).len());
    }

    #[test]
    fn a_long_prompt_keeps_a_bounded_part_and_no_logits() {
        let kept = sites(&smol(), 512);
        let elements = |site: &Site| shape(&smol(), *site, 512).iter().product::<usize>();
        let bytes = 4 * kept.iter().map(elements).sum::<usize>();
        assert!(bytes > MAX_BYTES / 2, "{bytes}");
        assert!(!kept.contains(&Site::Logits));
        // All else is made again of these.
        for layer in 0..30 {
            assert!(kept.contains(&Site::Block(layer, BlockSite::ResidPre)));
            assert!(kept.contains(&Site::Block(layer, BlockSite::AttnOut)));
        }
    }
}
