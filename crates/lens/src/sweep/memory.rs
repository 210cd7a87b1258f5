//! What a sweep takes beside the model, before any of it is taken: the buffers of its passes, the cache of those that
//! are changed, and what is kept of the passes at sites.

use std::ops::Range;

use lookback_engine::{KvCache, Shape, Weights, Workspace};
use lookback_model::{BlockSite, Config, Edits, Program, Site, forward};

use crate::{
    SiteFilter,
    sites::{shape, sites},
    sweep::{
        ablation::ABLATED,
        attribution_passes::{attribution_batches, is_one_batch, workspace_bytes},
        kind::{SweepKind, block_sites, is_of},
        pair::PatchingSweep,
        patched_passes::batch_bounds,
    },
};

impl PatchingSweep<'_> {
    /// Bytes that it takes.
    pub fn bytes(&self, weights: &Weights, threads: usize) -> usize {
        let clean = self.clean_sites(&weights.network().config);
        let [clean_edits, edits] = self.edits;
        let tokens = self.corrupted.len();
        // Passes follow each other, and what was kept of them stays.
        let mut passes = observed_bytes(weights, (tokens, clean_edits), &clean, threads);
        if self.attributes {
            passes = passes.max(pass_bytes(weights, std::slice::from_ref(self), threads));
        }
        if self.patches || !self.attributes {
            let patched = patched_passes_bytes(weights, (tokens, edits), self.kinds, threads);
            // A pattern is patched by passes of one layer beside the others.
            passes =
                passes.max(patched + observed_bytes(weights, (tokens, edits), &clean, threads));
        }
        self.kept_bytes(&weights.network().config) + passes
    }

    /// Of what is kept of its passes at sites.
    fn kept_bytes(&self, config: &Config) -> usize {
        let tokens = self.corrupted.len();
        let clean = self.clean_sites(config);
        let of_clean = site_bytes(config, tokens, |site| clean.contains(site));
        if !self.attributes {
            return of_clean;
        }
        let (base, sites) = (self.attributed_sites(config), block_sites(self.kinds));
        of_clean
            + site_bytes(config, tokens, |site| base.contains(site))
            + site_bytes(config, tokens, |site| is_of(&sites, site))
    }
}

/// Bytes that the attributions of pairs take, batch by batch.
pub fn attribution_bytes(weights: &Weights, sweeps: &[PatchingSweep<'_>], threads: usize) -> usize {
    let config = &weights.network().config;
    let kept = |sweep: &PatchingSweep<'_>| sweep.kept_bytes(config);
    let of_batch = |batch: Range<usize>| sweeps[batch].iter().map(kept).sum::<usize>();
    let kept = attribution_batches(sweeps).into_iter().map(of_batch).max();
    kept.unwrap_or(0) + pass_bytes(weights, sweeps, threads)
}

/// Of the buffers of passes that go back, beside those of a clean pass that has other edits.
fn pass_bytes(weights: &Weights, sweeps: &[PatchingSweep<'_>], threads: usize) -> usize {
    let observed = |sweep: &PatchingSweep<'_>| {
        let filter = sweep.clean_sites(&weights.network().config);
        observed_bytes(weights, (sweep.clean.len(), sweep.edits[0]), &filter, threads)
    };
    let clean = sweeps.iter().filter(|sweep| !is_one_batch(sweep)).map(observed).max();
    clean.unwrap_or(0) + workspace_bytes(weights, sweeps, threads)
}

/// Bytes that an ablation sweep takes: over a prompt of so many tokens, with means over texts of so many.
pub fn ablation_bytes(
    weights: &Weights,
    (tokens, edits): (usize, &Edits),
    text_tokens: usize,
    threads: usize,
) -> usize {
    let network = weights.network();
    let of_text = text_tokens.max(tokens);
    let shape = Shape::Observed { rows: of_text };
    let means = site_bytes(&network.config, of_text, |site| is_of(&block_sites(&ABLATED), site))
        + Workspace::bytes(network, shape, weights.compute(), of_text, threads)
        + KvCache::bytes(network, weights.compute(), KvCache::pages(of_text));
    patched_passes_bytes(weights, (tokens, edits), &ABLATED, threads) + means
}

/// Of passes with a change: their buffers and cache, and what is kept of the unchanged one.
fn patched_passes_bytes(
    weights: &Weights,
    (tokens, edits): (usize, &Edits),
    kinds: &[SweepKind],
    threads: usize,
) -> usize {
    let (network, compute) = (weights.network(), weights.compute());
    let (rows, changes) = batch_bounds(weights, tokens);
    let pages = (1 + changes) * KvCache::pages(tokens);
    let sites = block_sites(kinds);
    let program = program(weights, edits);
    let is_changed = |site| is_of(&sites, site);
    // What stands behind a changed site is read, too: the stream, and keys and values beside queries.
    let read =
        [BlockSite::ResidPre, BlockSite::ResidMid, BlockSite::RotQ, BlockSite::RotK, BlockSite::V];
    let is_kept = |site| is_of(&sites, site) || is_of(&read, site);
    let bounds = [rows, changes];
    Workspace::program_bytes(network, program, bounds, is_changed, compute, tokens, threads)
        + KvCache::bytes(network, compute, pages)
        + site_bytes(&network.config, tokens, is_kept)
}

/// Buffers and cache of a pass that is only observed.
fn observed_bytes(
    weights: &Weights,
    (tokens, edits): (usize, &Edits),
    filter: &SiteFilter,
    threads: usize,
) -> usize {
    let (network, compute) = (weights.network(), weights.compute());
    let program = program(weights, edits);
    let (is_visible, bounds) = (|site| filter.contains(site), [tokens, 1]);
    Workspace::program_bytes(network, program, bounds, is_visible, compute, tokens, threads)
        + KvCache::bytes(network, compute, KvCache::pages(tokens))
}

/// The program of passes with these edits. Those that the model does not have take nothing: their pass refuses them.
fn program(weights: &Weights, edits: &Edits) -> Program {
    let rows = forward::Rows::LogitRows;
    edits
        .logits(weights.network(), rows)
        .unwrap_or_else(|_| forward::logits(weights.network(), rows))
}

/// Of the values of sites over a sequence, of logits those after one token.
fn site_bytes(config: &Config, tokens: usize, is_kept: impl Fn(Site) -> bool) -> usize {
    let bytes = |site: Site| match site {
        Site::Logits => 4 * config.vocabulary,
        site => 4 * shape(config, site, tokens).iter().product::<usize>(),
    };
    sites(config).into_iter().filter(|site| is_kept(*site)).map(bytes).sum()
}
