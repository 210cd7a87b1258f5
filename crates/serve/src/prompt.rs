//! From what was typed to ids, as the chosen model reads it.

use std::sync::Arc;

use lookback_generate::chat::{self, End, Message, Template};
use lookback_model::TokenId;
use lookback_text::Specials;
use serde::Deserialize;

use crate::{
    branches,
    models::Open,
    refuse::{Refused, Result},
    state::State,
};

/// The part of a request that says what is read, and by whom.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Prompt {
    /// The model's name; the first one where it is left out.
    pub(crate) model: Option<String>,
    /// The text.
    pub(crate) prompt: String,
    /// Whether it is what a user says to a chat model, to be put into its template.
    #[serde(default)]
    pub(crate) chat: bool,
}

/// A model and what it is to read.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The model as it stood when it was asked.
    pub(crate) open: Arc<Open>,
    /// At least one, at most its context.
    pub(crate) ids: Vec<TokenId>,
    /// What the template made of the prompt, in a chat.
    pub(crate) rendered: Option<String>,
}

impl State {
    /// Finds the model and reads the text. The text is cut into tokens on a thread for slow work.
    pub(crate) async fn ask(&self, prompt: &Prompt) -> Result<Asked> {
        let open = self.models.find(prompt.model.as_deref())?;
        let prompt = prompt.clone();
        let (ids, rendered) = {
            let (open, passes) = (open.clone(), self.passes.clone());
            let work = move || {
                open.plan_positions(|| {
                    let (network, compute) = (open.weights.network(), open.weights.compute());
                    branches::affordable(network, compute, passes.threads(), passes.free())
                });
                read(&open, &prompt.prompt, prompt.chat)
            };
            self.slowly(work).await??
        };
        Ok(Asked { open, ids, rendered })
    }
}

/// What the model reads: the text as its tokenizer wants it, or a chat as its template wants it, and
/// what the template made of it.
fn read(open: &Open, text: &str, is_chat: bool) -> Result<(Vec<TokenId>, Option<String>)> {
    let (mut ids, rendered) = if is_chat {
        let chat::Prompt { text, ids } = rendered(open, text)?;
        (ids, Some(text))
    } else {
        (open.tokenizer.encode(text, Specials::Text)?, None)
    };
    if ids.is_empty() {
        ids.extend(open.beginning);
    }
    if ids.is_empty() {
        return Err(Refused::asked(format!(
            "the prompt is empty, and {} has no token that begins a text; type something",
            open.name
        )));
    }
    let context = open.config().context;
    if ids.len() > context {
        return Err(Refused::asked(format!(
            "{} tokens are more than this model's context of {context}; shorten the prompt",
            ids.len()
        )));
    }
    Ok((ids, rendered))
}

/// The text as the user's message, up to where the assistant begins to speak.
fn rendered(open: &Open, text: &str) -> Result<chat::Prompt> {
    let source = open.chat_template.as_deref().ok_or_else(|| {
        Refused::asked(format!("{} has no chat template, so it was not trained to chat", open.name))
    })?;
    let spelled = |id: Option<TokenId>| id.map_or("", |id| open.tokenizer.spelled(id));
    let (beginning, end) = (open.tokenizer.beginning(), open.tokenizer.end());
    let template = Template::parse(source, spelled(beginning), spelled(end))?;
    Ok(template.prompt(&open.tokenizer, &[Message::new("user", text)], End::Assistant)?)
}
