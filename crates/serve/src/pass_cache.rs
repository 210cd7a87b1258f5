//! Forward passes over prompts, remembered, so that the figures of one page cost one pass.
//!
//! 1. A pass keeps more sites than were asked for, as long as they are cheap to keep: the next figure
//!    asks for others of the same prompt.
//! 2. One pass runs at a time; who waits for it is in a queue, and leaves the queue when the client
//!    goes away. What several ask of the same prompt while they wait is read in one pass.
//! 3. What a long prompt has no room for is made again without a pass: a layer's sites from the residual
//!    stream before it, a token's logits from the stream's end. Of what is too large to keep whole, only
//!    the parts that were asked for are kept: a head, a token.
//! 4. A pass with edits begins where it may differ from one that is held, and shares with it what stands below.
//! 5. The pass that was not looked at for longest is forgotten first.

mod base;
mod default_sites;
mod recompute;

use std::{
    collections::BTreeSet,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
    time::Instant,
};

use axum::http::StatusCode;
use lookback_engine::{Compute, KvCache, Shape, ThreadPool, Workspace};
use lookback_lens::{
    Capture, CaptureParts, Captures, PatternThumbnails, SiteFilter, Trace, edited_trace_with_parts,
    sites_of_variant,
};
use lookback_model::{BlockSite, Edits, Network, Site, TokenId};
use lookback_open::WeightsId;

use crate::{
    error_response::{ErrorResponse, Result},
    prompt::ModelInput,
};

/// Bytes of all passes that are remembered: those of a long prompt as it is and with edits.
const MAX_CACHED_BYTES: usize = 2 * MAX_PASS_BYTES;
/// Bytes of one pass that is held between requests, unless one request asked for more of it.
const MAX_PASS_BYTES: usize =
    default_sites::MAX_BYTES + recompute::MAX_LAYER_BYTES + recompute::MAX_PART_BYTES;
/// Bytes of passes that are held between requests, unless one request asked for more of one pass: the
/// last pass stays, whatever it holds.
pub(crate) const MAX_BYTES: usize = MAX_CACHED_BYTES;
/// Bytes that a pass may take while it runs.
const MAX_WORKSPACE_BYTES: usize = 2 << 30;

/// A site, or one index of its first axis: a head of a pattern, a token of anything else.
pub(crate) type Part = (Site, Option<usize>);

/// Cells of a small pattern's side, as the page asks for them; a pass keeps one of every head.
const PATTERN_SIDE: usize = 24;

/// The sites of one prompt, and how long the pass took that read them.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    trace: Trace,
    parts: CaptureParts,
    /// All patterns, made small.
    pub(crate) thumbnails: Option<Arc<PatternThumbnails>>,
    /// Sites of layers that were made again, the layer that was asked for last at the end.
    recomputed: Vec<Site>,
    pub(crate) milliseconds: f64,
}

impl Deref for Pass {
    type Target = Trace;

    fn deref(&self) -> &Trace {
        &self.trace
    }
}

impl Pass {
    /// One index of a site's first axis, where only that was kept.
    pub(crate) fn part(&self, site: Site, index: usize) -> Option<&Capture> {
        self.parts.get(&(site, index)).map(|seen| &**seen)
    }

    /// The values of one index of a site's first axis, which was asked for: a token's logits.
    pub(crate) fn row(&self, site: Site, index: usize) -> &[f32] {
        let whole = self.trace.at(site).map(|seen| seen.part(index));
        whole.or_else(|| Some(&self.part(site, index)?.values)).unwrap_or_default()
    }

    fn has_parts(&self, wanted: &[Part]) -> bool {
        wanted.iter().all(|part| self.has_part(part))
    }

    fn has_part(&self, &(site, index): &Part) -> bool {
        self.trace.at(site).is_some() || index.is_some_and(|at| self.part(site, at).is_some())
    }

