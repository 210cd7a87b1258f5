//! What lookback does without a command: it writes Tinytown, trains a transformer on it, and prints
//! a tour of what that model does with *the bird is red*. The second time the model is there already.

use std::{fs, path::Path, sync::Arc};

use lookback::open::{Model, default_model};
use lookback_engine::Team;
use lookback_files::{Refusal, Result};
use lookback_model::Network;
use lookback_text::{
    Specials, TokenId, Tokenizer,
    dataset::{Dataset, Windows},
    tinytown,
};
use lookback_train::{Course, Directory, Recipe, Source, Trainer, preset};

use crate::{interrupt, memory, print::Print, progress::Progress, tour};

/// Seed of the stories that the default model learns from; questions are drawn apart from it.
const SEED: u64 = 1;
/// Text that the default model learns from.
const BYTES: usize = 12_000_000;
/// Text that its tokenizer is learned from.
const TOKENIZER_BYTES: usize = 2_000_000;
/// Tokens of its vocabulary.
const VOCABULARY: usize = 2048;
/// Tokens that it learns from: about 100 seconds on two cores.
const TOKENS: u64 = 10_800_000;

/// Makes the default model if it is not there, then shows it.
pub(crate) fn run(team: Team, print: &mut Print) -> Result<()> {
    let folder = default_model()?;
    let team = Arc::new(team);
    if !folder.join("config.json").exists() {
        make(&folder, &team, print)?;
    }
    let model = Model::open("default", &team)?;
    tour::print(&model, &team, print)
}

/// Trains into a folder beside the place, which it takes only when all is done.
fn make(folder: &Path, team: &Arc<Team>, print: &mut Print) -> Result<()> {
    let mut recipe = preset("default")?;
    recipe.steps = TOKENS.div_ceil(recipe.tokens_per_step() as u64);
    print.note("writing Tinytown, a small town of plain words, and learning its tokens");
    let tokenizer = {
        let text = tinytown::corpus(TOKENIZER_BYTES, SEED);
        Tokenizer::train_bpe(&[&text], VOCABULARY, &["<|endoftext|>"])?
    };
    let data = stories(&tokenizer)?;
    data.check(recipe.context)?;
    let network = Network::new(&recipe.config(tokenizer.vocabulary(), tokenizer.end())?);
    memory::refuse_beyond("training", Trainer::bytes(&network, &recipe, team.threads()))?;
    let parameters = network.parameters();
    print.note(&format!("training {parameters} parameters on {} tokens of it", data.len()));

    let begun = folder.with_extension("part");
    if begun.exists() {
        fs::remove_dir_all(&begun).map_err(|error| Refusal::writing(&begun, &error))?;
    }
    let directory = Directory::new(&begun)?;
    directory.make()?;
    directory.write_settings(&recipe)?;
    tokenizer.write(directory.path())?;
    learn(network, &recipe, data, &directory, team)?;
    // A folder without a model in it is left over from somebody's hand; it would be in the way.
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Refusal::writing(folder, &error))?;
    }
    fs::rename(&begun, folder).map_err(|error| Refusal::writing(folder, &error))
}

/// The ids of all stories, an end token behind each, and where each begins.
fn stories(tokenizer: &Tokenizer) -> Result<Dataset> {
    let town = tinytown::Town::new(SEED);
    let (mut ids, mut documents, mut bytes): (Vec<TokenId>, Vec<usize>, usize) =
        (Vec::new(), Vec::new(), 0);
    for number in 0.. {
        if bytes >= BYTES {
            break;
        }
        let story = town.story(number);
        bytes += story.len() + 2;
        documents.push(ids.len());
        ids.extend(tokenizer.encode_bare(&story, Specials::Text)?);
        ids.extend(tokenizer.end());
    }
    Ok(Dataset::new(&ids, documents))
}

fn learn(
    network: Network,
    recipe: &Recipe,
    data: Dataset,
    directory: &Directory,
    team: &Arc<Team>,
) -> Result<()> {
    let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
    let source = Source { data, windows };
    let mut trainer = Trainer::new(Arc::new(network), recipe, team.clone())?;
    let progress = Progress::new(recipe, 0, None);
    let mut course = Course {
        trainer: &mut trainer,
        source: &source,
        directory: Some(directory),
        stop: interrupt::flag()?,
    };
    let finished = course.run(None, &mut |event| {
        progress.tell(&event);
        Ok(())
    });
    progress.end();
    finished.map(|_| ())
}
