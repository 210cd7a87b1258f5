//! What a pass no longer holds, made again without a pass: a layer from the residual stream before it, a
//! token's logits from the stream's end. Each bit is that of a whole pass with the same edits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lookback_engine::{ThreadPool, Unembedded, unembed};
use lookback_lens::{Capture, SiteFilter, trace_of_layer};
use lookback_model::{BlockSite, Site};

use super::{Part, Pass, default_sites};
use crate::{error_response::Result, prompt::ModelInput};

/// Bytes of the layers that were made again and are held, beside what was asked for last.
pub(super) const MAX_LAYER_BYTES: usize = 48 << 20;

/// Bytes of parts that are held beside what was asked for last.
pub(super) const MAX_PART_BYTES: usize = 16 << 20;

/// A pass with these parts too; none where they take a pass.
pub(super) fn add(
    input: &ModelInput,
    pool: &ThreadPool,
    pass: &Pass,
    wanted: &[Part],
) -> Result<Option<Pass>> {
    let mut missing: Vec<Part> =
        wanted.iter().copied().filter(|part| !pass.has_part(part)).collect();
    missing.sort_unstable();
    missing.dedup();
    let (mut layers, mut tokens): (BTreeMap<usize, Vec<Part>>, BTreeSet<usize>) =
        Default::default();
    for &(site, index) in &missing {
        match (site, index) {
            (Site::Block(layer, _), _) => {
                layers.entry(usize::from(layer)).or_default().push((site, index));
            }
            (Site::Logits | Site::Probabilities, Some(token)) => {
                tokens.insert(token);
            }
            _ => return Ok(None),
        }
    }
    let before = |layer: &usize| pass.trace.block(*layer, BlockSite::ResidPre).is_some();
    // More than a third of all layers cost as much as all of them, which then are held.
    if !layers.keys().all(before) || 3 * layers.len() > input.model.config().layers.max(3) {
        return Ok(None);
    }
    if !tokens.is_empty() && !has_logits_of_stream(input, |site| pass.trace.at(site).is_some()) {
        return Ok(None);
    }
    if missing.is_empty() {
        return Ok(Some(pass.clone()));
    }
    let mut pass = pass.clone();
    for (layer, parts) in layers {
        add_layer(input, pool, &mut pass, layer, &parts)?;
    }
    for token in tokens {
        add_logits(input, pool, &mut pass, token);
    }
    // A reader who steps through a long prompt requests a part at every token.
    if pass.parts.values().map(|seen| 4 * seen.values.len()).sum::<usize>() > MAX_PART_BYTES {
        pass.parts.retain(|(site, index), _| wanted.contains(&(*site, Some(*index))));
    }
    Ok(Some(pass))
}

/// Whether logits are what the last norm and the head make of the end of the stream, and that is held.
pub(super) fn has_logits_of_stream(input: &ModelInput, has: impl Fn(Site) -> bool) -> bool {
    let last = input.model.config().layers as u16 - 1;
    let is_of_end = |site: Site| matches!(site, Site::LnFinal | Site::Logits);
    has(Site::Block(last, BlockSite::ResidPost))
        && !input.edits.iter().any(|edit| is_of_end(edit.site()))
}

/// A layer's sites, all that are cheap and those asked for; those of other layers that were made again
/// give way.
fn add_layer(
    input: &ModelInput,
    pool: &ThreadPool,
    pass: &mut Pass,
    layer: usize,
    parts: &[Part],
) -> Result<()> {
    let (edited, ids) = ((&*input.model.weights, &input.edits), &input.ids);
    let Some(before) =
        pass.trace.sites.get(&Site::Block(layer as u16, BlockSite::ResidPre)).cloned()
    else {
        return Ok(());
    };
    let mut whole: BTreeSet<Site> =
        default_sites::layer_sites(input.model.config(), layer, ids.len(), MAX_LAYER_BYTES)
            .into_iter()
            .collect();
    whole.extend(parts.iter().filter(|(_, index)| index.is_none()).map(|(site, _)| *site));
    whole.retain(|site| pass.trace.at(*site).is_none());
    let parts = parts.iter().filter_map(|&(site, index)| Some((site, index?)));
    let parts = parts.filter(|(site, _)| !whole.contains(site)).collect();
    let wanted = SiteFilter::only(whole.iter().copied());
    let made = trace_of_layer(edited, pool, ids, (layer, &before), &wanted, &parts)?;
    pass.recomputed.extend(made.sites.keys().copied());
    pass.trace.sites.extend(made.sites);
    pass.parts.extend(made.parts);
    // The oldest go first, never what was made just now.
    let bytes = |pass: &Pass, sites: &[Site]| -> usize {
        sites.iter().filter_map(|site| pass.trace.at(*site)).map(|seen| 4 * seen.values.len()).sum()
    };
    while bytes(pass, &pass.recomputed) > MAX_LAYER_BYTES {
        let Some(oldest) = pass.recomputed.first().copied() else { break };
        if layer_index(oldest) == Some(layer) {
            break;
        }
        pass.recomputed.remove(0);
        pass.trace.sites.remove(&oldest);
    }
    Ok(())
}

fn layer_index(site: Site) -> Option<usize> {
    match site {
        Site::Block(layer, _) => Some(usize::from(layer)),
        _ => None,
    }
}

/// The logits after a token: the last norm and the head on the end of its residual stream.
fn add_logits(input: &ModelInput, pool: &ThreadPool, pass: &mut Pass, token: usize) {
    let last = input.model.config().layers - 1;
    let Some(stream) = pass.trace.block(last, BlockSite::ResidPost) else { return };
    let Unembedded { logits, probabilities } =
        unembed(&input.model.weights, pool, stream.part(token));
    for (site, values) in [(Site::Logits, logits), (Site::Probabilities, probabilities)] {
        let seen = Capture { shape: vec![values.len()], values };
        pass.parts.insert((site, token), Arc::new(seen));
    }
}
