//! What all handlers share. Cloning it shares it.

use std::sync::Arc;

use axum::http::StatusCode;
use lookback_engine::Team;
use tokio::sync::Semaphore;

use crate::{
    branches::Read,
    models::Models,
    passes::Passes,
    refuse::{Refused, Result},
    tables::Tables,
    training::Training,
};

/// Pieces of slow work at once: each may take some memory.
const SLOW: usize = 8;

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
    /// Turns for slow work that is no pass.
    pub(crate) slow: Arc<Semaphore>,
    /// What only the page that was served from here knows.
    pub(crate) token: Arc<str>,
}

impl State {
    /// Without models, as yet.
    pub(crate) fn new(team: Arc<Team>, token: &str) -> Self {
        Self {
            models: Arc::default(),
            passes: Passes::new(team),
            training: Training::default(),
            read: Read::default(),
            tables: Arc::default(),
            slow: Arc::new(Semaphore::new(SLOW)),
            token: token.into(),
        }
    }

    /// Does slow work on a thread of its own, so that no other request waits for it, unless many do such
    /// work.
    pub(crate) async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let failed = || {
            Refused::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the program made a mistake; its terminal says where",
            )
        };
        let turn = self.slow.clone().acquire_owned().await.map_err(|_| failed())?;
        let done = tokio::task::spawn_blocking(move || {
            let _until_it_is_done = turn;
            work()
        });
        done.await.map_err(|_| failed())
    }
}
