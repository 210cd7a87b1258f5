//! `lookback train`: a transformer of your own, from your own text.

mod prepare;
mod print_config;
mod replay;
mod resume;

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Args;
use lookback_engine::ThreadPool;
use lookback_files::{Refusal, Result, counted};
use lookback_train::{Finished, Prepared, RunEnd, RunEvent, RunLength, Trainer, TrainingEvent};
use serde_json::json;

pub(crate) use replay::tokens;

use crate::{
    interrupt, memory,
    options::{Compute, Machine, Optimizer, OutputFormat, Texts},
    print::{Print, flag},
    progress::Progress,
    sample,
};

const EXAMPLES: &str = "\
The last tenth of the text is kept back for validation; of several documents, the last of them. An \
end-of-text token stands behind each document, so that a model learns where documents begin and end. Of \
messages the contents are learned, without roles.

DIR becomes a model that \
transformers loads: the weights of the validation with the lowest loss, or those \
of the last step with --set keep=last. Beside it stand training.toml (the \
settings), metrics.jsonl (a line a step) and a checkpoint, which commands read in \
place of the model until the run ends. Ctrl-C writes a checkpoint; the same \
command with --resume goes on from it, with the bits of a run that was never \
interrupted, and --steps makes a run longer that is done. --minutes is turned \
into a number of steps by a short calibration, so that all of it takes that long, \
reading, calibration and validations included.

Keys of --json: steps, steps_taken (by this command), seconds (of all of it), \
tokens_per_second and milliseconds_per_step (the median) of the steps alone, \
training_loss (the mean over the last steps, each of which weighs 0.95 times the \
next), validation_loss and kept_step (of the weights that became the model), \
last_validation_loss (of the last step's weights), parameters, peak_memory_mb, \
planned_memory_mb. What was not measured is null.

Examples:
  lookback train my.txt --out runs/mine
  lookback train shakespeare.txt --tokenizer char --minutes 3 --out runs/verse
  lookback train a.txt b.txt --set layers=6 --steps 5000 --out runs/both
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
    /// Settings to begin with: tiny, small, gpt2, default, or bench-a to bench-d [default: tiny].
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// A file of settings, as training.toml has them, all or some; the preset has the others. It may
    /// hold options as well, such as tokenizer = "char".
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
    /// directory [default: bpe:2048].
    #[arg(long, value_name = "KIND")]
    tokenizer: Option<String>,
    /// Optimizer steps.
    #[arg(long, value_name = "N", group = "limit", value_parser = clap::value_parser!(u64).range(1..=MAX_STEPS))]
    steps: Option<u64>,
    /// Tokens to learn from.
    #[arg(long, value_name = "N", group = "limit", value_parser = clap::value_parser!(u64).range(1..=MAX_STEPS))]
    tokens: Option<u64>,
    /// Wall time of all of it, reading and validations included [default: 3 minutes].
    #[arg(long, value_name = "M", group = "limit")]
    minutes: Option<f64>,
    /// Ends after so many seconds, wherever it is, after one step at least. Without --out it is a
    /// timing, which keeps nothing and whose rate stays in its warm-up.
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
    /// Checkpoints that stay in DIR, the newest included [default: the preset's, 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    checkpoints: Option<u16>,
    /// How weights follow their gradients [default: the preset's]. With muon, the matrices of the
    /// blocks take orthogonal steps (Jordan et al. 2024), and the rest follows AdamW.
    #[arg(long, value_name = "NAME")]
    optimizer: Option<Optimizer>,
    /// Goes on with the run in DIR, by its own settings and text. What else is named must be as it was.
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
    output_format: OutputFormat,
}

/// More steps or tokens than a machine can compute: larger numbers would only overflow.
const MAX_STEPS: u64 = 1_000_000_000_000_000;

