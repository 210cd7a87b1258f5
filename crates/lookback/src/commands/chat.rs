//! `lookback chat`: a conversation through the model's own template.

mod ctrl_c;

use clap::Args;
use lookback_engine::{Compute, Session};
use lookback_files::{Refusal, Result};
use lookback_generate::{
    chat::{GenerationPrompt, Message},
    context_window::ContextWindow,
    repeat::{Continuation, FinishReason, GenerationLimits},
};
use lookback_model::{Edits, TokenId};

use super::{
    context::{self, Context},
    interventions::{self, GeneratedInterventions},
    sampling::Sampling,
};
use crate::{options::Machine, print::Print};

const EXAMPLES: &str = "\
Each line of standard input is one message; /quit, or the end of the input, ends the chat. Ctrl-C \
ends an answer, and at the prompt the chat. The model's own chat template makes the prompt; a model \
without one is refused. Control tokens that a message spells are text. A conversation that outgrows \
the context is read through a window, as lookback generate --help says. Of a change the prompt is all \
that stands before the answer.

Examples:
  lookback chat smollm2-135m-instruct-q4_1.gguf
  echo \"Why is the sky blue?\" | lookback chat model.gguf --greedy";

/// Tokens of an answer by default.
const TOKENS: usize = 1024;

/// Talks with a model that was trained for it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Chat {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// What the model is told before the conversation.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// The chat template of this name, where a model has several.
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// How many tokens an answer may have [default: what the model's files say, or 1024].
    #[arg(short = 'n', long = "tokens", value_name = "N")]
    tokens: Option<usize>,
    #[command(flatten)]
    context: Context,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    interventions: GeneratedInterventions,
}

impl Chat {
    /// Answers line by line.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        self.sampling.check()?;
        let (interventions, edit_tokens) = self.interventions.list()?;
        let variant = self.interventions.variant();
        let model =
            super::open_model_for(&self.model, Compute::F32, self.machine, self.context, print)?;
        let tokenizer = model.tokenizer()?;
        let template = model.template(self.template.as_deref())?;
        let mut sampler = self.sampling.sampler(&model, print)?;
        let defaults = model.generation_defaults()?;
        let context = self.context.tokens(&model)?;
        let eos = model.eos();
        let ctrl_c = ctrl_c::CtrlC::listen()?;
        let mut messages: Vec<Message> =
            self.system.iter().map(|text| Message::new("system", text)).collect();
        let mut lines = std::io::stdin().lines();
        // Both last for the whole chat, so each turn reads only what is new in it.
        let mut window = ContextWindow::new(context, Vec::new(), model.bos());
        let (mut session, mut edits) = (None, Edits::default());
        loop {
            print.prompt()?;
            let Some(line) = lines.next() else { return Ok(()) };
            let line = line.map_err(|error| {
                Refusal::user(format!("standard input could not be read ({error})"))
            })?;
            // Files and shells of Windows put a byte order mark before what they send.
            match line.trim_start_matches('\u{feff}').trim() {
                "/quit" => return Ok(()),
                "" => continue,
                said => messages.push(Message::new("user", said)),
            }
            let ids = template.prompt(tokenizer, &messages, GenerationPrompt::Added)?.ids;
            let prompt = ids.len();
            let max_tokens = self.tokens.or(defaults.tokens(prompt)).unwrap_or(TOKENS);
            let needed = context.min(prompt.saturating_add(max_tokens));
            let now = interventions::edits_of_chat(
                &model,
                (&interventions[..], edit_tokens),
                &ContextWindow::new(context, ids.clone(), model.bos()),
                context,
            )?;
            let now = now.of_variant(variant);
            // What was read under other edits is read again.
            let keeps_edits = std::mem::replace(&mut edits, now) == edits;
            let session = match &mut session {
                Some(session) if keeps_edits && Session::context(session) >= needed => session,
                other => {
                    // The cache that is too small goes before a larger one comes.
                    drop(other.take());
                    window.truncate_cached(0);
                    let session = context::session_with_headroom(&model, &edits, needed, context)?;
                    other.insert(session)
                }
            };
            let mut decoder = tokenizer.decoder_after(&ids).without_specials();
            window.set_text(ids);
            context::warn_truncated_prompt(&window, context, print);
            let limits = GenerationLimits {
                max_tokens,
                eos: eos.clone(),
                stop: Some(ctrl_c.begin_answer()),
            };
            let mut text = Continuation::new(session, window, sampler, limits)?;
            let mut answer: Vec<(TokenId, String)> = Vec::new();
            let written = text.try_for_each(|id| {
                let id = id.map_err(|refusal| model.with_cause(refusal))?;
                let piece = decoder.push(id);
                print.stream(&piece)?;
                answer.push((id, piece));
                Ok(())
            });
            let is_stopped = ctrl_c.end_answer();
            written?;
            let finish = text.finish_reason();
            (_, window, sampler) = text.into_parts();
            let rest = decoder.finish();
            print.line(&rest)?;
            print.flush()?;
            context::warn_full_context(&window, prompt, context, print);
            if finish == Some(FinishReason::Length) {
                print.warn(&format!(
                    "the answer was ended after {max_tokens} tokens; -n allows more"
                ));
            } else if is_stopped {
                print.status("the answer was stopped; Ctrl-C once more ends the chat");
            }
            if let Some((_, last)) = answer.last_mut() {
                last.push_str(&rest);
            }
            messages.push(Message::answer(&answer));
        }
    }
}
