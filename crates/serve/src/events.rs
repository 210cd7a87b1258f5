//! Server-sent events: JSON, one after the other, until the work ends or the client goes away.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::response::{
    IntoResponse,
    sse::{Event, KeepAlive, Sse},
};
use futures_core::Stream;
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Where work puts its events. Sending fails once the client is gone, and [`Sender::closed`] waits
/// for that; work then ends.
pub(crate) type EventSender = Sender<Value>;

/// Starts work that tells events, and the response that hands them on.
pub(crate) fn events<F>(work: impl FnOnce(EventSender) -> F) -> impl IntoResponse
where
    F: Future<Output = ()> + Send + 'static,
{
    // A client that reads slowly holds the work up, rather than being written to from a pile.
    let (sender, receiver) = channel(1);
    tokio::spawn(work(sender));
    Sse::new(EventStream(receiver)).keep_alive(KeepAlive::default())
}

struct EventStream(Receiver<Value>);

impl Stream for EventStream {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.0.poll_recv(context);
        next.map(|event| event.map(|event| Ok(Event::default().data(event.to_string()))))
    }
}
