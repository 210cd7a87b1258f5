//! Which weights a trainer saves: those of the best validation, if they are to be kept, or the last.

use lookback_model::WeightId;

use super::Trainer;
use crate::{
    best_weights::{BestValidation, BestWeights},
    recipe::KeptWeights,
};

impl Trainer {
    /// A weight's rows as they are saved: those of the best validation, if they are to be kept, or as
    /// they are validated now.
    pub fn saved_rows(&self, id: WeightId) -> &[f32] {
        match &self.best {
            Some(best) => &best.rows[id.index()],
            None => self.validated_rows(id),
        }
    }

    /// Whether the weights of the best validation are to be saved.
    pub(crate) fn saves_best(&self) -> bool {
        self.recipe.keep == KeptWeights::Best
    }

    /// Which weights are saved, where they are those of the best validation.
    pub fn best_validation(&self) -> Option<BestValidation> {
        self.best.as_ref().map(|best| BestValidation { step: best.step, loss: best.loss })
    }

    /// Takes up the loss of a validation: its weights are kept if no validation before had a loss as low.
    pub fn record_validation(&mut self, loss: f64) {
        let step = self.steps();
        let of_part = self.recipe_at(step.saturating_sub(1)).keep;
        let is_tracked = self.saves_best() && of_part == KeptWeights::Best;
        if !is_tracked || self.best.as_ref().is_some_and(|best| best.loss <= loss) {
            return;
        }
        let mut rows = self.best.take().map_or_else(Vec::new, |best| best.rows);
        rows.resize(self.weights.network().ids().count(), Vec::new());
        for id in self.weights.network().ids() {
            let row = &mut rows[id.index()];
            row.clear();
            row.extend_from_slice(self.validated_rows(id));
        }
        self.best = Some(BestWeights { step, loss, rows });
    }
}