    /// All that it has.
    fn all_parts(&self) -> Vec<Part> {
        let whole = self.trace.sites.keys().filter(|site| !self.recomputed.contains(site));
        let parts = self.parts.keys().map(|(site, index)| (*site, Some(*index)));
        whole.map(|site| (*site, None)).chain(parts).collect()
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        // What a layer leaves is what the next one reads, and is held once.
        let whole = self.trace.sites.iter().filter(|(site, _)| {
            !lookback_lens::alias_of(**site)
                .is_some_and(|site| self.trace.sites.contains_key(&site))
        });
        let all = whole.map(|(_, seen)| seen).chain(self.parts.values());
        all.map(|seen| 4 * seen.values.len()).sum()
    }
}

/// Bytes of memory that are free now; none where the system does not say.
pub(crate) type FreeMemory = fn() -> Option<usize>;

/// Which weights read which tokens, under which edits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(WeightsId, Vec<TokenId>, Edits);

/// Runs passes and remembers them. A clone shares all.
#[derive(Clone, Debug)]
pub(crate) struct PassCache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: RwLock<Arc<ThreadPool>>,
    /// Says how much memory is free, where the system tells it.
    free: OnceLock<FreeMemory>,
    /// Held by the request that computes.
    compute_lock: Arc<tokio::sync::Mutex<()>>,
    cached_passes: Mutex<CachedPasses>,
    /// The parts that the requests in the queue need.
    pending: Mutex<Vec<(Key, Vec<Part>)>>,
}

/// The newest last.
#[derive(Debug, Default)]
struct CachedPasses(Vec<(Key, Arc<Pass>)>);

impl PassCache {
    /// Passes that this pool computes.
    pub(crate) fn new(pool: Arc<ThreadPool>) -> Self {
        Self(Arc::new(Inner {
            pool: RwLock::new(pool),
            free: OnceLock::new(),
            compute_lock: Arc::default(),
            cached_passes: Mutex::default(),
            pending: Mutex::default(),
        }))
    }

    /// From now on no pass takes more than half of what is free.
    pub(crate) fn limit_memory(&self, free: FreeMemory) {
        let _the_first_stays = self.0.free.set(free);
    }

    /// Bytes of memory that are free now; none where the system does not say.
    pub(crate) fn free(&self) -> Option<usize> {
        self.0.free.get().and_then(|free| free())
    }

    /// Threads that compute.
    pub(crate) fn threads(&self) -> usize {
        self.pool().threads()
    }

    /// From now on another pool computes.
    pub(crate) fn set_pool(&self, pool: Arc<ThreadPool>) {
        *self.0.pool.write().unwrap_or_else(PoisonError::into_inner) = pool;
    }

