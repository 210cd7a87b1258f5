//! The page, answered on threads of its own, so that the main one can train.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use lookback_files::{Refusal, Result};
use lookback_serve::{Listener, Server};

use crate::interrupt;

/// How often it looks whether it is to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long clients have to hear the last news.
const DRAIN_TIME: Duration = Duration::from_millis(300);
/// Threads for slow work: one computes at a time, the others cut texts and write answers. The allocator
/// keeps freed memory for each thread, so they are few.
const MAX_BLOCKING_THREADS: usize = 3;

/// A page that is being answered.
#[derive(Debug)]
pub(crate) struct PageServer {
    thread: JoinHandle<Result<()>>,
    is_over: Arc<AtomicBool>,
}

impl PageServer {
    /// Answers from now on, until it is ended or the user presses Ctrl-C.
    pub(crate) fn start(server: &Server, listener: Listener) -> Result<Self> {
        let failed = |error| Refusal::ours(format!("no thread for the page can be made ({error})"));
        let interrupted = interrupt::stop_flag()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .thread_name("page")
            .enable_all()
            .build()
            .map_err(failed)?;
        let (server, over) = (server.clone(), is_over.clone());
        let answer = move || {
            let stopped = async move {
                while !interrupted.load(Ordering::Relaxed) && !over.load(Ordering::Relaxed) {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            };
            let ended = runtime.block_on(server.run(listener, stopped));
            // The results of passes that are still computed are dropped.
            runtime.shutdown_background();
            ended
        };
        let thread = std::thread::Builder::new().name("page".into()).spawn(answer);
        Ok(Self { thread: thread.map_err(failed)?, is_over })
    }

    /// Waits for Ctrl-C, which is how a server ends.
    pub(crate) fn wait(self) -> Result<()> {
        self.thread.join().unwrap_or_else(|_| {
            Err(Refusal::ours("the page failed, which is a mistake of the program"))
        })
    }

    /// Ends it, once clients had time to hear why.
    pub(crate) fn shut_down(self) {
        std::thread::sleep(DRAIN_TIME);
        self.is_over.store(true, Ordering::Relaxed);
        let _it_ends_anyway = self.thread.join();
    }
}
