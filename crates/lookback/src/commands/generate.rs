//! `lookback generate`: sample, append and repeat.

use clap::Args;
use lookback::{FinishReason, Generation, Model, Piece};
use lookback_files::Result;
use lookback_model::TokenId;
use serde_json::json;

use super::{
    context::{self, Context},
    interventions::GeneratedInterventions,
    prompt::{self, SpecialTokens},
    sampling::Sampling,
};
use crate::{
    options::{Compute, Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
A text that outgrows the model's context is read through a window: when the context is full, its \
older half is forgotten (a beginning-of-text token stays) and the rest is read again from position \
0. The same holds for a prompt that is longer than the context. Where it happens, it is said. \
Writing ends after -n tokens, at an end token of the model (from its files) or at a --stop text. Where a \
change names tokens, a text does not outgrow the context, since its tokens would move: writing ends there.

Keys of --json: text (the continuation), ids (its ids, with the end token if one ended it), \
finish_reason (length, or stop at an end token or a stop text), prompt_ids, context (the tokens \
read at once), prompt_forgotten (how many of the prompt's first tokens were left out), forgotten \
(how many of the text's first tokens the last one was written without).

Examples:
  lookback generate runs/mine -p \"ROMEO:\"
  lookback generate model.gguf -p \"The capital of France is\" --greedy -n 20
  echo \"Once upon a time\" | lookback generate default -p - --seed 7 --json";

/// Continues a prompt, token by token
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Generate {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// Reads the prompt from standard input, as -p - does.
    #[arg(value_name = "-", value_parser = only_a_dash)]
    standard_input: Option<String>,
    /// The text to write on from. Without a prompt, writing begins at the model's
    /// beginning-of-text token.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    #[arg(conflicts_with_all = ["standard_input", "ids"])]
    prompt: Option<String>,
    /// The prompt as token ids; nothing is put before them.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',')]
    #[arg(conflicts_with_all = ["standard_input", "special"])]
    ids: Option<Vec<u32>>,
    #[command(flatten)]
    special_tokens: SpecialTokens,
    /// How many tokens to write at most [default: what the model's files say, or 256].
    #[arg(short = 'n', long = "tokens", value_name = "N")]
    tokens: Option<usize>,
    /// Writes on past the model's end tokens.
    #[arg(long)]
    ignore_end: bool,
    /// Ends before this text; may be given several times.
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// The precision of matrix products.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    compute: Compute,
    #[command(flatten)]
    context: Context,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    interventions: GeneratedInterventions,
}

fn only_a_dash(word: &str) -> Result<String, &'static str> {
    if word == "-" {
        Ok(word.to_owned())
    } else {
        Err("a prompt is given with -p, in quotes where it has several words")
    }
}

impl Generate {
    /// Streams the continuation, or prints it as one object.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        self.sampling.check()?;
        let (interventions, edit_tokens) = self.interventions.list()?;
        let variant = self.interventions.variant();
        let model =
            super::open_model_for(&self.model, self.compute, self.machine, self.context, print)?;
        let sampler = self.sampling.sampler(&model, print)?;
        let prompt = self.prompt(&model)?;
        let context = self.context.tokens(&model)?;
        let mut generation = model
            .generate(prompt.clone())
            .sampler(sampler)
            .context(context)
            .interventions(interventions)
            .variant(variant)
            .edit_tokens(edit_tokens)
            .local_files();
        if let Some(tokens) = self.tokens {
            generation = generation.max_tokens(tokens);
        }
        if self.ignore_end {
            generation = generation.ignore_eos();
        }
        let mut pieces = self.stop.into_iter().fold(generation, Generation::stop).pieces()?;
        context::warn_truncated_prompt(pieces.window(), context, print);

        let (streams, mut text) = (!self.output_format.json, String::new());
        let has_words = model.tokenizer().is_ok();
        while let Some(Piece { token, text: added }) = pieces.next().transpose()? {
            let added = match token {
                Some(id) if !has_words => format!("{} ", id.0),
                _ => added,
            };
            text.push_str(&added);
            if streams {
                print.stream(&added)?;
            }
            if print.is_pipe_closed() {
                break;
            }
        }
        if streams {
            print.line("")?;
            print.flush()?;
        }
        let window = pieces.window();
        context::warn_full_context(window, prompt.len(), context, print);
        if streams {
            return Ok(());
        }
        let numbers = |ids: &[TokenId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
        print.json(&json!({
            "text": text,
            "ids": numbers(pieces.ids()),
            "finish_reason": pieces.finish().unwrap_or(FinishReason::Stop).to_string(),
            "prompt_ids": numbers(&prompt),
            "context": context,
            "prompt_forgotten": window.discarded_of(prompt.len()),
            "forgotten": context::final_truncation(window),
        }))
    }

    /// The prompt's ids; without a prompt, the beginning-of-text token alone.
    fn prompt(&self, model: &Model) -> Result<Vec<TokenId>> {
        if let Some(ids) = &self.ids {
            return model.ids(ids);
        }
        let text = self.prompt.as_deref().or(self.standard_input.as_deref());
        match text
            .map(|text| prompt::encode(model, text, self.special_tokens.specials()))
            .transpose()?
        {
            Some(ids) if !ids.is_empty() => Ok(ids),
            _ => model.prompt(""),
        }
    }
}
