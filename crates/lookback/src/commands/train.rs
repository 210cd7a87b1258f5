//! `lookback train`: a transformer of your own, from your own text.

mod prepare;
mod print_config;
mod replay;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use clap::Args;
use lookback_engine::Team;
use lookback_files::{Refusal, Result};
use lookback_train::{
    Course, Directory, Ending, Event, Finished, Limit, Pace, Recipe, Source, Trainer,
};
use serde_json::json;

use prepare::Prepared;

use crate::{
    arguments::{Compute, Form, Machine, Optimizer, Texts},
    interrupt, memory,
    print::Print,
    progress::Progress,
    sample,
};

const EXAMPLES: &str = "\
The last tenth of the text is kept back for validation. DIR becomes a model that transformers loads,
with training.toml (the settings), metrics.jsonl (a line a step) and a checkpoint beside it. Ctrl-C
writes a checkpoint; the same command with --resume goes on from it, with the bits of a run that was
never interrupted. --minutes is turned into a number of steps by a short calibration.

Keys of --json: steps, seconds, tokens_per_second, milliseconds_per_step (the median),
training_loss, validation_loss, parameters, peak_memory_mb, planned_memory_mb.

Examples:
  lookback train my.txt --out runs/mine
  lookback train shakespeare.txt --preset tiny --tokenizer char --minutes 3 --out runs/verse
  lookback train a.txt b.txt --set layers=6 --set rate=0.002 --steps 5000 --out runs/both
  lookback train --resume --out runs/mine
  lookback train --replay runs/mine --without 'may 3' --out runs/without";

/// Trains a transformer on UTF-8 texts
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Train {
    /// Texts: files, each a document; .jsonl, a document a line (its "text" or "messages"); folders
    /// of these; any of them packed (.gz, .zst); - for standard input.
    #[arg(value_name = "TEXT", required_unless_present_any = ["resume", "random_data", "replay", "print_config"])]
    texts: Vec<PathBuf>,
    /// The directory that becomes the model.
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["seconds", "print_config"])]
    out: Option<PathBuf>,
    /// Settings to begin with: tiny, small, gpt2, default, or bench-a to bench-d.
    #[arg(long, value_name = "NAME", default_value = "tiny")]
    preset: String,
    /// A file of settings, as training.toml has them, all or some; the preset has the others.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// One setting, such as layers=6; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Prints the settings, each with what it is, for --config; trains nothing.
    #[arg(long)]
    print_config: bool,
    /// How text becomes tokens: char (one token a character), bpe:N (a byte-level BPE of N tokens,
    /// learned from the text), gpt2, cl100k or o200k (OpenAI's), or a tokenizer.json or model
    /// directory.
    #[arg(long, value_name = "KIND", default_value = "bpe:2048")]
    tokenizer: String,
    /// Optimizer steps.
    #[arg(long, value_name = "N", group = "limit", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    steps: Option<u64>,
    /// Tokens to learn from.
    #[arg(long, value_name = "N", group = "limit", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    tokens: Option<u64>,
    /// Wall time [default: 3 minutes].
    #[arg(long, value_name = "M", group = "limit")]
    minutes: Option<f64>,
    /// Ends after so many seconds, wherever it is: for timing. Keeps nothing without --out.
    #[arg(long, value_name = "S", group = "limit")]
    seconds: Option<f64>,
    /// Trains on this many random tokens instead of a text: for timing.
    #[arg(long, value_name = "N", conflicts_with = "texts")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    random_data: Option<u64>,
    /// Seed of the first weights and of the order of data [default: the preset's, 0].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The precision of matrix products [default: the preset's]. With bf16, weights and what
    /// they are learned by stay in f32.
    #[arg(long, value_name = "TYPE")]
    compute: Option<Compute>,
    /// Checkpoints that stay in DIR, the newest included.
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    checkpoints: u16,
    /// How weights follow their gradients [default: the preset's]. With muon, the matrices of the
    /// blocks take orthogonal steps (Jordan et al. 2024), and the rest follows AdamW.
    #[arg(long, value_name = "NAME")]
    optimizer: Option<Optimizer>,
    /// Goes on with the run in DIR, by its own settings.
    #[arg(long)]
    resume: bool,
    /// Trains the run in this directory again, from its own settings and tokens, to the same bits;
    /// default is the built-in model.
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "texts", "preset", "config", "set", "tokenizer", "limit", "random_data", "seed", "compute",
        "optimizer", "resume", "print_config",
    ])]
    replay: Option<String>,
    /// Leaves out each line that holds this, so that the two models differ by it alone; may be given
    /// several times; /.../ is a regular expression. Its place is filled with what stands before it,
    /// and all else stays.
    #[arg(long, value_name = "TEXT", requires = "replay")]
    without: Vec<String>,
    #[command(flatten)]
    reading: Texts,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    form: Form,
}

