//! Turns a chat into the prompt that a model was trained on, through the model's own template.
//!
//! Templates are Jinja, set up as transformers sets them up: a line that holds only a block leaves
//! no line behind, Python's string methods work, and `raise_exception` and `strftime_now` exist.
//! A template comes with a model file from anywhere, so it gets neither files nor endless loops, and
//! what is too long or too deep to be parsed is refused before that. What a message spells is never a
//! control token: see `message_spans`.

mod answer_tokens;
mod jinja;
mod json;
mod message_spans;
mod methods;
mod numbers;
mod python_repr;
mod source;
mod strftime;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ZonedDateTime, civil::DateTime};
use lookback_files::Result;
use lookback_text::{TokenId, Tokenizer};
use minijinja::{
    Environment, Error, ErrorKind, context,
    value::{Serde, Value},
};
use serde::Serialize;

use answer_tokens::AnswerTokens;

/// How many of the template machine's instructions a chat may take, and how many more for each message
/// and for each 64 bytes of what is said; real templates need about a hundred for each message.
const FUEL: u64 = 400_000;
const FUEL_OF_A_MESSAGE: u64 = 10_000;
const FUEL_OF_64_BYTES: u64 = 64;

const UNREADABLE: &str = "the model's chat template cannot be read";

/// A message of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`, or another role of the template.
    pub role: String,
    /// Its text.
    pub content: String,
    #[serde(skip)]
    answer_tokens: AnswerTokens,
}

impl Message {
    /// A message of this role.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into(), answer_tokens: AnswerTokens::default() }
    }

    /// What the model answered: tokens, with what each adds to the text. These tokens, as far as the
    /// template keeps their text, are what the model reads in later turns.
    pub fn answer(tokens: &[(TokenId, String)]) -> Self {
        let content: String = tokens.iter().map(|(_, added)| added.as_str()).collect();
        Self { answer_tokens: AnswerTokens::new(tokens), ..Self::new("assistant", content) }
    }
}

/// Whether the prompt ends with the header of an answer: `add_generation_prompt` of transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationPrompt {
    /// The assistant answers next.
    Added,
    /// Only the messages.
    Omitted,
}

/// A chat as the model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// As the template wrote it.
    pub text: String,
    /// Its tokens.
    pub ids: Vec<TokenId>,
}

/// A model's template and the special tokens it names.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    strings: BTreeSet<String>,
    beginning: Option<String>,
    end: Option<String>,
}

impl Template {
    /// Parses a template. `beginning` and `end` are the texts of the tokens that open and close a
    /// text (`bos_token`, `eos_token`), or empty.
    pub fn parse(source: &str, beginning: &str, end: &str) -> Result<Self> {
        let source = source::Source::read(source)?;
        let environment = jinja::on_own_stack(|| jinja::environment(source.text))?;
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (beginning, end) = (given(beginning), given(end));
        Ok(Self { environment, strings: source.strings, beginning, end })
    }

    /// The prompt for this chat, as text.
    pub fn render(
        &self,
        messages: &[Message],
        generation_prompt: GenerationPrompt,
    ) -> Result<String> {
        let now = ZonedDateTime::now().datetime();
        jinja::on_own_stack(|| self.rendered(messages, generation_prompt, now))
    }

    /// The prompt for this chat, as tokens. Control tokens that the template writes are tokens; those
    /// that a message spells are text.
    pub fn prompt(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        generation_prompt: GenerationPrompt,
    ) -> Result<Prompt> {
        // One moment for all renderings of a chat.
        let now = ZonedDateTime::now().datetime();
        let specials: Vec<&str> = tokenizer.specials().collect();
        let (text, spans) = jinja::on_own_stack(|| {
            let text = self.rendered(messages, generation_prompt, now)?;
            let again = |other: &[Message]| self.rendered(other, generation_prompt, now);
            let spans =
                message_spans::find_spans(messages, &text, &self.strings, &specials, &again)?;
            Ok((text, spans))
        })?;
        let mut known = Vec::new();
        let mut from = 0;
        for (message, extent) in message_spans::message_extents(&spans) {
            let Message { content, answer_tokens, .. } = &messages[message];
            if answer_tokens.is_empty() || extent.start < from {
                continue;
            }
            if let Some((bytes, ids)) = answer_tokens.find(content, &text, extent, from) {
                from = bytes.end;
                known.push((bytes, ids));
            }
        }
        let spans: Vec<_> = spans.into_iter().map(|span| span.bytes).collect();
        let ids = tokenizer.encode_chat(&text, &spans, &known)?;
        Ok(Prompt { text, ids })
    }

    fn rendered(
        &self,
        messages: &[Message],
        generation_prompt: GenerationPrompt,
        now: DateTime,
    ) -> Result<String> {
        let bytes: usize = messages.iter().map(|message| message.content.len()).sum();
        let mut environment = self.environment.clone();
        let fuel = FUEL
            + FUEL_OF_A_MESSAGE * messages.len() as u64
            + FUEL_OF_64_BYTES * bytes.div_ceil(64) as u64;
        environment.set_fuel(Some(fuel));
        let template =
            environment.get_template("chat").map_err(|error| jinja::refuse(UNREADABLE, &error))?;
        let rendered = template.render(context! {
            messages => Value::from(Serde(messages)),
            add_generation_prompt => generation_prompt == GenerationPrompt::Added,
            tools => Value::from(()),
            documents => Value::from(()),
            strftime_now => Value::from_function(move |format: String| {
                strftime::format_date(now, &format)
                    .map_err(|why| Error::new(ErrorKind::InvalidOperation, why))
            }),
            ..self.tokens()
        });
        rendered
            .map_err(|error| jinja::refuse("the model's chat template refuses this chat", &error))
    }

    /// The special tokens by the names that templates give them; one that there is not stays undefined.
    fn tokens(&self) -> Value {
        let tokens = [("bos_token", &self.beginning), ("eos_token", &self.end)];
        let there = tokens.into_iter().filter_map(|(name, token)| Some((name, token.clone()?)));
        Value::from(there.collect::<BTreeMap<&str, String>>())
    }
}
