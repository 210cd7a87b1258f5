//! The text that is written: prompt, tokens, and what the page is told of them.

use lookback_engine::Cache;
use lookback_generate::{
    context_window::ContextWindow,
    decode_step::{Alternative, DecodeStep},
};
use lookback_text::{Decoder, TokenId};
use serde_json::{Value, json};

use crate::{branches, prompt::Asked};

/// A prompt and the tokens behind it.
pub(super) struct Text {
    pub(super) asked: Asked,
    /// Behind the prompt, each with what it added to the text: nothing, where it ends within a
    /// character, and the whole character with the token that ends it.
    behind: Vec<(TokenId, String)>,
    decoder: Decoder,
}

impl Text {
    /// A prompt with tokens behind it.
    pub(super) fn new(asked: Asked, behind: &[u32]) -> Self {
        let decoder = asked.open.tokenizer.decoder_after(&asked.ids).without_specials();
        let mut text = Self { asked, behind: Vec::new(), decoder };
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
        self.behind.last().is_some_and(|(id, _)| self.asked.open.eos.contains(id))
    }

    /// What the model reads of it.
    pub(super) fn window(&self) -> ContextWindow {
        let behind = self.behind.iter().map(|(id, _)| *id);
        let ids = self.asked.ids.iter().copied().chain(behind).collect();
        ContextWindow::new(self.context(), ids, self.asked.open.bos())
    }

    fn context(&self) -> usize {
        branches::context(&self.asked.open)
    }

    fn tokens(&self) -> usize {
        self.asked.ids.len() + self.behind.len()
    }

    /// The first event: the text as it stands.
    pub(super) fn begin(&self) -> Value {
        let open = &self.asked.open;
        let prompt = self.asked.ids.iter().map(|id| {
            let is_special = open.tokenizer.is_special(*id);
            json!({ "id": id.0, "piece": open.tokenizer.piece(*id), "is_special": is_special })
        });
        json!({
            "type": "begin",
            "prompt": prompt.collect::<Vec<_>>(),
            "rendered": self.asked.rendered,
            "behind": self.behind.iter().map(|token| self.token(token)).collect::<Vec<_>>(),
            "context": self.context(),
            "page": Cache::PAGE,
            "page_bytes": Cache::bytes(open.weights.network(), open.weights.compute(), 1),
        })
    }

    /// What may follow the text; `bound` is Mirostat's before the draw.
    pub(super) fn turn(&self, turn: &DecodeStep, bound: Option<f64>) -> Value {
        let reading = turn.reading;
        let seen = reading.cached + reading.computed;
        let network = self.asked.open.weights.network();
        let milliseconds = |time: std::time::Duration| 1e3 * time.as_secs_f64();
        let alternatives = turn.alternatives.iter().map(|one| self.alternative(one));
        json!({
            "type": "turn",
            "tokens": self.tokens(),
            "last": self.behind.last().map(|token| self.token(token)),
            "drawn": turn.drawn.0,
            "bound": bound,
            "alternatives": alternatives.collect::<Vec<_>>(),
            "known": reading.cached,
            "read": reading.computed,
            "forgotten": self.tokens() - seen,
            "pages": reading.pages,
            "shared": reading.shared_pages,
            "multiplications": network.multiplications(reading.cached, reading.computed),
            "milliseconds": milliseconds(turn.read_time),
            "choosing_milliseconds": milliseconds(turn.sampling_time),
            "afresh": turn.uncached.map(|afresh| {
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
            "piece": self.asked.open.tokenizer.piece(*id),
            "text": added,
            "is_end": self.asked.open.eos.contains(id),
        })
    }

    fn alternative(&self, one: &Alternative) -> Value {
        let open = &self.asked.open;
        json!({
            "id": one.id.0,
            "piece": open.tokenizer.piece(one.id),
            "probability": one.probability,
            "after": one.chain_probability,
            "is_end": open.eos.contains(&one.id),
        })
    }
}
