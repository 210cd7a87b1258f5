//! A request's body as JSON, or one sentence about why it is none.

use std::time::Duration;

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use serde::de::DeserializeOwned;

use crate::refuse::{Refused, Result};

/// Bytes that a body may have.
const BODY_BYTES: usize = 1 << 20;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The body, read.
pub(crate) struct Ask<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Ask<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        // A page elsewhere can send any text without being asked, but not this type of content.
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().is_none_or(|kind| kind.trim() != "application/json") {
            return Err(Refused::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the request must be JSON, and say so in its content-type",
            ));
        }
        parse(&body(request).await?).map(Self)
    }
}

async fn body(request: Request) -> Result<Bytes> {
    let read = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), BODY_BYTES)).await;
    let late = |_| Refused::new(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive");
    read.map_err(late)?.map_err(|_| {
        Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the request is broken off or larger than {BODY_BYTES} bytes; shorten the prompt"
            ),
        )
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = str::from_utf8(bytes).map_err(|error| {
        Refused::asked(format!("the request is no UTF-8 text at byte {}", error.valid_up_to()))
    })?;
    serde_json::from_str(text)
        .map_err(|error| Refused::asked(format!("the request cannot be understood: {error}")))
}
