//! What a command changes of the passes that it makes: `--edit`, and its short forms.

use clap::{Args, ValueEnum};
use lookback::Model;
use lookback_files::{Refusal, Result};
use lookback_generate::context_window::ContextWindow;
use lookback_lens::{Intervention, LocalFiles, off, steer};
use lookback_model::{Edits, PassVariant, TokenId};

/// Changes of what stands at sites.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Changing what happens")]
pub(crate) struct Interventions {
    /// Changes what stands at a site, such as 'blocks.0.attn.z[:, 1] = 0'; may be given several times, and
    /// each sees what those before it made. See docs/interventions.md.
    #[arg(long, value_name = "EDIT")]
    edit: Vec<String>,
    /// Switches a part off: a head (3.1), an MLP (mlp.2), an attention (attn.2), a neuron (neuron.2.117).
    #[arg(long, value_name = "PART")]
    off: Vec<String>,
    /// Adds a vector to what a layer leaves: a .npy or .safetensors file, and the layer.
    #[arg(long, value_name = "FILE[:LAYER]")]
    steer: Vec<String>,
    /// What the vectors of --steer are multiplied with.
    #[arg(long, value_name = "S", default_value_t = 1.0, allow_negative_numbers = true)]
    #[arg(requires = "steer")]
    strength: f32,
    #[command(flatten)]
    variant: Variant,
}

/// What a pass leaves out or replaces.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Changing what happens")]
pub(crate) struct Variant {
    /// Lets every token see those behind it, too: of whole texts only, not where one is written token by token.
    #[arg(long)]
    no_mask: bool,
    /// Leaves scores as the products of queries and keys are, without 1/sqrt(head_dim).
    #[arg(long)]
    no_scale: bool,
    /// Tells the model no position.
    #[arg(long)]
    no_position: bool,
    /// Gives every key that a token sees the same weight.
    #[arg(long)]
    uniform_attention: bool,
    /// Makes queries, keys and values what attention reads, without learned projections.
    #[arg(long)]
    plain_attention: bool,
}

impl From<Variant> for PassVariant {
    fn from(variant: Variant) -> Self {
        let Variant { no_mask, no_scale, no_position, uniform_attention, plain_attention } =
            variant;
        Self { no_mask, no_scale, no_position, uniform_attention, plain_attention }
    }
}

/// For which tokens changes hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EditTokens {
    // All that a change chooses.
    #[default]
    All,
    // Those of the prompt among them.
    Prompt,
    // Those behind the prompt among them.
    Generated,
}

impl From<EditTokens> for lookback_lens::EditTokens {
    fn from(tokens: EditTokens) -> Self {
        match tokens {
            EditTokens::All => Self::All,
            EditTokens::Prompt => Self::Prompt,
            EditTokens::Generated => Self::Generated,
        }
    }
}

/// The same where tokens are generated.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Changing what happens")]
pub(crate) struct GeneratedInterventions {
    #[command(flatten)]
    interventions: Interventions,
    /// The tokens for which changes hold: all, those of the prompt, or those that are generated.
    #[arg(long, value_name = "WHICH", default_value = "all")]
    edit_tokens: EditTokens,
}

impl Interventions {
    /// All of them, in the order of their options.
    pub(crate) fn list(&self) -> Result<Vec<Intervention>> {
        let mut list: Vec<Intervention> =
            self.edit.iter().map(|edit| edit.parse()).collect::<Result<_>>()?;
        for part in &self.off {
            list.push(off(part)?);
        }
        for file in &self.steer {
            list.extend(steer(file, self.strength, &LocalFiles)?);
        }
        Ok(list)
    }

    /// What passes leave out or replace.
    pub(crate) fn variant(&self) -> PassVariant {
        self.variant.into()
    }
}

impl GeneratedInterventions {
    /// What passes leave out or replace.
    pub(crate) fn variant(&self) -> PassVariant {
        self.interventions.variant()
    }

    /// The list, and for which tokens it holds.
    pub(crate) fn list(&self) -> Result<(Vec<Intervention>, lookback_lens::EditTokens)> {
        Ok((self.interventions.list()?, self.edit_tokens.into()))
    }
}

/// The edits of texts that are read in windows of at most so many tokens, and have no prompt.
pub(crate) fn edits_of_texts(
    model: &Model,
    interventions: &[Intervention],
    positions: usize,
) -> Result<Edits> {
    let tokens = lookback_lens::EditTokens::All;
    model.edits(interventions, &LocalFiles, None, positions, tokens)
}

/// The edits of one prompt after another: the same for all, unless they name tokens from the end or by their text.
pub(crate) fn edits_of_prompts(
    model: &Model,
    interventions: &[Intervention],
    context: usize,
) -> impl Fn(&[TokenId]) -> Result<Edits> {
    // What can be told without a prompt, such as the mean over a file, is made once.
    let of_all = edits_of_texts(model, interventions, context).ok();
    move |prompt| match &of_all {
        Some(edits) => Ok(edits.clone()),
        None => {
            let tokens = lookback_lens::EditTokens::All;
            model.edits(interventions, &LocalFiles, Some(prompt), context, tokens)
        }
    }
}

/// The edits of a chat, whose prompt is all that stands before the answer.
pub(crate) fn edits_of_chat(
    model: &Model,
    (interventions, tokens): (&[Intervention], lookback_lens::EditTokens),
    window: &ContextWindow,
    context: usize,
) -> Result<Edits> {
    let prompt = window.visible_ids();
    let edits = model.edits(interventions, &LocalFiles, Some(&prompt), context, tokens)?;
    if edits.names_positions() && window.discarded() > 0 {
        return Err(Refusal::user(format!(
            "the chat has outgrown the context of {context} tokens, and --edit names some of them, which \
             would move; begin a new one"
        )));
    }
    Ok(edits)
}
