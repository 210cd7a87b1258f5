//! `lookback why`: one logit as the sum that it is, and the paths into it.

mod lines;

use std::path::{Path, PathBuf};

use clap::Args;
use lookback::{Model, Why as LogitSum};
use lookback_files::{Refusal, Result, check_writable, write_atomic};
use lookback_lens::{LocalFiles, LogitGraph, UnfoldOptions, graph_svg, paths};
use lookback_model::TokenId;
use serde_json::json;

use self::lines::Words;
use super::{interventions::Interventions, prompt::PassPrompt, tokenizer::piece};
use crate::{
    options::{Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
The logit of the next token is a sum: what the embedding, the position, each head of each layer, each MLP and \
the biases wrote into the residual stream, through the last norm with its scale as it is there. The parts are \
added in f64; rounding is what they leave of the logit that the model computed in f32. Where a family caps its \
logits, the sum is the logit before its cap, and the factor of the cap is said.

--tree opens the parts: a head into its source tokens (weight x value through the output projection), a source \
token into what wrote its stream, an MLP by its tangent at the token; patterns and the scales of norms are held \
fixed. The parts under a part add up to it. --paths lists the ends of that tree, the strongest first: token -> \
head -> head -> logit is exact, and a path through an MLP (marked ~) is exact in the sum, but only an \
approximation of what a change would do. Both open the strongest part again and again, until parts with nothing \
left to open make up --share of the sum of absolute values. --check then switches off the heads and MLPs through \
which most goes, 1, 2, 4 ... of them, and says which change of the logit the paths predict and which one happens.

Without --token it is the likeliest token; --token \"#412\" is the token with that id. With --against, the \
difference of two logits is taken apart.

Keys of --json: ids, pieces, target and against (id, text), why (position, logit, before_cap, cap, parts, sum, \
absolute, rounding, factor, neurons, unfolding), paths (contribution, begins, through, is_linearised), check \
(off, last, predicted, real).

Examples:
  lookback why default -p \"kite helen spotted coat stone kite helen spotted\"
  lookback why default -p \"the bird is\" --token \"#66\" --against \"#67\"
  lookback why default -p \"the bird is red. the bird is\" --paths --check 8
  lookback why model.gguf -p \"The capital of France is\" --neurons 3 --json
  lookback why default -p \"the bird is red. the bird is\" --graph why.svg";

/// Says what a logit is the sum of
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Why {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    prompt: PassPrompt,
    /// The next token whose logit it is [default: the likeliest].
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    token: Option<String>,
    /// The next token whose logit is taken off.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    against: Option<String>,
    /// After which token of the prompt; from the end where it is negative.
    #[arg(long, value_name = "P", default_value_t = -1, allow_negative_numbers = true)]
    position: isize,
    /// Names so many neurons of each MLP.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "3")]
    #[arg(default_value_t = 0, hide_default_value = true)]
    neurons: usize,
    /// Parts that are listed; 0 lists all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Opens the parts, and shows so many levels of them.
    #[arg(long, value_name = "LEVELS", num_args = 0..=1, default_missing_value = "3")]
    tree: Option<usize>,
    /// Lists the paths from tokens to the logit.
    #[arg(long)]
    paths: bool,
    /// How much of the sum of absolute values is to be opened to its end, between 0 and 1.
    #[arg(long, value_name = "S", default_value_t = 0.8)]
    share: f64,
    /// Leaves MLPs closed, so that every path is exact.
    #[arg(long)]
    exact: bool,
    /// Switches off so many of the strongest heads and MLPs, and compares.
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "8")]
    check: Option<usize>,
    /// Writes the paths as a graph: .json, or .svg.
    #[arg(long, value_name = "FILE")]
    graph: Option<PathBuf>,
    #[command(flatten)]
    interventions: Interventions,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
}

/// Edges that a graph has at most: more are no picture.
const MAX_EDGES: usize = 40;

