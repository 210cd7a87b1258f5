//! Where a pass with edits begins: at the first layer in which it may differ from one that is held.

use std::{collections::BTreeSet, sync::Arc};

use lookback_engine::ThreadPool;
use lookback_lens::{Captures, SiteFilter, edited_trace_from_layer};
use lookback_model::{BlockSite, Site};

use super::{PATTERN_SIDE, Pass};
use crate::{error_response::Result, prompt::ModelInput};

/// A pass that another is like, below a layer.
pub(super) struct Base {
    pub layer: usize,
    pub pass: Arc<Pass>,
}

impl Base {
    /// Whether it has a site as the other has it.
    fn shares(&self, site: Site) -> bool {
        match site {
            Site::Embed | Site::PosEmbed => true,
            Site::Block(layer, BlockSite::ResidPre) => usize::from(layer) <= self.layer,
            Site::Block(layer, _) => usize::from(layer) < self.layer,
            Site::LnFinal | Site::Logits | Site::Probabilities => false,
        }
    }

    /// The pass from the layer on.
    pub fn run(
        &self,
        input: &ModelInput,
        pool: &ThreadPool,
        whole: &BTreeSet<Site>,
        parts: &BTreeSet<(Site, usize)>,
    ) -> Result<Captures> {
        let held = &self.pass;
        let stream = Site::Block(self.layer as u16, BlockSite::ResidPre);
        let Some(stream) = held.trace.at(stream) else { return Ok(Captures::default()) };
        let is_new = |site: &Site| !self.shares(*site);
        let mut made = edited_trace_from_layer(
            (&input.model.weights, &input.edits),
            pool,
            &input.ids,
            (self.layer, stream),
            &SiteFilter::only(whole.iter().copied().filter(is_new)),
            &parts.iter().copied().filter(|(site, _)| is_new(site)).collect(),
            PATTERN_SIDE,
        )?;
        let shared = held.trace.sites.iter().filter(|(site, _)| !is_new(site));
        let shared = shared.filter(|(site, _)| !held.recomputed.contains(site));
        made.sites.extend(shared.map(|(site, capture)| (*site, capture.clone())));
        let shared = held.parts.iter().filter(|(part, _)| !is_new(&part.0));
        made.parts.extend(shared.map(|(part, capture)| (*part, capture.clone())));
        if let (Some(made), Some(held)) = (&mut made.thumbnails, &held.thumbnails) {
            let of_layer = held.values.len() / input.model.config().layers;
            let below = self.layer * of_layer;
            made.values[..below].copy_from_slice(&held.values[..below]);
        }
        Ok(made)
    }
}
