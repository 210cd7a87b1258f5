//! `POST /api/analogy`: a − b + c over the rows of three words, drawn and ranked; `POST /api/words`:
//! the whole words that begin as what was typed.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{Analogy, Lengths, PlanePoint, Table, analogy};
use lookback_text::TokenId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    embedding_tables::TableInfo,
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    models::ServedModel,
    state::AppState,
};

/// Most answers and completions that are sent.
const MAX_ANSWERS: usize = 50;

/// What one may begin with: a, b, c, and what a − b + c ought to be. The first that a model has as
/// single tokens is the default.
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

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/analogy", post(analogy_handler))
        .route("/api/words", post(completion_handler))
}

#[derive(Deserialize)]
struct AnalogyRequest {
    model: Option<String>,
    /// a, b and c, as they were typed; an example where they are left out.
    words: Option<[String; 3]>,
    /// Whether all rows are taken at length 1.
    #[serde(default)]
    at_length_one: bool,
    /// Whether pieces that are no whole words may answer.
    #[serde(default)]
    any_token: bool,
    /// Answers that are no inputs.
    #[serde(rename = "most", default = "ten")]
    max_answers: usize,
}

fn ten() -> usize {
    10
}

async fn analogy_handler(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<AnalogyRequest>,
) -> Result<Json<Value>> {
    let model = state.models.find(request.model.as_deref())?;
    let tables = state.tables.clone();
    state
        .run_blocking(move || answer(&request, &model, &tables.get_or_create(&model)))
        .await?
        .map(Json)
}

fn answer(request: &AnalogyRequest, model: &ServedModel, info: &TableInfo) -> Result<Value> {
    let examples = examples(model, info);
    let [a, b, c] = match (&request.words, examples.first()) {
        (Some(words), _) => words.clone(),
        (None, Some([a, b, c, _])) => [a, b, c].map(|word| (*word).to_owned()),
        (None, None) => first_words(info)?,
    };
    let find = |typed: &str| info.words.find(typed, &model.tokenizer);
    let ids = [find(&a)?, find(&b)?, find(&c)?];
    let lengths = if request.at_length_one { Lengths::One } else { Lengths::Own };
    let may_answer =
        |row: usize| request.any_token || info.words.word(TokenId(row as u32)).is_some();
    let table = Table::of_model(&model.weights);
    let found = analogy(
        &table,
        ids.map(TokenId::index),
        lengths,
        request.max_answers.min(MAX_ANSWERS),
        may_answer,
    );
    let ranked = match request.any_token {
        true => table.rows(),
        false => info.words.all().len(),
    };
    let mut object = to_json(&found, ids, ranked, model);
    object["words"] = json!([a, b, c]);
    object["examples"] = json!(examples);
    Ok(object)
}

/// The examples whose words are all single tokens of this model.
fn examples(model: &ServedModel, info: &TableInfo) -> Vec<[&'static str; 4]> {
    let has = |word: &&str| info.words.find(word, &model.tokenizer).is_ok();
    EXAMPLES.into_iter().filter(|words| words.iter().all(has)).collect()
}

/// Three words of a vocabulary that has none of the examples'.
fn first_words(info: &TableInfo) -> Result<[String; 3]> {
    match info.words.all() {
        [a, b, c, ..] => Ok([a, b, c].map(|word| format!("#{}", word.id))),
        _ => Err(ErrorResponse::bad_request(
            "this vocabulary has no words, so there is nothing to add",
        )),
    }
}

fn to_json(found: &Analogy, ids: [TokenId; 3], ranked: usize, model: &ServedModel) -> Value {
    let piece = |id: TokenId| model.tokenizer.piece(id);
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
        "width": model.config().width,
        "step": model.step.map(|(step, _)| step),
    })
}

fn point(placed: PlanePoint) -> Value {
    json!({ "x": placed.x, "y": placed.y, "off": placed.off_plane })
}

#[derive(Deserialize)]
struct CompletionRequest {
    model: Option<String>,
    typed: String,
    #[serde(rename = "most", default = "ten")]
    max_answers: usize,
}

async fn completion_handler(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<CompletionRequest>,
) -> Result<Json<Value>> {
    let model = state.models.find(request.model.as_deref())?;
    let tables = state.tables.clone();
    let words = move || {
        let info = tables.get_or_create(&model);
        let found = info.words.with_prefix(&request.typed, request.max_answers.min(MAX_ANSWERS));
        let object = found
            .into_iter()
            .map(|word| json!({ "id": word.id.0, "text": word.text, "is_spaced": word.is_spaced }));
        json!({ "words": object.collect::<Vec<_>>(), "of": info.words.all().len() })
    };
    state.run_blocking(words).await.map(Json)
}
