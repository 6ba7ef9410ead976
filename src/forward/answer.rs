//! The body of an answer, whoever makes it. One type from here to the client, so that an answer is never wrapped anew.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{AnswerBroken, Streamed};
use crate::authn::standing::Standing;
use crate::upstream::Detached;

/// The body of an answer: an upstream's, on its way, or one of ours, at hand.
pub enum Answer {
    Streamed(Streamed),
    Whole(Option<Bytes>),
    /// No body: the connection goes on as something else. Boxed, because it is rare.
    Switched(Box<Switched>),
}

/// The upstream's side of a connection that goes on as something else.
pub struct Switched {
    pub upstream: Detached,
    /// Of whoever asked for it, where that is somebody.
    pub standing: Option<Box<Standing>>,
}

impl Answer {
    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    /// See [`Streamed::cut_short`].
    pub fn cut_short(&self) -> Option<AnswerBroken> {
        match self {
            Self::Streamed(streamed) => streamed.cut_short(),
            Self::Whole(_) | Self::Switched(_) => None,
        }
    }

    /// See [`Streamed::drive`].
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        if let Self::Streamed(streamed) = self {
            streamed.drive(cx);
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = AnswerBroken;

    #[inline]
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Streamed(streamed) => Pin::new(streamed).poll_frame(cx),
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Switched(_) => Poll::Ready(None),
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Streamed(streamed) => streamed.is_end_stream(),
            Self::Whole(bytes) => bytes.is_none(),
            Self::Switched(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Streamed(streamed) => streamed.size_hint(),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Switched(_) => SizeHint::with_exact(0),
        }
    }
}