    fn pool(&self) -> Arc<ThreadPool> {
        self.0.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Computes in turn with all others, on a thread for slow work. The turn lasts as long as the
    /// work, also where its request was dropped; so let it be short.
    pub(crate) async fn with_compute_lock<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ThreadPool) -> T + Send + 'static,
    ) -> Result<T> {
        let lock = self.0.compute_lock.clone().lock_owned().await;
        let pool = self.pool();
        let done = tokio::task::spawn_blocking(move || {
            let _until_it_is_done = lock;
            work(&pool)
        });
        done.await.map_err(|_| {
            ErrorResponse::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the pass failed, which is a mistake of the program; its terminal says where",
            )
        })
    }

    /// The same for work of many passes, which lets those who wait go first between two of them.
    pub(crate) async fn with_shared_compute_lock<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SharedComputeLock) -> T + Send + 'static,
    ) -> Result<T> {
        let lock = self.0.compute_lock.clone();
        let held = Some(lock.clone().lock_owned().await);
        let done = tokio::task::spawn_blocking(move || work(&mut SharedComputeLock { lock, held }));
        done.await.map_err(|_| {
            ErrorResponse::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the work failed, which is a mistake of the program; its terminal says where",
            )
        })
    }

    /// A pass that holds at least these sites. One that the model does not have is refused.
    pub(crate) async fn sites(&self, input: &ModelInput, wanted: &[Site]) -> Result<Arc<Pass>> {
        let wanted: Vec<Part> = wanted.iter().map(|site| (*site, None)).collect();
        self.parts(input, &wanted).await
    }

    /// A pass that holds at least these parts; what is cheap to keep whole, it holds whole.
    pub(crate) async fn parts(&self, input: &ModelInput, wanted: &[Part]) -> Result<Arc<Pass>> {
        let sites_of_model = sites_of_variant(input.model.config(), input.edits.variant());
        if let Some((site, _)) = wanted.iter().find(|(site, _)| !sites_of_model.contains(site)) {
            return Err(ErrorResponse::bad_request(format!(
                "{} has no site {site}",
                input.model.name
            )));
        }
        let key = Key(input.model.weights_id(), input.ids.clone(), input.edits.clone());
        if let Some(pass) = self.cached_passes().find(&key, wanted) {
            return Ok(pass);
        }
        let _pending_while_waiting = self.register(&key, wanted);
        let (passes, input, wanted) = (self.clone(), input.clone(), wanted.to_vec());
        self.with_compute_lock(move |pool| {
            // The request before may have made it.
            if let Some(pass) = passes.cached_passes().find(&key, &wanted) {
                return Ok(pass);
            }
            let mut all = wanted;
            all.extend(passes.pending_parts(&key));
            // The guard is given back before anything is computed.
            let cached = passes.cached_passes().remove(&key);
            if let Some(cached) = cached {
                if let Some(pass) = recompute::add(&input, pool, &cached, &all)? {
                    let pass = Arc::new(pass);
                    passes.cached_passes().add(key, pass.clone());
                    return Ok(pass);
                }
                all.extend(cached.all_parts());
            }
            let layers = input.model.config().layers;
            let base = passes.cached_passes().find_base(&key, layers);
            let pass = Arc::new(run_pass(&input, pool, all, passes.free(), base)?);
            passes.cached_passes().add(key, pass.clone());
            Ok(pass)
        })
        .await?
    }

    fn cached_passes(&self) -> MutexGuard<'_, CachedPasses> {
        self.0.cached_passes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a wish for as long as the result lives.
    fn register(&self, key: &Key, parts: &[Part]) -> PendingRequest {
        let request = (key.clone(), parts.to_vec());
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        PendingRequest { cache: self.clone(), request }
    }

    /// The parts of a prompt that requests in the queue need.
    fn pending_parts(&self, key: &Key) -> Vec<Part> {
        let wanted = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter(|(of, _)| of == key).flat_map(|(_, parts)| parts.clone()).collect()
    }
}

/// The lock of work that takes long.
#[derive(Debug)]
pub(crate) struct SharedComputeLock {
    lock: Arc<tokio::sync::Mutex<()>>,
    held: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl SharedComputeLock {
    /// Lets those who wait compute first.
    pub(crate) fn pause(&mut self) {
        drop(self.held.take());
        self.held = Some(self.lock.clone().blocking_lock_owned());
    }
}

/// A wish in the queue; dropped, it is withdrawn.
struct PendingRequest {
    cache: PassCache,
    request: (Key, Vec<Part>),
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        let mut wanted = self.cache.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = wanted.iter().position(|request| *request == self.request) {
            wanted.swap_remove(at);
        }
    }
}

impl CachedPasses {
    /// A pass that has all these parts; it counts as looked at.
    fn find(&mut self, key: &Key, wanted: &[Part]) -> Option<Arc<Pass>> {
        let at = self.0.iter().rposition(|(of, pass)| of == key && pass.has_parts(wanted))?;
        let found = self.0.remove(at);
        let pass = found.1.clone();
        self.0.push(found);
        Some(pass)
    }

    /// The pass of the same prompt that is like one the longest, and from which layer on it may differ.
    fn find_base(&self, key: &Key, layers: usize) -> Option<base::Base> {
        let Key(weights, ids, edits) = key;
        let of_prompt = self.0.iter().filter(|(of, _)| of.0 == *weights && of.1 == *ids);
        let bases = of_prompt.filter_map(|(of, pass)| {
            let layer = edits.first_difference(&of.2, layers)?;
            let stream = Site::Block(layer as u16, BlockSite::ResidPre);
            (layer > 0 && pass.trace.at(stream).is_some())
                .then(|| base::Base { layer, pass: pass.clone() })
        });
        bases.max_by_key(|base| base.layer)
    }

