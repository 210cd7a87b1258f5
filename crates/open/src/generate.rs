//! `model.generate(prompt)` and `model.chat(messages)`: what is to be written, and the pieces of it.

mod changes;

use lookback_engine::Session;
use lookback_files::{Refusal, Result, Setting};
use lookback_generate::{
    chat::{GenerationPrompt, Message},
    context_window::ContextWindow,
    repeat::{Continuation, FinishReason, GenerationLimits},
    sample::{SEQUENCE_BREAKERS, SamplerChain, Settings, sequence_breakers},
    stop_sequences::StopSequences,
};
use lookback_lens::{EditTokens, Intervention};
use lookback_model::PassVariant;
use lookback_text::{Decoder, TokenId};

use self::changes::Changes;
use crate::model::Model;

/// Tokens to write by default.
pub const TOKENS: usize = 256;

/// What is written on from: a text, or ids that are taken as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A text. Of an empty one, writing begins at the model's beginning-of-text token.
    Text(String),
    /// Ids; nothing is put before them.
    Ids(Vec<TokenId>),
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<TokenId>> for Prompt {
    fn from(ids: Vec<TokenId>) -> Self {
        Self::Ids(ids)
    }
}

impl From<&[TokenId]> for Prompt {
    fn from(ids: &[TokenId]) -> Self {
        Self::Ids(ids.to_vec())
    }
}

impl Model {
    /// Writes on from a prompt: a text, or ids. What is not asked for is as the model's files suggest it,
    /// or else as `lookback generate` has it.
    ///
    /// ```no_run
    /// let model = lookback_open::Model::open("model.gguf")?;
    /// for piece in model.generate("The capital of France is").greedy().max_tokens(12) {
    ///     print!("{}", piece?.text);
    /// }
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    pub fn generate(&self, prompt: impl Into<Prompt>) -> Generation {
        let ids = match prompt.into() {
            Prompt::Text(text) => self.prompt(&text),
            Prompt::Ids(ids) => Ok(ids),
        };
        Generation::new(self.clone(), ids)
    }

    /// Answers the last of these messages, through the model's own chat template.
    pub fn chat(&self, messages: &[Message]) -> Generation {
        let ids = self.template(None).and_then(|template| {
            let prompt = template.prompt(self.tokenizer()?, messages, GenerationPrompt::Added)?;
            Ok(prompt.ids)
        });
        Generation::new(self.clone(), ids)
    }

    /// The ids to write on from: those of a text, or of an empty one the beginning-of-text token alone.
    ///
    /// # Errors
    /// When a text cannot be encoded; when there is nothing to begin with.
    pub fn prompt(&self, text: &str) -> Result<Vec<TokenId>> {
        let ids = if text.is_empty() { Vec::new() } else { self.encode(text)? };
        if !ids.is_empty() {
            return Ok(ids);
        }
        let bos = self.bos().ok_or_else(|| {
            let setting = if self.tokenizer().is_ok() { "prompt" } else { "ids" };
            Refusal::user(format!(
                "{}: it has no beginning-of-text token to begin with; give a prompt with {}",
                self.path.display(),
                Setting(setting)
            ))
        })?;
        Ok(vec![bos])
    }
}

/// A text that is to be written. [`Generation::pieces`], or a `for` loop, begins.
#[derive(Clone, Debug)]
pub struct Generation {
    model: Model,
    prompt: Result<Vec<TokenId>>,
    given: Vec<(String, f64)>,
    seed: u64,
    sampler: Option<SamplerChain>,
    max_tokens: Option<usize>,
    context: Option<usize>,
    ignores_eos: bool,
    stop: Vec<String>,
    changes: Changes,
}

impl Generation {
    fn new(model: Model, prompt: Result<Vec<TokenId>>) -> Self {
        Self {
            model,
            prompt,
            given: Vec::new(),
            seed: 0,
            sampler: None,
            max_tokens: None,
            context: None,
            ignores_eos: false,
            stop: Vec::new(),
            changes: Changes::default(),
        }
    }

    /// Always the likeliest token.
    #[must_use]
    pub fn greedy(self) -> Self {
        self.temperature(0.0)
    }

