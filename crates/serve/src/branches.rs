//! What the last few models have read of the texts that readers branch, kept so that a step reads one
//! token.
//!
//! Nobody owns a text here, and no request says which one it goes on with: `generate::branches` finds
//! what is held of it. What was thrown away is read again, and no bit of any answer tells.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lookback_engine::Cache;
use lookback_generate::branches::Branches;

use crate::models::{Open, Serial};

/// Models whose texts are kept.
const MODELS: usize = 2;
/// Texts that are kept of a model.
const TEXTS: usize = 16;
/// Bytes that the texts of a model hold together, unless the one that is read needs more.
const BYTES: usize = 64 << 20;
/// Bytes that all texts hold together, unless one needs more.
pub(crate) const HELD: usize = MODELS * BYTES;

/// Tokens that are read at once at most: each text that is held takes the memory of as many. A text that
/// outgrows them is read through a window, and each turn tells how much of it is left out.
const POSITIONS: usize = 8192;

/// The texts of one model. Whoever computes holds it, so nobody waits for it.
pub(crate) type Shared = Arc<Mutex<Branches>>;

/// By model, the newest last. A clone shares all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Read(Arc<Mutex<Vec<(Serial, Shared)>>>);

impl Read {
    /// What was read with a model's weights.
    pub(crate) fn of(&self, open: &Open, threads: usize) -> Shared {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().position(|(serial, _)| *serial == open.serial());
        let shared = match found {
            Some(at) => all.remove(at).1,
            None => Arc::new(Mutex::new(nothing_read(open, threads))),
        };
        all.push((open.serial(), shared.clone()));
        if all.len() > MODELS {
            all.remove(0);
        }
        shared
    }
}

/// Nobody leaves texts half read: a pass that panics took its turn and its texts with it.
pub(crate) fn lock(shared: &Shared) -> MutexGuard<'_, Branches> {
    shared.lock().unwrap_or_else(|poisoned| {
        shared.clear_poison();
        poisoned.into_inner()
    })
}

/// The longest text that is read at once.
pub(crate) fn context(open: &Open) -> usize {
    open.config().context.min(POSITIONS)
}

fn nothing_read(open: &Open, threads: usize) -> Branches {
    let (network, context) = (open.weights.network(), context(open));
    let compute = open.weights.compute();
    let affordable = BYTES / Cache::bytes(network, compute, 1).max(1);
    let pages = affordable.min(TEXTS * Cache::pages(context));
    // There is always room for two whole texts, but pages that nobody wrote to take no memory.
    Branches::new(network, compute, threads, context, TEXTS, pages).holding(pages)
}
