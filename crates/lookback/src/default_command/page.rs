//! The main job with the page: it is there at once, and shows the model while it learns.
//!
//! The page reads snapshots, never the weights in training, on one thread of its own, so that a
//! training whose page is closed runs as fast as one without a page.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lookback::{Model, default_model};
use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_serve::{ProgressEvent, ServedModel, Server, Training};
use lookback_train::{StepReport, TrainingEvent};

use crate::{
    commands::serve::Address,
    default_command::{
        existing_model,
        make::{MakeEvent, StartedRun, lock, make},
        terminal_progress::TerminalProgress,
    },
    memory,
    page_server::PageServer,
    print::Print,
};

/// What the default model is called.
const NAME: &str = "default";
/// How often newer weights are shown.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(2);
/// How often the page gets the steps.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(200);

/// Opens the page, makes the model if it is not there, and answers until Ctrl-C.
pub(super) fn run(address: &Address, pool: Arc<ThreadPool>, print: &mut Print) -> Result<()> {
    let folder = default_model()?;
    if let Some(model) = existing_model(&pool, print)? {
        let listener = address.listen()?;
        let server = Server::new(pool.clone())?;
        server.limit_memory(memory::free);
        memory::return_large_allocations();
        server.put_model(ServedModel::new(NAME, model)?);
        address.announce(&listener, print)?;
        return PageServer::start(&server, listener)?.wait();
    }
    let lock_held = lock(&folder)?;
    let listener = address.listen()?;
    let server = Server::new(Arc::new(ThreadPool::new(1, pool.isa())))?;
    server.limit_memory(memory::free);
    memory::return_large_allocations();
    server.training().publish(ProgressEvent::Phase { description: "beginning".into() });
    address.announce(&listener, print)?;
    let page_server = PageServer::start(&server, listener)?;
    let began = Instant::now();
    let mut progress = TerminalProgress::new(print);
    let mut publisher = Publisher::new(&server, pool.clone());
    let made = make(&folder, &pool, &mut |event| {
        progress.update(&event);
        publisher.publish(&event)
    });
    progress.end();
    drop(lock_held);
    let opened = made.and_then(|steps| {
        let model = Model::options().pool(pool.clone()).open(NAME)?;
        Ok((steps, ServedModel::new(NAME, model)?))
    });
    match opened {
        Err(refusal) => {
            server.training().publish(ProgressEvent::failed(&refusal));
            page_server.shut_down();
            Err(refusal)
        }
        Ok((step, model)) => {
            server.put_model(model);
            server.set_pool(pool);
            let seconds = began.elapsed().as_secs_f64();
            server.training().publish(ProgressEvent::Done { step, seconds });
            page_server.wait()
        }
    }
}

/// Passes on to the page how the training goes, and its weights now and then.
struct Publisher<'a> {
    server: &'a Server,
    training: Training,
    pool: Arc<ThreadPool>,
    run: Option<Run>,
}

/// A run that has begun.
struct Run {
    /// The model before its first step.
    served: ServedModel,
    steps: u64,
    tokens_per_step: u64,
    began: Instant,
    shown: Instant,
    published: Instant,
    /// Steps, and the sum of their losses, since the page last got them.
    unpublished: (u64, f64),
}

impl<'a> Publisher<'a> {
    fn new(server: &'a Server, pool: Arc<ThreadPool>) -> Self {
        Self { server, training: server.training(), pool, run: None }
    }

    fn publish(&mut self, event: &MakeEvent<'_>) -> Result<()> {
        match event {
            MakeEvent::Phase(description) => self
                .training
                .publish(ProgressEvent::Phase { description: (*description).to_owned() }),
            MakeEvent::Started(run) => self.begin(run)?,
            MakeEvent::Training(TrainingEvent::Step { report: taken, weights }) => {
                self.step(taken, weights)
            }
            MakeEvent::Training(TrainingEvent::Validated { step, loss, .. }) => {
                self.training.publish(ProgressEvent::Validation { step: *step, loss: *loss });
            }
            MakeEvent::Training(TrainingEvent::CheckpointWritten { .. }) => {}
            MakeEvent::Abilities { step, scores } => {
                self.training.publish(ProgressEvent::Abilities {
                    step: *step,
                    look_ups: scores.look_ups,
                    repeated: scores.repeated,
                })
            }
            MakeEvent::Sample { step, text } => {
                self.training.publish(ProgressEvent::Sample { step: *step, text: text.clone() });
            }
        }
        Ok(())
    }

    fn begin(&mut self, started: &StartedRun<'_>) -> Result<()> {
        let network = started.weights.network();
        let (steps, tokens_per_step) =
            (started.recipe.steps, started.recipe.tokens_per_step() as u64);
        self.training.publish(ProgressEvent::Started {
            model: NAME.to_owned(),
            steps,
            tokens_per_step,
            tokens: started.tokens as u64,
            parameters: network.parameters() as u64,
        });
        let tokenizer = Some(started.tokenizer.clone());
        let model =
            Model::new(started.path.into(), started.weights.clone(), tokenizer, self.pool.clone());
        let served = ServedModel::new(NAME, model)?;
        let now = Instant::now();
        let run = Run {
            served,
            steps,
            tokens_per_step,
            began: now,
            shown: now,
            published: now,
            unpublished: (0, 0.0),
        };
        self.publish_snapshot(&run, 0, started.weights);
        self.run = Some(run);
        Ok(())
    }

    fn step(&mut self, taken: &StepReport, weights: &Weights) {
        let Some(mut run) = self.run.take() else { return };
        run.unpublished = (run.unpublished.0 + 1, run.unpublished.1 + taken.loss);
        let now = Instant::now();
        if now - run.published >= PUBLISH_INTERVAL || taken.step == run.steps {
            let (steps, losses) = run.unpublished;
            let seconds = (now - run.published).as_secs_f64();
            let per_step = (now - run.began).as_secs_f64() / taken.step as f64;
            self.training.publish(ProgressEvent::Step {
                step: taken.step,
                loss: losses / steps as f64,
                tokens_per_second: (steps * run.tokens_per_step) as f64 / seconds,
                seconds_left: (run.steps - taken.step) as f64 * per_step,
            });
            (run.published, run.unpublished) = (now, (0, 0.0));
        }
        if now - run.shown >= SNAPSHOT_INTERVAL {
            run.shown = now;
            self.publish_snapshot(&run, taken.step, weights);
        }
        self.run = Some(run);
    }

    /// Shows a copy of the weights.
    fn publish_snapshot(&self, run: &Run, step: u64, weights: &Weights) {
        self.server.put_model(run.served.at_step(weights.clone(), (step, run.steps)));
        self.training.publish(ProgressEvent::Snapshot { step });
    }
}
