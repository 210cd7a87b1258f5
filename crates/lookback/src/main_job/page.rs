//! The main job with the page: it is there at once, and shows the model while it learns.
//!
//! The page reads snapshots, never the weights in training, on one thread of its own, so that a
//! training that nobody looks into runs as fast as one without a page.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lookback::{Model, default_model};
use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_serve::{News, Served, Server, Training};
use lookback_train::{StepReport, TrainingEvent};

use crate::{
    answering::Answering,
    commands::serve::Address,
    main_job::{
        made_before,
        make::{Begun, Told, alone, make},
        watch::Watch,
    },
    memory,
    print::Print,
};

/// What the default model is called.
const NAME: &str = "default";
/// How often newer weights are shown.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(2);
/// How often the page is told of steps.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Opens the page, makes the model if it is not there, and answers until Ctrl-C.
pub(super) fn run(address: &Address, pool: Arc<ThreadPool>, print: &mut Print) -> Result<()> {
    let folder = default_model()?;
    if let Some(model) = made_before(&pool, print)? {
        let listener = address.listen()?;
        let server = Server::new(pool.clone())?;
        server.limit_memory(memory::free);
        memory::give_back_large();
        server.show(Served::new(NAME, model)?);
        address.announce(&listener, print)?;
        return Answering::begin(&server, listener)?.until_told_to_stop();
    }
    let nobody_else = alone(&folder)?;
    let listener = address.listen()?;
    let server = Server::new(Arc::new(ThreadPool::new(1, pool.isa())))?;
    server.limit_memory(memory::free);
    memory::give_back_large();
    server.training().tell(News::Phase { doing: "beginning".into() });
    address.announce(&listener, print)?;
    let answering = Answering::begin(&server, listener)?;
    let began = Instant::now();
    let mut watch = Watch::new(print);
    let mut publisher = Publisher::new(&server, pool.clone());
    let made = make(&folder, &pool, &mut |told| {
        watch.tell(&told);
        publisher.tell(&told)
    });
    watch.end();
    drop(nobody_else);
    let opened = made.and_then(|steps| {
        let model = Model::options().pool(pool.clone()).open(NAME)?;
        Ok((steps, Served::new(NAME, model)?))
    });
    match opened {
        Err(refusal) => {
            server.training().tell(News::failed(&refusal));
            answering.end();
            Err(refusal)
        }
        Ok((step, open)) => {
            server.show(open);
            server.let_compute(pool);
            let seconds = began.elapsed().as_secs_f64();
            server.training().tell(News::Done { step, seconds });
            answering.until_told_to_stop()
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
    served: Served,
    steps: u64,
    tokens_per_step: u64,
    began: Instant,
    shown: Instant,
    told: Instant,
    /// Steps, and the sum of their losses, since the page was told of steps.
    untold: (u64, f64),
}

impl<'a> Publisher<'a> {
    fn new(server: &'a Server, pool: Arc<ThreadPool>) -> Self {
        Self { server, training: server.training(), pool, run: None }
    }

    fn tell(&mut self, told: &Told<'_>) -> Result<()> {
        match told {
            Told::Doing(what) => self.training.tell(News::Phase { doing: (*what).to_owned() }),
            Told::Begun(begun) => self.begin(begun)?,
            Told::Event(TrainingEvent::Step { report: taken, weights }) => {
                self.step(taken, weights)
            }
            Told::Event(TrainingEvent::Validated { step, loss, .. }) => {
                self.training.tell(News::Judged { step: *step, loss: *loss });
            }
            Told::Event(TrainingEvent::CheckpointWritten { .. }) => {}
            Told::Able { step, able } => self.training.tell(News::Able {
                step: *step,
                look_ups: able.look_ups,
                repeated: able.repeated,
            }),
            Told::Said { step, text } => {
                self.training.tell(News::Said { step: *step, text: text.clone() });
            }
        }
        Ok(())
    }

    fn begin(&mut self, begun: &Begun<'_>) -> Result<()> {
        let network = begun.weights.network();
        let (steps, tokens_per_step) = (begun.recipe.steps, begun.recipe.tokens_per_step() as u64);
        self.training.tell(News::Begun {
            model: NAME.to_owned(),
            steps,
            tokens_per_step,
            tokens: begun.tokens as u64,
            parameters: network.parameters() as u64,
        });
        let tokenizer = Some(begun.tokenizer.clone());
        let model =
            Model::new(begun.path.into(), begun.weights.clone(), tokenizer, self.pool.clone());
        let served = Served::new(NAME, model)?;
        let now = Instant::now();
        let run = Run {
            served,
            steps,
            tokens_per_step,
            began: now,
            shown: now,
            told: now,
            untold: (0, 0.0),
        };
        self.show(&run, 0, begun.weights);
        self.run = Some(run);
        Ok(())
    }

    fn step(&mut self, taken: &StepReport, weights: &Weights) {
        let Some(mut run) = self.run.take() else { return };
        run.untold = (run.untold.0 + 1, run.untold.1 + taken.loss);
        let now = Instant::now();
        if now - run.told >= TELL_EVERY || taken.step == run.steps {
            let (steps, losses) = run.untold;
            let seconds = (now - run.told).as_secs_f64();
            let per_step = (now - run.began).as_secs_f64() / taken.step as f64;
            self.training.tell(News::Step {
                step: taken.step,
                loss: losses / steps as f64,
                tokens_per_second: (steps * run.tokens_per_step) as f64 / seconds,
                seconds_left: (run.steps - taken.step) as f64 * per_step,
            });
            (run.told, run.untold) = (now, (0, 0.0));
        }
        if now - run.shown >= SNAPSHOT_EVERY {
            run.shown = now;
            self.show(&run, taken.step, weights);
        }
        self.run = Some(run);
    }

    /// Shows a copy of the weights.
    fn show(&self, run: &Run, step: u64, weights: &Weights) {
        self.server.show(run.served.learned(weights.clone(), (step, run.steps)));
        self.training.tell(News::Snapshot { step });
    }
}
