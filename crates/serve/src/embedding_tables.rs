//! What the figures about the embedding table need to know of a model, worked out once: its words,
//! what each token is coloured as, and the axes of its map.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use lookback_lens::{PrincipalAxes, Table};
use lookback_open::WeightsId;
use lookback_text::{Piece, TokenId, Words, tinytown::Field};
use lookback_train::{Snapshot, snapshots};

use crate::models::ServedModel;

/// Models that are remembered; a model in training is another one at every snapshot.
const MAX_ENTRIES: usize = 8;
/// Axes that a map can be drawn along.
const AXIS_COUNT: usize = 8;

/// The tables of the models that were asked about last.
#[derive(Debug, Default)]
pub(crate) struct EmbeddingTables(Mutex<VecDeque<(WeightsId, Arc<TableInfo>)>>);

impl EmbeddingTables {
    /// What is known of a model; its words are read the first time.
    pub(crate) fn get_or_create(&self, model: &ServedModel) -> Arc<TableInfo> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, info)) =
            all.iter().find(|(weights_id, _)| *weights_id == model.weights_id())
        {
            return info.clone();
        }
        let info = Arc::new(TableInfo::of(model));
        all.push_front((model.weights_id(), info.clone()));
        all.truncate(MAX_ENTRIES);
        info
    }
}

/// What does not change as long as the weights do not.
#[derive(Debug)]
pub(crate) struct TableInfo {
    /// The whole words of the vocabulary.
    pub(crate) words: Words,
    /// What the tokens are told apart by.
    pub(crate) categories: TokenCategories,
    axes: OnceLock<PrincipalAxes>,
}

/// What the colours of the map mean, and each token's.
#[derive(Debug)]
pub(crate) struct TokenCategories {
    /// In plain words.
    pub(crate) names: Vec<&'static str>,
    /// For each token, which of the names; the last stands for all others.
    pub(crate) tokens: Vec<u8>,
    /// Whether they are the fields of Tinytown's words.
    pub(crate) by_meaning: bool,
}

impl TableInfo {
    fn of(model: &ServedModel) -> Self {
        let words = Words::new(&model.tokenizer);
        let rows = model.config().vocabulary as u32;
        let categories = TokenCategories::of(&words, rows);
        Self { words, categories, axes: OnceLock::new() }
    }

    /// The axes of the map, fitted to the whole words of the model as it is now, or to all rows of
    /// one that has hardly any; first those that tell the colours apart.
    pub(crate) fn axes(&self, model: &ServedModel) -> &PrincipalAxes {
        self.axes.get_or_init(|| {
            let table = Table::of_model(&model.weights);
            let is_word = |row: usize| self.words.word(TokenId(row as u32)).is_some();
            let has_words = self.words.all().len() > 2 * table.width().min(AXIS_COUNT);
            let kinds = &self.categories;
            let plain = kinds.names.len() - 1;
            // Of the colours the last stands for all that have none.
            let kind = |row: usize| {
                kinds.tokens.get(row).copied().filter(|kind| usize::from(*kind) < plain)
            };
            PrincipalAxes::with_discriminants(
                &table,
                AXIS_COUNT,
                |row| !has_words || is_word(row),
                kind,
            )
        })
    }
}

impl TokenCategories {
    /// By meaning where most whole words are Tinytown's, or else by what the tokens look like.
    fn of(words: &Words, rows: u32) -> Self {
        // Two letters with a space before them are mostly the beginning of something.
        let long = words.all().iter().filter(|word| word.text.len() > 2);
        let (known_words, all) = long.fold((0, 0), |(known_words, all), word| {
            (known_words + usize::from(Field::of(&word.text).is_some()), all + 1)
        });
        let by_meaning = 2 * known_words > all;
        let place = |id: TokenId| {
            if by_meaning {
                let field = words.word(id).and_then(|word| Field::of(&word.text));
                field.map_or(Field::ALL.len() as u8, |field| field as u8)
            } else {
                words.kind(id) as u8
            }
        };
        let names = match by_meaning {
            true => {
                Field::ALL.map(Field::name).into_iter().chain(["small words and parts"]).collect()
            }
            false => Piece::ALL.map(Piece::name).to_vec(),
        };
        let tokens = (0..rows).map(|id| place(TokenId(id))).collect();
        Self { names, tokens, by_meaning }
    }
}

/// The steps of a model's run that have a table of their own, up to the weights as they are now; the
/// table of now stands last, without a step, unless the last snapshot is the same.
pub(crate) fn steps(model: &ServedModel) -> Vec<Option<u64>> {
    let is_past = |step: &u64| model.step.is_none_or(|(now, _)| *step <= now);
    let mut steps: Vec<Option<u64>> =
        snapshots(&model.path).into_iter().filter(is_past).map(Some).collect();
    if !steps.last().copied().flatten().is_some_and(|step| is_now(model, step)) {
        steps.push(None);
    }
    steps
}

/// Whether the snapshot of a step is the model's table, and all of it.
fn is_now(model: &ServedModel, step: u64) -> bool {
    let now = Snapshot::of(step, &model.weights);
    now.rows == Table::of_model(&model.weights).rows()
        && Snapshot::read(&model.path, step).is_ok_and(|kept| kept == now)
}

#[cfg(test)]
mod tests {
    use lookback_text::Tokenizer;

    use super::*;

    fn categories(text: &str) -> (Tokenizer, TokenCategories) {
        let text = text.repeat(60);
        let tokenizer = Tokenizer::train_bpe(&[&text], 400, &["<|endoftext|>"]).unwrap();
        let rows = tokenizer.vocabulary() as u32;
        let categories = TokenCategories::of(&Words::new(&tokenizer), rows);
        (tokenizer, categories)
    }

    fn name(piece: &str, (tokenizer, categories): &(Tokenizer, TokenCategories)) -> &'static str {
        categories.names[usize::from(categories.tokens[tokenizer.id_of(piece).unwrap().index()])]
    }

    #[test]
    fn the_words_of_tinytown_are_coloured_by_meaning() {
        let town = categories("tom saw a red bird in paris. ");
        assert!(town.1.by_meaning);
        assert_eq!(name("Ġred", &town), "colors");
        assert_eq!(name("Ġbird", &town), "animals");
        assert_eq!(name("Ġparis", &town), "places");
        assert_eq!(name(".", &town), "small words and parts");
    }

    #[test]
    fn other_words_are_coloured_by_what_they_look_like() {
        let other = categories("Gradient descent optimises 42 parameters of networks. ");
        assert!(!other.1.by_meaning);
        assert_eq!(name("Ġparameters", &other), "words and beginnings");
        assert_eq!(name("4", &other), "digits");
        assert_eq!(name("<|endoftext|>", &other), "special tokens");
    }
}
