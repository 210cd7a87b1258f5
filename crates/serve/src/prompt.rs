//! From what was typed to ids, as the chosen model reads it.

use std::sync::Arc;

use lookback_files::Kind;
use lookback_generate::chat::{self, GenerationPrompt, Message};
use lookback_model::{Edits, TokenId};
use lookback_text::Specials;
use serde::Deserialize;

use crate::{
    edits::Given,
    error_response::{ErrorResponse, Result},
    models::ServedModel,
};

/// The part of a request with the prompt and the model that reads it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Prompt {
    /// The model's name; the first one where it is left out.
    pub(crate) model: Option<String>,
    /// The text.
    pub(crate) prompt: String,
    /// Whether it is a message to a chat model, to be put into its template.
    #[serde(default)]
    pub(crate) chat: bool,
    /// What is changed of its passes.
    #[serde(flatten)]
    pub(crate) given: Given,
}

impl Prompt {
    /// What the model reads: the text with its tokenizer's bos, or a chat in its template, and
    /// what the template made of it.
    pub(crate) fn read(&self, model: &ServedModel) -> Result<(Vec<TokenId>, Option<String>)> {
        let (mut ids, rendered) = if self.chat {
            let chat::Prompt { text, ids } = chat_prompt(model, &self.prompt)?;
            (ids, Some(text))
        } else {
            (model.tokenizer.encode(&self.prompt, Specials::Text)?, None)
        };
        if ids.is_empty() {
            ids.extend(model.bos());
        }
        if ids.is_empty() {
            return Err(ErrorResponse::bad_request(format!(
                "the prompt is empty, and {} has no token that begins a text; type something",
                model.name
            )));
        }
        let context = model.config().context;
        if ids.len() > context {
            let tokens = ids.len();
            let what = format!("{tokens} tokens are more than this model's context of {context}");
            let refused = ErrorResponse::bad_request(format!("{what}; shorten the prompt"));
            return Err(refused.with_kind(Kind::ContextLength));
        }
        Ok((ids, rendered))
    }
}

/// A model and what it is to read.
#[derive(Clone, Debug)]
pub(crate) struct ModelInput {
    /// The model as it stood when it was asked.
    pub(crate) model: Arc<ServedModel>,
    /// At least one, at most its context.
    pub(crate) ids: Vec<TokenId>,
    /// What the template made of the prompt, in a chat.
    pub(crate) rendered: Option<String>,
    /// What is changed of its passes.
    pub(crate) edits: Edits,
}

impl ModelInput {
    /// Refuses a layer that the model does not have.
    pub(crate) fn check_layer(&self, layer: usize) -> Result<()> {
        let layers = self.model.config().layers;
        if layer < layers {
            return Ok(());
        }
        Err(ErrorResponse::bad_request(format!(
            "there is no layer {layer}; this model's layers are 0 to {}",
            layers - 1
        )))
    }
}

/// The text as the user's message, up to where the assistant begins to speak.
fn chat_prompt(model: &ServedModel, text: &str) -> Result<chat::Prompt> {
    if !model.has_chat_template() {
        let what = format!("{} has no chat template, so it was not trained to chat", model.name);
        return Err(ErrorResponse::bad_request(what));
    }
    Ok(model.template(None)?.prompt(
        &model.tokenizer,
        &[Message::new("user", text)],
        GenerationPrompt::Added,
    )?)
}