/// Steps or tokens that nobody lives to see: more would only overflow somewhere.
const MOST: u64 = 1_000_000_000_000_000;

impl Train {
    /// Trains, and prints what came of it.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        if self.print_config {
            return print.piece(&print_config::commented(&self.recipe()?)?);
        }
        let limit = self.limit()?.unwrap_or(Limit::Minutes(3.0));
        let team = self.machine.team()?;
        let prepared = match &self.replay {
            Some(run) => self.replayed(run, print)?,
            None if self.resume => self.resumed()?,
            None => self.fresh(print)?,
        };
        let learning = Trainer::bytes(&prepared.network, &prepared.recipe, team.threads());
        let planned = prepared.source.data.bytes() + learning;
        memory::refuse_beyond("training", planned)?;
        let parameters = prepared.network.parameters();
        let (threads, megabytes) = (team.threads(), planned.div_ceil(1 << 20));
        print.note(&format!("{parameters} parameters, {megabytes} MB planned, {threads} threads"));
        let finished = learn(prepared, limit, team, print)?;
        let result = json!({
            "steps": finished.steps,
            "seconds": finished.seconds,
            "tokens_per_second": finished.tokens_per_second,
            "milliseconds_per_step": 1e3 * finished.seconds_per_step,
            "training_loss": finished.training_loss,
            "validation_loss": finished.validation_loss,
            "parameters": parameters,
            "peak_memory_mb": memory::peak_mb(),
            "planned_memory_mb": megabytes,
        });
        if self.form.json {
            return print.json(&result);
        }
        let early = if finished.ending == Ending::Time { ", ended by the clock" } else { "" };
        print.line(&format!(
            "{} steps in {:.0} s{early}: training loss {:.4}, validation loss {:.4}, {:.0} tokens/s",
            finished.steps,
            finished.seconds,
            finished.training_loss,
            finished.validation_loss,
            finished.tokens_per_second,
        ))
    }

    /// The length that was asked for, if any was.
    fn limit(&self) -> Result<Option<Limit>> {
        let within_a_year = |name: &str, value: f64, year: f64| {
            if value > 0.0 && value <= year {
                return Ok(value);
            }
            Err(Refusal::user(format!(
                "--{name} {value}: it must be above 0, and at most a year, {year}"
            )))
        };
        Ok(match (self.steps, self.tokens, self.minutes, self.seconds) {
            (Some(steps), ..) => Some(Limit::Steps(steps)),
            (_, Some(tokens), ..) => Some(Limit::Tokens(tokens)),
            (_, _, Some(minutes), _) => {
                Some(Limit::Minutes(within_a_year("minutes", minutes, 525_600.0)?))
            }
            (_, _, _, Some(seconds)) => {
                Some(Limit::Seconds(within_a_year("seconds", seconds, 31_536_000.0)?))
            }
            (None, None, None, None) => None,
        })
    }
}

