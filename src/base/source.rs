//! The frames of a message as they arrive, whichever protocol carries them: a client's body, or an upstream's answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::field::keep_tokens;

#[derive(Debug)]
pub enum Source {
    Http1(Incoming),
    Http2(Http2Source),
    /// Nothing is left of it, or nobody wants the rest.
    Ended,
}

/// Why the frames ended before the message did.
#[derive(Debug, thiserror::Error)]
pub enum SourceBroken {
    #[error(transparent)]
    Http1(#[from] hyper::Error),
    #[error(transparent)]
    Http2(#[from] h2::Error),
}

/// A stream of HTTP/2, with what its head said of the length.
#[derive(Debug)]
pub struct Http2Source {
    stream: RecvStream,
    /// Bytes still to come, where the head says how many.
    left: Option<u64>,
    /// The last piece of an announced length, until it is certain that it is the last.
    held: Option<Bytes>,
    data_ended: bool,
    /// Of a sender that waits to be told to go on.
    invitation: Option<Invitation>,
}

/// Between the reader of a body and whoever can tell its sender that it is wanted (`100 Continue`).
#[derive(Clone, Debug, Default)]
pub struct Invitation(Arc<AtomicBool>);

impl Invitation {
    fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the body has been asked for since the last look.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Source {
    pub fn http2(stream: RecvStream, content_length: Option<u64>) -> Self {
        Self::Http2(Http2Source {
            stream,
            left: content_length,
            held: None,
            data_ended: false,
            invitation: None,
        })
    }

    /// Tell once, when the body is first waited for: then its sender may be invited to send it. HTTP/1 does it alone.
    pub fn inviting(mut self, told: &Invitation) -> Self {
        if let Self::Http2(source) = &mut self {
            source.invitation = Some(told.clone());
        }
        self
    }

    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SourceBroken>>> {
        match self {
            Self::Http1(incoming) => Pin::new(incoming)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(SourceBroken::Http1))),
            Self::Http2(source) => source.poll_frame(cx),
            Self::Ended => Poll::Ready(None),
        }
    }

    /// Whether nothing follows, not even trailers.
    pub fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(incoming) => incoming.is_end_stream(),
            Self::Http2(source) => source.held.is_none() && source.stream.is_end_stream(),
            Self::Ended => true,
        }
    }

    pub fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(incoming) => incoming.size_hint(),
            Self::Http2(source) => {
                let held = source.held.as_ref().map_or(0, Bytes::len) as u64;
                let left = source.left.map(|left| left.saturating_add(held));
                left.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Self::Ended => SizeHint::with_exact(0),
        }
    }
}

impl Http2Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SourceBroken>>> {
        while !self.data_ended {
            let data = self.stream.poll_data(cx);
            if data.is_pending()
                && let Some(invitation) = self.invitation.take()
            {
                invitation.ask();
            }
            match ready!(data) {
                Some(Ok(data)) => {
                    // Whoever asks for a frame has a place for it: its sender may send as much again.
                    self.stream.flow_control().release_capacity(data.len())?;
                    if data.is_empty() {
                        continue;
                    }
                    if self.held.is_some() {
                        return Poll::Ready(Some(Err(h2::Error::from(h2::Reason::PROTOCOL_ERROR).into())));
                    }
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    if self.left == Some(0) && !self.stream.is_end_stream() {
                        // HTTP-12: whoever gets this has the whole message, so nothing more may come.
                        self.held = Some(data);
                        continue;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    self.data_ended = true;
                    if let Some(last) = self.held.take() {
                        return Poll::Ready(Some(Ok(Frame::data(last))));
                    }
                }
            }
        }
        match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => Poll::Ready(trailers.map(|mut trailers| {
                keep_tokens(&mut trailers);
                Ok(Frame::trailers(trailers))
            })),
            Err(error) => Poll::Ready(Some(Err(error.into()))),
        }
    }
}
