//! A request's body as JSON, or one sentence about why it is none.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, HttpBody},
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use serde::de::DeserializeOwned;

use crate::error_response::{ErrorResponse, Result};

/// Bytes that a body may have.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Bytes of a body that is too large that are read to no use: a client that is still sending does not
/// hear why it is refused.
const MAX_DISCARDED_BYTES: usize = 64 << 20;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The body, read.
pub(crate) struct JsonRequest<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonRequest<T> {
    type Rejection = ErrorResponse;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        // A page elsewhere can send any text without being asked, but not this type of content.
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type =
            content_type.and_then(|content_type| content_type.to_str().ok()).unwrap_or_default();
        if content_type
            .split(';')
            .next()
            .is_none_or(|content_type| content_type.trim() != "application/json")
        {
            return Err(ErrorResponse::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the request must be JSON, and say so in its content-type",
            ));
        }
        parse(&body(request).await?).map(Self)
    }
}

async fn body(request: Request) -> Result<Vec<u8>> {
    // Such a client sends nothing before it is told to.
    let waits = request.headers().contains_key(header::EXPECT);
    let body = request.into_body();
    if waits && body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(too_large());
    }
    let (mut bytes, mut is_too_large) = (Vec::new(), false);
    let arrived =
        tokio::time::timeout(BODY_TIMEOUT, read(body, &mut bytes, &mut is_too_large)).await;
    match arrived {
        _ if is_too_large => Err(too_large()),
        Ok(true) => Ok(bytes),
        Ok(false) => Err(ErrorResponse::bad_request("the request broke off before its end")),
        Err(_) => {
            let sentence = "the request took too long to arrive";
            Err(ErrorResponse::new(StatusCode::REQUEST_TIMEOUT, sentence))
        }
    }
}

fn too_large() -> ErrorResponse {
    let sentence = format!("the request is larger than {MAX_BODY_BYTES} bytes; shorten the prompt");
    ErrorResponse::new(StatusCode::PAYLOAD_TOO_LARGE, sentence)
}

/// Reads a body to its end, of one that is too large no byte. Whether it came to its end.
async fn read(mut body: Body, bytes: &mut Vec<u8>, is_too_large: &mut bool) -> bool {
    let mut discarded = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { return false };
        let Ok(part) = frame.into_data() else { continue };
        if *is_too_large || bytes.len() + part.len() > MAX_BODY_BYTES {
            *is_too_large = true;
            discarded += bytes.len() + part.len();
            *bytes = Vec::new();
            if discarded > MAX_DISCARDED_BYTES {
                return false;
            }
        } else {
            bytes.extend_from_slice(&part);
        }
    }
    true
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = str::from_utf8(bytes).map_err(|error| {
        ErrorResponse::bad_request(format!(
            "the request is no UTF-8 text at byte {}",
            error.valid_up_to()
        ))
    })?;
    // RFC 8259, section 8.1: who reads JSON may pass over a byte order mark.
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        ErrorResponse::bad_request(format!("the request cannot be understood: {error}"))
    })
}
