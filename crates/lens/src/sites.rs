//! The sites that a model has, and their axes.

use lookback_model::{BlockSite, Config, Positions, Site};

/// Every site of a model, in the order of a pass.
pub fn sites(config: &Config) -> Vec<Site> {
    let is_there = |site: BlockSite| match site {
        BlockSite::MlpPreLinear => config.gated,
        _ => true,
    };
    let mut sites = vec![Site::Embed];
    sites.extend((config.positions == Positions::Learned).then_some(Site::PosEmbed));
    for layer in 0..config.layers as u16 {
        let block = BlockSite::ALL.iter().map(|(site, _)| *site).filter(|site| is_there(*site));
        sites.extend(block.map(|site| Site::Block(layer, site)));
    }
    sites.extend([Site::LnFinal, Site::Logits, Site::Probabilities]);
    sites
}

/// The axes of a site over a sequence of so many tokens, as `docs/sites.md` has them.
pub fn shape(config: &Config, site: Site, tokens: usize) -> Vec<usize> {
    use BlockSite as B;
    match site {
        Site::Block(_, B::Scores | B::Pattern) => vec![config.heads, tokens, tokens],
        Site::Block(_, B::Q | B::RotQ | B::Z) => vec![tokens, config.heads, config.head_dim],
        Site::Block(_, B::K | B::V | B::RotK) => vec![tokens, config.key_heads, config.head_dim],
        Site::Block(_, B::MlpPre | B::MlpPreLinear | B::MlpPost) => vec![tokens, config.hidden],
        Site::Logits | Site::Probabilities => vec![tokens, config.vocabulary],
        _ => vec![tokens, config.width],
    }
}
