//! Passes of which some sites are kept whole, of others only parts, and of all patterns thumbnails; and parts of a
//! pass: one layer alone, or the layers from one on. Read `trace` first.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lookback_engine::{
    Observer, SiteView, ThreadPool, Weights, forward_layer, forward_observed_from_layer,
};
use lookback_files::Result;
use lookback_model::{Batch, Config, Edits, PassVariant, Site, TokenId};

use crate::{
    pooling::{PatternThumbnails, ThumbnailPooling},
    site_filter::SiteFilter,
    sites::{is_on_demand, shape_of_variant},
    trace::{
        Capture, SiteCaptures, Trace, alias_of, check, edited_workspace, run_edited, run_watched,
        workspace_and_cache,
    },
};

/// Some indices of the first axes of sites: a head of a pattern, the logits of a token.
pub type CaptureParts = BTreeMap<(Site, usize), Arc<Capture>>;

/// What one pass captured.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    /// Whole sites.
    pub sites: SiteCaptures,
    /// Of other sites the parts that were wanted.
    pub parts: CaptureParts,
    /// Thumbnails of all patterns.
    pub thumbnails: Option<PatternThumbnails>,
}

/// As [`crate::trace`]; of other sites keeps only the parts that are wanted, where those are there, and of all
/// patterns a small picture of so many cells a side.
pub fn trace_with_parts(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    filter: &SiteFilter,
    parts: &BTreeSet<(Site, usize)>,
    max_side: usize,
) -> Result<Captures> {
    let config = &weights.network().config;
    let small = ThumbnailPooling::new(config, ids.len().min(max_side));
    let mut recorder = CaptureRecorder::new(config, filter, parts, Some(small));
    run_watched(weights, pool, ids, &mut recorder)?;
    Ok(recorder.captures())
}

/// As [`trace_with_parts`], of a pass with edits. A position that the sequence does not have is not changed.
pub fn edited_trace_with_parts(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    filter: &SiteFilter,
    parts: &BTreeSet<(Site, usize)>,
    max_side: usize,
) -> Result<Captures> {
    if edits.is_empty() {
        return trace_with_parts(weights, pool, ids, filter, parts, max_side);
    }
    let config = &weights.network().config;
    check(ids, config)?;
    let small = ThumbnailPooling::new(config, ids.len().min(max_side));
    let mut recorder =
        CaptureRecorder::new(config, filter, parts, Some(small)).of_variant(edits.variant());
    run_edited((weights, edits), pool, ids, is_visible(filter, parts), &mut recorder)?;
    Ok(recorder.captures())
}

/// The sites and parts of [`edited_trace_with_parts`] from a layer on, from the residual stream that it reads,
/// `[tokens, width]`, as edits of lower layers left it: each bit is that of a whole pass. Thumbnails of lower layers
/// are zeros.
pub fn edited_trace_from_layer(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    (layer, stream): (usize, &Capture),
    filter: &SiteFilter,
    parts: &BTreeSet<(Site, usize)>,
    max_side: usize,
) -> Result<Captures> {
    let config = &weights.network().config;
    check(ids, config)?;
    let small = ThumbnailPooling::new(config, ids.len().min(max_side));
    let mut recorder =
        CaptureRecorder::new(config, filter, parts, Some(small)).of_variant(edits.variant());
    let (mut workspace, mut cache) =
        edited_workspace((weights, edits), pool, ids, is_visible(filter, parts))?;
    let batch = Batch::whole(ids);
    let from = (layer, &stream.values[..]);
    forward_observed_from_layer(
        weights,
        &mut workspace,
        &mut cache,
        pool,
        &batch,
        from,
        &mut recorder,
    )?;
    Ok(recorder.captures())
}

