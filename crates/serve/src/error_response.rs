//! What a request that is refused gets: a status, a kind and one sentence, as JSON.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use lookback_files::{Blame, Kind, Refusal};
use lookback_generate::sample::SAMPLER_PARAMETERS;
use serde_json::json;

/// What every handler returns.
pub(crate) type Result<T, E = ErrorResponse> = std::result::Result<T, E>;

/// A status, and what is sent as `{"error": "…", "kind": "…"}`.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    status: StatusCode,
    kind: Kind,
    sentence: String,
}

/// The sentence of a refusal, in which settings have the names that a request gives them by.
pub(crate) fn sentence(refusal: &Refusal) -> String {
    refusal.sentence(|name| {
        let is_number = SAMPLER_PARAMETERS.iter().any(|sampler| sampler.name == name);
        if is_number { format!("settings.{name}") } else { name.to_owned() }
    })
}

impl ErrorResponse {
    /// With this status. A refusal leaves out the middle of a sentence that repeats a page of the request.
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::FORBIDDEN => Kind::Forbidden,
            StatusCode::INTERNAL_SERVER_ERROR => Kind::Internal,
            _ => Kind::InvalidInput,
        };
        Self { status, kind, sentence: Refusal::user(sentence).to_string() }
    }

    /// The same, of this kind.
    pub(crate) fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// What kind of mistake it was.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the request was wrong.
    pub(crate) fn is_bad_request(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
    }

    /// What was wrong.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The request was wrong: 400.
    pub(crate) fn bad_request(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// There is no such thing: 404.
    pub(crate) fn not_found(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, sentence)
    }

    /// A request from where requests are not allowed: 403.
    pub(crate) fn forbidden(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, sentence)
    }
}

impl From<Refusal> for ErrorResponse {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.blame() {
            Blame::User => StatusCode::BAD_REQUEST,
            Blame::Ours => StatusCode::INTERNAL_SERVER_ERROR,
            Blame::Interrupt => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, kind: refusal.kind(), sentence: sentence(&refusal) }
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.sentence, "kind": self.kind.name() })))
            .into_response()
    }
}
