//! `lookback look`: every number of one pass.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use lookback_files::{Refusal, Result, check_writable, write_atomic};
use lookback_lens::{LocalFiles, ReportOptions, SiteFilter, Trace, report};
use lookback_model::TokenId;
use serde_json::{Value, json};

use super::{interventions::Interventions, prompt::PassPrompt, tokenizer::piece};
use crate::{
    options::{Compute, Machine, OutputFormat},
    print::Print,
    stages,
};

const EXAMPLES: &str = "\
Sites bear TransformerLens's names. Of the whole model: embed, pos_embed (where positions are learned), \
ln_final, logits, probabilities. Of each block, after blocks.0. and so on: resid_pre, ln1, attn.q, attn.k, \
attn.v, attn.rot_q, attn.rot_k, attn.scores, attn.pattern, attn.z, attn_out, resid_mid, ln2, mlp.pre, \
mlp.pre_linear (where the MLP is gated), mlp.post, mlp_out, resid_post. Looking changes no bit of them.

A pattern is a name in which * stands for anything, dots and numbers too: blocks.0.attn.pattern is one \
site, blocks.*.attn.* is attention in every block, *.resid_post what leaves each block, blocks.1* is of \
block 1 and of 10 to 19. In a .json file what is hidden from a token (-inf) is null.

Keys of --json: ids, pieces (texts, or the bytes of a token that is no text by itself), embedding_norms, \
layer, head, pattern (that head's weights, a list a query), stream (layer, before, attention, mlp, after: \
lengths of vectors of the last token), neurons (index, value, expert in a mixture), next (id, probability).

Examples:
  lookback look runs/mine -p \"the bird is red\"
  lookback look runs/mine -p \"the bird is red\" --off 0.1
  lookback look runs/mine -p \"the red bird\" --edit \"blocks.0.mlp_out[-1] = 0\"
  lookback look model.gguf -p \"the bird is red\" --layer 3 --head 1
  lookback look default -p \"the bird is red\" -o trace.safetensors
  lookback look runs/mine --ids 5,7 --sites \"*.pattern,logits\" -o trace.json";

/// Shows every stage of one pass over a prompt
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Look {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    prompt: PassPrompt,
    /// The layer to look at more closely.
    #[arg(long, value_name = "L", default_value_t = 0)]
    layer: usize,
    /// Its head.
    #[arg(long, value_name = "H", default_value_t = 0)]
    head: usize,
    /// Which sites -o writes: names with * for anything, separated by commas [default: all].
    #[arg(long, value_name = "PATTERN,...", requires = "output")]
    sites: Option<String>,
    /// Writes the sites: .safetensors, or .json.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The precision of matrix products.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    compute: Compute,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
    #[command(flatten)]
    interventions: Interventions,
}

impl Look {
    /// Writes the sites where that is asked for, and prints a report.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let wanted = self.sites.as_deref().map_or(Ok(SiteFilter::all()), SiteFilter::parse)?;
        let interventions = self.interventions.list()?;
        if let Some(path) = &self.output {
            check_form(path)?;
            check_writable(path)?;
        }
        let model = super::open_model(&self.model, self.compute, self.machine, print)?;
        let config = model.config();
        for (name, given, count) in
            [("layer", self.layer, config.layers), ("head", self.head, config.heads)]
        {
            if given >= count {
                return Err(Refusal::user(format!(
                    "--{name} {given}: this model has {count}, counted from 0"
                )));
            }
        }
        let ids = self.prompt.read(&model)?;
        let sites = wanted.check(config);
        sites.map_err(|refusal| refusal.then("lookback look --help lists them"))?;
        // The report reads all sites; what is only there on demand has to be named.
        let sites = self.sites.as_deref().map_or("*".to_owned(), |sites| format!("*,{sites}"));
        let pass = model.look(&ids).sites(sites).variant(self.interventions.variant());
        let trace = pass.interventions(&interventions, &LocalFiles).trace()?;
        if let Some(path) = &self.output {
            write(&trace, &wanted, path)?;
            print.status(&format!("wrote {}", path.display()));
        }
        let choice = ReportOptions { layer: self.layer, head: self.head, top_k: 10 };
        let report = report(&trace, model.network(), choice);
        let tokenizer = model.tokenizer().ok();
        if self.output_format.json {
            let mut object = json!(report);
            let piece = |&id: &u32| tokenizer.map(|tokenizer| piece(tokenizer, TokenId(id)));
            object["pieces"] = json!(report.ids.iter().map(piece).collect::<Vec<_>>());
            return print.json(&object);
        }
        let quoted = |id: u32| match tokenizer {
            Some(tokenizer) => tokenizer.quoted(TokenId(id)),
            None => id.to_string(),
        };
        stages::print(&report, &quoted, print)
    }
}

/// Refuses a file of an unknown format.
fn check_form(path: &Path) -> Result<()> {
    match path.extension().and_then(|end| end.to_str()) {
        Some("safetensors" | "json") => Ok(()),
        _ => Err(Refusal::user(format!(
            "{}: a trace is written as .safetensors or .json; name it so",
            path.display()
        ))),
    }
}

/// Writes the chosen sites of a trace, in the format of the file's name.
fn write(trace: &Trace, wanted: &SiteFilter, path: &Path) -> Result<()> {
    if path.extension().is_some_and(|end| end == "safetensors") {
        return trace.write(wanted, path);
    }
    let site = |(site, seen): (&lookback_model::Site, &Arc<lookback_lens::Capture>)| {
        // JSON has no −inf; what is hidden is null.
        let finite = |x: &f32| if x.is_finite() { json!(x) } else { Value::Null };
        let values: Vec<Value> = seen.values.iter().map(finite).collect();
        (site.to_string(), json!({ "shape": seen.shape, "values": values }))
    };
    let sites = trace.sites.iter().filter(|(site, _)| wanted.contains(**site));
    let sites: serde_json::Map<String, Value> = sites.map(site).collect();
    let ids: Vec<u32> = trace.ids.iter().map(|id| id.0).collect();
    write_atomic(path, json!({ "input_ids": ids, "sites": sites }).to_string().as_bytes())
}
