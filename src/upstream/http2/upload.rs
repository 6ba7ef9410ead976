//! The body of a request on its way into a stream, no faster than the other side takes it.
//!
//! It is moved by the task of the request it belongs to. Until the answer begins, what little of it has left is kept, so
//! that a server which refuses the request before looking at it costs nothing: the same bytes go to another one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body;

/// How much of a body is kept for a second attempt. Most requests are smaller than this, and none holds up more memory.
const KEPT_MAX: usize = 64 * 1024;

/// A body that may have to be sent twice.
pub struct Parcel<B> {
    body: B,
    /// What has been sent, all of it, while that is little.
    kept: Vec<Bytes>,
    kept_bytes: usize,
    /// More has been sent than was kept.
    is_torn: bool,
    /// The body has given all it had.
    has_ended: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Parcel<B> {
    pub fn new(body: B) -> Self {
        let has_ended = body.is_end_stream();
        Self {
            body,
            kept: Vec::new(),
            kept_bytes: 0,
            is_torn: false,
            has_ended,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && !self.is_torn && self.has_ended
    }

    /// The next piece of the body. Whoever has been told that nothing follows does not ask again.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            self.has_ended = frame.is_none() || self.body.is_end_stream();
            match frame {
                None => return Poll::Ready(None),
                Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() && !self.has_ended => {}
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_) if self.has_ended => return Poll::Ready(None),
                    Err(_) => {}
                },
            }
        }
    }

    fn keep(&mut self, data: &Bytes) {
        if self.is_torn || self.kept_bytes + data.len() > KEPT_MAX {
            self.forget();
            self.is_torn = true;
            return;
        }
        self.kept_bytes += data.len();
        self.kept.push(data.clone());
    }

    fn forget(&mut self) {
        self.kept = Vec::new();
        self.kept_bytes = 0;
    }
}

/// A parcel and the stream it goes into.
pub(super) struct Upload<B> {
    parcel: Parcel<B>,
    /// Gone once nothing more is to be sent.
    stream: Option<SendStream<Bytes>>,
    /// From an earlier attempt, to be sent before the rest.
    again: VecDeque<Bytes>,
    /// Whether another attempt may still follow.
    is_kept: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Upload<B> {
    pub(super) fn new(parcel: Parcel<B>, stream: SendStream<Bytes>) -> Self {
        let again = parcel.kept.iter().cloned().collect();
        // A body that is empty has ended with its head.
        let stream = (!parcel.is_empty()).then_some(stream);
        Self {
            parcel,
            stream,
            again,
            is_kept: true,
        }
    }

    /// The server has begun to answer: there will be no second attempt.
    pub(super) fn settle(&mut self) {
        self.is_kept = false;
        self.parcel.forget();
    }

    /// What a second attempt needs, if it can still be had.
    pub(super) fn into_parcel(self) -> Option<Parcel<B>> {
        (self.is_kept && !self.parcel.is_torn).then_some(self.parcel)
    }

    /// Send as much as the client has and the server takes. An error is the body's own: then the stream has been reset,
    /// and the request will never look complete (HTTP-06).
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), B::Error>> {
        while let Some(stream) = &mut self.stream {
            if ready!(poll_capacity(stream, cx)).is_none() {
                // The server wants no more. Why, its side of the stream tells.
                self.stream = None;
                break;
            }
            let parcel = &mut self.parcel;
            let data = match self.again.pop_front() {
                Some(data) => data,
                None if parcel.has_ended => Bytes::new(),
                None => match ready!(parcel.poll_data(cx)) {
                    Some(Ok(data)) => {
                        if self.is_kept {
                            parcel.keep(&data);
                        }
                        data
                    }
                    Some(Err(fault)) => {
                        stream.send_reset(Reason::CANCEL);
                        self.stream = None;
                        return Poll::Ready(Err(fault));
                    }
                    None => Bytes::new(),
                },
            };
            // Only the body itself says that it has ended: an empty piece of it says nothing.
            let is_last = self.again.is_empty() && parcel.has_ended;
            if stream.send_data(data, is_last).is_err() || is_last {
                self.stream = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Ready once the other side takes at least a byte; with nothing when it takes none any more.
fn poll_capacity(stream: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<Option<()>> {
    stream.reserve_capacity(1);
    while stream.capacity() == 0 {
        match ready!(stream.poll_capacity(cx)) {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Poll::Ready(None),
        }
    }
    Poll::Ready(Some(()))
}
