//! `lookback eval`: the cross-entropy of a text under a model, or how many of Tinytown's questions it answers.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use clap::Args;
use lookback::{Model, find};
use lookback_engine::{ThreadPool, Workspace};
use lookback_files::{Refusal, Result, counted};
use lookback_model::{Edits, Loss, TokenId};
use lookback_text::{
    Tokenizer,
    dataset::{Dataset, Ending, WindowLayout, encode},
};
use lookback_train::{Directory, Recipe, Validator};
use serde_json::json;

use super::{
    interventions::{Interventions, edits_of_prompts, edits_of_texts},
    train::tokens,
};
use crate::{
    options::{Compute, Machine, OutputFormat, Texts},
    print::Print,
    questions::{Scores, differences},
};

const EXAMPLES: &str = "\
A model that lookback trained (a directory with training.toml) is judged as its run was: texts are read as \
train reads them, with the end-of-text token behind each document, in windows as long as its context and in \
the run's precision. With at_documents, windows begin at documents: of each document its first context \
counts, of one longer than 16 contexts all.

Without TEXT a run is judged by what it kept back, and has the validation loss that train told of the weights \
it kept, to the last bit. That is the last tenth of its tokens, from the first document that begins in it if \
half of it is then left: of several documents the last ones. Given as TEXT they have the same loss.

Any other model reads each document from its beginning, with what its tokenizer puts around a text (as a rule \
a bos), as tokenizer(text) of transformers does. No token is predicted from another document. Windows of one \
context, of 2048 tokens at most, lie side by side; every token but a document's first is asked for once, from \
those before it in its window.

bits_per_byte is the loss of all tokens asked for, those that end documents included, over the bytes of text \
that they stand for.

--questions asks what lookback corpus --questions prints and counts what the model answers greedily. \
Beside it stand five that understand nothing: the commonest answer of the kind, a choice by chance, \
the choice mentioned last, a copier of the choice that followed the longest end of the question that \
occurs in it before, and a parrot, which does so with the built-in model's text. Of the analogies it \
says where the answer stands among all tokens by the cosine to x - man + woman. --against says which \
questions another model answers differently, such as one trained without a fact. Changes hold for MODEL \
alone, at tokens counted from the beginning of each window; of a question also at those counted from its end, \
or found by their text.

Keys of --json: loss (nats per token), perplexity (null above 1.8e308), bits_per_byte, tokens (those asked for), documents; with --questions: \
questions, by kind right, asked, share, baselines (commonest, chance, last, copier, parrot), and \
analogies, each with x, answer and its ranks (left_out, among_all, of_x_alone); with --against: \
differences, each with kind, prompt, answer, and whether it is right here (here) and there (there).

Examples:
  lookback eval runs/mine
  lookback eval runs/mine held-out.txt
  lookback eval model.gguf chapter-1.txt chapter-2.txt --json
  lookback eval default --questions
  lookback eval default --questions --against runs/without";

/// Measures the loss of a model on a text
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Eval {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// UTF-8 files, .jsonl, folders of these, packed or not, or -, in this order; without any, what the
    /// run kept back.
    #[arg(value_name = "TEXT")]
    texts: Vec<PathBuf>,
    /// Asks the built-in corpus's questions instead.
    #[arg(long, conflicts_with = "texts")]
    questions: bool,
    /// Another seed draws other questions.
    #[arg(long, value_name = "S", default_value_t = 1, requires = "questions")]
    seed: u64,
    /// Says which questions another model answers differently.
    #[arg(long, value_name = "MODEL", requires = "questions")]
    against: Option<String>,
    /// The precision of matrix products [default: a run's own for texts, else f32].
    #[arg(long, value_name = "TYPE")]
    compute: Option<Compute>,
    #[command(flatten)]
    reading: Texts,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
    #[command(flatten)]
    interventions: Interventions,
}

