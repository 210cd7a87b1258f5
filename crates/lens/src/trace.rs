//! Every site of one pass, kept by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use lookback_engine::{
    Cache, Observer, Shape, SiteView, ThreadPool, Weights, Workspace, forward_layer,
    forward_observed,
};
use lookback_files::{Kind, Refusal, Result, Setting, write_atomic_with};
use lookback_model::{Batch, BlockSite, Config, Edit, Site, TokenId, forward};
use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};

use crate::{
    pooling::{Glance, Small},
    sites::shape,
    wanted::Wanted,
};

/// What was seen at a site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The axes of `docs/sites.md`, without a batch.
    pub shape: Vec<usize>,
    /// In row-major order.
    pub values: Vec<f32>,
}

impl Seen {
    /// The values of one index of the first axis: a token's vector, a head's matrix.
    pub fn part(&self, index: usize) -> &[f32] {
        let len: usize = self.shape.iter().skip(1).product();
        &self.values[index * len..(index + 1) * len]
    }
}

/// The sites of one pass over one sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// What was read.
    pub ids: Vec<TokenId>,
    /// By name.
    pub sites: Sites,
}

/// Sites by name. What a layer leaves is what the next one reads, and stands once under both names.
pub type Sites = BTreeMap<Site, Arc<Seen>>;

impl Trace {
    /// What was seen at a site, if it was wanted and exists in this family.
    pub fn at(&self, site: Site) -> Option<&Seen> {
        self.sites.get(&site).map(|seen| &**seen)
    }

    /// As [`Trace::at`], by the site's name, such as `blocks.0.attn.pattern`.
    pub fn named(&self, name: &str) -> Option<&Seen> {
        self.at(name.parse().ok()?)
    }

    /// As [`Trace::at`], of a block.
    pub fn block(&self, layer: usize, site: BlockSite) -> Option<&Seen> {
        self.at(Site::Block(layer as u16, site))
    }

    /// Writes the sites that are wanted as safetensors, with the ids as `input_ids`. They are streamed: there
    /// may be much of them, and no copy is made.
    pub fn write(&self, wanted: &Wanted, path: &Path) -> Result<()> {
        let sites = || self.sites.iter().filter(|(site, _)| wanted.has(**site));
        let mut at = 8 * self.ids.len();
        let ids =
            TensorInfo { dtype: Dtype::I64, shape: vec![self.ids.len()], data_offsets: (0, at) };
        let mut infos = vec![("input_ids".to_owned(), ids)];
        for (site, seen) in sites() {
            let end = at + 4 * seen.values.len();
            let (dtype, shape, data_offsets) = (Dtype::F32, seen.shape.clone(), (at, end));
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
        write_atomic_with(path, |to| {
            to.write_all(&(header.len() as u64).to_le_bytes())?;
            to.write_all(header.as_bytes())?;
            for id in &self.ids {
                to.write_all(&i64::from(id.0).to_le_bytes())?;
            }
            let mut bytes = vec![0; 1 << 16];
            for (_, seen) in sites() {
                for values in seen.values.chunks(bytes.len() / 4) {
                    let bytes = &mut bytes[..4 * values.len()];
                    for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                        *bytes = value.to_le_bytes();
                    }
                    to.write_all(bytes)?;
                }
            }
            Ok(())
        })
    }
}

/// Some indices of the first axes of sites: a head of a pattern, the logits of a token.
pub type Parts = BTreeMap<(Site, usize), Arc<Seen>>;

/// Passes a sequence through and keeps the sites that are wanted.
pub fn trace(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    wanted: &Wanted,
) -> Result<Trace> {
    let mut keep = Keep::new(&weights.network().config, wanted, &NO_PARTS, None);
    watched(weights, pool, ids, &mut keep)?;
    Ok(Trace { ids: ids.to_vec(), sites: keep.sites })
}

/// As [`trace`], of a pass with edits: each changes the values at its site, and everything behind is
/// computed from the changed ones. Without an edit it is the pass itself, to the bit.
///
/// # Errors
/// As [`trace`]; when the model does not have the site, or an edit does not fit it.
pub fn trace_with_edits(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    wanted: &Wanted,
    edits: &[(Site, Edit)],
) -> Result<Trace> {
    if edits.is_empty() {
        return trace(weights, pool, ids, wanted);
    }
    let network = weights.network();
    check(ids, &network.config)?;
    let mut program = forward::logits(network, forward::Rows::All);
    for (site, edit) in edits {
        let beyond =
            edit.positions.iter().flat_map(|all| all.iter()).find(|&&at| at as usize >= ids.len());
        if let Some(position) = beyond {
            let what =
                format!("{site}: there is no position {position} among {} tokens", ids.len());
            return Err(Refusal::of(Kind::InvalidSetting, what));
        }
        if !program.edit(*site, edit.clone()) {
            return Err(Refusal::of(
                Kind::InvalidSetting,
                format!(
                    "{site}: this edit of columns {} to {} with {} numbers does not fit the site, or \
                     this model does not have it",
                    edit.columns.start,
                    edit.columns.end,
                    edit.numbers.len()
                ),
            ));
        }
    }
    let mut keep = Keep::new(&network.config, wanted, &NO_PARTS, None);
    let is_wanted = |site| wanted.has(site);
    let rows = ids.len();
    let mut workspace =
        Workspace::for_program(network, program, rows, is_wanted, rows, pool.threads())
            .with_precision(network, weights.compute());
    let mut cache = Cache::new(network, weights.compute(), 1, Cache::pages(rows));
    forward_observed(weights, &mut workspace, &mut cache, pool, &Batch::whole(ids), &mut keep)?;
    Ok(Trace { ids: ids.to_vec(), sites: keep.sites })
}

