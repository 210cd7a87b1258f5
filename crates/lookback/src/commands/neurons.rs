//! `lookback neurons`: what makes the neurons of each MLP fire most, and which tokens they push.

use clap::Args;
use lookback::Model;
use lookback_files::{Refusal, Result};
use lookback_lens::{Firing, LayerFiring};
use lookback_model::TokenId;
use serde_json::json;

use super::{progress_bar::ProgressOfPasses, sequences::SequenceArguments};
use crate::{
    options::{Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
A neuron's activation is what leaves it (mlp.post); it counts as dead where it stays below a thousandth of its \
layer's largest everywhere in the text. raises and lowers are the tokens whose logits it moves most when later \
layers do nothing. Of a mixture, the neurons of all experts stand one expert's after the other's.

Keys of --json: layers (layer, count, dead, strongest: neuron, activation, sequence, token, up, down), \
sequences (ids).

Examples:
  lookback neurons default
  lookback neurons model.gguf held-out.txt --layer 3 --top 20";

/// Says what makes neurons fire, which tokens they push, and which are dead
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Neurons {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    sequences: SequenceArguments,
    /// Shows this layer alone.
    #[arg(long, value_name = "L")]
    layer: Option<usize>,
    /// Neurons of each layer that are shown.
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
}

/// Tokens that a neuron raises and lowers.
const PUSHED: usize = 3;
/// Tokens before the one at which a neuron fires.
const BEFORE: usize = 8;

impl Neurons {
    /// Prints a few lines a layer.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let f32 = lookback_engine::Compute::F32;
        let model = super::open_model(&self.model, f32, self.machine, print)?;
        let layers = model.config().layers;
        if let Some(layer) = self.layer.filter(|&layer| layer >= layers) {
            let what = format!("--layer {layer}: this model has {layers}, counted from 0");
            return Err(Refusal::user(what));
        }
        let query = self.sequences.query(&model, print)?;
        let bar = ProgressOfPasses::new(print)?;
        let (mut firing, sequences) =
            query.neurons((self.top, PUSHED), &mut |done, all| bar.show(done, all))?;
        drop(bar);
        firing.retain(|of| self.layer.is_none_or(|layer| layer == of.layer));
        if self.output_format.json {
            return print.json(&json!({ "layers": firing, "sequences": sequences }));
        }
        for of in &firing {
            lines(of, &sequences, &model).iter().try_for_each(|line| print.line(line))?;
        }
        Ok(())
    }
}

fn lines(of: &LayerFiring, sequences: &[Vec<u32>], model: &Model) -> Vec<String> {
    let mut lines =
        vec![format!("layer {}: {} of {} neurons are dead", of.layer, of.dead.len(), of.count)];
    lines.extend(of.strongest.iter().map(|firing| {
        let Firing { neuron, activation, .. } = firing;
        let place = format!("{}.{neuron}", of.layer);
        format!("{place:>9} {activation:>+8.3}  {}", what(firing, sequences, model))
    }));
    lines
}

/// Where a neuron fires, and what it pushes.
fn what(firing: &Firing, sequences: &[Vec<u32>], model: &Model) -> String {
    let Ok(tokenizer) = model.tokenizer() else { return format!("token {}", firing.token) };
    let quoted = |ids: &[u32]| {
        ids.iter().map(|&id| tokenizer.quoted(TokenId(id))).collect::<Vec<_>>().join(" ")
    };
    let ids = &sequences[firing.sequence][..=firing.token];
    let shown = &ids[ids.len().saturating_sub(BEFORE)..];
    let text: String = shown.iter().map(|&id| tokenizer.piece(TokenId(id))).collect();
    format!("{text:?} raises {} lowers {}", quoted(&firing.up), quoted(&firing.down))
}