impl Eval {
    /// Prints loss, perplexity, bits per byte and tokens.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let pool = self.machine.pool()?;
        let interventions = self.interventions.list()?;
        let variant = self.interventions.variant();
        if self.questions {
            let compute = self.compute.unwrap_or(Compute::F32);
            let model = super::open_model_on(&self.model, compute, &pool, print)?;
            let context = model.config().context;
            let edits_of = edits_of_prompts(&model, &interventions, context);
            let edits_of = |prompt: &[TokenId]| Ok(edits_of(prompt)?.of_variant(variant));
            let scores = Scores::ask(&model, self.seed, edits_of)?;
            if let Some(other) = &self.against {
                let other = super::open_model_on(other, compute, &pool, print)?;
                let other = Scores::ask(&other, self.seed, |_| Ok(Edits::default()))?;
                return differences(&scores, &other, self.output_format.json, print);
            }
            return match self.output_format.json {
                true => print.json(&scores.json()?),
                false => scores.lines()?.iter().try_for_each(|line| print.line(line)),
            };
        }
        let run = Run::find(&find(&self.model)?)?;
        let own = run.as_ref().map(|run| run.recipe.compute);
        let compute: lookback_engine::Compute =
            self.compute.map(Into::into).or(own).unwrap_or_default();
        let model = super::open_model_on(&self.model, compute, &pool, print)?;
        let evaluation = match &run {
            Some(run) if self.texts.is_empty() => run.kept_back(&model)?,
            None if self.texts.is_empty() => {
                return Err(Refusal::user(format!(
                    "TEXT is missing: {} was not trained here, so it has no text of its own to be judged \
                     by; see lookback eval --help",
                    self.model
                )));
            }
            _ => self.read(&model, run.as_ref(), print)?,
        };
        let edits = edits_of_texts(&model, &interventions, evaluation.context)?;
        let edits = edits.of_variant(variant);
        let loss = evaluation.loss(&model, &pool, &edits)?;
        if loss.rows == 0 {
            let what =
                if evaluation.data.is_empty() { "it is empty" } else { "it is one token long" };
            return Err(Refusal::user(format!(
                "{}: {what}, and a token can only be predicted from one before it; give more text",
                self.texts.first().unwrap_or(&model.path).display(),
            )));
        }
        let mean = loss.mean();
        let bytes = evaluation.bytes(model.tokenizer()?);
        let bits = loss.total / std::f64::consts::LN_2 / bytes.max(1) as f64;
        let perplexity = libm::exp(mean);
        let documents = evaluation.documents();
        if self.output_format.json {
            return print.json(&json!({
                "loss": mean,
                "perplexity": perplexity,
                "bits_per_byte": bits,
                "tokens": loss.rows,
                "documents": documents,
            }));
        }
        let of_all = match evaluation.range.len() - loss.rows <= documents.max(1) {
            true => String::new(),
            false => format!(" of {}", evaluation.range.len()),
        };
        print.line(&format!(
            "loss {mean:.4} nats per token, perplexity {}, {bits:.4} bits per byte, {}{of_all}",
            shown_perplexity(perplexity),
            counted(loss.rows, "token")
        ))
    }

    /// The texts, as a run reads them or as any other model does.
    fn read(&self, model: &Model, run: Option<&Run>, print: &mut Print) -> Result<EvaluationData> {
        let ending = if run.is_some() { Ending::EndToken } else { Ending::Template };
        let corpus = self.reading.find(&self.texts)?;
        let (data, tally) = encode(&corpus, model.tokenizer()?, ending, &std::env::temp_dir())?;
        Texts::report(&tally, print);
        let (layout, longest) = match run {
            Some(run) => (run.recipe.begin().into(), usize::MAX),
            None => (WindowLayout::ByDocument, MAX_WINDOW),
        };
        let context = model.config().context.min(longest);
        Ok(EvaluationData {
            range: 0..data.len(),
            data,
            context,
            layout,
            text_bytes: Some(tally.bytes),
        })
    }
}

