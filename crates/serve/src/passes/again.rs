//! What a pass no longer holds, made again without a pass: a layer from the residual stream before it, a
//! token's logits from the stream's end. Each bit is that of a whole pass.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lookback_engine::{ThreadPool, Unembedded, unembed};
use lookback_lens::{Capture, SiteFilter, trace_of_layer};
use lookback_model::{BlockSite, Site};

use super::{Part, Pass, unasked};
use crate::{prompt::Asked, refuse::Result};

/// Bytes of the layers that were made again and are held, beside what was asked for last.
pub(super) const LAYERS: usize = 48 << 20;

/// Bytes of parts that are held beside what was asked for last.
pub(super) const PARTS: usize = 16 << 20;

/// A pass with these parts too; none where they take a pass.
pub(super) fn add(
    asked: &Asked,
    pool: &ThreadPool,
    pass: &Pass,
    wanted: &[Part],
) -> Result<Option<Pass>> {
    let mut missing: Vec<Part> =
        wanted.iter().copied().filter(|part| !pass.has_one(part)).collect();
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
    if !layers.keys().all(before) || 3 * layers.len() > asked.open.config().layers.max(3) {
        return Ok(None);
    }
    let last = pass.trace.block(asked.open.config().layers - 1, BlockSite::ResidPost);
    if !tokens.is_empty() && last.is_none() {
        return Ok(None);
    }
    let mut pass = pass.clone();
    for (layer, parts) in layers {
        add_layer(asked, pool, &mut pass, layer, &parts)?;
    }
    for token in tokens {
        add_logits(asked, pool, &mut pass, token);
    }
    // Whoever walks through a long prompt leaves a part behind at every token.
    if pass.parts.values().map(|seen| 4 * seen.values.len()).sum::<usize>() > PARTS {
        pass.parts.retain(|(site, index), _| wanted.contains(&(*site, Some(*index))));
    }
    Ok(Some(pass))
}

/// A layer's sites, all that are cheap and those asked for; those of other layers that were made again
/// give way.
fn add_layer(
    asked: &Asked,
    pool: &ThreadPool,
    pass: &mut Pass,
    layer: usize,
    parts: &[Part],
) -> Result<()> {
    let (weights, ids) = (&asked.open.weights, &asked.ids);
    let Some(before) =
        pass.trace.sites.get(&Site::Block(layer as u16, BlockSite::ResidPre)).cloned()
    else {
        return Ok(());
    };
    let mut whole: BTreeSet<Site> =
        unasked::of_layer(asked.open.config(), layer, ids.len(), LAYERS).into_iter().collect();
    whole.extend(parts.iter().filter(|(_, index)| index.is_none()).map(|(site, _)| *site));
    whole.retain(|site| pass.trace.at(*site).is_none());
    let parts = parts.iter().filter_map(|&(site, index)| Some((site, index?)));
    let parts = parts.filter(|(site, _)| !whole.contains(site)).collect();
    let wanted = SiteFilter::only(whole.iter().copied());
    let made = trace_of_layer(weights, pool, ids, (layer, &before), &wanted, &parts)?;
    pass.again.extend(made.sites.keys().copied());
    pass.trace.sites.extend(made.sites);
    pass.parts.extend(made.parts);
    // The oldest go first, never what was made just now.
    let bytes = |pass: &Pass, sites: &[Site]| -> usize {
        sites.iter().filter_map(|site| pass.trace.at(*site)).map(|seen| 4 * seen.values.len()).sum()
    };
    while bytes(pass, &pass.again) > LAYERS {
        let Some(oldest) = pass.again.first().copied() else { break };
        if of(oldest) == Some(layer) {
            break;
        }
        pass.again.remove(0);
        pass.trace.sites.remove(&oldest);
    }
    Ok(())
}

fn of(site: Site) -> Option<usize> {
    match site {
        Site::Block(layer, _) => Some(usize::from(layer)),
        _ => None,
    }
}

/// What the model says after a token: the last norm and the head on the end of its stream.
fn add_logits(asked: &Asked, pool: &ThreadPool, pass: &mut Pass, token: usize) {
    let last = asked.open.config().layers - 1;
    let Some(stream) = pass.trace.block(last, BlockSite::ResidPost) else { return };
    let Unembedded { logits, probabilities } =
        unembed(&asked.open.weights, pool, stream.part(token));
    for (site, values) in [(Site::Logits, logits), (Site::Probabilities, probabilities)] {
        let seen = Capture { shape: vec![values.len()], values };
        pass.parts.insert((site, token), Arc::new(seen));
    }
}
