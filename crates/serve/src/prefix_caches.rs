//! What the last few models have read of the texts that readers branch, kept so that a step reads one
//! token.
//!
//! No request owns a text here, or names the one that it continues: `generate::prefix_cache` finds
//! what is held of it. What was evicted is read again, and no bit of any answer depends on it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lookback_engine::{Compute, KvCache, Sequences};
use lookback_generate::prefix_cache::PrefixCache;
use lookback_model::{Edits, Network};
use lookback_open::WeightsId;

use crate::{
    error_response::{ErrorResponse, Result},
    models::ServedModel,
    prompt::ModelInput,
};

/// Models whose texts are kept.
const MAX_MODELS: usize = 2;
/// Texts that are kept of a model.
const MAX_SEQUENCES: usize = 16;
/// Bytes that the texts of a model hold together, unless the one that is read needs more.
const MODEL_BYTES: usize = 64 << 20;
/// Bytes that all texts hold together, unless one needs more.
pub(crate) const MAX_BYTES: usize = MAX_MODELS * MODEL_BYTES;

/// Tokens that are read at once however little memory is free: one chunk of a prompt.
const MIN_TOKENS: usize = 256;

/// The texts of one model. It is held by the request that computes, so none waits for it.
pub(crate) type SharedCache = Arc<Mutex<PrefixCache>>;

/// By model and edits, the newest last. A clone shares all.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrefixCaches(Arc<Mutex<Vec<(WeightsId, Edits, SharedCache)>>>);

impl PrefixCaches {
    /// What was read with a model's weights, under the same edits: what an edited pass wrote into the
    /// cache is never read by another. One with edits is refused where it would take more than half of what is free.
    pub(crate) fn get_or_create(
        &self,
        input: &ModelInput,
        threads: usize,
        free: Option<usize>,
    ) -> Result<SharedCache> {
        let ModelInput { model, edits, .. } = input;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same =
            |weights: &WeightsId, of: &Edits| *weights == model.weights_id() && of == edits;
        let found = all.iter().position(|(weights, of, _)| is_same(weights, of));
        let shared = match found {
            Some(at) => all.remove(at).2,
            None => {
                let (network, compute) = (model.network(), model.weights.compute());
                check_memory((network, edits), compute, threads, max_positions(model), free)?;
                let cache = empty_cache(model, threads);
                Arc::new(Mutex::new(cache.with_edits(model.network(), edits, threads)?))
            }
        };
        all.push((model.weights_id(), edits.clone(), shared.clone()));
        if all.len() > MAX_MODELS {
            all.remove(0);
        }
        Ok(shared)
    }
}

/// No text is left half read: a pass that panics drops the texts that it held.
pub(crate) fn lock(shared: &SharedCache) -> MutexGuard<'_, PrefixCache> {
    shared.lock().unwrap_or_else(|poisoned| {
        shared.clear_poison();
        poisoned.into_inner()
    })
}

/// The longest text that is read at once. One that outgrows it is read through a window, and each turn tells
/// how much of it is left out.
pub(crate) fn max_positions(model: &ServedModel) -> usize {
    model.positions().unwrap_or(model.config().context)
}

/// Tokens that a model reads at once: all of its context, unless the cache and the scratch of so many would
/// take more than the model's share of the half of the free memory.
pub(crate) fn max_prompt_tokens(
    network: &Network,
    compute: Compute,
    threads: usize,
    free: Option<usize>,
) -> usize {
    let context = network.config.context;
    let Some(free) = free else { return context };
    let fits = |tokens: usize| {
        let pages = 2 * KvCache::pages(tokens);
        Sequences::bytes(network, compute, threads, tokens, pages) <= free / (2 * MAX_MODELS)
    };
    if fits(context) {
        return context;
    }
    let (mut max_tokens, mut too_many) = (MIN_TOKENS.min(context), context);
    while too_many - max_tokens > KvCache::PAGE {
        let middle = max_tokens + (too_many - max_tokens) / 2;
        let half = if fits(middle) { &mut max_tokens } else { &mut too_many };
        *half = middle;
    }
    max_tokens
}

