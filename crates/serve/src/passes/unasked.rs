//! What a pass keeps although nobody asked for it yet: the next figure will.

use lookback_lens::{shape, sites as all_sites};
use lookback_model::{BlockSite, Config, Site};

/// Bytes that a pass may keep unasked.
const BYTES: usize = 96 << 20;

/// Sites that are cheap enough, those that figures ask for most first.
pub(super) fn sites(config: &Config, tokens: usize) -> Vec<Site> {
    let mut all = all_sites(config);
    all.sort_by_key(|site| rank(*site));
    let mut bytes = 0;
    let fits = |site: &Site| {
        bytes += 4 * shape(config, *site, tokens).iter().product::<usize>();
        bytes <= BYTES
    };
    all.into_iter().take_while(fits).collect()
}

/// 0 for what most figures show, more for what few do.
fn rank(site: Site) -> u8 {
    use BlockSite as B;
    match site {
        Site::Embed | Site::PosEmbed | Site::LnFinal => 0,
        Site::Block(_, B::ResidPre | B::AttnOut | B::ResidMid | B::MlpOut | B::ResidPost) => 1,
        Site::Block(_, B::Q | B::K | B::V | B::RotQ | B::RotK | B::Z) => 2,
        Site::Block(_, B::Pattern) => 3,
        Site::Logits | Site::Probabilities => 4,
        Site::Block(_, B::Scores) => 5,
        Site::Block(_, B::MlpPost | B::MlpPre | B::MlpPreLinear) => 6,
        Site::Block(_, B::Ln1 | B::Ln2) => 7,
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
        assert!(bytes <= BYTES && bytes > BYTES / 2, "{bytes}");
        assert!(!kept.contains(&Site::Logits) && kept.contains(&Site::LnFinal));
    }
}
