//! Matrices of a model as rows of f32, dequantised or unpacked once for several questions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lookback_engine::Weights;
use lookback_model::WeightId;

/// Matrices of one model, kept as long as they fit. What does not fit is read each time.
#[derive(Debug)]
pub struct MatrixCache {
    max_bytes: usize,
    kept: Mutex<BTreeMap<WeightId, Arc<Vec<f32>>>>,
}

impl MatrixCache {
    /// Keeps at most so many bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, kept: Mutex::default() }
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> usize {
        bytes(&self.lock())
    }

    /// A matrix, `[outputs, inputs]`, always of the same weights.
    pub(super) fn matrix(&self, weights: &Weights, id: WeightId) -> Arc<Vec<f32>> {
        if let Some(matrix) = self.lock().get(&id) {
            return matrix.clone();
        }
        // Read without the lock: other threads read other matrices.
        let mut rows = vec![0.0; weights.network().weight(id).len()];
        weights.read(id, &mut rows);
        let matrix = Arc::new(rows);
        let mut kept = self.lock();
        if bytes(&kept) + 4 * matrix.len() <= self.max_bytes {
            kept.insert(id, matrix.clone());
        }
        matrix
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WeightId, Arc<Vec<f32>>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes(kept: &BTreeMap<WeightId, Arc<Vec<f32>>>) -> usize {
    kept.values().map(|matrix| 4 * matrix.len()).sum()
}
