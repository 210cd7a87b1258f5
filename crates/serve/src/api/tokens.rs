//! How a text is cut: `POST /api/tokens` by the chosen model, `POST /api/vocabularies` by
//! well-known vocabularies, `POST /api/merges` how one piece of any of them came about.

use axum::{Json, Router, extract, routing::post};
use lookback_files::{Kind, quoted_excerpt};
use lookback_model::TokenId;
use lookback_text::{NamedTokenizer, Specials, Tokenizer, Tree};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::Prompt,
    state::AppState,
};

/// Bytes of a text that is cut by several vocabularies: the answer is a hundred times as long.
const COMPARED: usize = 32 << 10;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/tokens", post(tokens))
        .route("/api/vocabularies", post(vocabularies))
        .route("/api/merges", post(merges))
}

/// Ids, pieces, bytes, which bytes of the text that was read each stands for, and that text, which
/// in a chat is what the template made of the prompt.
async fn tokens(
    extract::State(state): extract::State<AppState>,
    JsonRequest(prompt): JsonRequest<Prompt>,
) -> Result<Json<Value>> {
    let input = state.unedited_input(&prompt).await?;
    let (text, specials) = match input.rendered {
        Some(rendered) => (rendered, Specials::Allowed),
        None => (prompt.prompt, Specials::Text),
    };
    let mut answer = cut(&input.model.tokenizer, &text, &input.ids, specials);
    answer["text"] = json!(text);
    Ok(Json(answer))
}

#[derive(Deserialize)]
struct Text {
    prompt: String,
}

/// The same text under gpt2, cl100k and o200k; special tokens in it are text.
async fn vocabularies(
    extract::State(state): extract::State<AppState>,
    JsonRequest(Text { prompt }): JsonRequest<Text>,
) -> Result<Json<Value>> {
    if prompt.len() > COMPARED {
        return Err(ErrorResponse::bad_request(format!(
            "{} bytes are more than the {COMPARED} that are cut by several vocabularies; shorten the text",
            prompt.len()
        )));
    }
    let cut = move || {
        let of = |named: NamedTokenizer| {
            let tokenizer = named.tokenizer()?;
            let ids = tokenizer.encode(&prompt, Specials::Text)?;
            let mut answer = cut(&tokenizer, &prompt, &ids, Specials::Text);
            answer["name"] = json!(named.name());
            answer["size"] = json!(tokenizer.vocabulary());
            Ok(answer)
        };
        NamedTokenizer::ALL.into_iter().map(of).collect::<Result<Vec<_>>>()
    };
    Ok(Json(json!({ "vocabularies": state.run_blocking(cut).await?? })))
}

fn cut(tokenizer: &Tokenizer, text: &str, ids: &[TokenId], specials: Specials) -> Value {
    let hex = |id: &TokenId| {
        let bytes = tokenizer.bytes_of(*id).iter();
        bytes.map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
    };
    let spans = tokenizer.spans(text, ids, specials).into_iter();
    json!({
        "ids": ids,
        "pieces": ids.iter().map(|id| tokenizer.piece(*id)).collect::<Vec<_>>(),
        "bytes": ids.iter().map(hex).collect::<Vec<_>>(),
        "specials": ids.iter().map(|id| tokenizer.is_special(*id)).collect::<Vec<_>>(),
        "spans": spans.map(|span| span.map(|span| [span.start, span.end])).collect::<Vec<_>>(),
    })
}

/// A piece of a vocabulary known by name, or of a model's own.
#[derive(Deserialize)]
struct Piece {
    vocabulary: Option<String>,
    model: Option<String>,
    id: TokenId,
}

/// A piece's merges in the order in which they are made. Nodes are numbered, the leaves first, from
/// the left; `left` and `right` are such numbers. No `tree` for a piece that is only taken whole.
async fn merges(
    extract::State(state): extract::State<AppState>,
    JsonRequest(piece): JsonRequest<Piece>,
) -> Result<Json<Value>> {
    let model = match piece.vocabulary {
        None => Some(state.models.find(piece.model.as_deref())?),
        Some(_) => None,
    };
    // A long piece has as many merges as letters, and each is looked for among all that are left.
    let work = move || match (piece.vocabulary, model) {
        (Some(name), _) => {
            let named = NamedTokenizer::from_name(&name).ok_or_else(|| {
                ErrorResponse::not_found(format!(
                    "there is no vocabulary {}",
                    quoted_excerpt(&name)
                ))
            })?;
            to_json(&named.tokenizer()?, piece.id)
        }
        (None, Some(model)) => to_json(&model.tokenizer, piece.id),
        (None, None) => Err(ErrorResponse::not_found("there is no model here yet")),
    };
    state.run_blocking(work).await?.map(Json)
}

fn to_json(tokenizer: &Tokenizer, id: TokenId) -> Result<Value> {
    if id.index() >= tokenizer.vocabulary() {
        let last = tokenizer.vocabulary() - 1;
        let what = format!("there is no token {id}; the last is {last}");
        return Err(ErrorResponse::bad_request(what).with_kind(Kind::TokenOutOfRange));
    }
    Ok(json!({
        "id": id,
        "piece": tokenizer.piece(id),
        "merges_in_all": tokenizer.merges(),
        "tree": tokenizer.tree(id).map(|tree| grown(tokenizer, &tree)),
    }))
}

fn grown(tokenizer: &Tokenizer, tree: &Tree) -> Value {
    let leaf = |id: &TokenId| json!({ "id": id, "piece": tokenizer.piece(*id) });
    let merge = |merge: &lookback_text::Merged| {
        json!({
            "rank": merge.rank,
            "left": merge.left,
            "right": merge.right,
            "id": merge.id,
            "piece": tokenizer.piece(merge.id),
        })
    };
    json!({
        "leaves": tree.leaves.iter().map(leaf).collect::<Vec<_>>(),
        "merges": tree.merges.iter().map(merge).collect::<Vec<_>>(),
    })
}