    /// Below 1 the likely become likelier, above 1 the odds even out; 0 is greedy.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        self.set("temperature", temperature)
    }

    /// Keeps the `k` likeliest; 0 keeps all.
    #[must_use]
    pub fn top_k(self, k: usize) -> Self {
        self.set("top_k", k as f64)
    }

    /// Keeps the fewest likeliest that together have this share of the probability (Holtzman et al. 2020).
    #[must_use]
    pub fn top_p(self, p: f64) -> Self {
        self.set("top_p", p)
    }

    /// Keeps what is at least this share as likely as the likeliest.
    #[must_use]
    pub fn min_p(self, p: f64) -> Self {
        self.set("min_p", p)
    }

    /// A number of one of [`SAMPLER_PARAMETERS`](lookback_generate::sample::SAMPLER_PARAMETERS), by its name.
    #[must_use]
    pub fn set(mut self, name: &str, value: f64) -> Self {
        self.given.push((name.to_owned(), value));
        self
    }

    /// What the draws follow from: the same seed gives the same text.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Draws with this sampler, and ignores every other setting of sampling.
    #[must_use]
    pub fn sampler(mut self, sampler: SamplerChain) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// Tokens to write at most: by default what the model's files suggest, or 256.
    #[must_use]
    pub fn max_tokens(mut self, tokens: usize) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// Tokens that are read at once at most; by default the model's whole context.
    #[must_use]
    pub fn context(mut self, tokens: usize) -> Self {
        self.context = Some(tokens);
        self
    }

    /// Writes on past the tokens that end a text.
    #[must_use]
    pub fn ignore_eos(mut self) -> Self {
        self.ignores_eos = true;
        self
    }

    /// Ends before this text; may be asked for several times.
    #[must_use]
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }

    /// Changes what stands at a site, as it is written: `blocks.3.attn.z[:, 1] = 0`. Where it names tokens,
    /// the text ends with the context at the latest, since its tokens would move.
    #[must_use]
    pub fn intervene(mut self, intervention: &str) -> Self {
        self.changes.interventions = self.changes.interventions.and_then(|mut list| {
            list.push(intervention.parse()?);
            Ok(list)
        });
        self
    }

    /// The same of several.
    #[must_use]
    pub fn interventions(mut self, interventions: Vec<Intervention>) -> Self {
        if let Ok(list) = &mut self.changes.interventions {
            list.extend(interventions);
        }
        self
    }

    /// Makes a variant of each pass, such as one without positions.
    #[must_use]
    pub fn variant(mut self, variant: PassVariant) -> Self {
        self.changes.variant = variant;
        self
    }

    /// For which tokens these changes hold: for all, unless others are asked for.
    #[must_use]
    pub fn edit_tokens(mut self, tokens: EditTokens) -> Self {
        self.changes.tokens = tokens;
        self
    }

    /// Reads the files that changes name, which are not read otherwise.
    #[must_use]
    pub fn local_files(mut self) -> Self {
        self.changes.reads_files = true;
        self
    }

    /// Begins to write: the pieces come as they are asked for.
    ///
    /// # Errors
    /// When prompt or settings are impossible, or the memory for the text's cache is not admitted.
    pub fn pieces(self) -> Result<Pieces> {
        let Self { model, prompt, .. } = &self;
        let prompt = prompt.clone()?;
        let sampler = match &self.sampler {
            Some(sampler) => sampler.clone(),
            None => self.default_sampler()?,
        };
        let max_context = model.config().context;
        let context = self.context.unwrap_or(max_context);
        if context == 0 || context > max_context {
            return Err(Refusal::user(format!(
                "{} {context}: this model reads {max_context} tokens at once at most",
                Setting("context")
            )));
        }
        let defaults = model.generation_defaults()?.tokens(prompt.len());
        let tokens = self.max_tokens.or(defaults).unwrap_or(TOKENS);
        let eos = if self.ignores_eos { Vec::new() } else { model.eos() };
        let window = ContextWindow::new(context, prompt.clone(), model.bos());
        let (edits, tokens) = self.changes.edits(model, &window, context, tokens)?;
        let positions = context.min(prompt.len().saturating_add(tokens));
        let session = model.edited_session(positions, &edits)?;
        let decoder = model.tokenizer().ok().map(|tokenizer| match prompt.is_empty() {
            true => tokenizer.decoder().without_specials(),
            false => tokenizer.decoder_after(&prompt).without_specials(),
        });
        let limits = GenerationLimits { eos, ..GenerationLimits::new(tokens) };
        let continuation = Continuation::new(session, window, sampler, limits)?;
        let (model, stop) = (self.model, StopSequences::new(self.stop));
        Ok(Pieces { model, continuation, decoder, stop, is_over: false })
    }

    /// All of the text.
    ///
    /// # Errors
    /// As [`Generation::pieces`], and when a token cannot be drawn.
    pub fn text(self) -> Result<String> {
        let mut text = String::new();
        for piece in self.pieces()? {
            text.push_str(&piece?.text);
        }
        Ok(text)
    }

    fn default_sampler(&self) -> Result<SamplerChain> {
        let mut settings = Settings::usual(self.seed);
        let is_given = |name: &str| self.given.iter().any(|(given, _)| given == name);
        let defaults = self.model.generation_defaults()?;
        let used = defaults.apply(&mut settings, is_given);
        used.map_err(|refusal| refusal.at(self.model.path.display()))?;
        for (name, value) in &self.given {
            settings.set(name, *value)?;
        }
        if let (true, Ok(tokenizer)) = (settings.dry_multiplier > 0.0, self.model.tokenizer()) {
            settings.dry_sequence_breakers = sequence_breakers(tokenizer, &SEQUENCE_BREAKERS);
        }
        SamplerChain::new(&settings)
    }
}

