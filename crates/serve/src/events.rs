//! Server-sent events: what goes on for a while, one JSON object after the other.
//!
//! Whoever sends into the channel learns that the client is gone from the channel.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_core::Stream;
use serde::Serialize;
use tokio::sync::mpsc;

/// How often a client that is told nothing is told so, which also finds out whether it is there.
const SILENCE: Duration = Duration::from_secs(5);

/// Everything that comes through the channel, until it closes.
pub(crate) fn events<T: Serialize + Send + 'static>(from: mpsc::Receiver<T>) -> Response {
    let keep_alive = KeepAlive::new().interval(SILENCE);
    Sse::new(Channel(from)).keep_alive(keep_alive).into_response()
}

struct Channel<T>(mpsc::Receiver<T>);

impl<T: Serialize> Stream for Channel<T> {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|news| {
            let data = serde_json::to_string(&news?).unwrap_or_default();
            Some(Ok(Event::default().data(data)))
        })
    }
}

impl<T> Unpin for Channel<T> {}