/// The same of one layer alone: no whole pass is needed.
pub fn trace_of_layer(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    (layer, stream): (usize, &Capture),
    filter: &SiteFilter,
    parts: &BTreeSet<(Site, usize)>,
) -> Result<Captures> {
    let config = &weights.network().config;
    let mut recorder =
        CaptureRecorder::new(config, filter, parts, None).of_variant(edits.variant());
    let (mut workspace, mut cache) = match edits.is_empty() {
        true => workspace_and_cache(weights, pool, ids.len()),
        false => edited_workspace((weights, edits), pool, ids, is_visible(filter, parts))?,
    };
    let batch = Batch::whole(ids);
    let from = (layer, &stream.values[..]);
    forward_layer(weights, &mut workspace, &mut cache, pool, &batch, from, &mut recorder)?;
    Ok(recorder.captures())
}

/// Which sites a pass shows: all that cost nothing, and those that are wanted.
fn is_visible(filter: &SiteFilter, parts: &BTreeSet<(Site, usize)>) -> impl Fn(Site) -> bool {
    move |site| {
        let is_wanted = || parts.range((site, 0)..=(site, usize::MAX)).next().is_some();
        !is_on_demand(site) || filter.contains(site) || is_wanted()
    }
}

/// A watcher that copies the values of sites.
pub(crate) struct CaptureRecorder<'a> {
    config: &'a Config,
    variant: PassVariant,
    filter: &'a SiteFilter,
    sites: SiteCaptures,
    filter_parts: &'a BTreeSet<(Site, usize)>,
    parts: CaptureParts,
    small: Option<ThumbnailPooling>,
}

static NO_PARTS: BTreeSet<(Site, usize)> = BTreeSet::new();

impl<'a> CaptureRecorder<'a> {
    fn new(
        config: &'a Config,
        filter: &'a SiteFilter,
        filter_parts: &'a BTreeSet<(Site, usize)>,
        small: Option<ThumbnailPooling>,
    ) -> Self {
        let (sites, parts) = (SiteCaptures::new(), CaptureParts::new());
        let variant = PassVariant::default();
        Self { config, variant, filter, sites, filter_parts, parts, small }
    }

    /// Of whole sites.
    pub(crate) fn of_sites(config: &'a Config, filter: &'a SiteFilter) -> Self {
        Self::new(config, filter, &NO_PARTS, None)
    }

    /// Of a variant of the pass.
    pub(crate) fn of_variant(self, variant: PassVariant) -> Self {
        Self { variant, ..self }
    }

    /// The sites that it captured of a pass over these ids.
    pub(crate) fn trace(self, ids: &[TokenId]) -> Trace {
        Trace { ids: ids.to_vec(), sites: self.sites, edits: Edits::default() }
    }

    /// All that it captured.
    fn captures(self) -> Captures {
        Captures {
            sites: self.sites,
            parts: self.parts,
            thumbnails: self.small.map(ThumbnailPooling::thumbnails),
        }
    }

    /// The indices that are wanted of a site.
    fn parts_of(&self, site: Site) -> impl Iterator<Item = usize> {
        self.filter_parts.range((site, 0)..=(site, usize::MAX)).map(|(_, index)| *index)
    }
}

impl Observer for CaptureRecorder<'_> {
    fn wants(&self, site: Site) -> bool {
        self.filter.contains(site)
            || self.parts_of(site).next().is_some()
            || self.small.as_ref().is_some_and(|small| small.wants(site))
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        if let Some(small) = self.small.as_mut().filter(|small| small.wants(site)) {
            small.observe(site, view);
        }
        let shape = shape_of_variant(self.config, site, view.shape[1], self.variant);
        let len = view.values.len() / shape[0];
        for index in self.parts_of(site).filter(|&index| index < shape[0]).collect::<Vec<_>>() {
            let values = view.values[index * len..(index + 1) * len].to_vec();
            let part = Capture { shape: shape[1..].to_vec(), values };
            self.parts.insert((site, index), Arc::new(part));
        }
        if self.filter.contains(site) {
            let before = alias_of(site).and_then(|site| self.sites.get(&site)).cloned();
            let capture = || Arc::new(Capture { shape, values: view.values.to_vec() });
            self.sites.insert(site, before.unwrap_or_else(capture));
        }
    }
}
