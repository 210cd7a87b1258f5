//! What a model can do while it learns: how many look-ups it answers, and how much the words of a list
//! that repeats surprise it the second time. Both change suddenly, when its heads begin to copy.

use lookback_engine::{Session, Shape, ThreadPool, Weights, Workspace, evaluate};
use lookback_files::Result;
use lookback_model::{Batch, SequenceId, Targets, TokenId};
use lookback_text::{
    Specials, Tokenizer,
    tinytown::{Kind, Question, questions},
};

use crate::questions::Asked;

/// Seed of the questions that are asked while a model learns; those of `--questions` are others.
const SEED: u64 = 7;
/// Questions of each kind.
const QUESTIONS_PER_KIND: usize = 50;

/// The questions, drawn once.
pub(super) struct Abilities {
    look_ups: Vec<Question>,
    /// Lists, and how many words each repeats.
    lists: Vec<(Vec<TokenId>, usize)>,
}

/// What was found after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AbilityScores {
    /// The share of look-ups that are answered, value right after key.
    pub(super) look_ups: f64,
    /// Nats per word of lists, of all words that follow from the first round.
    pub(super) repeated: f64,
}

impl Abilities {
    /// Draws them.
    pub(super) fn new(tokenizer: &Tokenizer) -> Result<Self> {
        let (mut look_ups, mut lists) = (Vec::new(), Vec::new());
        for question in questions(SEED, QUESTIONS_PER_KIND) {
            match question.kind {
                Kind::LookupEasy => look_ups.push(question),
                Kind::List => {
                    let text = format!("{}{}", question.prompt, question.answer);
                    lists.push((
                        tokenizer.encode_bare(&text, Specials::Text)?,
                        question.choices.len(),
                    ));
                }
                _ => {}
            }
        }
        Ok(Self { look_ups, lists })
    }

    /// Asks them all.
    pub(super) fn measure(
        &self,
        weights: &Weights,
        pool: &ThreadPool,
        tokenizer: &Tokenizer,
    ) -> Result<AbilityScores> {
        let context = weights.network().config.context;
        let mut session = Session::new(weights, pool, context);
        let mut right = 0;
        for question in &self.look_ups {
            let asked = Asked::new(tokenizer, context, question)?;
            right += usize::from(asked.is_answered(&mut session)?);
        }
        // The word after the first round may be a new one, so it is not counted.
        let all_rounds: Vec<&[TokenId]> = self.lists.iter().map(|(ids, _)| &ids[..]).collect();
        let first_round: Vec<&[TokenId]> =
            self.lists.iter().map(|(ids, words)| &ids[..=*words]).collect();
        let (all_rounds, first_round) =
            (total_loss(weights, pool, &all_rounds), total_loss(weights, pool, &first_round));
        Ok(AbilityScores {
            look_ups: right as f64 / self.look_ups.len().max(1) as f64,
            repeated: (all_rounds.0 - first_round.0) / (all_rounds.1 - first_round.1).max(1) as f64,
        })
    }
}

/// The loss of all tokens but the first of each text, and how many they are.
fn total_loss(weights: &Weights, pool: &ThreadPool, texts: &[&[TokenId]]) -> (f64, usize) {
    let network = weights.network();
    let rows = texts.iter().map(|text| text.len() - 1).sum();
    let shape = Shape::Evaluation { rows, sequences: texts.len() };
    let mut workspace = Workspace::new(network, shape, network.config.context, pool.threads())
        .with_precision(network, weights.compute());
    let mut batch = Batch::new();
    let mut targets = Targets { ids: Vec::new(), scale: 1.0, z_loss: 0.0 };
    for (index, text) in texts.iter().enumerate() {
        batch.push(SequenceId(index as u32), 0, &text[..text.len() - 1]);
        targets.ids.extend(text[1..].iter().map(|id| id.0));
    }
    batch.add_all_logit_rows();
    (evaluate(weights, &mut workspace, pool, &batch, &targets).total, rows)
}
