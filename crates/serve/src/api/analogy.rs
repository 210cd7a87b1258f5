//! `POST /api/analogy`: a − b + c over the rows of three words, drawn and ranked; `POST /api/words`:
//! the whole words that begin as what was typed.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{Analogy, Lengths, PlanePoint, Table, analogy};
use lookback_text::TokenId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Ask,
    models::Served,
    refuse::{Refused, Result},
    state::State,
    tables::Known,
};

/// Most answers and completions that are sent.
const MOST: usize = 50;

/// What one may begin with: a, b, c, and what a − b + c ought to be. The first that a model has as
/// single tokens is what it is asked when nobody said what.
const EXAMPLES: [[&str; 4]; 12] = [
    ["king", "man", "woman", "queen"],
    ["aunt", "uncle", "brother", "sister"],
    ["birds", "bird", "cat", "cats"],
    ["went", "go", "see", "saw"],
    ["paris", "france", "italy", "rome"],
    ["Paris", "France", "Italy", "Rome"],
    ["bigger", "big", "small", "smaller"],
    ["blue", "red", "one", "two"],
    ["she", "he", "his", "her"],
    ["She", "she", "he", "He"],
    ["was", "is", "are", "were"],
    ["we", "I", "my", "our"],
];

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/analogy", post(added)).route("/api/words", post(completed))
}

#[derive(Deserialize)]
struct Added {
    model: Option<String>,
    /// a, b and c, as somebody typed them; an example where they are left out.
    words: Option<[String; 3]>,
    /// Whether all rows are taken at length 1.
    #[serde(default)]
    at_length_one: bool,
    /// Whether pieces that are no whole words may answer.
    #[serde(default)]
    any_token: bool,
    /// Answers that are no inputs.
    #[serde(default = "ten")]
    most: usize,
}

fn ten() -> usize {
    10
}

async fn added(
    extract::State(state): extract::State<State>,
    Ask(asked): Ask<Added>,
) -> Result<Json<Value>> {
    let open = state.models.find(asked.model.as_deref())?;
    let tables = state.tables.clone();
    state.slowly(move || answer(&asked, &open, &tables.of(&open))).await?.map(Json)
}

fn answer(asked: &Added, open: &Served, known: &Known) -> Result<Value> {
    let examples = examples(open, known);
    let [a, b, c] = match (&asked.words, examples.first()) {
        (Some(words), _) => words.clone(),
        (None, Some([a, b, c, _])) => [a, b, c].map(|word| (*word).to_owned()),
        (None, None) => first_words(known)?,
    };
    let find = |typed: &str| known.words.find(typed, &open.tokenizer);
    let ids = [find(&a)?, find(&b)?, find(&c)?];
    let lengths = if asked.at_length_one { Lengths::One } else { Lengths::Own };
    let may_answer =
        |row: usize| asked.any_token || known.words.word(TokenId(row as u32)).is_some();
    let table = Table::of_model(&open.weights);
    let found = analogy(&table, ids.map(TokenId::index), lengths, asked.most.min(MOST), may_answer);
    let ranked = match asked.any_token {
        true => table.rows(),
        false => known.words.all().len(),
    };
    let mut told = told(&found, ids, ranked, open);
    told["words"] = json!([a, b, c]);
    told["examples"] = json!(examples);
    Ok(told)
}

/// The examples whose words are all single tokens of this model.
fn examples(open: &Served, known: &Known) -> Vec<[&'static str; 4]> {
    let has = |word: &&str| known.words.find(word, &open.tokenizer).is_ok();
    EXAMPLES.into_iter().filter(|words| words.iter().all(has)).collect()
}

/// Three words of a vocabulary that has none of the examples'.
fn first_words(known: &Known) -> Result<[String; 3]> {
    match known.words.all() {
        [a, b, c, ..] => Ok([a, b, c].map(|word| format!("#{}", word.id))),
        _ => Err(Refused::asked("this vocabulary has no words, so there is nothing to add")),
    }
}

fn told(found: &Analogy, ids: [TokenId; 3], ranked: usize, open: &Served) -> Value {
    let piece = |id: TokenId| open.tokenizer.piece(id);
    let inputs = ids
        .iter()
        .zip(found.inputs)
        .map(|(&id, placed)| json!({ "id": id.0, "piece": piece(id), "placed": point(placed) }));
    let answers = found.answers.iter().map(|answer| {
        let id = TokenId(answer.row as u32);
        json!({
            "id": id.0,
            "piece": piece(id),
            "cosine": answer.cosine,
            "distance": answer.distance,
            "parallel": answer.parallel,
            "is_input": answer.is_input,
            "placed": point(answer.placed),
        })
    });
    json!({
        "inputs": inputs.collect::<Vec<_>>(),
        "result": point(found.result),
        "origin": point(found.origin),
        "length": found.norm,
        "steps": found.steps,
        "directions": found.directions,
        "answers": answers.collect::<Vec<_>>(),
        "ranked": ranked,
        "width": open.config().width,
        "step": open.step.map(|(step, _)| step),
    })
}

fn point(placed: PlanePoint) -> Value {
    json!({ "x": placed.x, "y": placed.y, "off": placed.off_plane })
}

#[derive(Deserialize)]
struct Completed {
    model: Option<String>,
    typed: String,
    #[serde(default = "ten")]
    most: usize,
}

async fn completed(
    extract::State(state): extract::State<State>,
    Ask(asked): Ask<Completed>,
) -> Result<Json<Value>> {
    let open = state.models.find(asked.model.as_deref())?;
    let tables = state.tables.clone();
    let words = move || {
        let known = tables.of(&open);
        let found = known.words.with_prefix(&asked.typed, asked.most.min(MOST));
        let told = found
            .into_iter()
            .map(|word| json!({ "id": word.id.0, "text": word.text, "is_spaced": word.is_spaced }));
        json!({ "words": told.collect::<Vec<_>>(), "of": known.words.all().len() })
    };
    state.slowly(words).await.map(Json)
}
