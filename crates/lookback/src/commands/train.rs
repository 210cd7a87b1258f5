//! `lookback train`: a transformer of your own, from your own text.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use lookback_engine::Team;
use lookback_files::{Refusal, Result, read_utf8};
use lookback_model::Network;
use lookback_text::{
    Specials, TokenId, Tokenizer,
    dataset::{Dataset, Windows},
};
use lookback_train::{
    Checkpoint, Course, Directory, Ending, Event, Finished, Limit, Recipe, Source, Trainer, preset,
};
use serde_json::json;

use crate::{
    arguments::{Form, Machine},
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

Keys of --json: steps, seconds, tokens_per_second, training_loss, validation_loss, parameters,
peak_memory_mb, planned_memory_mb.

Examples:
  lookback train my.txt --out runs/mine
  lookback train shakespeare.txt --preset tiny --tokenizer char --minutes 3 --out runs/verse
  lookback train a.txt b.txt --set layers=6 --set rate=0.002 --steps 5000 --out runs/both
  lookback train --resume --out runs/mine";

/// Trains a transformer on UTF-8 text files
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Train {
    /// Text files, each a document.
    #[arg(value_name = "TEXT", required_unless_present_any = ["resume", "random_data"])]
    texts: Vec<PathBuf>,
    /// The directory that becomes the model.
    #[arg(long, value_name = "DIR", required_unless_present = "seconds")]
    out: Option<PathBuf>,
    /// Settings to begin with: tiny, small, gpt2, default, or bench-a to bench-d.
    #[arg(long, value_name = "NAME", default_value = "tiny")]
    preset: String,
    /// A file of settings, as training.toml has them, instead of a preset.
    #[arg(long, value_name = "FILE.toml", conflicts_with = "preset")]
    config: Option<PathBuf>,
    /// One setting, such as layers=6; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// How text becomes tokens: char (one token a character), bpe:N (a byte-level BPE of N tokens,
    /// learned from the text), or a tokenizer.json or model directory.
    #[arg(long, value_name = "KIND", default_value = "bpe:2048")]
    tokenizer: String,
    /// Optimizer steps.
    #[arg(long, value_name = "N", group = "limit", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Tokens to learn from.
    #[arg(long, value_name = "N", group = "limit", value_parser = clap::value_parser!(u64).range(1..))]
    tokens: Option<u64>,
    /// Wall time [default: 3 minutes].
    #[arg(long, value_name = "M", group = "limit", allow_hyphen_values = true)]
    minutes: Option<f64>,
    /// Ends after so many seconds, wherever it is: for timing. Keeps nothing without --out.
    #[arg(long, value_name = "S", group = "limit", allow_hyphen_values = true)]
    seconds: Option<f64>,
    /// Trains on this many random tokens instead of a text: for timing.
    #[arg(long, value_name = "N", conflicts_with = "texts")]
    random_data: Option<usize>,
    /// Seed of the first weights and of the order of data [default: the preset's, 0].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How products are computed.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    compute: Compute,
    /// Goes on with the run in DIR, by its own settings.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    form: Form,
}

/// Precision of products.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Compute {
    /// Single precision.
    F32,
}

/// Everything that a run needs, before anything is written.
struct Prepared {
    recipe: Recipe,
    network: Arc<Network>,
    tokenizer: Option<Tokenizer>,
    source: Source,
    directory: Option<Directory>,
}

