//! A connection that gives up when its client takes nothing for a while, and answers in pieces, so that
//! what was not taken is not copied into the connection's own buffers either.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use crate::connections::{Connection, PendingResponse};

/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that are handed on at once.
const MAX_FRAME_BYTES: usize = 64 << 10;

/// A stream that notes what its client takes, and fails when that is nothing for too long.
pub(crate) struct TimeoutStream {
    stream: TcpStream,
    connection: Arc<Connection>,
    timeout: Duration,
    /// Runs while something waits to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl TimeoutStream {
    /// With the usual patience.
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection, timeout: WRITE_TIMEOUT, waiting: None }
    }

    /// What a write came to; one that waits has a time limit.
    fn limited<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            self.connection.touch();
            return written;
        }
        let timeout = self.timeout;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for TimeoutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for TimeoutStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limited(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.limited(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A body of parts that lie apart in memory; each is gone once it was written.
pub(crate) struct ChunkedBody {
    left: VecDeque<Bytes>,
    bytes: u64,
}

impl ChunkedBody {
    /// Of these, in order.
    pub(crate) fn new(parts: impl Iterator<Item = Vec<u8>>) -> Self {
        let left: VecDeque<Bytes> =
            parts.filter(|part| !part.is_empty()).map(Bytes::from).collect();
        let bytes = left.iter().map(|part| part.len() as u64).sum();
        Self { left, bytes }
    }
}

impl HttpBody for ChunkedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.left.pop_front();
        self.bytes -= next.as_ref().map_or(0, |part| part.len() as u64);
        Poll::Ready(next.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}

/// An answer's body, handed on in pieces; it counts as unread until it is dropped.
pub(crate) struct CountedBody {
    body: Body,
    rest: Bytes,
    _response: PendingResponse,
}

impl CountedBody {
    /// Of an answer that begins to be written.
    pub(crate) fn new(body: Body, mut response: PendingResponse) -> Self {
        let bytes = HttpBody::size_hint(&body).exact().unwrap_or(0);
        response.add_bytes(usize::try_from(bytes).unwrap_or(usize::MAX));
        Self { body, rest: Bytes::new(), _response: response }
    }
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        let length = self.rest.len().min(MAX_FRAME_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, HttpBody::size_hint(&self.body));
        let mut all = SizeHint::new();
        all.set_lower(rest.saturating_add(body.lower()));
        if let Some(upper) = body.upper() {
            all.set_upper(rest.saturating_add(upper));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io::Read, net::TcpStream as Client, thread};

    use tokio::net::TcpListener;

    use super::*;
    use crate::connections::Connections;

    /// Writes so many bytes.
    async fn write(stream: &mut TimeoutStream, mut bytes: usize) -> Result<(), io::ErrorKind> {
        let zeros = vec![0; 1 << 20];
        while bytes > 0 {
            let part = &zeros[..bytes.min(zeros.len())];
            let written = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, part)).await;
            bytes -= written.map_err(|error| error.kind())?;
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up_and_one_that_takes_little_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for takes in [false, true] {
            let mut client = Client::connect(address).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = TimeoutStream::new(stream, Connections::default().open());
            stream.timeout = Duration::from_millis(500);
            let reader = thread::spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while takes && client.read(&mut buffer).unwrap() > 0 {
                    thread::sleep(Duration::from_millis(20));
                }
                // One that takes nothing keeps its connection.
                client
            });
            let written = write(&mut stream, 24 << 20).await;
            assert_eq!(written, if takes { Ok(()) } else { Err(io::ErrorKind::TimedOut) });
            drop(stream);
            drop(reader.join().unwrap());
        }
    }

    #[tokio::test]
    async fn a_body_is_handed_on_in_pieces_and_keeps_its_length() {
        let bytes = Bytes::from(vec![5; 3 * MAX_FRAME_BYTES + 1]);
        let response = Connections::default().open().begin_response();
        let mut pieces = CountedBody::new(Body::from(bytes.clone()), response);
        assert_eq!(HttpBody::size_hint(&pieces).exact(), Some(bytes.len() as u64));
        let mut all = Vec::new();
        let mut context = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Some(frame)) = Pin::new(&mut pieces).poll_frame(&mut context) {
            let data = frame.unwrap().into_data().unwrap();
            assert!(data.len() <= MAX_FRAME_BYTES);
            all.extend_from_slice(&data);
        }
        assert_eq!(all, bytes);
        assert!(pieces.is_end_stream());
    }
}