/// A perplexity, to two places; one of more digits than can be read at a glance by its power of ten.
fn shown_perplexity(perplexity: f64) -> String {
    match perplexity {
        ..1e9 => format!("{perplexity:.2}"),
        f64::INFINITY => "above 1.8e308".to_owned(),
        _ => format!("{perplexity:.2e}"),
    }
}

/// Tokens of a window at most, of models that were not trained here: attention's cost grows with them.
const MAX_WINDOW: usize = 2048;

/// The run that a model came from.
struct Run {
    directory: Directory,
    recipe: Recipe,
}

impl Run {
    /// The run of a directory, or of one of its snapshots; nothing for a model from elsewhere.
    fn find(model: &Path) -> Result<Option<Self>> {
        let is_snapshot =
            |folder: &&Path| folder.file_name().is_some_and(|name| name == "snapshots");
        let above = model.parent().filter(is_snapshot).and_then(Path::parent);
        let is_run = |folder: &&Path| folder.join("training.toml").exists();
        let Some(folder) = [Some(model), above].into_iter().flatten().find(is_run) else {
            return Ok(None);
        };
        let directory = Directory::existing(folder)?;
        let recipe = directory.read_settings()?;
        Ok(Some(Self { directory, recipe }))
    }

    /// The text that it kept back for validation.
    fn kept_back(&self, model: &Model) -> Result<EvaluationData> {
        let folder = self.directory.path();
        let data = tokens(folder, &self.directory, model.tokenizer()?)?;
        data.check(self.recipe.context).map_err(|refusal| refusal.at(folder.display()))?;
        let is_known = |id: TokenId| id.index() < model.config().vocabulary;
        if data.digest()? != self.recipe.data || !data.largest().is_some_and(is_known) {
            return Err(Refusal::user(format!(
                "{}: its tokens are not those that the run began with; name a text",
                folder.display()
            )));
        }
        let (context, layout) = (self.recipe.context, self.recipe.begin().into());
        Ok(EvaluationData { range: data.validation(), data, context, layout, text_bytes: None })
    }
}

/// Tokens that a model is asked for.
struct EvaluationData {
    data: Dataset,
    range: Range<usize>,
    context: usize,
    layout: WindowLayout,
    /// Bytes of the texts, where they were just read.
    text_bytes: Option<usize>,
}

impl EvaluationData {
    fn windows(&self) -> impl Iterator<Item = Range<usize>> {
        self.data.windows(self.range.clone(), self.context, self.layout)
    }

    fn loss(&self, model: &Model, pool: &ThreadPool, edits: &Edits) -> Result<Loss> {
        let longest = self.windows().map(|window| window.len() - 1).max().unwrap_or(1);
        let mut validator = match self.layout {
            // Short documents share a pass; those of a run do so as they did in the run.
            WindowLayout::ByDocument => Validator::new(longest).with_min_sequences(64),
            WindowLayout::SideBySide | WindowLayout::AtDocuments => Validator::new(self.context),
        };
        let network = model.network();
        let shape = validator.shape();
        let workspace = Workspace::with_edits(network, shape, edits, self.context, pool.threads())?;
        let mut workspace = workspace.with_precision(network, model.weights.compute());
        Ok(validator.loss(&model.weights, &mut workspace, pool, &self.data, self.windows()))
    }

    /// Bytes of text that the targets stand for: all but those of tokens that are no targets.
    fn bytes(&self, tokenizer: &Tokenizer) -> usize {
        let bytes = |range| self.data.text_bytes(tokenizer, range);
        let mut all = self.text_bytes.unwrap_or_else(|| bytes(self.range.clone()));
        let mut at = self.range.start;
        for window in self.windows() {
            all = all.saturating_sub(bytes(at..(window.start + 1).max(at)));
            at = window.end;
        }
        all.saturating_sub(bytes(at..self.range.end))
    }

    /// Documents that begin in the range.
    fn documents(&self) -> usize {
        self.data.documents().iter().filter(|&at| self.range.contains(at)).count()
    }
}