/// Settles the number of steps, makes the directory, then takes the steps.
fn learn(prepared: Prepared, limit: Limit, team: Team, print: &mut Print) -> Result<Finished> {
    let Prepared { mut recipe, network, tokenizer, source, directory, is_fresh, .. } = prepared;
    let (mut lock, checkpoints) = (prepared.lock, prepared.checkpoints);
    let team = Arc::new(team);
    let stop = interrupt::flag()?;
    if recipe.steps == 0 {
        match limit.steps(recipe.tokens_per_step()) {
            Ok(steps) => recipe.steps = steps,
            Err(seconds) => {
                print.note("calibrating: how long does a step take?");
                let trial = Trainer::new(network.clone(), &recipe, team.clone())?;
                Pace::try_out(trial, &source, seconds, stop).settle(seconds, &mut recipe);
            }
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Refusal::interrupt("stopped before the first step; nothing was written"));
        }
    }
    let seconds = match limit {
        Limit::Seconds(seconds) => Some(seconds),
        _ => None,
    };
    let mut trainer = Trainer::new(network, &recipe, team)?;
    if let Some(directory) = &directory {
        settle_data(&mut recipe, &source, directory)?;
        if is_fresh {
            lock = Some(directory.take()?);
        }
    }
    let begun = match &directory {
        None => Ok(()),
        Some(directory) if is_fresh => directory.begin(&source.data).and_then(|()| {
            tokenizer.iter().try_for_each(|tokenizer| tokenizer.write(directory.path()))
        }),
        Some(directory) => go_on(directory, &mut trainer, print),
    };
    let begun = begun.and_then(|()| {
        let Some(directory) = &directory else { return Ok(()) };
        directory.cut_metrics(trainer.steps())?;
        directory.write_settings(&recipe)
    });
    if seconds.is_none() {
        let (steps, tokens) = (recipe.steps, recipe.tokens_per_step());
        print.note(&format!("{steps} steps of {tokens} tokens"));
    }
    let progress = Progress::new(&recipe, trainer.steps(), seconds, print);
    let mut course = Course {
        trainer: &mut trainer,
        source: &source,
        directory: directory.as_ref(),
        checkpoints,
        stop,
    };
    let finished = begun.and_then(|()| {
        course.run(seconds, &mut |event| {
            if let (Event::Judged { weights, .. }, Some(tokenizer), true) =
                (&event, &tokenizer, progress.is_seen())
            {
                let team = Team::new(1, lookback_engine::Path::best());
                progress.say(&format!("  … {}", sample::short(weights, &team, tokenizer)?));
            }
            progress.tell(&event);
            Ok(())
        })
    });
    progress.end();
    match (finished, directory, lock) {
        (Err(refusal), Some(directory), Some(lock))
            if is_fresh && directory.checkpoints().is_empty() =>
        {
            // Why it ended matters more than what could not be taken back.
            drop(directory.forget(lock));
            Err(refusal)
        }
        (finished, ..) => finished,
    }
}

/// Puts a trainer where a run's newest checkpoint stands.
fn go_on(directory: &Directory, trainer: &mut Trainer, print: &mut Print) -> Result<()> {
    let wanted = trainer.recipe().steps;
    let restored = directory.restore(trainer)?;
    refuse_fewer_steps(restored.steps, wanted)?;
    for refusal in &restored.passed_over {
        let steps = restored.steps;
        print.say(&format!("{refusal}; the one of step {steps} is gone on with"));
    }
    directory.make()?;
    directory.sweep()
}

/// Keeps what the tokens are, and refuses others than a run began with.
fn settle_data(recipe: &mut Recipe, source: &Source, directory: &Directory) -> Result<()> {
    let digest = source.data.digest()?;
    if !recipe.data.is_empty() && recipe.data != digest {
        return Err(Refusal::user(format!(
            "{}: it is not the file that the run began with; train anew",
            directory.tokens().display()
        )));
    }
    recipe.data = digest;
    Ok(())
}

fn refuse_fewer_steps(taken: u64, wanted: u64) -> Result<()> {
    if wanted >= taken {
        return Ok(());
    }
    Err(Refusal::user(format!(
        "--steps {wanted}: the run has taken {taken} steps already; ask for as many, or for more"
    )))
}
