//! `lookback sweep`: the same change at every layer, position or head, and what the next token says of it.

mod labels;
mod lines;
mod output;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::HumanBytes;
use lookback::{AblationQuery, Model, SweepQuery};
use lookback_files::{Refusal, Result, check_writable, counted};
use lookback_lens::{InterventionFiles, LocalFiles, SweepMetric};
use lookback_model::TokenId;
use lookback_text::Specials;

use self::{labels::Labels, output::Swept};
use super::{interventions::Interventions, progress_bar::ProgressOfPasses, prompt};
use crate::{
    options::{Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
Activation patching: at each place in turn, what the clean prompt makes there is put into the pass over the \
corrupted prompt, as TransformerLens's patching does. Both have as many tokens. A number is the metric after the \
last token, from 0, that of the corrupted pass, to 1, that of the clean one.

--over names what is replaced. By layer and position: resid_pre, resid_mid, attn_out, mlp_out. By layer and head, \
at all positions: z, q, k, v (keys and values by key heads), pattern. With -by-position (z-by-position) each \
position alone. pattern with --layer and --head: each weight of that head, destination x source. everything: all \
but those by position. May be given several times.

--over path patches direct paths: in the pass over the clean prompt each of --senders in turn has the output of the \
corrupted one, and --receivers alone read what it changes; what other attentions and MLPs add stays as it was. \
Senders, separated by commas: heads, attn, mlp (each also -by-position), 3.1, attn.2, mlp.2. Receivers, all \
together: logits, or heads, mlp, 3.1 (query, key and value of a head), 3.1.q, 3.1.k, 3.1.v, attn.2, mlp.2. 3.1[-1] \
is one position. A number is then from 0, the clean pass, to 1, the corrupted one.

Edits, --off and variants hold for all passes, clean and corrupted.

--metric: logit-difference (of --answer less --wrong), log-probability and loss (of --answer), rank (of --answer), \
kl (from the clean distribution of the next token). --attribution predicts every number by one backward pass; with \
--agree it is made beside the real one and compared. --pairs takes the means over many prompts, one object a line: \
{\"clean\", \"corrupt\", \"answer\", \"wrong\"}.

--ablate needs no corrupted prompt: each head and each MLP in turn adds its mean (over the prompt, or over the \
lines of --mean-of), or nothing, at all positions; a number is then the change of the metric.

Keys of --json: metric, pairs, changed (clean or corrupted), clean and corrupted (the metric) or unchanged, ids, \
pieces, grids (kind, axes, shape, senders, values, normalized, attribution, agreement: pearson, max_error, max_change).

Examples:
  lookback sweep default -p \"a red bird is\" --corrupt \"a blue bird is\" --agree
  lookback sweep default -p \"a red bird is\" --corrupt \"a blue bird is\" --over z
  lookback sweep default --ids 5,6,7 --corrupt-ids 5,8,7 --over path
  lookback sweep default -p \"a red bird is\" --ablate mean --plot ablation.svg";

/// Patches or ablates every layer, position or head in turn
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sweep {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// The clean prompt, whose activations are taken; - reads standard input.
    #[arg(short, long, value_name = "CLEAN", allow_hyphen_values = true)]
    #[arg(required_unless_present_any = ["ids", "pairs"], conflicts_with_all = ["ids", "pairs"])]
    prompt: Option<String>,
    /// The same by id; nothing is put before them.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',', conflicts_with = "pairs")]
    ids: Option<Vec<u32>>,
    /// The corrupted prompt, into which they are put.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    #[arg(conflicts_with_all = ["pairs", "ablate", "corrupt_ids"])]
    corrupt: Option<String>,
    /// The same by id.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',', conflicts_with_all = ["pairs", "ablate"])]
    corrupt_ids: Option<Vec<u32>>,
    /// A .jsonl of {"clean", "corrupt", "answer", "wrong"}, over which numbers are averaged.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["answer", "wrong", "ablate"])]
    pairs: Option<PathBuf>,
    /// The next token that is right.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    answer: Option<String>,
    /// The next token that it is compared with.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    wrong: Option<String>,
    /// What is judged [default: by what is given, logit-difference, log-probability or kl].
    #[arg(long, value_name = "METRIC")]
    metric: Option<String>,
    /// What is replaced [default: resid_pre].
    #[arg(long, value_name = "KIND", conflicts_with = "ablate")]
    over: Vec<String>,
    /// The layer of one head, with --over pattern.
    #[arg(long, value_name = "L", requires = "head", conflicts_with = "ablate")]
    layer: Option<usize>,
    /// The head, with --over pattern.
    #[arg(long, value_name = "H", requires = "layer")]
    head: Option<usize>,
    /// What sends, with --over path, one at a time [default: heads].
    #[arg(long, value_name = "SET", requires = "over")]
    senders: Option<String>,
    /// What receives, with --over path, all together [default: logits].
    #[arg(long, value_name = "SET", requires = "over")]
    receivers: Option<String>,
    /// Lets MLPs between senders and receivers compute anew, and freezes attention alone.
    #[arg(long, requires = "over")]
    recompute_mlps: bool,
    /// Predicts the changes by one backward pass, and makes none.
    #[arg(long, conflicts_with = "ablate")]
    attribution: bool,
    /// Predicts them and makes them, and says how far the two agree.
    #[arg(long, conflicts_with_all = ["ablate", "attribution"])]
    agree: bool,
    /// Takes each head and each MLP out instead.
    #[arg(long, value_name = "WHAT")]
    ablate: Option<Ablation>,
    /// A text file, over whose lines means are taken [default: the prompt].
    #[arg(long, value_name = "FILE", requires = "ablate")]
    mean_of: Option<PathBuf>,
    /// Places that are listed as the strongest.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Writes the grids: .safetensors.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draws the grids as heat maps: .svg.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    interventions: Interventions,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
}

/// What stands in the place of what is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ablation {
    // Its mean.
    Mean,
    // Nothing.
    Zero,
}

impl Sweep {
    /// Prints a table a kind, and the strongest places.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        for (path, end, what) in
            [(&self.out, "safetensors", "grids are"), (&self.plot, "svg", "a heat map is")]
        {
            let Some(path) = path else { continue };
            check_form(path, end, what)?;
            check_writable(path)?;
        }
        let metric = self.metric.as_deref().map(str::parse::<SweepMetric>).transpose()?;
        let f32 = lookback_engine::Compute::F32;
        let model = super::open_model(&self.model, f32, self.machine, print)?;
        let swept = match self.ablate {
            Some(ablation) => self.ablated(&model, ablation, metric, print)?,
            None => self.patched(&model, metric, print)?,
        };
        if let Some(path) = &self.out {
            output::write_grids(path, &swept)?;
            print.status(&format!("wrote {}", path.display()));
        }
        if let Some(path) = &self.plot {
            output::write_plot(path, &swept, &Labels::new(&model, &swept.ids))?;
            print.status(&format!("wrote {}", path.display()));
        }
        if self.output_format.json {
            return print.json(&output::json(&model, &swept));
        }
        let lines = lines::lines(&swept, &Labels::new(&model, &swept.ids), self.top);
        lines.iter().try_for_each(|line| print.line(line))
    }

    /// The clean prompt.
    fn clean(&self, model: &Model) -> Result<Vec<TokenId>> {
        match (&self.ids, self.prompt.as_deref()) {
            (Some(ids), _) => model.ids(ids),
            (None, text) => prompt::encode(model, text.unwrap_or_default(), Specials::Text),
        }
    }

    /// The token of an option.
    fn token(&self, model: &Model, flag: &str, text: &Option<String>) -> Result<Option<TokenId>> {
        let id = text.as_deref().map(|text| model.token(text)).transpose();
        id.map_err(|refusal| refusal.at(format!("--{flag}")))
    }

    /// The query over pairs of prompts, and the tokens that label positions.
    fn query(&self, model: &Model) -> Result<(SweepQuery, Vec<TokenId>)> {
        if let Some(path) = &self.pairs {
            let text = read_text(path)?;
            let pairs = model.pairs(&text).map_err(|refusal| refusal.at(path.display()))?;
            let ids = if pairs.len() == 1 { pairs[0].corrupted.clone() } else { Vec::new() };
            return Ok((model.sweep_pairs(pairs), ids));
        }
        let clean = self.clean(model)?;
        let corrupted = match (&self.corrupt_ids, self.corrupt.as_deref()) {
            (Some(ids), _) => model.ids_of("corrupt_ids", ids)?,
            (None, Some(text)) => model
                .encode_with(text, Specials::Text)
                .map_err(|refusal| refusal.at("--corrupt"))?,
            (None, None) => {
                return Err(Refusal::user(
                    "there is no prompt to patch into; give --corrupt, or --ablate to take parts out of this one",
                ));
            }
        };
        let query = model.sweep(&clean, &corrupted);
        let query =
            self.token(model, "answer", &self.answer)?.into_iter().fold(query, SweepQuery::answer);
        let query =
            self.token(model, "wrong", &self.wrong)?.into_iter().fold(query, SweepQuery::wrong);
        Ok((query, corrupted))
    }

    fn patched(
        &self,
        model: &Model,
        metric: Option<SweepMetric>,
        print: &mut Print,
    ) -> Result<Swept> {
        let (mut query, ids) = self.query(model)?;
        let usual = [String::from("resid_pre")];
        let kinds = if self.over.is_empty() { &usual[..] } else { &self.over };
        if self.layer.is_some() && !self.over.iter().any(|kind| kind == "pattern") {
            return Err(Refusal::user(
                "--layer and --head choose the head of --over pattern; give that with them",
            ));
        }
        let is_path = self.over.iter().any(|kind| kind == "path");
        if !is_path && (self.senders.is_some() || self.receivers.is_some() || self.recompute_mlps) {
            return Err(Refusal::user(
                "--senders, --receivers and --recompute-mlps belong to --over path; give that with them",
            ));
        }
        for kind in kinds {
            if kind == "path" {
                let senders = self.senders.as_deref().unwrap_or("heads");
                let receivers = self.receivers.as_deref().unwrap_or("logits");
                query = query.over_paths(senders, receivers, self.recompute_mlps)?;
                continue;
            }
            query = match (self.layer, self.head) {
                (Some(layer), Some(head)) if kind == "pattern" => {
                    query.over_weights(layer, head)?
                }
                _ => query.over(kind)?,
            };
        }
        let interventions = self.interventions.list()?;
        query = query.interventions(&interventions, &LocalFiles);
        query = query.variant(self.interventions.variant());
        query = metric.into_iter().fold(query, SweepQuery::metric);
        query = match (self.attribution, self.agree) {
            (true, _) => query.attribution_alone(),
            (false, true) => query.attribution(),
            (false, false) => query,
        };
        let (bytes, changes) = query.plan();
        print.status(&plan(changes, bytes));
        let bar = ProgressOfPasses::new(print)?;
        let report = query.report(&mut |done, all| bar.show(done, all))?;
        drop(bar);
        Ok(Swept::patched(report, ids))
    }

    fn ablated(
        &self,
        model: &Model,
        ablation: Ablation,
        metric: Option<SweepMetric>,
        print: &mut Print,
    ) -> Result<Swept> {
        let ids = self.clean(model)?;
        let mut query = model.ablate(&ids).zero(ablation == Ablation::Zero);
        if let Some(path) = &self.mean_of {
            let text = read_text(path)?;
            query = query.mean_of(&text).map_err(|refusal| refusal.at(path.display()))?;
        }
        let interventions = self.interventions.list()?;
        query = query.interventions(&interventions, &LocalFiles);
        query = query.variant(self.interventions.variant());
        query = metric.into_iter().fold(query, AblationQuery::metric);
        query = self
            .token(model, "answer", &self.answer)?
            .into_iter()
            .fold(query, AblationQuery::answer);
        query =
            self.token(model, "wrong", &self.wrong)?.into_iter().fold(query, AblationQuery::wrong);
        let config = model.config();
        print.status(&plan(config.layers * (config.heads + 1), query.bytes()));
        let bar = ProgressOfPasses::new(print)?;
        let report = query.report(&mut |done, all| bar.show(done, all))?;
        drop(bar);
        Ok(Swept::ablated(report, ids))
    }
}

/// What a sweep makes, and what it takes.
fn plan(changes: usize, bytes: usize) -> String {
    let what = match changes {
        0 => "one backward pass".to_owned(),
        changes => counted(changes, "changed pass"),
    };
    format!("{what}, {} beside the model", HumanBytes(bytes as u64))
}

/// All of a text file.
fn read_text(path: &Path) -> Result<String> {
    let bytes = LocalFiles.bytes(&path.to_string_lossy())?;
    lookback_files::text(bytes).map_err(|refusal| refusal.at(path.display()))
}

/// Refuses a file in a format that is not written.
fn check_form(path: &Path, end: &str, what: &str) -> Result<()> {
    if path.extension().is_some_and(|own| own == end) {
        return Ok(());
    }
    Err(Refusal::user(format!("{}: {what} written as .{end}; name it so", path.display())))
}
