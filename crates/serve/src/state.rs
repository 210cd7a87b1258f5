//! What all handlers share. Cloning it shares it.

use std::sync::Arc;

use axum::http::StatusCode;
use lookback_engine::ThreadPool;
use lookback_lens::{Intervention, InterventionFiles, LocalFiles, NoFiles};
use lookback_model::{Edits, PassVariant};

use crate::{
    edits::Given,
    embedding_tables::EmbeddingTables,
    error_response::{ErrorResponse, Result},
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
            token: token.into(),
        }
    }

    /// Finds the model and reads the text. The text is cut into tokens on a thread for slow work.
    pub(crate) async fn model_input(&self, prompt: &Prompt) -> Result<ModelInput> {
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

    /// The same with the edits of a request behind those of the server.
    pub(crate) async fn edited_input(&self, prompt: &Prompt, given: &Given) -> Result<ModelInput> {
        let own = given.interventions()?;
        let input = self.model_input(prompt).await?;
        let (defaults, tokens) = (self.interventions.clone(), given.edit_tokens.into());
        let variant = self.variant.and(given.variant);
        if defaults.is_empty() && own.is_empty() && variant.is_none() {
            return Ok(input);
        }
        let edited = move |_: &ThreadPool| {
            let (model, ids) = (&input.model, Some(&input.ids[..]));
            let positions = prefix_caches::max_positions(model);
            let resolved = |list: &[Intervention], files: &dyn InterventionFiles| {
                model.edits(list, files, ids, positions, tokens)
            };
            let mut edits: Vec<_> = resolved(&defaults, &LocalFiles)?.iter().cloned().collect();
            edits.extend(resolved(&own, &NoFiles)?.iter().cloned());
            let edits = Edits::new(edits).of_variant(variant);
            Ok::<_, lookback_files::Refusal>(ModelInput { edits, ..input })
        };
        Ok(self.passes.with_compute_lock(edited).await??)
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
