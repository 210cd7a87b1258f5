//! Answers that depend on a model's weights and on no prompt, such as the scores of its heads.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use lookback_open::WeightsId;
use serde_json::Value;

/// Questions whose answers are remembered.
const MAX_REMEMBERED: usize = 64;

/// A route, whose weights it is asked about, and the request.
pub(crate) type Question = (&'static str, WeightsId, Value);

/// Answers that depend on no prompt. A clone shares all.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnswersOfWeights(Arc<Mutex<VecDeque<(Question, Value)>>>);

impl AnswersOfWeights {
    pub(crate) fn find(&self, question: &Question) -> Option<Value> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(of, _)| of == question).map(|(_, answer)| answer.clone())
    }

    pub(crate) fn remember(&self, question: Question, answer: Value) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_front((question, answer));
        all.truncate(MAX_REMEMBERED);
    }
}
