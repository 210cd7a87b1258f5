//! `lookback heads`: what each attention head attends to, copies and reads.

mod formation;
mod kind;
mod plot;

use std::path::PathBuf;

use clap::Args;
use lookback::{HeadScore, HeadsReport, Model};
use lookback_files::{Refusal, Result, check_writable, write_atomic};
use lookback_lens::StrongestWeight;
use lookback_model::TokenId;
use serde_json::json;

use self::kind::{Kind, name};
use super::{progress_bar::ProgressOfPasses, sequences::SequenceArguments};
use crate::{
    options::{Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
Each score is the share of a head's weights that stand where a kind of head has them, as in TransformerLens's \
head_detector: on the token before (previous), on earlier tokens that are the same (duplicate), on the tokens \
behind these (induction: in text, and on random tokens of it that come twice, random). first, self and marks are the mean weights on the \
first token, on the token itself and on punctuation; away is the mean distance to the key, entropy is that of \
a row, in nats. copies is the sum of the eigenvalues of the OV circuit, from embedding to logits, over the sum \
of their sizes: 1 where a head raises what it reads (Elhage et al. 2021). The gains of norms are folded into the \
matrices that read the stream; --raw takes weights as they are.

Without TEXT, the built-in corpus is read, with another seed than a run has. --composition lists the pairs of \
heads of which one reads most of what the other writes, in its queries, keys or values.

--snapshots scores the whole models that a run kept with whole_snapshots, on a few sequences, and says at which \
step each head that is one in the end had half of its score, and when look-ups had half of their answers.

Keys of --json: heads (layer, head, previous_token, duplicate_token, induction, first_token, current_token, \
punctuation, distance, entropy, strongest, repeated_induction, copying), composition (writes, reads, kind, \
score), sequences and repeated (ids), formation (heads, look_ups).

Examples:
  lookback heads default
  lookback heads model.gguf held-out.txt --sequences 64 --plot heads.svg
  lookback heads default --composition 20
  lookback heads runs/mine --snapshots --json";

/// Scores attention heads: previous token, induction, copying
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Heads {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    sequences: SequenceArguments,
    /// Takes weights as they are, without the gains of norms.
    #[arg(long)]
    raw: bool,
    /// Lists so many pairs of heads that compose most.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10")]
    composition: Option<usize>,
    /// Says when each head formed, from the whole snapshots of a run.
    #[arg(long)]
    snapshots: bool,
    /// Draws the scores as a heat map: .svg.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
}

/// The kinds of which the best heads are named.
const KINDS: [Kind; 6] = [
    ("previous", |head| head.profile.previous_token),
    ("duplicate", |head| head.profile.duplicate_token),
    ("in text", |head| head.profile.induction),
    ("random", |head| head.repeated_induction),
    ("first", |head| head.profile.first_token),
    ("copies", |head| head.copying.unwrap_or(0.0)),
];

impl Heads {
    /// Prints a line a head, and the best of each kind.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        if let Some(path) = &self.plot {
            if path.extension().is_none_or(|end| end != "svg") {
                let what = "a heat map is written as .svg; name it so";
                return Err(Refusal::user(format!("{}: {what}", path.display())));
            }
            check_writable(path)?;
        }
        let f32 = lookback_engine::Compute::F32;
        let model = super::open_model(&self.model, f32, self.machine, print)?;
        let query = self.sequences.query(&model, print)?.raw(self.raw);
        let query = query.composition(self.composition.unwrap_or(0));
        let bar = ProgressOfPasses::new(print)?;
        let report = query.report(&mut |done, all| bar.show(done, all))?;
        drop(bar);
        let formation = self.snapshots.then(|| formation::find(&model, &query, &report, print));
        let formation = formation.transpose()?;
        if let Some(path) = &self.plot {
            write_atomic(path, plot::heat_maps(&report, model.config().heads).as_bytes())?;
            print.status(&format!("wrote {}", path.display()));
        }
        if self.output_format.json {
            let mut object = json!(report);
            if let Some(formation) = &formation {
                object["formation"] = json!(formation);
            }
            return print.json(&object);
        }
        let mut lines = lines(&report, &model);
        lines.extend(formation.iter().flat_map(formation::lines));
        lines.iter().try_for_each(|line| print.line(line))
    }
}

fn lines(report: &HeadsReport, model: &Model) -> Vec<String> {
    let mut lines = vec![
        " head  previous duplicate in text  random   first    self   marks    away entropy  copies"
            .to_owned(),
    ];
    lines.extend(report.heads.iter().map(line));
    lines.push(String::new());
    for (kind, score) in KINDS {
        let mut best: Vec<&HeadScore> = report.heads.iter().collect();
        best.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let named = best.iter().take(3).map(|head| format!("{} {:.2}", name(head), score(head)));
        lines.push(format!("most {kind:<10}{}", named.collect::<Vec<_>>().join(", ")));
    }
    lines.push(String::new());
    lines.push(
        "the text that each head looks at most, the key in brackets, the query at the end"
            .to_owned(),
    );
    lines.extend(report.heads.iter().filter_map(|head| {
        let strongest = head.profile.strongest?;
        Some(format!(
            "{:>5}  {:.3}  {}",
            name(head),
            strongest.weight,
            shown(report, model, strongest)?
        ))
    }));
    if !report.composition.is_empty() {
        lines.push(String::new());
        lines.push("writes  reads  in       composition".to_owned());
        lines.extend(report.composition.iter().map(|pair| {
            let name = |[layer, head]: [usize; 2]| format!("{layer}.{head}");
            let kind = format!("{:?}", pair.kind).to_lowercase();
            format!("{:>6} {:>6}  {kind:<8} {:.4}", name(pair.writes), name(pair.reads), pair.score)
        }));
    }
    lines
}

fn line(head: &HeadScore) -> String {
    let profile = &head.profile;
    let copying = head.copying.map_or(String::new(), |copying| format!("{copying:+.2}"));
    format!(
        "{:>5}  {:>8.3} {:>9.3} {:>7.3} {:>7.3} {:>7.3} {:>7.3} {:>7.3} {:>7.1} {:>7.2} {copying:>7}",
        name(head),
        profile.previous_token,
        profile.duplicate_token,
        profile.induction,
        head.repeated_induction,
        profile.first_token,
        profile.current_token,
        profile.punctuation,
        profile.distance,
        profile.entropy,
    )
}

/// Tokens before the key and the query that are shown.
const BEFORE: usize = 6;

/// A key in brackets and the query, each with what stands before it.
fn shown(report: &HeadsReport, model: &Model, at: StrongestWeight) -> Option<String> {
    let tokenizer = model.tokenizer().ok()?;
    let ids = report.sequences.get(at.sequence)?;
    let text = |from: usize, to: usize| {
        ids[from..to].iter().map(|&id| tokenizer.piece(TokenId(id))).collect::<String>()
    };
    let first = at.key.saturating_sub(BEFORE);
    let key = format!("{}[{}]", text(first, at.key), text(at.key, at.key + 1));
    let from = at.query.saturating_sub(BEFORE).max(at.key + 1);
    let gap = if from > at.key + 1 { " … " } else { "" };
    Some(format!("{key}{gap}{}", text(from, at.query + 1)))
}
