//! `POST /api/next`: all next tokens after one token of the prompt: the likeliest, those that a text
//! was searched for in, and the whole as a sorted curve.

use axum::{Json, Router, extract, routing::post};
use lookback_lens::{RankedToken, Ranking, rank_of};
use lookback_model::{Site, TokenId};
use lookback_text::{Specials, Tokenizer};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::stream::{check_token, pieces},
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    prompt::Prompt,
    state::AppState,
};

/// Tokens that one request may ask for.
const MAX_TOKENS: usize = 256;
/// Tokens that a search shows.
const MAX_FOUND: usize = 12;
/// Points of the curve.
const POINTS: usize = 160;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/next", post(answer))
}

#[derive(Deserialize)]
struct NextRequest {
    #[serde(flatten)]
    prompt: Prompt,
    token: usize,
    #[serde(rename = "most")]
    max_tokens: usize,
    /// One whose rank is told whatever it is.
    #[serde(rename = "of")]
    target: Option<u32>,
    /// A text that tokens are searched for, or `#` and an id.
    find: Option<String>,
}

async fn answer(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<NextRequest>,
) -> Result<Json<Value>> {
    if request.max_tokens > MAX_TOKENS {
        return Err(ErrorResponse::bad_request(format!("at most {MAX_TOKENS} of the likeliest")));
    }
    let input = state.model_input(&request.prompt).await?;
    check_token(&input, request.token)?;
    let wanted = [Site::Logits, Site::Probabilities].map(|site| (site, Some(request.token)));
    let pass = state.passes.parts(&input, &wanted).await?;
    let answer = state.run_blocking(move || {
        let row = |site| pass.row(site, request.token);
        let (logits, probabilities) = (row(Site::Logits), row(Site::Probabilities));
        let ranking = Ranking::new(logits, probabilities);
        let (top, curve) = (ranking.top(request.max_tokens), ranking.curve(POINTS));
        let ranked = |id: u32| rank_of(logits, probabilities, TokenId(id));
        let known = |id: &u32| (*id as usize) < logits.len();
        // What the prompt itself goes on with.
        let follows = input.ids.get(request.token + 1).map(|id| ranked(id.0));
        let of = request.target.filter(known).map(ranked);
        let tokenizer = &input.model.tokenizer;
        let find = request.find.as_deref().filter(|text| !text.is_empty());
        let found = find.map(|text| Search::new(tokenizer, logits, text, ranked));

        let shown = top.iter().chain(curve.iter().map(|point| &point.token));
        let shown = shown.chain(&follows).chain(&of);
        let shown = shown.chain(found.iter().flat_map(|found| &found.tokens));
        let ids: Vec<u32> = shown.map(|next| next.id).collect();
        let begins = found.iter().flat_map(|found| found.written.iter().copied());
        let holding = [0.5, 0.9, 0.99]
            .map(|share| json!({ "share": share, "tokens": ranking.top_p_count(share) }));
        Json(json!({
            "pieces": pieces(tokenizer, ids.into_iter().chain(begins)),
            "top": top,
            "of": of,
            "follows": follows,
            "found": found.map(|found| json!({
                "tokens": found.tokens, "all": found.all, "written": found.written,
            })),
            "curve": curve,
            "entropy": ranking.entropy(),
            "as_open_as": ranking.entropy().exp(),
            "holding": holding,
            "vocabulary": logits.len(),
        }))
    });
    answer.await
}

/// What a search finds.
struct Search {
    /// Those shown: exact ones first, then those that begin so, then those that hold it; the likelier
    /// first among equals.
    tokens: Vec<RankedToken>,
    /// How many there are.
    all: usize,
    /// How the text would be written, where no token is just that.
    written: Vec<u32>,
}

impl Search {
    fn new(
        tokenizer: &Tokenizer,
        logits: &[f32],
        text: &str,
        ranked: impl Fn(u32) -> RankedToken,
    ) -> Self {
        if let Some(id) = text.strip_prefix('#').and_then(|id| id.parse().ok()) {
            let tokens = if id < logits.len() as u32 { vec![ranked(id)] } else { Vec::new() };
            return Self { all: tokens.len(), tokens, written: Vec::new() };
        }
        let ids = 0..logits.len() as u32;
        let fits = |id: u32| Some((fit(&tokenizer.piece(TokenId(id)), text)?, id));
        let mut fitting: Vec<(Fit, u32)> = ids.filter_map(fits).collect();
        fitting.sort_by(|(fit, id), (other_fit, other)| {
            let by_logit = logits[*other as usize].total_cmp(&logits[*id as usize]);
            fit.cmp(other_fit).then(by_logit).then(id.cmp(other))
        });
        let is_exact = fitting.first().is_some_and(|(fit, _)| *fit <= Fit::Whole);
        let after_a_word = format!(" {}", text.trim());
        let written = tokenizer.encode_bare(&after_a_word, Specials::Text).unwrap_or_default();
        Self {
            all: fitting.len(),
            tokens: fitting.iter().take(MAX_FOUND).map(|(_, id)| ranked(*id)).collect(),
            written: if is_exact { Vec::new() } else { written.iter().map(|id| id.0).collect() },
        }
    }
}

/// How well a piece fits a search, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Sign by sign.
    Exact,
    /// But for spaces around it and the case of letters.
    Whole,
    /// It begins so.
    Begins,
    /// It stands in it.
    Within,
}

fn fit(piece: &str, text: &str) -> Option<Fit> {
    if piece == text {
        return Some(Fit::Exact);
    }
    let bare = |text: &str| text.trim().to_lowercase();
    let (piece, wanted) = (bare(piece), bare(text));
    match piece.find(&wanted)? {
        _ if wanted.is_empty() => None,
        _ if piece == wanted => Some(Fit::Whole),
        0 => Some(Fit::Begins),
        _ => Some(Fit::Within),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_whatever_its_spaces_and_case() {
        assert_eq!(fit(" red", " red"), Some(Fit::Exact));
        assert_eq!(fit(" Red", "red"), Some(Fit::Whole));
        assert_eq!(fit(" redder", "red"), Some(Fit::Begins));
        assert_eq!(fit("bored", "RED"), Some(Fit::Within));
        assert_eq!(fit(" blue", "red"), None);
    }

    #[test]
    fn a_space_finds_the_space_alone() {
        assert_eq!(fit(" ", " "), Some(Fit::Exact));
        assert_eq!(fit(" red", " "), None);
    }
}
