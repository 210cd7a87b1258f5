//! Every site of one pass, kept by name.

use std::path::Path;

use lookback_engine::{KvCache, Observer, Shape, ThreadPool, Weights, Workspace, forward_observed};
use lookback_files::{Kind, Refusal, Result, Setting, write_atomic_with};
use lookback_model::{Batch, BlockSite, Config, Edits, Site, TokenId, forward};
use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};

use crate::{
    capture::{Capture, CaptureRecorder, NO_PARTS, SiteCaptures},
    site_filter::SiteFilter,
};

/// The sites of one pass over one sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// What was read.
    pub ids: Vec<TokenId>,
    /// By name.
    pub sites: SiteCaptures,
    /// What was changed of the pass.
    pub edits: Edits,
}

impl Trace {
    /// The values of a site, if it was captured and exists in this family.
    pub fn at(&self, site: Site) -> Option<&Capture> {
        self.sites.get(&site).map(|capture| &**capture)
    }

    /// As [`Trace::at`], by the site's name, such as `blocks.0.attn.pattern`.
    pub fn named(&self, name: &str) -> Option<&Capture> {
        self.at(name.parse().ok()?)
    }

    /// As [`Trace::at`], of a block.
    pub fn block(&self, layer: usize, site: BlockSite) -> Option<&Capture> {
        self.at(Site::Block(layer as u16, site))
    }

    /// Writes the sites that are wanted as safetensors, with the ids as `input_ids`. They are streamed: there
    /// may be much of them, and no copy is made.
    pub fn write(&self, filter: &SiteFilter, path: &Path) -> Result<()> {
        let sites = || self.sites.iter().filter(|(site, _)| filter.contains(**site));
        let mut at = 8 * self.ids.len();
        let ids =
            TensorInfo { dtype: Dtype::I64, shape: vec![self.ids.len()], data_offsets: (0, at) };
        let mut infos = vec![("input_ids".to_owned(), ids)];
        for (site, capture) in sites() {
            let end = at + 4 * capture.values.len();
            let (dtype, shape, data_offsets) = (Dtype::F32, capture.shape.clone(), (at, end));
            infos.push((site.to_string(), TensorInfo { dtype, shape, data_offsets }));
            at = end;
        }
        let failed =
            |error: &dyn std::fmt::Display| Refusal::ours(format!("{}: {error}", path.display()));
        let header = Metadata::new(None, infos).map_err(|error| failed(&error))?;
        let mut header = serde_json::to_string(&header).map_err(|error| failed(&error))?;
        // The data begins at a multiple of eight.
        let padding = header.len().next_multiple_of(8) - header.len();
        header.extend(std::iter::repeat_n(' ', padding));
        write_atomic_with(path, |writer| {
            writer.write_all(&(header.len() as u64).to_le_bytes())?;
            writer.write_all(header.as_bytes())?;
            for id in &self.ids {
                writer.write_all(&i64::from(id.0).to_le_bytes())?;
            }
            let mut bytes = vec![0; 1 << 16];
            for (_, capture) in sites() {
                for values in capture.values.chunks(bytes.len() / 4) {
                    let bytes = &mut bytes[..4 * values.len()];
                    for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                        *bytes = value.to_le_bytes();
                    }
                    writer.write_all(bytes)?;
                }
            }
            Ok(())
        })
    }
}

/// Runs a sequence and captures the sites of a filter.
pub fn trace(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    filter: &SiteFilter,
) -> Result<Trace> {
    let mut recorder = CaptureRecorder::new(&weights.network().config, filter, &NO_PARTS, None);
    run_watched(weights, pool, ids, &mut recorder)?;
    Ok(Trace { ids: ids.to_vec(), sites: recorder.sites, edits: Edits::default() })
}

/// As [`trace`], of a pass with edits, or of a variant: each changes what stands at its site, and everything behind is
/// computed from that. Without an edit it is the pass itself, to the bit.
///
/// # Errors
/// As [`trace`]; when the model does not have the variant or a site, when an edit does not fit it, or names a position
/// that the sequence does not have.
pub fn trace_with_edits(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    filter: &SiteFilter,
    edits: &Edits,
) -> Result<Trace> {
    check(ids, &weights.network().config)?;
    edits.check_positions(ids.len())?;
    trace_with_longer_edits(weights, pool, ids, filter, edits)
}

/// As [`trace_with_edits`], of edits of a text that may grow: positions behind the sequence change nothing.
///
/// # Errors
/// As [`trace_with_edits`].
pub fn trace_with_longer_edits(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    filter: &SiteFilter,
    edits: &Edits,
) -> Result<Trace> {
    if edits.is_empty() {
        return trace(weights, pool, ids, filter);
    }
    let config = &weights.network().config;
    check(ids, config)?;
    let mut recorder =
        CaptureRecorder::new(config, filter, &NO_PARTS, None).of_variant(edits.variant());
    let is_captured = |site| filter.contains(site);
    run_edited((weights, edits), pool, ids, is_captured, &mut recorder)?;
    Ok(Trace { ids: ids.to_vec(), sites: recorder.sites, edits: edits.clone() })
}

/// Runs a sequence with edits under a watcher of the sites that are visible.
pub(crate) fn run_edited(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    is_visible: impl Fn(Site) -> bool,
    watch: &mut impl Observer,
) -> Result<()> {
    let (mut workspace, mut cache) = edited_workspace((weights, edits), pool, ids, is_visible)?;
    forward_observed(weights, &mut workspace, &mut cache, pool, &Batch::whole(ids), watch)
}

/// Buffers for one sequence with edits, in which these sites stand apart.
pub(crate) fn edited_workspace(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    is_visible: impl Fn(Site) -> bool,
) -> Result<(Workspace, KvCache)> {
    let (network, rows) = (weights.network(), ids.len());
    let program = edits.logits(network, forward::Rows::All)?;
    let cache = KvCache::for_program(&program, weights.compute(), 1, KvCache::pages(rows));
    let workspace =
        Workspace::for_program(network, program, rows, is_visible, rows, pool.threads())
            .with_precision(network, weights.compute());
    Ok((workspace, cache))
}

/// Buffers for looking at one sequence.
pub(crate) fn workspace_and_cache(
    weights: &Weights,
    pool: &ThreadPool,
    tokens: usize,
) -> (Workspace, KvCache) {
    let network = weights.network();
    let workspace =
        Workspace::new(network, Shape::Observed { rows: tokens }, tokens, pool.threads());
    (workspace, KvCache::new(network, weights.compute(), 1, KvCache::pages(tokens)))
}

/// Runs a sequence under a watcher.
pub(crate) fn run_watched(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    watch: &mut impl Observer,
) -> Result<()> {
    check(ids, &weights.network().config)?;
    let (mut workspace, mut cache) = workspace_and_cache(weights, pool, ids.len());
    forward_observed(weights, &mut workspace, &mut cache, pool, &Batch::whole(ids), watch)
}

/// Refuses what cannot be looked at in one pass.
pub(crate) fn check(ids: &[TokenId], config: &Config) -> Result<()> {
    let context = config.context;
    if ids.is_empty() {
        return Err(Refusal::user(format!(
            "there is no token to look at; give a prompt or {}",
            Setting("ids")
        )));
    }
    if ids.len() > context {
        let tokens = ids.len();
        return Err(Refusal::of(
            Kind::ContextLength,
            format!(
                "{tokens} tokens are more than this model's context of {context}; shorten the prompt"
            ),
        ));
    }
    config.check_ids("token", ids.iter().map(|id| id.0))
}