fn empty_cache(model: &ServedModel, threads: usize) -> PrefixCache {
    let (network, context) = (model.weights.network(), max_positions(model));
    let compute = model.weights.compute();
    let affordable = MODEL_BYTES / KvCache::bytes(network, compute, 1).max(1);
    let pages = affordable.min(MAX_SEQUENCES * KvCache::pages(context));
    // There is always room for two whole texts, but pages that were never written take no memory.
    PrefixCache::new(network, compute, threads, context, MAX_SEQUENCES, pages).with_max_pages(pages)
}

/// Refuses a cache with edits that would take more than half of what is free: an edit may need buffers that no plain
/// pass has, such as those of the results of all heads.
fn check_memory(
    (network, edits): (&Network, &Edits),
    compute: Compute,
    threads: usize,
    tokens: usize,
    free: Option<usize>,
) -> Result<()> {
    let Some(free) = free.filter(|_| !edits.is_empty()) else { return Ok(()) };
    let pages = 2 * KvCache::pages(tokens);
    let bytes = Sequences::edited_bytes(network, edits, compute, threads, tokens, pages)?;
    if bytes <= free / 2 {
        return Ok(());
    }
    Err(ErrorResponse::bad_request(format!(
        "texts of {tokens} tokens with these edits need {} MB, and {} MB is the most that is taken; edit other \
         sites, or open the model with a smaller context",
        bytes.div_ceil(1 << 20),
        free >> 21
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookback_model::{BlockSite, Change, Config, Edit, Site, Size};

    #[test]
    fn a_model_reads_its_whole_context_at_once_unless_memory_is_short() {
        let size = Size {
            vocabulary: 256,
            width: 64,
            layers: 4,
            heads: 4,
            key_heads: 4,
            hidden: 64,
            context: 131_072,
        };
        let network = Network::new(&Config::llama(size).unwrap());
        let max_tokens = |free| max_prompt_tokens(&network, Compute::F32, 2, free);
        assert_eq!(max_tokens(None), 131_072);
        assert_eq!(max_tokens(Some(64 << 30)), 131_072);
        assert_eq!(max_tokens(Some(1 << 20)), MIN_TOKENS);
        let some = max_tokens(Some(1 << 30));
        assert!((9_000..131_072).contains(&some), "{some}");
        let bytes = |tokens: usize| {
            Sequences::bytes(&network, Compute::F32, 2, tokens, 2 * KvCache::pages(tokens))
        };
        assert!(bytes(some) <= 1 << 28 && bytes(some + KvCache::PAGE) > 1 << 28);
    }
    #[test]
    fn texts_with_edits_are_refused_where_memory_is_short() {
        let size = Size {
            vocabulary: 256,
            width: 64,
            layers: 4,
            heads: 4,
            key_heads: 4,
            hidden: 64,
            context: 4096,
        };
        let network = Network::new(&Config::llama(size).unwrap());
        let edit = |site| {
            let numbers = [0.5].into();
            let edit = Edit { change: Change::Scale, positions: None, columns: 0..8, numbers };
            Edits::new([(Site::Block(1, site), edit)])
        };
        let (z, results) = (edit(BlockSite::Z), edit(BlockSite::Result));
        let bytes = |edits: &Edits| {
            let pages = 2 * KvCache::pages(4096);
            Sequences::edited_bytes(&network, edits, Compute::F32, 2, 4096, pages).unwrap()
        };
        assert!(bytes(&results) > bytes(&z));
        let check = |edits: &Edits, free| {
            check_memory((&network, edits), Compute::F32, 2, 4096, free).is_ok()
        };
        let free = Some(2 * bytes(&z));
        assert!(check(&z, free) && !check(&results, free));
        assert!(check(&results, Some(2 * bytes(&results))) && check(&results, None));
        assert!(!check(&z, Some(1 << 20)) && check(&Edits::default(), Some(1 << 20)));
    }
}
