//! A request's body as JSON, or one sentence about why it is none.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, HttpBody},
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use serde::de::DeserializeOwned;

use crate::refuse::{Refused, Result};

/// Bytes that a body may have.
const BODY_BYTES: usize = 1 << 20;
/// Bytes of a body that is too large that are read to no use: a client that is still sending does not
/// hear why it is refused.
const PASSED_OVER: usize = 64 << 20;
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

async fn body(request: Request) -> Result<Vec<u8>> {
    // Such a client sends nothing before it is told to.
    let waits = request.headers().contains_key(header::EXPECT);
    let body = request.into_body();
    if waits && body.size_hint().lower() > BODY_BYTES as u64 {
        return Err(too_large());
    }
    let (mut bytes, mut is_too_large) = (Vec::new(), false);
    let arrived = tokio::time::timeout(PATIENCE, read(body, &mut bytes, &mut is_too_large)).await;
    match arrived {
        _ if is_too_large => Err(too_large()),
        Ok(true) => Ok(bytes),
        Ok(false) => Err(Refused::asked("the request broke off before its end")),
        Err(_) => {
            let sentence = "the request took too long to arrive";
            Err(Refused::new(StatusCode::REQUEST_TIMEOUT, sentence))
        }
    }
}

fn too_large() -> Refused {
    let sentence = format!("the request is larger than {BODY_BYTES} bytes; shorten the prompt");
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, sentence)
}

/// Reads a body to its end, of one that is too large no byte. Whether it came to its end.
async fn read(mut body: Body, bytes: &mut Vec<u8>, is_too_large: &mut bool) -> bool {
    let mut passed_over = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { return false };
        let Ok(part) = frame.into_data() else { continue };
        if *is_too_large || bytes.len() + part.len() > BODY_BYTES {
            *is_too_large = true;
            passed_over += bytes.len() + part.len();
            *bytes = Vec::new();
            if passed_over > PASSED_OVER {
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
        Refused::asked(format!("the request is no UTF-8 text at byte {}", error.valid_up_to()))
    })?;
    // RFC 8259, section 8.1: who reads JSON may pass over a byte order mark.
    serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Refused::asked(format!("the request cannot be understood: {error}")))
}
