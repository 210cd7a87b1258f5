//! `lookback eval`: how surprised a model is by a text, or how many of Tinytown's questions it answers.

use std::path::PathBuf;

use clap::Args;
use lookback::open::Model;
use lookback_engine::{Shape, Team, Workspace, evaluate};
use lookback_files::{Refusal, Result, counted};
use lookback_model::{Batch, Loss, SequenceId, Targets, TokenId};
use lookback_text::dataset::{Dataset, Gathering};
use serde_json::json;

use crate::{
    arguments::{Compute, Form, Machine, Texts, held_for},
    print::Print,
    questions::{Scores, differences},
};

const EXAMPLES: &str = "\
The texts are joined and cut into windows of one context (of 2048 tokens at most), laid side by \
side; every token but the very first is asked for once, from those before it in its window.

--questions asks what lookback corpus --questions prints and counts what the model answers greedily. \
Beside it stand five that understand nothing: the commonest answer of the kind, a choice by chance, \
the choice mentioned last, a copier of the choice that followed the longest end of the question that \
occurs in it before, and a parrot, which does so with the built-in model's text. Of the analogies it \
says where the answer stands among all tokens by the cosine to x - man + woman. --against says which \
questions another model answers differently, such as one trained without a fact.

Keys of --json: loss (nats per token), perplexity, bits_per_byte, tokens; with --questions: \
questions, by kind right, asked, share, baselines (commonest, chance, last, copier, parrot), and \
analogies, each with x, answer and its ranks (left_out, among_all, of_x_alone); with --against: \
differences, each with kind, prompt, answer, and whether it is right here (here) and there (there).

Examples:
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
    /// UTF-8 files, .jsonl, folders of these, packed or not, or -, in this order.
    #[arg(value_name = "TEXT", required_unless_present = "questions")]
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
    /// The precision of matrix products.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    compute: Compute,
    #[command(flatten)]
    reading: Texts,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    form: Form,
}

impl Eval {
    /// Prints loss, perplexity, bits per byte and tokens.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let team = self.machine.team()?;
        let model = super::open(&self.model, self.compute, &team, print)?;
        if self.questions {
            let scores = Scores::ask(&model, &team, self.seed)?;
            if let Some(other) = &self.against {
                let other = super::open(other, self.compute, &team, print)?;
                let other = Scores::ask(&other, &team, self.seed)?;
                return differences(&scores, &other, self.form.json, print);
            }
            return match self.form.json {
                true => print.json(&scores.json()?),
                false => scores.lines()?.iter().try_for_each(|line| print.line(line)),
            };
        }
        let tokenizer = model.tokenizer()?;
        let (mut gathered, mut bytes) = (Gathering::new(&std::env::temp_dir()), 0);
        let corpus = self.reading.find(&self.texts)?;
        let tally = corpus.read(held_for(tokenizer), &mut |part| {
            let of_part = tokenizer.encode_part(part.text, part.at);
            bytes += part.text.len();
            gathered.extend(&of_part.map_err(|refusal| refusal.at(part.path.display()))?)
        })?;
        Texts::tell(&tally, print);
        let ids = gathered.finish()?;
        if ids.len() < 2 {
            let what = if ids.is_empty() { "it is empty" } else { "it is one token long" };
            return Err(Refusal::user(format!(
                "{}: {what}, and a token can only be predicted from one before it; give more text",
                self.texts[0].display(),
            )));
        }
        let context = model.config().context.min(LONGEST).min(ids.len() - 1);
        let loss = judge(&model, &team, &ids, context);
        let mean = loss.mean();
        // The first token is not asked for, so its bytes are not counted.
        let mut first = [TokenId(0)];
        ids.read(0, &mut first);
        let bytes = bytes - tokenizer.bytes_of(first[0]).len().min(bytes);
        let bits = loss.total / std::f64::consts::LN_2 / bytes.max(1) as f64;
        let perplexity = libm::exp(mean);
        if self.form.json {
            return print.json(&json!({
                "loss": mean,
                "perplexity": perplexity,
                "bits_per_byte": bits,
                "tokens": loss.rows,
            }));
        }
        print.line(&format!(
            "loss {mean:.4} nats per token, perplexity {perplexity:.2}, {bits:.4} bits per byte, {}",
            counted(loss.rows, "token")
        ))
    }
}

/// Tokens of a window at most: attention's cost grows with them.
const LONGEST: usize = 2048;

/// Rows of a pass.
const ROWS: usize = 1024;

/// The loss over windows of one context side by side; each token but the first is asked for once.
fn judge(model: &Model, team: &Team, ids: &Dataset, context: usize) -> Loss {
    let sequences = (ROWS / context).max(1);
    let shape = Shape::Evaluate { rows: sequences * context, sequences };
    let mut space = Workspace::new(model.network(), shape, context, team.threads());
    let (mut batch, mut targets) =
        (Batch::new(), Targets { ids: Vec::new(), scale: 1.0, z_loss: 0.0 });
    let mut all = Loss::default();
    let mut window = vec![TokenId(0); context + 1];
    let mut windows = Dataset::side_by_side(0..ids.len(), context).peekable();
    while windows.peek().is_some() {
        batch.clear();
        targets.ids.clear();
        for (index, place) in windows.by_ref().take(sequences).enumerate() {
            let window = &mut window[..place.len()];
            ids.read(place.start, window);
            batch.push(SequenceId(index as u32), 0, &window[..window.len() - 1]);
            targets.ids.extend(window[1..].iter().map(|id| id.0));
        }
        batch.want_all();
        let loss = evaluate(&model.weights, &mut space, team, &batch, &targets);
        all.total += loss.total;
        all.rows += loss.rows;
    }
    all
}
