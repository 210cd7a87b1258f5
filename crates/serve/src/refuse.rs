//! What a request that is refused gets: a status and one sentence, as JSON.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use lookback_files::{Blame, Refusal};
use serde_json::json;

/// What every handler returns.
pub(crate) type Result<T, E = Refused> = std::result::Result<T, E>;

/// A status and a sentence, sent as `{"error": "…"}`.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    sentence: String,
}

impl Refused {
    /// With this status. A refusal leaves out the middle of a sentence that repeats a page of the request.
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: Refusal::user(sentence).to_string() }
    }

    /// What was wrong.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The request was wrong: 400.
    pub(crate) fn asked(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// There is no such thing: 404.
    pub(crate) fn missing(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, sentence)
    }

    /// Somebody who must not ask: 403.
    pub(crate) fn forbidden(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, sentence)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.blame() {
            Blame::User => StatusCode::BAD_REQUEST,
            Blame::Ours => StatusCode::INTERNAL_SERVER_ERROR,
            Blame::Interrupt => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.sentence }))).into_response()
    }
}