impl IntoIterator for Generation {
    type Item = Result<Piece>;
    type IntoIter = GenerationPieces;

    /// What is refused at the beginning comes as the only piece.
    fn into_iter(self) -> GenerationPieces {
        GenerationPieces(self.pieces().map_err(Some))
    }
}

/// The pieces of a text, or why it could not begin.
#[derive(Debug)]
pub struct GenerationPieces(Result<Pieces, Option<Refusal>>);

impl Iterator for GenerationPieces {
    type Item = Result<Piece>;

    fn next(&mut self) -> Option<Result<Piece>> {
        match &mut self.0 {
            Ok(pieces) => pieces.next(),
            Err(refusal) => refusal.take().map(Err),
        }
    }
}

/// What a token adds to the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The token; none of the last piece, which only gives text that was held back.
    pub token: Option<TokenId>,
    /// What may be shown from now on: nothing where a character is not whole yet, or where a stop text may
    /// have begun.
    pub text: String,
}

/// A text that is being written: an iterator over its pieces, which owns all that it needs.
#[derive(Debug)]
pub struct Pieces {
    model: Model,
    continuation: Continuation<'static, Session>,
    decoder: Option<Decoder>,
    stop: StopSequences,
    is_over: bool,
}

impl Pieces {
    /// Why the text ended, once it has.
    pub fn finish(&self) -> Option<FinishReason> {
        self.continuation.finish_reason()
    }

    /// The tokens behind the prompt, the one that ended the text included.
    pub fn ids(&self) -> &[TokenId] {
        self.continuation.ids()
    }

    /// Prompt and text, and the window of them that the model reads.
    pub fn window(&self) -> &ContextWindow {
        self.continuation.window()
    }

    fn next_piece(&mut self) -> Result<Option<Piece>> {
        match self.continuation.next().transpose() {
            Err(refusal) => Err(self.model.with_cause(refusal)),
            Ok(Some(id)) => {
                let added = self.decoder.as_mut().map(|decoder| decoder.push(id));
                let text = self.stop.push(&added.unwrap_or_default());
                if self.stop.found() {
                    self.continuation.stop();
                }
                Ok(Some(Piece { token: Some(id), text }))
            }
            Ok(None) => {
                self.is_over = true;
                let rest = self.decoder.as_mut().map(|decoder| decoder.finish());
                let mut text = self.stop.push(&rest.unwrap_or_default());
                text.push_str(&self.stop.finish());
                Ok((!text.is_empty()).then_some(Piece { token: None, text }))
            }
        }
    }
}

impl Iterator for Pieces {
    type Item = Result<Piece>;

    fn next(&mut self) -> Option<Result<Piece>> {
        if self.is_over {
            return None;
        }
        let written = self.next_piece();
        self.is_over |= written.is_err();
        written.transpose()
    }
}
