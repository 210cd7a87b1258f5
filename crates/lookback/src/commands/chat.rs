//! `lookback chat`: a conversation through the model's own template.

use std::ops::ControlFlow;

use clap::Args;
use lookback_engine::{Compute, Session};
use lookback_files::{Refusal, Result};
use lookback_generate::{
    chat::{End, Message, Template},
    repeat::{Limits, repeat},
    window::{POSITIONS, Window},
};
use lookback_model::TokenId;
use lookback_text::Specials;

use super::sampling::Sampling;
use crate::{arguments::Machine, print::Print};

const EXAMPLES: &str = "\
Each line of standard input is one message; /quit, or the end of the input, ends the chat. The \
model's own chat template makes the prompt; a model without one is refused. A conversation that \
outgrows the context is read through a window, as lookback generate --help says.

Examples:
  lookback chat smollm2-135m-instruct-q4_1.gguf
  echo \"Why is the sky blue?\" | lookback chat model.gguf --greedy";

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
    /// How many tokens an answer may have.
    #[arg(short = 'n', long = "tokens", value_name = "N", default_value_t = 1024)]
    tokens: usize,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    sampling: Sampling,
}

impl Chat {
    /// Answers line by line.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        self.sampling.check()?;
        let team = self.machine.team()?;
        let model = super::open(&self.model, Compute::F32, &team, print)?;
        let tokenizer = model.tokenizer()?;
        let template = model.chat_template.as_deref().ok_or_else(|| {
            Refusal::user(format!(
                "{}: it has no chat template, so it was not trained to chat; use lookback generate",
                model.path.display()
            ))
        })?;
        let spelled = |id: Option<TokenId>| id.map_or("", |id| tokenizer.spelled(id));
        let (beginning, end) = (tokenizer.beginning(), tokenizer.end());
        let template = Template::parse(template, spelled(beginning), spelled(end))?;
        let mut sampler = self.sampling.sampler(&model, print)?;
        let context = model.config().context.min(POSITIONS);
        let mut session = Session::new(&model.weights, &team, context);
        // Both last for the whole chat, so each turn reads only what is new in it.
        let mut window = Window::new(context, Vec::new(), beginning);
        let ends = model.ends();
        let mut messages: Vec<Message> =
            self.system.iter().map(|text| Message::new("system", text)).collect();
        let mut lines = std::io::stdin().lines();
        loop {
            print.prompt()?;
            let Some(line) = lines.next() else { return Ok(()) };
            let line = line.map_err(|error| {
                Refusal::user(format!("standard input could not be read ({error})"))
            })?;
            match line.trim() {
                "/quit" => return Ok(()),
                "" => continue,
                said => messages.push(Message::new("user", said)),
            }
            let prompt = template.render(&messages, End::Assistant)?;
            let ids = tokenizer.encode_bare(&prompt, Specials::Allowed)?;
            let mut decoder = tokenizer.decoder_after(&ids).without_specials();
            window.turn_to(ids);
            let mut answer = String::new();
            let limits = Limits { tokens: self.tokens, ends: &ends };
            repeat(&mut session, &mut window, &mut sampler, limits, |id| {
                let piece = decoder.push(id);
                print.stream(&piece)?;
                answer.push_str(&piece);
                Ok(ControlFlow::Continue(()))
            })
            .map_err(|refusal| model.explained(refusal))?;
            let rest = decoder.finish();
            print.line(&rest)?;
            print.flush()?;
            answer.push_str(&rest);
            messages.push(Message::new("assistant", answer.trim()));
        }
    }
}
