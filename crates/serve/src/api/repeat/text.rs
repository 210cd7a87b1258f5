//! The text that is written: prompt, tokens, and what the page is told of them.

use lookback_engine::KvCache;
use lookback_generate::{
    context_window::ContextWindow,
    decode_step::{Alternative, DecodeStep},
};
use lookback_text::{Decoder, TokenId};
use serde_json::{Value, json};

use crate::{prefix_caches, prompt::ModelInput};

/// A prompt and the tokens behind it.
pub(super) struct Text {
    pub(super) input: ModelInput,
    /// Behind the prompt, each with what it added to the text: nothing, where it ends within a
    /// character, and the whole character with the token that ends it.
    behind: Vec<(TokenId, String)>,
    decoder: Decoder,
}

impl Text {
    /// A prompt with tokens behind it.
    pub(super) fn new(input: ModelInput, behind: &[u32]) -> Self {
        let decoder = input.model.tokenizer.decoder_after(&input.ids).without_specials();
        let mut text = Self { input, behind: Vec::new(), decoder };
        behind.iter().for_each(|id| text.push(TokenId(*id)));
        text
    }

    /// Appends a token.
    pub(super) fn push(&mut self, id: TokenId) {
        let added = self.decoder.push(id);
        self.behind.push((id, added));
    }

    /// Whether the last token ends a text. One that the prompt ends with does not.
    pub(super) fn is_over(&self) -> bool {
        self.behind.last().is_some_and(|(id, _)| self.input.model.eos.contains(id))
    }

    /// What the model reads of it.
    pub(super) fn window(&self) -> ContextWindow {
        let behind = self.behind.iter().map(|(id, _)| *id);
        let ids = self.input.ids.iter().copied().chain(behind).collect();
        ContextWindow::new(self.context(), ids, self.input.model.bos())
    }

    fn context(&self) -> usize {
        prefix_caches::max_positions(&self.input.model)
    }

    fn tokens(&self) -> usize {
        self.input.ids.len() + self.behind.len()
    }

    /// The first event: the text as it stands.
    pub(super) fn begin(&self) -> Value {
        let model = &self.input.model;
        let prompt = self.input.ids.iter().map(|id| {
            let is_special = model.tokenizer.is_special(*id);
            json!({ "id": id.0, "piece": model.tokenizer.piece(*id), "is_special": is_special })
        });
        json!({
            "type": "begin",
            "prompt": prompt.collect::<Vec<_>>(),
            "rendered": self.input.rendered,
            "behind": self.behind.iter().map(|token| self.token(token)).collect::<Vec<_>>(),
            "context": self.context(),
            "page": KvCache::PAGE,
            "page_bytes": KvCache::bytes(model.weights.network(), model.weights.compute(), 1),
        })
    }

    /// What may follow the text; `bound` is Mirostat's before the draw.
    pub(super) fn event(&self, step: &DecodeStep, bound: Option<f64>) -> Value {
        let reading = step.reading;
        let seen = reading.cached + reading.computed;
        let network = self.input.model.weights.network();
        let milliseconds = |time: std::time::Duration| 1e3 * time.as_secs_f64();
        let alternatives = step.alternatives.iter().map(|one| self.alternative(one));
        json!({
            "type": "turn",
            "tokens": self.tokens(),
            "last": self.behind.last().map(|token| self.token(token)),
            "drawn": step.drawn.0,
            "bound": bound,
            "alternatives": alternatives.collect::<Vec<_>>(),
            "known": reading.cached,
            "read": reading.computed,
            "forgotten": self.tokens() - seen,
            "pages": reading.pages,
            "shared": reading.shared_pages,
            "multiplications": network.multiplications(reading.cached, reading.computed),
            "milliseconds": milliseconds(step.read_time),
            "choosing_milliseconds": milliseconds(step.sampling_time),
            "afresh": step.uncached.map(|afresh| {
                json!({
                    "milliseconds": milliseconds(afresh.read_time),
                    "multiplications": network.multiplications(0, seen),
                    "differ": afresh.different_logits,
                })
            }),
        })
    }

    fn token(&self, (id, added): &(TokenId, String)) -> Value {
        json!({
            "id": id.0,
            "piece": self.input.model.tokenizer.piece(*id),
            "text": added,
            "is_end": self.input.model.eos.contains(id),
        })
    }

    fn alternative(&self, one: &Alternative) -> Value {
        let model = &self.input.model;
        json!({
            "id": one.id.0,
            "piece": model.tokenizer.piece(one.id),
            "probability": one.probability,
            "after": one.chain_probability,
            "is_end": model.eos.contains(&one.id),
        })
    }
}