impl Why {
    /// Prints the sum, and what else is asked for.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        if !(0.0..=1.0).contains(&self.share) {
            return Err(Refusal::user(format!(
                "--share {}: a share lies between 0 and 1, such as 0.8",
                self.share
            )));
        }
        if let Some(path) = &self.graph {
            check_form(path)?;
            check_writable(path)?;
        }
        // Both precisions of products add up in f32; only those of f32 can be taken apart to its rounding.
        let f32 = lookback_engine::Compute::F32;
        let model = super::open_model(&self.model, f32, self.machine, print)?;
        let ids = self.prompt.read(&model)?;
        let token = |flag: &str, text: &Option<String>| {
            let id = text.as_deref().map(|text| model.token(text));
            id.transpose().map_err(|refusal| refusal.at(format!("--{flag}")))
        };
        let mut query = model.why(&ids).position(self.position).neurons(self.neurons);
        query = query.interventions(&self.interventions.list()?, &LocalFiles);
        query = query.variant(self.interventions.variant());
        query = token("token", &self.token)?.into_iter().fold(query, |query, id| query.token(id));
        let against = token("against", &self.against)?;
        query = against.into_iter().fold(query, |query, id| query.against(id));
        if self.opens() {
            let options = UnfoldOptions {
                share: self.share,
                through_mlps: !self.exact,
                ..UnfoldOptions::default()
            };
            query = query.unfold(options);
        }
        let why = query.sum()?;
        let check = self.check.map(|most| query.faithfulness(&why, most)).transpose()?;
        let words = Words::new(&model, &ids);
        if let Some(path) = &self.graph {
            write_graph(path, &why, &words)?;
            print.status(&format!("wrote {}", path.display()));
        }
        if self.output_format.json {
            return print.json(&self.json(&model, &ids, &why, &check));
        }
        let mut lines = lines::sum(&why, &words, self.top);
        lines.extend(lines::neurons(&why));
        if let (Some(levels), Some(unfolding)) = (self.tree, &why.unfolding) {
            lines.extend(lines::tree(&why, unfolding, &words, levels));
        }
        if let (true, Some(unfolding)) = (self.paths, &why.unfolding) {
            lines.extend(lines::paths(unfolding, &words, self.top));
        }
        lines.extend(check.iter().flat_map(|points| lines::check(points, &words)));
        lines.iter().try_for_each(|line| print.line(line))
    }

    /// Whether something of it needs the parts opened.
    fn opens(&self) -> bool {
        self.tree.is_some() || self.paths || self.check.is_some() || self.graph.is_some()
    }

    fn json(
        &self,
        model: &Model,
        ids: &[TokenId],
        why: &LogitSum,
        check: &Option<Vec<lookback_lens::FaithfulnessPoint>>,
    ) -> serde_json::Value {
        let tokenizer = model.tokenizer().ok();
        let text = |id: TokenId| tokenizer.map(|tokenizer| piece(tokenizer, id));
        let token = |id: u32| json!({ "id": id, "text": text(TokenId(id)) });
        let mut object = json!({
            "ids": ids.iter().map(|id| id.0).collect::<Vec<_>>(),
            "pieces": ids.iter().map(|&id| text(id)).collect::<Vec<_>>(),
            "target": token(why.target),
            "against": why.against.map(token),
            "why": why,
        });
        if let (true, Some(unfolding)) = (self.paths, &why.unfolding) {
            object["paths"] = json!(paths(unfolding));
        }
        if let Some(points) = check {
            object["check"] = json!(points);
        }
        object
    }
}

/// Refuses a file in a format that is not written.
fn check_form(path: &Path) -> Result<()> {
    match path.extension().and_then(|end| end.to_str()) {
        Some("svg" | "json") => Ok(()),
        _ => Err(Refusal::user(format!(
            "{}: a graph is written as .svg or .json; name it so",
            path.display()
        ))),
    }
}

fn write_graph(path: &Path, why: &LogitSum, words: &Words<'_>) -> Result<()> {
    let Some(unfolding) = &why.unfolding else { return Ok(()) };
    let is_json = path.extension().is_some_and(|end| end == "json");
    let most = if is_json { usize::MAX } else { MAX_EDGES };
    let graph = LogitGraph::new(unfolding, why.position, most);
    let text = match is_json {
        true => json!(graph).to_string(),
        false => graph_svg(&graph, &words.all(), &lines::title(why, words)),
    };
    write_atomic(path, text.as_bytes())
}