/// What one pass showed.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Whole sites.
    pub sites: Sites,
    /// Of other sites the parts that were wanted.
    pub parts: Parts,
    /// All patterns made small.
    pub glance: Option<Glance>,
}

/// As [`trace`]; of other sites keeps only the parts that are wanted, where those are there, and of all
/// patterns a small picture of so many cells a side.
pub fn trace_with_parts(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    wanted: &Wanted,
    parts: &BTreeSet<(Site, usize)>,
    cells: usize,
) -> Result<Looked> {
    let config = &weights.network().config;
    let small = Small::new(config, ids.len().min(cells));
    let mut keep = Keep::new(config, wanted, parts, Some(small));
    watched(weights, pool, ids, &mut keep)?;
    Ok(Looked { sites: keep.sites, parts: keep.parts, glance: keep.small.map(Small::glance) })
}

/// The same of one layer alone, from the residual stream before it, `[tokens, width]`: no whole pass is
/// needed, and each bit is that of one.
pub fn trace_of_layer(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    (layer, stream): (usize, &Seen),
    wanted: &Wanted,
    parts: &BTreeSet<(Site, usize)>,
) -> Result<Looked> {
    let network = weights.network();
    let mut keep = Keep::new(&network.config, wanted, parts, None);
    let (mut workspace, mut cache) = room(weights, pool, ids.len());
    let batch = Batch::whole(ids);
    let from = (layer, &stream.values[..]);
    forward_layer(weights, &mut workspace, &mut cache, pool, &batch, from, &mut keep)?;
    Ok(Looked { sites: keep.sites, parts: keep.parts, glance: None })
}

/// Buffers for looking at one sequence.
fn room(weights: &Weights, pool: &ThreadPool, tokens: usize) -> (Workspace, Cache) {
    let network = weights.network();
    let workspace =
        Workspace::new(network, Shape::Observed { rows: tokens }, tokens, pool.threads());
    (workspace, Cache::new(network, weights.compute(), 1, Cache::pages(tokens)))
}

/// Passes a sequence through before a watcher's eyes.
pub(crate) fn watched(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    watch: &mut impl Observer,
) -> Result<()> {
    check(ids, &weights.network().config)?;
    let (mut workspace, mut cache) = room(weights, pool, ids.len());
    forward_observed(weights, &mut workspace, &mut cache, pool, &Batch::whole(ids), watch)
}

/// Refuses what cannot be looked at in one pass.
fn check(ids: &[TokenId], config: &Config) -> Result<()> {
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

/// The site of the layer before that holds the same numbers, if there is one.
pub fn same_as(site: Site) -> Option<Site> {
    match site {
        Site::Block(layer, BlockSite::ResidPre) if layer > 0 => {
            Some(Site::Block(layer - 1, BlockSite::ResidPost))
        }
        _ => None,
    }
}

/// A watcher that copies what it sees.
struct Keep<'a> {
    config: &'a Config,
    wanted: &'a Wanted,
    sites: Sites,
    wanted_parts: &'a BTreeSet<(Site, usize)>,
    parts: Parts,
    small: Option<Small>,
}

static NO_PARTS: BTreeSet<(Site, usize)> = BTreeSet::new();

impl<'a> Keep<'a> {
    fn new(
        config: &'a Config,
        wanted: &'a Wanted,
        wanted_parts: &'a BTreeSet<(Site, usize)>,
        small: Option<Small>,
    ) -> Self {
        let (sites, parts) = (Sites::new(), Parts::new());
        Self { config, wanted, sites, wanted_parts, parts, small }
    }

    /// The indices that are wanted of a site.
    fn parts_of(&self, site: Site) -> impl Iterator<Item = usize> {
        self.wanted_parts.range((site, 0)..=(site, usize::MAX)).map(|(_, index)| *index)
    }
}

impl Observer for Keep<'_> {
    fn wants(&self, site: Site) -> bool {
        self.wanted.has(site)
            || self.parts_of(site).next().is_some()
            || self.small.as_ref().is_some_and(|small| small.wants(site))
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        if let Some(small) = self.small.as_mut().filter(|small| small.wants(site)) {
            small.observe(site, view);
        }
        let shape = shape(self.config, site, view.shape[1]);
        let len = view.values.len() / shape[0];
        for index in self.parts_of(site).filter(|&index| index < shape[0]).collect::<Vec<_>>() {
            let values = view.values[index * len..(index + 1) * len].to_vec();
            let part = Seen { shape: shape[1..].to_vec(), values };
            self.parts.insert((site, index), Arc::new(part));
        }
        if self.wanted.has(site) {
            let before = same_as(site).and_then(|site| self.sites.get(&site)).cloned();
            let seen = || Arc::new(Seen { shape, values: view.values.to_vec() });
            self.sites.insert(site, before.unwrap_or_else(seen));
        }
    }
}
