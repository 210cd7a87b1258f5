//! The sites that a model has, and their axes.

use lookback_model::{BlockSite, Config, MixtureConfig, PassVariant, Positions, Site};

/// Every site of a model that is kept unless others are asked for, in the order of a pass.
pub fn sites(config: &Config) -> Vec<Site> {
    let is_there = |layer: usize, site: BlockSite| match site {
        BlockSite::MlpPreLinear => config.gated,
        BlockSite::RouterLogits | BlockSite::ExpertWeights | BlockSite::ExpertIndices => {
            config.layer_mixture(layer).is_some()
        }
        site => !is_on_demand(Site::Block(layer as u16, site)),
    };
    let mut sites = vec![Site::Embed];
    sites.extend((config.positions == Positions::Learned).then_some(Site::PosEmbed));
    for layer in 0..config.layers as u16 {
        let block = BlockSite::ALL.iter().map(|(site, _)| *site);
        let block = block.filter(|site| is_there(usize::from(layer), *site));
        sites.extend(block.map(|site| Site::Block(layer, site)));
    }
    sites.extend([Site::LnFinal, Site::Logits, Site::Probabilities]);
    sites
}

/// The sites of a model that are kept only where they are asked for.
pub fn sites_on_demand(config: &Config) -> Vec<Site> {
    let layers = 0..config.layers as u16;
    layers.map(|layer| Site::Block(layer, BlockSite::Result)).collect()
}

/// Whether a site is kept only where it is asked for by its name: what there is as much of as heads.
pub fn is_on_demand(site: Site) -> bool {
    matches!(site, Site::Block(_, BlockSite::Result))
}

/// The same of a variant of the pass: without positions there is none that is learned.
pub fn sites_of_variant(config: &Config, variant: PassVariant) -> Vec<Site> {
    let mut sites = sites(config);
    sites.retain(|site| *site != Site::PosEmbed || !variant.no_position);
    sites
}

/// The axes of a site as [`shape`] has them, in a variant of the pass: in plain attention every query head has a
/// key head of its own.
pub fn shape_of_variant(
    config: &Config,
    site: Site,
    tokens: usize,
    variant: PassVariant,
) -> Vec<usize> {
    let mut shape = shape(config, site, tokens);
    let is_of_keys = matches!(site, Site::Block(_, BlockSite::K | BlockSite::V | BlockSite::RotK));
    if variant.plain_attention && is_of_keys {
        shape[1] = config.heads;
    }
    shape
}

/// The axes of a site over a sequence of so many tokens, as `docs/sites.md` has them.
pub fn shape(config: &Config, site: Site, tokens: usize) -> Vec<usize> {
    use BlockSite as B;
    match site {
        Site::Block(_, B::Result) => vec![tokens, config.heads, config.width],
        Site::Block(_, B::Scores | B::Pattern) => vec![config.heads, tokens, tokens],
        Site::Block(_, B::Q | B::RotQ | B::Z) => vec![tokens, config.heads, config.head_dim],
        Site::Block(_, B::K | B::V | B::RotK) => vec![tokens, config.key_heads, config.head_dim],
        Site::Block(layer, B::MlpPre | B::MlpPreLinear | B::MlpPost) => {
            match config.layer_mixture(usize::from(layer)) {
                Some(mixture) => vec![tokens, mixture.chosen, mixture.hidden],
                None => vec![tokens, config.hidden],
            }
        }
        Site::Block(layer, site @ (B::RouterLogits | B::ExpertWeights | B::ExpertIndices)) => {
            let mixture = config.layer_mixture(usize::from(layer));
            let of = |mixture: &MixtureConfig| match site {
                B::RouterLogits => mixture.experts,
                _ => mixture.chosen,
            };
            vec![tokens, mixture.map_or(0, of)]
        }
        Site::Logits | Site::Probabilities => vec![tokens, config.vocabulary],
        _ => vec![tokens, config.width],
    }
}