    /// Bytes of all passes; what several share counts once.
    fn bytes(&self) -> usize {
        let mut seen = BTreeSet::new();
        let all = self.0.iter().flat_map(|(_, pass)| {
            pass.trace.sites.values().chain(pass.parts.values()).map(|it| (Arc::as_ptr(it), it))
        });
        let once = all.filter(|(place, _)| seen.insert(*place));
        once.map(|(_, capture)| 4 * capture.values.len()).sum()
    }

    /// Takes a pass out.
    fn remove(&mut self, key: &Key) -> Option<Arc<Pass>> {
        let at = self.0.iter().position(|(of, _)| of == key)?;
        Some(self.0.remove(at).1)
    }

    /// Adds a pass, and evicts the oldest until all fit; the new one stays.
    fn add(&mut self, key: Key, pass: Arc<Pass>) {
        self.0.push((key, pass));
        while self.0.len() > 1 && self.bytes() > MAX_CACHED_BYTES {
            self.0.remove(0);
        }
    }
}

/// Passes a prompt through, and keeps what is wanted and what is cheap to keep.
fn run_pass(
    input: &ModelInput,
    pool: &ThreadPool,
    wanted: Vec<Part>,
    free: Option<usize>,
    base: Option<base::Base>,
) -> Result<Pass> {
    let network = input.model.weights.network();
    let compute = input.model.weights.compute();
    check_memory(network, compute, input.ids.len(), pool.threads(), free)?;
    let mut whole: BTreeSet<Site> =
        default_sites::sites(&network.config, input.ids.len()).into_iter().collect();
    whole.extend(wanted.iter().filter(|(_, index)| index.is_none()).map(|(site, _)| *site));
    // A token's logits are made of the stream's end, and not those of all tokens with them.
    let is_made_again = |site: &Site| {
        matches!(site, Site::Logits | Site::Probabilities)
            && recompute::has_logits_of_stream(input, |site| whole.contains(&site))
    };
    let parts = wanted.iter().filter(|(site, _)| !whole.contains(site) && !is_made_again(site));
    let parts = parts.filter_map(|&(site, index)| Some((site, index?))).collect();
    let began = Instant::now();
    let pass = |looked: Captures| Pass {
        trace: Trace { ids: input.ids.clone(), sites: looked.sites, edits: input.edits.clone() },
        parts: looked.parts,
        thumbnails: looked.thumbnails.map(Arc::new),
        recomputed: Vec::new(),
        milliseconds: 1e3 * began.elapsed().as_secs_f64(),
    };
    if let Some(base) = base {
        let pass = pass(base.run(input, pool, &whole, &parts)?);
        if let Some(pass) = recompute::add(input, pool, &pass, &wanted)? {
            return Ok(pass);
        }
    }
    let looked = edited_trace_with_parts(
        (&input.model.weights, &input.edits),
        pool,
        &input.ids,
        &SiteFilter::only(whole),
        &parts,
        PATTERN_SIDE,
    )?;
    let pass = pass(looked);
    Ok(recompute::add(input, pool, &pass, &wanted)?.unwrap_or(pass))
}

/// A model with a long context reads more than a machine can hold the numbers of. Of what is free now a
/// half stays free, since memory that ends would end the program, and with it everybody's page.
fn check_memory(
    network: &Network,
    compute: Compute,
    tokens: usize,
    threads: usize,
    free: Option<usize>,
) -> Result<()> {
    let max_bytes = free.map_or(MAX_WORKSPACE_BYTES, |free| MAX_WORKSPACE_BYTES.min(free / 2));
    let shape = Shape::Observed { rows: tokens };
    let bytes = Workspace::bytes(network, shape, compute, tokens, threads)
        + KvCache::bytes(network, compute, KvCache::pages(tokens));
    if bytes <= max_bytes {
        return Ok(());
    }
    Err(ErrorResponse::bad_request(format!(
        "{tokens} tokens need {} MB to be looked at, and {} MB is the most that is taken; shorten the \
         prompt",
        bytes >> 20,
        max_bytes >> 20
    )))
}

#[cfg(test)]
mod tests;
