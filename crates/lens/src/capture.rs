//! The values of sites, and the watcher of a pass that copies them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lookback_engine::{Observer, SiteView};
use lookback_model::{BlockSite, Config, PassVariant, Site};

use crate::{
    pooling::{PatternThumbnails, ThumbnailPooling},
    site_filter::SiteFilter,
    sites::shape_of_variant,
};

/// The values of a site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capture {
    /// The axes of `docs/sites.md`, without a batch.
    pub shape: Vec<usize>,
    /// In row-major order.
    pub values: Vec<f32>,
}

impl Capture {
    /// The values of one index of the first axis: a token's vector, a head's matrix.
    pub fn part(&self, index: usize) -> &[f32] {
        let len: usize = self.shape.iter().skip(1).product();
        &self.values[index * len..(index + 1) * len]
    }
}

/// Sites by name. What a layer leaves is what the next one reads, and stands once under both names.
pub type SiteCaptures = BTreeMap<Site, Arc<Capture>>;

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

/// The site of the layer before that holds the same numbers, if there is one.
pub fn alias_of(site: Site) -> Option<Site> {
    match site {
        Site::Block(layer, BlockSite::ResidPre) if layer > 0 => {
            Some(Site::Block(layer - 1, BlockSite::ResidPost))
        }
        _ => None,
    }
}

/// A watcher that copies the values of sites.
pub(crate) struct CaptureRecorder<'a> {
    config: &'a Config,
    variant: PassVariant,
    filter: &'a SiteFilter,
    pub(crate) sites: SiteCaptures,
    filter_parts: &'a BTreeSet<(Site, usize)>,
    parts: CaptureParts,
    small: Option<ThumbnailPooling>,
}

pub(crate) static NO_PARTS: BTreeSet<(Site, usize)> = BTreeSet::new();

impl<'a> CaptureRecorder<'a> {
    pub(crate) fn new(
        config: &'a Config,
        filter: &'a SiteFilter,
        filter_parts: &'a BTreeSet<(Site, usize)>,
        small: Option<ThumbnailPooling>,
    ) -> Self {
        let (sites, parts) = (SiteCaptures::new(), CaptureParts::new());
        let variant = PassVariant::default();
        Self { config, variant, filter, sites, filter_parts, parts, small }
    }

    /// Of a variant of the pass.
    pub(crate) fn of_variant(self, variant: PassVariant) -> Self {
        Self { variant, ..self }
    }

    /// All that it captured.
    pub(crate) fn captures(self) -> Captures {
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
