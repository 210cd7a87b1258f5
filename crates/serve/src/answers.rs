//! Answers that depend on a model's weights and on no prompt, remembered.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use lookback_open::WeightsId;
use serde_json::Value;

/// Questions whose answers are remembered.
const MAX_REMEMBERED: usize = 8;

/// Of which weights, and what was asked.
type Question = (WeightsId, String);

/// The answers to the questions that were asked last. A clone shares all.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnswersOfWeights(Arc<Mutex<VecDeque<(Question, Value)>>>);

impl AnswersOfWeights {
    /// The answer, where it is known.
    pub(crate) fn find(&self, question: &Question) -> Option<Value> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(of, _)| of == question).map(|(_, answer)| answer.clone())
    }

    /// Remembers it, and forgets the oldest.
    pub(crate) fn remember(&self, question: Question, answer: Value) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_front((question, answer));
        all.truncate(MAX_REMEMBERED);
    }
}
