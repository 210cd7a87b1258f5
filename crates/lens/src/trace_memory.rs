//! What a pass that is looked at takes beside the model, before any of it is taken: its buffers, the keys and values
//! of its sequence, and what is kept of its sites.

use lookback_engine::{KvCache, Shape, Weights, Workspace};
use lookback_files::Result;
use lookback_model::{BlockSite, Edits, Site, TokenId, forward};

use crate::{
    SiteFilter,
    sites::{shape_of_variant, sites, sites_on_demand},
    trace::check,
};

/// Bytes that [`trace_with_edits`](crate::trace_with_edits) takes.
///
/// # Errors
/// As of that, but for what only the pass itself finds.
pub fn trace_bytes(
    (weights, edits): (&Weights, &Edits),
    ids: &[TokenId],
    filter: &SiteFilter,
    threads: usize,
) -> Result<usize> {
    let (network, compute, tokens) = (weights.network(), weights.compute(), ids.len());
    let config = &network.config;
    check(ids, config)?;
    edits.check_positions(tokens)?;
    let pages = KvCache::pages(tokens);
    let passes = if edits.is_empty() {
        let shape = Shape::Observed { rows: tokens };
        Workspace::bytes(network, shape, compute, tokens, threads)
            + KvCache::bytes(network, compute, pages)
    } else {
        let program = edits.logits(network, forward::Rows::All)?;
        let cache = KvCache::program_bytes(&program, compute, pages);
        let (is_visible, bounds) = (|site| filter.contains(site), [tokens; 2]);
        cache
            + Workspace::program_bytes(
                network, program, bounds, is_visible, compute, tokens, threads,
            )
    };
    let bytes = |site: Site| {
        4 * shape_of_variant(config, site, tokens, edits.variant()).iter().product::<usize>()
    };
    let all = || sites(config).into_iter().chain(sites_on_demand(config));
    let kept: Vec<Site> = all().filter(|site| filter.contains(*site)).collect();
    // What is derived is computed in one buffer of its own, and then kept.
    let derived = kept.iter().filter(|site| is_derived(**site)).map(|site| bytes(*site)).max();
    Ok(passes + kept.into_iter().map(bytes).sum::<usize>() + derived.unwrap_or(0))
}

fn is_derived(site: Site) -> bool {
    use BlockSite::{Pattern, Result, Scores};

    matches!(site, Site::Probabilities | Site::Block(_, Scores | Pattern | Result))
}
