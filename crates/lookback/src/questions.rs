//! How many of Tinytown's questions a model answers: it writes greedily, and is right if it gives the
//! answer to its last token. Analogies are asked of its embedding table. Scores have no thresholds.

mod analogies;
mod differences;

use std::collections::BTreeMap;

use lookback::Model;
use lookback_engine::Session;
use lookback_files::{Refusal, Result};
use lookback_generate::{
    context_window::ContextWindow,
    repeat::{Continuation, GenerationLimits, LanguageModel},
    sample::{SamplerChain, Settings},
};
use lookback_model::Edits;
use lookback_text::{
    Specials, TokenId, Tokenizer,
    tinytown::{Kind, Parrot, Question, by_chance, corpus, is_copied, last_mentioned, questions},
};
use serde_json::{Value, json};

use self::analogies::Ranks;
use crate::stories;

pub(crate) use differences::differences;

/// Questions of every kind that is drawn; facts are as many as there are.
const QUESTIONS_PER_KIND: usize = 100;

/// What came of the questions of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    right: usize,
    asked: usize,
    /// How often each answer is the right one.
    answers: BTreeMap<String, usize>,
    /// What a choice at random has right on average.
    chance: f64,
    /// How often the choice that was mentioned last is right.
    last: usize,
    /// How often a copy of what followed before in the question is right.
    copied: usize,
    /// How often a look-up of the question in the text of the built-in model gives the answer.
    parroted: usize,
}

/// What came of all questions.
#[derive(Clone, Debug)]
pub(crate) struct Scores {
    /// In the order of the kinds.
    kinds: BTreeMap<Kind, Score>,
    /// Each question of a text, and whether it was answered.
    answered: Vec<(Question, bool)>,
    /// Where the answers of the analogies stand.
    analogies: Vec<Ranks>,
}

impl Score {
    /// Answered rightly.
    fn share(&self) -> f64 {
        self.right as f64 / self.asked as f64
    }

    /// What those have who understand nothing: one who always gives the commonest answer, one who
    /// guesses among the choices, one who says what was mentioned last, one who
    /// copies from the question, and one who says what followed in the text.
    fn baselines(&self) -> [(&'static str, f64); 5] {
        let commonest = self.answers.values().max().copied().unwrap_or(0);
        let share = |right: f64| right / self.asked as f64;
        [
            ("commonest", share(commonest as f64)),
            ("chance", share(self.chance)),
            ("last", share(self.last as f64)),
            ("copier", share(self.copied as f64)),
            ("parrot", share(self.parroted as f64)),
        ]
    }
}

impl Scores {
    /// Asks all questions of a seed, each under the edits that `edits_of` gives for its tokens.
    pub(crate) fn ask(
        model: &Model,
        seed: u64,
        mut edits_of: impl FnMut(&[TokenId]) -> Result<Edits>,
    ) -> Result<Self> {
        let tokenizer = model.tokenizer()?;
        let context = model.config().context;
        let mut session: Option<(Edits, Session)> = None;
        let (mut kinds, mut answered): (BTreeMap<Kind, Score>, _) = (BTreeMap::new(), Vec::new());
        let mut analogies = Vec::new();
        let parrot = Parrot::new(&corpus(stories::BYTES, stories::SEED));
        for question in questions(seed, QUESTIONS_PER_KIND) {
            if question.kind == Kind::Analogy {
                analogies.extend(Ranks::of(model, &question)?);
                continue;
            }
            let asked = Asked::new(tokenizer, context, &question)?;
            let edits = edits_of(&asked.prompt)
                .map_err(|refusal| refusal.at(format!("question {:?}", question.prompt)))?;
            let (_, session) = match session.take_if(|(of, _)| *of == edits) {
                Some(kept) => session.insert(kept),
                None => {
                    let made = model.edited_session(context, &edits)?;
                    session.insert((edits, made))
                }
            };
            let is_right = asked.is_answered(session)?;
            let score = kinds.entry(question.kind).or_default();
            score.asked += 1;
            score.right += usize::from(is_right);
            score.chance += by_chance(&question);
            score.last += usize::from(last_mentioned(&question) == Some(question.answer.as_str()));
            score.copied += usize::from(is_copied(&question));
            score.parroted += usize::from(parrot.is_right(&question));
            *score.answers.entry(question.answer.clone()).or_default() += 1;
            answered.push((question, is_right));
        }
        Ok(Self { kinds, answered, analogies })
    }

    /// A line a kind, and one for each analogy.
    pub(crate) fn lines(&self) -> Result<Vec<String>> {
        let mut lines = vec![
            "kind            right     of   share   commonest  chance   last  copier  parrot"
                .to_owned(),
        ];
        for (kind, score) in &self.kinds {
            let (right, asked) = (score.right, score.asked);
            let [commonest, chance, last, copier, parrot] =
                score.baselines().map(|(_, share)| share);
            lines.push(format!(
                "{:<14}  {right:>5}  {asked:>5}   {:.3}   {commonest:>9.3}  {chance:>6.3}  {last:>5.3}  \
                 {copier:>6.3}  {parrot:>6.3}",
                name(*kind)?,
                score.share(),
            ));
        }
        lines.extend(analogies::lines(&self.analogies));
        Ok(lines)
    }

    /// By kind: right, asked, share, baselines; and the ranks of analogies.
    pub(crate) fn json(&self) -> Result<Value> {
        let mut kinds = serde_json::Map::new();
        for (kind, score) in &self.kinds {
            let score = json!({
                "right": score.right,
                "asked": score.asked,
                "share": score.share(),
                "baselines": Value::Object(
                    score.baselines().map(|(who, share)| (who.to_owned(), json!(share))).into_iter().collect(),
                ),
            });
            kinds.insert(name(*kind)?, score);
        }
        Ok(json!({ "questions": kinds, "analogies": analogies::json(&self.analogies) }))
    }
}

/// A kind as `lookback corpus --questions` writes it.
fn name(kind: Kind) -> Result<String> {
    let name = serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned));
    name.ok_or_else(|| Refusal::ours(format!("{kind:?} has no name")))
}

/// A question as a model is asked it.
pub(crate) struct Asked {
    prompt: Vec<TokenId>,
    answer: Vec<TokenId>,
    context: usize,
}

impl Asked {
    /// Of a question that is longer than the context, its end is read.
    pub(crate) fn new(tokenizer: &Tokenizer, context: usize, question: &Question) -> Result<Self> {
        let mut prompt = tokenizer.encode(&question.prompt, Specials::Text)?;
        let answer = tokenizer.encode_bare(&question.answer, Specials::Text)?;
        let room = context.saturating_sub(answer.len()).max(1);
        prompt.drain(..prompt.len().saturating_sub(room));
        Ok(Self { prompt, answer, context })
    }

    /// Whether the likeliest tokens after the question are its answer.
    pub(crate) fn is_answered(&self, reader: &mut impl LanguageModel) -> Result<bool> {
        let window = ContextWindow::new(self.context, self.prompt.clone(), None);
        let greedy = SamplerChain::new(&Settings::greedy())?;
        let limits = GenerationLimits::new(self.answer.len());
        let mut continuation = Continuation::new(reader, window, greedy, limits)?;
        for expected in &self.answer {
            if continuation.next().transpose()?.as_ref() != Some(expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
