//! What all handlers share. Cloning it shares it.

use std::sync::{Arc, atomic::AtomicUsize};

use axum::http::StatusCode;
use lookback_engine::ThreadPool;
use lookback_lens::Intervention;
use lookback_model::{Edits, PassVariant};

use crate::{
    answers_of_weights::AnswersOfWeights,
    edits::{PromptEdits, ResolvedEdits},
    embedding_tables::EmbeddingTables,
    error_response::{ErrorResponse, Result},
    matrix_caches::MatrixCaches,
    models::Models,
    pass_cache::PassCache,
    prefix_caches::{self, PrefixCaches},
    prompt::{ModelInput, Prompt},
    training::Training,
};

/// The models, the passes over them, and the secret of the page.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    /// By name.
    pub(crate) models: Arc<Models>,
    /// Forward passes, remembered.
    pub(crate) passes: PassCache,
    /// The training that this program does, if it does one.
    pub(crate) training: Training,
    /// What was read of the texts that readers write on.
    pub(crate) prefix_caches: PrefixCaches,
    /// What is known of embedding tables.
    pub(crate) tables: Arc<EmbeddingTables>,
    /// What is changed of each pass that is looked at or generates.
    pub(crate) interventions: Arc<Vec<Intervention>>,
    /// What each of these passes leaves out or replaces.
    pub(crate) variant: PassVariant,
    /// What edits stand for in prompts, remembered.
    pub(crate) resolved_edits: ResolvedEdits,
    /// Matrices that logits are taken apart with, remembered.
    pub(crate) matrices: MatrixCaches,
    /// Scores of heads and neurons, remembered.
    pub(crate) answers: AnswersOfWeights,
    /// How many changed passes sweeps have made.
    pub(crate) changed_passes: Arc<AtomicUsize>,
    /// The token that only the page served from here has.
    pub(crate) token: Arc<str>,
}

impl AppState {
    /// Without models, as yet.
    pub(crate) fn new(pool: Arc<ThreadPool>, token: &str) -> Self {
        Self {
            models: Arc::default(),
            passes: PassCache::new(pool),
            training: Training::default(),
            prefix_caches: PrefixCaches::default(),
            tables: Arc::default(),
            interventions: Arc::default(),
            variant: PassVariant::default(),
            resolved_edits: ResolvedEdits::default(),
            matrices: MatrixCaches::default(),
            answers: AnswersOfWeights::default(),
            changed_passes: Arc::default(),
            token: token.into(),
        }
    }

    /// Finds the model, reads the text, and finds out what edits of the request, behind those of the server, stand for
    /// in it. The text is cut into tokens on a thread for slow work.
    pub(crate) async fn model_input(&self, prompt: &Prompt) -> Result<ModelInput> {
        let edits = PromptEdits::new(self.interventions.clone(), self.variant, &prompt.given)?;
        let input = self.unedited_input(prompt).await?;
        if edits.is_empty() {
            return Ok(input);
        }
        let key = (input.model.weights_id(), input.ids.clone(), edits);
        if let Some(edits) = self.resolved_edits.find(&key) {
            return Ok(ModelInput { edits, ..input });
        }
        let known = self.resolved_edits.clone();
        let resolve = move |_: &ThreadPool| {
            // The request before may have found it.
            if let Some(edits) = known.find(&key) {
                return Ok(ModelInput { edits, ..input });
            }
            let positions = prefix_caches::max_positions(&input.model);
            let edits = key.2.resolve(&input.model, &input.ids, positions)?;
            known.remember(key, edits.clone());
            Ok(ModelInput { edits, ..input })
        };
        self.passes.with_compute_lock(resolve).await?
    }

    /// The same without any edits, for what shows no numbers of a pass or changes passes itself.
    pub(crate) async fn unedited_input(&self, prompt: &Prompt) -> Result<ModelInput> {
        let model = self.models.find(prompt.model.as_deref())?;
        let prompt = prompt.clone();
        let (ids, rendered) = {
            let (model, passes) = (model.clone(), self.passes.clone());
            let work = move || {
                model.plan_positions(|| {
                    let (network, compute) = (model.weights.network(), model.weights.compute());
                    prefix_caches::max_prompt_tokens(
                        network,
                        compute,
                        passes.threads(),
                        passes.free(),
                    )
                });
                prompt.read(&model)
            };
            self.run_blocking(work).await??
        };
        Ok(ModelInput { model, ids, rendered, edits: Edits::default() })
    }

    /// Does slow work on a thread of its own, so that no other request waits for it.
    pub(crate) async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        tokio::task::spawn_blocking(work).await.map_err(|_| {
            ErrorResponse::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the program made a mistake; its terminal says where",
            )
        })
    }
}
