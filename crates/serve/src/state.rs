//! What all handlers share. Cloning it shares it.

use std::sync::Arc;

use axum::http::StatusCode;
use lookback_engine::ThreadPool;

use crate::{
    branches::{self, Read},
    models::Models,
    passes::Passes,
    prompt::{Asked, Prompt},
    refuse::{Refused, Result},
    tables::Tables,
    training::Training,
};

/// The models, the passes over them, and the secret of the page.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// By name.
    pub(crate) models: Arc<Models>,
    /// Forward passes, remembered.
    pub(crate) passes: Passes,
    /// The training that this program does, if it does one.
    pub(crate) training: Training,
    /// What was read of the texts that readers write on.
    pub(crate) read: Read,
    /// What is known of embedding tables.
    pub(crate) tables: Arc<Tables>,
    /// What only the page that was served from here knows.
    pub(crate) token: Arc<str>,
}

impl State {
    /// Without models, as yet.
    pub(crate) fn new(pool: Arc<ThreadPool>, token: &str) -> Self {
        Self {
            models: Arc::default(),
            passes: Passes::new(pool),
            training: Training::default(),
            read: Read::default(),
            tables: Arc::default(),
            token: token.into(),
        }
    }

    /// Finds the model and reads the text. The text is cut into tokens on a thread for slow work.
    pub(crate) async fn ask(&self, prompt: &Prompt) -> Result<Asked> {
        let open = self.models.find(prompt.model.as_deref())?;
        let prompt = prompt.clone();
        let (ids, rendered) = {
            let (open, passes) = (open.clone(), self.passes.clone());
            let work = move || {
                open.plan_positions(|| {
                    let (network, compute) = (open.weights.network(), open.weights.compute());
                    branches::affordable(network, compute, passes.threads(), passes.free())
                });
                prompt.read(&open)
            };
            self.slowly(work).await??
        };
        Ok(Asked { open, ids, rendered })
    }

    /// Does slow work on a thread of its own, so that no other request waits for it.
    pub(crate) async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        tokio::task::spawn_blocking(work).await.map_err(|_| {
            Refused::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the program made a mistake; its terminal says where",
            )
        })
    }
}