impl Train {
    /// Trains, and prints what came of it.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        if self.print_config {
            return print.write(&print_config::commented(&self.recipe()?)?);
        }
        let began = Instant::now();
        let limit = self.limit_or_default()?;
        let pool = self.machine.pool()?;
        let prepared = match &self.replay {
            Some(run) => self.replayed(run, print)?,
            None if self.resume => self.resumed(print)?,
            None => self.fresh(print)?,
        };
        let learning = Trainer::bytes(&prepared.network, &prepared.recipe, pool.threads());
        let planned = prepared.source.data.bytes() + learning;
        memory::check_free("training", planned)?;
        let parameters = prepared.network.parameters();
        let (threads, megabytes) = (counted(pool.threads(), "thread"), planned.div_ceil(1 << 20));
        print.status(&format!("{parameters} parameters, {megabytes} MB planned, {threads}"));
        let finished = learn(prepared, limit, pool, began, print)?;
        let seconds = began.elapsed().as_secs_f64();
        if self.output_format.json {
            let kept = finished.best;
            return print.json(&json!({
                "steps": finished.steps,
                "steps_taken": finished.steps_taken,
                "seconds": seconds,
                "tokens_per_second": finished.tokens_per_second,
                "milliseconds_per_step": 1e3 * finished.seconds_per_step,
                "training_loss": finished.training_loss,
                "validation_loss": kept.map_or(finished.validation_loss, |kept| kept.loss),
                "kept_step": kept.map_or(finished.steps, |kept| kept.step),
                "last_validation_loss": finished.validation_loss,
                "parameters": parameters,
                "peak_memory_mb": memory::peak_mb(),
                "planned_memory_mb": megabytes,
            }));
        }
        self.summary(&finished, seconds).iter().try_for_each(|line| print.line(line))
    }

    /// What came of it, in lines.
    fn summary(&self, finished: &Finished, seconds: f64) -> Vec<String> {
        let Finished { steps, validation_loss, .. } = *finished;
        let taken = counted(steps, "step");
        let mut lines = vec![match (finished.steps_taken, &self.out) {
            (0, Some(out)) => format!(
                "the run is done: all of its {taken} were taken before, validation loss \
                 {validation_loss:.4}; to go on, ask for more of them, such as: lookback train --resume \
                 --out {} --steps {}",
                out.display(),
                2 * steps
            ),
            _ => {
                let early = match finished.end {
                    RunEnd::OutOfTime => ", ended by the clock",
                    RunEnd::Completed => "",
                };
                format!(
                    "{taken} in {seconds:.0} s{early}: training loss {:.4}, validation loss \
                     {validation_loss:.4}, {:.0} tokens/s in its steps",
                    finished.training_loss, finished.tokens_per_second,
                )
            }
        }];
        if let Some(kept) = finished.best.filter(|kept| kept.step != steps) {
            lines.push(format!(
                "the weights of step {} are kept, where the validation loss was lowest, {:.4}; it has \
                 risen by {:.4} since (--set keep=last keeps the last weights)",
                kept.step,
                kept.loss,
                validation_loss - kept.loss
            ));
        }
        lines
    }

    /// The length that is asked for: three minutes, if none is.
    fn limit_or_default(&self) -> Result<RunLength> {
        Ok(self.limit()?.unwrap_or(RunLength::Minutes(3.0)))
    }

    /// The length that was asked for, if any was.
    fn limit(&self) -> Result<Option<RunLength>> {
        let within_a_year = |name: &str, value: f64, year: f64| {
            if value > 0.0 && value <= year {
                return Ok(value);
            }
            Err(Refusal::user(format!(
                "--{name} {value}: it must be above 0, and at most a year, {year}"
            )))
        };
        Ok(match (self.steps, self.tokens, self.minutes, self.seconds) {
            (Some(steps), ..) => Some(RunLength::Steps(steps)),
            (_, Some(tokens), ..) => Some(RunLength::Tokens(tokens)),
            (_, _, Some(minutes), _) => {
                Some(RunLength::Minutes(within_a_year("minutes", minutes, 525_600.0)?))
            }
            (_, _, _, Some(seconds)) => {
                Some(RunLength::Seconds(within_a_year("seconds", seconds, 31_536_000.0)?))
            }
            (None, None, None, None) => None,
        })
    }
}

/// Trains, and prints the progress.
fn learn(
    prepared: Prepared,
    limit: RunLength,
    pool: Arc<ThreadPool>,
    began: Instant,
    print: &mut Print,
) -> Result<Finished> {
    let (stop, tokenizer) = (interrupt::stop_flag()?, prepared.tokenizer.clone());
    let (mut progress, mut save_hold) = (None, None);
    let finished = prepared.run(limit, pool, began, stop, &mut |told| {
        match told {
            RunEvent::Calibrating => print.status("calibrating: how long does a step take?"),
            RunEvent::OutOfTime { seconds } => print.warn(&format!(
                "reading the text took more than the {seconds:.0} s that were asked for; one step is \
                 taken"
            )),
            RunEvent::CheckpointSkipped { refusal, steps } => {
                let refusal = refusal.sentence(flag);
                print.warn(&format!("{refusal}; the one of step {steps} is gone on with"));
            }
            // What was read so far may be dropped at any moment; what follows is kept or taken back.
            RunEvent::Recording => save_hold = Some(interrupt::hold_for_save()),
            RunEvent::Started { recipe, done, seconds } => {
                if seconds.is_none() {
                    let (steps, tokens) = (recipe.steps, recipe.tokens_per_step());
                    let (steps, tokens) = (counted(steps, "step"), counted(tokens, "token"));
                    print.status(&format!("{steps} of {tokens}"));
                }
                progress = Some(Progress::new(recipe, done, seconds, print));
            }
            RunEvent::Training(event) => {
                let Some(progress) = &mut progress else { return Ok(()) };
                if let (TrainingEvent::Validated { weights, .. }, Some(tokenizer), true) =
                    (&event, &tokenizer, progress.is_visible())
                {
                    let pool = ThreadPool::new(1, lookback_engine::Isa::detect());
                    progress.print_line(&format!("  … {}", sample::short_sample(weights, &pool, tokenizer)?));
                }
                progress.update(&event, print);
            }
        }
        Ok(())
    });
    if let Some(progress) = progress {
        progress.end();
    }
    drop(save_hold);
    finished
}
