//! `lookback diff`: two passes side by side.

use clap::Args;
use lookback::Model;
use lookback_files::{Refusal, Result};
use lookback_lens::{HeadDifference, LocalFiles, PassDifferences, PositionDifference};
use lookback_model::TokenId;
use lookback_text::Specials;
use serde_json::json;

use super::{interventions::Interventions, prompt::PassPrompt, tokenizer::piece};
use crate::{
    options::{Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
The first pass is that of MODEL over the prompt. The second one has another prompt (--other), is another model's \
with the same tokenizer (--with), has changes (--edit, --off, --steer), or all of these.

kl is that of the next token's distributions, from the first to the second; by depth it is that of what the logit \
lens reads after the last token. A distance is |a - b| / |a| of a site, over the positions that both have. Prompts \
of different lengths are compared from the start, and after the last token of each.

Keys of --json: ids, other_ids, differences (positions and last: ids, kl, next, stream; depth_kl; layers: layer, \
attn_out, mlp_out, resid_post; heads: layer, head, distance, position), pieces, other_pieces.

Examples:
  lookback diff default -p \"a red bird is\" --other \"a blue bird is\"
  lookback diff default -p \"the bird is red. the bird is\" --off 1.1
  lookback diff default -p \"the bird is red\" --with model.gguf";

/// Compares two passes: two prompts, two models, or with edits and without
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Diff {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    prompt: PassPrompt,
    /// The text that the second pass reads [default: the same].
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    other: Option<String>,
    /// The model of the second pass [default: the same].
    #[arg(long, value_name = "MODEL")]
    with: Option<String>,
    /// Heads that are listed, those that differ most first.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
    #[command(flatten)]
    interventions: Interventions,
}

impl Diff {
    /// Prints what differs by position, by layer and by head.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let interventions = self.interventions.list()?;
        if self.other.is_none() && self.with.is_none() && interventions.is_empty() {
            return Err(Refusal::user(
                "there is one pass and nothing to compare it with; give --other, --with, --edit or --off",
            ));
        }
        let f32 = lookback_engine::Compute::F32;
        let pool = self.machine.pool()?;
        let model = super::open_model_on(&self.model, f32, &pool, print)?;
        let second = match &self.with {
            Some(with) => super::open_model_on(with, f32, &pool, print)?,
            None => model.clone(),
        };
        let ids = self.prompt.read(&model)?;
        let other = match &self.other {
            None => ids.clone(),
            Some(text) => {
                second.encode_with(text, Specials::Text).map_err(|refusal| refusal.at("--other"))?
            }
        };
        let query = model.diff(&ids).with(&second, &other)?;
        let found = query.interventions(&interventions, &LocalFiles).report()?;
        if self.output_format.json {
            let plain = |ids: &[TokenId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
            let pieces = |ids: &[TokenId]| {
                let tokenizer = model.tokenizer().ok();
                let of = |&id: &TokenId| tokenizer.map(|tokenizer| piece(tokenizer, id));
                ids.iter().map(of).collect::<Vec<_>>()
            };
            return print.json(&json!({
                "ids": plain(&ids),
                "other_ids": plain(&other),
                "pieces": pieces(&ids),
                "other_pieces": pieces(&other),
                "differences": found,
            }));
        }
        lines(&found, &model, self.top).iter().try_for_each(|line| print.line(line))
    }
}

fn lines(found: &PassDifferences, model: &Model, top: usize) -> Vec<String> {
    let tokenizer = model.tokenizer().ok();
    let quoted = |id: u32| {
        tokenizer.map_or_else(|| format!("#{id}"), |tokenizer| tokenizer.quoted(TokenId(id)))
    };
    let row = |name: &str, at: &PositionDifference| {
        let tokens = match at.ids[0] == at.ids[1] {
            true => quoted(at.ids[0]),
            false => format!("{} / {}", quoted(at.ids[0]), quoted(at.ids[1])),
        };
        let next = match at.next[0] == at.next[1] {
            true => quoted(at.next[0]),
            false => format!("{} / {}", quoted(at.next[0]), quoted(at.next[1])),
        };
        let stream = at.stream.map_or(String::new(), |stream| format!("{stream:.4}"));
        format!("{name:>8} {:>9.4} {stream:>9}  {tokens}, then {next}", at.kl)
    };
    let mut lines = vec!["position        kl    stream  token, then the likeliest".to_owned()];
    let positions = found.positions.iter().enumerate();
    lines.extend(positions.map(|(position, at)| row(&position.to_string(), at)));
    lines.push(row("last", &found.last));
    if !found.depth_kl.is_empty() {
        lines.push(String::new());
        lines.push("   layer  lens kl  attn_out   mlp_out resid_post".to_owned());
        lines.push(format!("   embed {:>8.4}", found.depth_kl[0]));
        for (layer, kl) in found.depth_kl.iter().skip(1).enumerate() {
            let distances = found.layers.get(layer).map(|at| {
                format!(" {:>9.4} {:>9.4} {:>10.4}", at.attn_out, at.mlp_out, at.resid_post)
            });
            lines.push(format!("{layer:>8} {kl:>8.4}{}", distances.unwrap_or_default()));
        }
    }
    let mut heads: Vec<&HeadDifference> =
        found.heads.iter().filter(|head| head.distance > 0.0).collect();
    heads.sort_by(|a, b| b.distance.total_cmp(&a.distance));
    if !heads.is_empty() && top > 0 {
        lines.push(String::new());
        lines.push("    head distance  most at position".to_owned());
    }
    lines.extend(heads.iter().take(top).map(|head| {
        let name = format!("{}.{}", head.layer, head.head);
        format!("{name:>8} {:>8.4}  {}", head.distance, head.position)
    }));
    lines
}