impl Train {
    /// Trains, and prints what came of it.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let Compute::F32 = self.compute;
        let limit = self.limit()?;
        let team = self.machine.team()?;
        let prepared = if self.resume { self.resumed()? } else { self.fresh(print)? };
        let planned = Trainer::bytes(&prepared.network, &prepared.recipe, team.threads());
        memory::refuse_beyond("training", planned)?;
        let parameters = prepared.network.parameters();
        let (threads, megabytes) = (team.threads(), planned.div_ceil(1 << 20));
        print.note(&format!("{parameters} parameters, {megabytes} MB planned, {threads} threads"));
        let finished = learn(prepared, limit, team, print)?;
        let result = json!({
            "steps": finished.steps,
            "seconds": finished.seconds,
            "tokens_per_second": finished.tokens_per_second,
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

    fn limit(&self) -> Result<Limit> {
        let positive = |name: &str, value: f64| {
            if value > 0.0 && value.is_finite() {
                return Ok(value);
            }
            Err(Refusal::user(format!("--{name} {value}: it must be above 0")))
        };
        match (self.steps, self.tokens, self.minutes, self.seconds) {
            (Some(steps), ..) => Ok(Limit::Steps(steps)),
            (_, Some(tokens), ..) => Ok(Limit::Tokens(tokens)),
            (_, _, _, Some(seconds)) => Ok(Limit::Seconds(positive("seconds", seconds)?)),
            (_, _, minutes, _) => Ok(Limit::Minutes(positive("minutes", minutes.unwrap_or(3.0))?)),
        }
    }

    fn recipe(&self) -> Result<Recipe> {
        let mut recipe = match &self.config {
            Some(path) => {
                Recipe::parse(&read_utf8(path)?).map_err(|refusal| refusal.at(path.display()))?
            }
            None => preset(&self.preset)?,
        };
        self.set.iter().try_for_each(|setting| recipe.set(setting))?;
        recipe.seed = self.seed.unwrap_or(recipe.seed);
        recipe.check()?;
        Ok(recipe)
    }

    /// A new run: reads and checks everything before it makes the directory.
    fn fresh(&self, print: &mut Print) -> Result<Prepared> {
        let recipe = self.recipe()?;
        let directory = self.out.as_deref().map(Directory::new).transpose()?;
        let (tokenizer, ids, documents, vocabulary) = match self.random_data {
            Some(count) => {
                let vocabulary = random_vocabulary(&self.preset, &self.tokenizer)?;
                (None, random_ids(count, vocabulary), Vec::new(), vocabulary)
            }
            None => {
                let texts = read_texts(&self.texts)?;
                let tokenizer = tokenizer(&self.tokenizer, &texts)?;
                let (ids, documents) = encode(&tokenizer, &texts)?;
                let vocabulary = tokenizer.vocabulary();
                (Some(tokenizer), ids, documents, vocabulary)
            }
        };
        print.note(&format!("{} tokens of a vocabulary of {vocabulary}", ids.len()));
        let data = Dataset::new(&ids, documents.clone());
        let place = self.texts.first().map(|path| path.display().to_string());
        data.check(recipe.context)
            .map_err(|refusal| place.map_or(refusal.clone(), |place| refusal.at(place)))?;
        let end = tokenizer.as_ref().and_then(Tokenizer::end);
        let network = Arc::new(Network::new(&recipe.config(vocabulary, end)?));
        if let Some(directory) = &directory {
            // A model whose form no file can hold is refused now, not after hours.
            network.config.to_hugging_face()?;
            directory.make()?;
            Dataset::write(&directory.tokens(), &ids, &documents)?;
            if let Some(tokenizer) = &tokenizer {
                tokenizer.write(directory.path())?;
            }
        }
        let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
        Ok(Prepared { recipe, network, tokenizer, source: Source { data, windows }, directory })
    }

    /// A run that was begun, by what its directory says.
    fn resumed(&self) -> Result<Prepared> {
        let Some(out) = &self.out else {
            return Err(Refusal::user("--resume: which run? Name its directory with --out DIR"));
        };
        let directory = Directory::begun(out)?;
        let recipe = directory.read_settings()?;
        recipe.check()?;
        let data = Dataset::open(&directory.tokens())?;
        data.check(recipe.context).map_err(|refusal| refusal.at(out.display()))?;
        let tokenizer = Tokenizer::open(out)?;
        let vocabulary = tokenizer.vocabulary();
        if data.largest().is_some_and(|id| id.index() >= vocabulary) {
            return Err(Refusal::user(format!(
                "{}: it holds ids beyond the {vocabulary} tokens of tokenizer.json; train anew",
                directory.tokens().display()
            )));
        }
        let network = Arc::new(Network::new(&recipe.config(vocabulary, tokenizer.end())?));
        let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
        Ok(Prepared {
            recipe,
            network,
            tokenizer: Some(tokenizer),
            source: Source { data, windows },
            directory: Some(directory),
        })
    }
}

/// Settles the number of steps, then takes them.
fn learn(prepared: Prepared, limit: Limit, team: Team, print: &mut Print) -> Result<Finished> {
    let Prepared { mut recipe, network, tokenizer, source, directory } = prepared;
    let team = Arc::new(team);
    if recipe.steps == 0 {
        if matches!(limit, Limit::Minutes(_)) {
            print.note("calibrating: how long does a step take?");
        }
        let trial = Trainer::new(network.clone(), &recipe, team.clone())?;
        recipe.steps = limit.steps(recipe.tokens_per_step(), || trial.calibrate(&source));
    }
    let seconds = match limit {
        Limit::Seconds(seconds) => Some(seconds),
        _ => None,
    };
    let mut trainer = Trainer::new(network, &recipe, team)?;
    if let Some(directory) = &directory {
        if directory.checkpoint().exists() {
            Checkpoint::read(&directory.checkpoint(), &mut trainer)?;
        }
        directory.cut_metrics(trainer.steps())?;
        directory.write_settings(&recipe)?;
    }
    if seconds.is_none() {
        let (steps, tokens) = (recipe.steps, recipe.tokens_per_step());
        print.note(&format!("{steps} steps of {tokens} tokens"));
    }
    let progress = Progress::new(&recipe, trainer.steps(), seconds);
    let mut course = Course {
        trainer: &mut trainer,
        source: &source,
        directory: directory.as_ref(),
        stop: interrupt::flag()?,
    };
    let finished = course.run(seconds, &mut |event| {
        if let (Event::Judged { weights, .. }, Some(tokenizer), true) =
            (&event, &tokenizer, progress.is_seen())
        {
            let team = Team::new(1, lookback_engine::Path::best());
            progress.say(&sample::short(weights, &team, tokenizer)?);
        }
        progress.tell(&event);
        Ok(())
    });
    progress.end();
    finished
}

/// The texts with their names; an empty one is refused.
fn read_texts(paths: &[PathBuf]) -> Result<Vec<(PathBuf, String)>> {
    let read = |path: &PathBuf| {
        let text = read_utf8(path)?;
        if text.is_empty() {
            return Err(Refusal::user(format!(
                "{}: it is empty; give a text to learn from",
                path.display()
            )));
        }
        Ok((path.clone(), text))
    };
    paths.iter().map(read).collect()
}

/// The tokenizer that `--tokenizer` names.
fn tokenizer(kind: &str, texts: &[(PathBuf, String)]) -> Result<Tokenizer> {
    let all: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
    if kind == "char" {
        return Tokenizer::characters(&all, &[]);
    }
    if let Some(size) = kind.strip_prefix("bpe:") {
        let size = size.parse().ok().filter(|size| (257..=1 << 20).contains(size));
        let size = size.ok_or_else(|| {
            Refusal::user(format!(
                "--tokenizer {kind}: a vocabulary has 257 to 1048576 tokens, as in bpe:2048"
            ))
        })?;
        return Tokenizer::train_bpe(&all, size, &["<|endoftext|>"]);
    }
    let path = Path::new(kind);
    if !path.exists() {
        return Err(Refusal::user(format!(
            "--tokenizer {kind}: it is neither char nor bpe:N, and there is no such file"
        )));
    }
    Tokenizer::open(path)
}

/// The ids of all texts, and where each begins; the tokenizer's end token, if any, stands between.
fn encode(
    tokenizer: &Tokenizer,
    texts: &[(PathBuf, String)],
) -> Result<(Vec<TokenId>, Vec<usize>)> {
    let (mut ids, mut documents) = (Vec::new(), Vec::new());
    for (path, text) in texts {
        documents.push(ids.len());
        let of_text = tokenizer
            .encode_bare(text, Specials::Text)
            .map_err(|refusal| refusal.at(path.display()))?;
        ids.extend(of_text);
        ids.extend(tokenizer.end());
    }
    Ok((ids, documents))
}

/// Tokens of a timing's vocabulary: those of the bench shapes, or what `--tokenizer bpe:N` says.
fn random_vocabulary(preset: &str, kind: &str) -> Result<usize> {
    Ok(match (preset, kind.strip_prefix("bpe:").map(str::parse)) {
        ("bench-c", _) => 8192,
        ("bench-d" | "gpt2", _) => 50304,
        ("bench-a" | "bench-b", _) | (_, None) => 65,
        (_, Some(Ok(size))) => size,
        (_, Some(Err(_))) => {
            return Err(Refusal::user(format!("--tokenizer {kind}: write bpe:N")));
        }
    })
}

/// Ids that look random: a multiplicative walk, the same everywhere.
fn random_ids(count: usize, vocabulary: usize) -> Vec<TokenId> {
    let mut state = 1u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        TokenId(((state >> 33) % vocabulary as u64) as u32)
    };
    (0..count).map(|_| next()).collect()
}
