//! `lookback verify`: agreement with another implementation.

use std::path::PathBuf;

use clap::Args;
use lookback_engine::Compute;
use lookback_files::{Refusal, Result};
use lookback_lens::verify;
use serde_json::{Value, json};

use crate::{
    options::{Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
EXPECTED holds input_ids and any sites by name (lookback look --help lists them), or transformers' \
hidden_<i>, attn_<i>, logits and greedy; scripts/expected.py writes such a file with any model that \
transformers loads. A difference counts relative to the largest value at its site and position \
(of scores and patterns: of its head and query), since f32 are farther apart where they are large. \
Where a relative difference is larger than --tolerance, the exit code is 1.

Keys of --json: agrees, largest, relative, sites (name, site, elements, largest, relative, \
typical, scale), unknown, greedy_agreeing, greedy.

Examples:
  python3 scripts/expected.py runs/mine \"the bird is red\" expected.safetensors
  lookback verify runs/mine expected.safetensors";

/// Says site by site how far another implementation's numbers are
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// The other's numbers.
    #[arg(value_name = "EXPECTED.safetensors")]
    expected: PathBuf,
    /// The largest relative difference that counts as agreement.
    #[arg(long, value_name = "T", default_value_t = 2e-4)]
    tolerance: f64,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
}

impl Verify {
    /// Prints a line a site.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            return Err(Refusal::user(format!(
                "--tolerance {}: a difference is 0 or above, such as 2e-4",
                self.tolerance
            )));
        }
        let model = super::open_model(&self.model, Compute::F32, self.machine, print)?;
        let pool = model.pool.clone();
        let verdict = verify(&model.weights, &pool, &self.expected)?;
        let relative = verdict.farthest().map_or(0.0, |site| site.relative);
        let agrees = relative <= self.tolerance;
        // JSON has no infinity.
        let number = |x: f64| if x.is_finite() { json!(x) } else { Value::Null };
        if self.output_format.json {
            let site = |site: &lookback_lens::SiteDifference| {
                json!({
                    "name": site.name,
                    "site": site.site,
                    "elements": site.elements,
                    "largest": number(site.largest),
                    "relative": number(site.relative),
                    "typical": number(site.typical),
                    "scale": number(site.scale),
                })
            };
            print.json(&json!({
                "agrees": agrees,
                "largest": number(verdict.largest()),
                "relative": number(relative),
                "sites": verdict.sites.iter().map(site).collect::<Vec<_>>(),
                "unknown": verdict.unknown,
                "greedy_agreeing": verdict.greedy.map(|(agreeing, _)| agreeing),
                "greedy": verdict.greedy.map(|(_, of)| of),
            }))?;
        } else {
            print.line(
                "site                        largest   relative    typical  of values of about",
            )?;
            for site in &verdict.sites {
                print.line(&format!(
                    "{:<26} {:>8.1e}   {:>8.1e}   {:>8.1e}  {:.3}",
                    site.site, site.largest, site.relative, site.typical, site.scale
                ))?;
            }
            for name in &verdict.unknown {
                print.line(&format!("{name:<26} is no site of this model"))?;
            }
            if let Some((agreeing, of)) = verdict.greedy {
                print.line(&format!("greedy: the last {agreeing} of {of} ids are ours too"))?;
            }
        }
        if agrees {
            return Ok(());
        }
        Err(Refusal::ours(format!(
            "{}: at {} the largest relative difference is {relative:.1e}, more than --tolerance {:.1e}",
            self.expected.display(),
            verdict.farthest().map_or("no site", |site| &site.site),
            self.tolerance
        )))
    }
}
