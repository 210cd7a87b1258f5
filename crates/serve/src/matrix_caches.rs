//! Matrices as rows of f32, of the model that was asked about last, for questions that take its passes apart.

use std::sync::{Arc, Mutex, PoisonError};

use lookback_lens::MatrixCache;
use lookback_open::WeightsId;

/// Bytes that are kept: of SmolLM2-135M all that attention projects values and results with takes 53 MB.
pub(crate) const MAX_BYTES: usize = 64 << 20;

/// The projections of a model's weights.
type OfWeights = (WeightsId, Arc<MatrixCache>);

/// The matrices of the last model. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct MatrixCaches(Arc<Mutex<Option<OfWeights>>>);

impl MatrixCaches {
    /// Those of some weights; those of others are given back.
    pub(crate) fn of_weights(&self, weights: WeightsId) -> Arc<MatrixCache> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of, matrices)) if *of == weights => matrices.clone(),
            _ => {
                let matrices = Arc::new(MatrixCache::new(MAX_BYTES));
                *last = Some((weights, matrices.clone()));
                matrices
            }
        }
    }
}
