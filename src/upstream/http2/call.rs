//! One exchange on a shared connection: a stream with its request going one way and its answer coming the other.
//!
//! Everything here is polled inside the task of the request it belongs to. Dropped before its end, it resets the stream,
//! and the server sees within a round trip that nobody listens any more.

use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::{Request, Response, StatusCode};
use http_body::Body;
use std::pin::Pin;

use super::pool::Room;
use super::upload::{Parcel, Upload};

/// HTTP-16: more than any sensible exchange uses: 100, 102 and a few 103.
const INTERIM_MAX: u8 = 8;

/// A stream at work. The order of its fields is the order they are dropped in: the stream ends before its room is free.
pub struct Call<B> {
    /// Until the head of the answer has come.
    response: Option<ResponseFuture>,
    upload: Upload<B>,
    interim: u8,
    room: Room,
}

/// Why there is no head of an answer.
#[derive(Debug, thiserror::Error)]
pub enum CallFailed<E> {
    /// The server says that it has not looked at the request: it may go to another one (RFC 9113 section 8.7).
    #[error("the server took no more requests on this connection: {0}")]
    Refused(#[source] h2::Error),
    #[error("{0}")]
    Broken(#[source] h2::Error),
    #[error("more than {INTERIM_MAX} interim answers before the answer itself")]
    TooManyInterim,
    #[error("the upstream switched to a protocol nobody asked for")]
    Switched,
    /// The request's own body.
    #[error("the request broke off")]
    Request(E),
}

impl<E> CallFailed<E> {
    fn of_stream(error: h2::Error) -> Self {
        // A stream hears of a GOAWAY only when it lies beyond the last one the server will work on.
        let is_refused = error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
        if is_refused {
            Self::Refused(error)
        } else {
            Self::Broken(error)
        }
    }

    /// The connection itself is gone: its server may have closed it while the request was on its way.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, Self::Broken(error) if error.is_io())
    }
}

impl<B: Body<Data = Bytes> + Unpin> Call<B> {
    /// Begin the exchange. The request's head leaves at once, and its body as [`Self::head`] and [`Self::drive`] are
    /// polled.
    pub fn begin(room: Room, head: Request<()>, parcel: Parcel<B>) -> Result<Self, (h2::Error, Parcel<B>)> {
        let (response, stream) = match room.send(head, parcel.is_empty()) {
            Ok(begun) => begun,
            Err(error) => return Err((error, parcel)),
        };
        Ok(Self {
            response: Some(response),
            upload: Upload::new(parcel, stream),
            interim: 0,
            room,
        })
    }

    /// Wait for the head of the answer while the request goes out. `poll_limits` ends the wait early.
    pub async fn head<E>(
        &mut self,
        mut poll_limits: impl FnMut() -> Poll<E>,
    ) -> Result<Result<Response<RecvStream>, CallFailed<B::Error>>, E> {
        std::future::poll_fn(|cx| {
            let uploaded = self.upload.poll(cx);
            if let Poll::Ready(Err(fault)) = uploaded {
                return Poll::Ready(Ok(Err(CallFailed::Request(fault))));
            }
            match self.poll_response(cx) {
                Poll::Ready(answered) => Poll::Ready(Ok(answered)),
                Poll::Pending => poll_limits().map(Err),
            }
        })
        .await
    }

    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, CallFailed<B::Error>>> {
        let Some(response) = &mut self.response else {
            return Poll::Pending;
        };
        // Interim answers are looked at one by one: left to themselves they are skipped, however many there are.
        while let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
            match interim {
                Ok(interim) if interim.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Poll::Ready(Err(CallFailed::Switched));
                }
                Ok(_) if self.interim < INTERIM_MAX => self.interim += 1,
                Ok(_) => return Poll::Ready(Err(CallFailed::TooManyInterim)),
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
        match std::task::ready!(Pin::new(response).poll(cx)) {
            Ok(response) => {
                self.response = None;
                self.upload.settle();
                self.room.answered();
                Poll::Ready(Ok(response))
            }
            Err(error) => Poll::Ready(Err(self.fail(error))),
        }
    }

    fn fail(&self, error: h2::Error) -> CallFailed<B::Error> {
        if error.is_remote() {
            self.room.ended_by_server();
        }
        if error.reason() == Some(Reason::REFUSED_STREAM) {
            self.room.refused();
        }
        CallFailed::of_stream(error)
    }

    /// Send on what the client still sends; the task is woken when there is more to do. The error is the body's own, and
    /// the stream has been reset with it.
    pub fn drive(&mut self, cx: &mut Context<'_>) -> Result<(), B::Error> {
        match self.upload.poll(cx) {
            Poll::Ready(Err(fault)) => Err(fault),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// The answer has come to its end.
    pub fn finish(self) {
        self.room.ended_by_server();
    }

    /// Whether the connection had lain unused for so long that its server may have closed it while the request was on
    /// its way.
    pub fn was_at_risk(&self, rest: std::time::Duration) -> bool {
        self.room.rested() >= rest
    }

    /// What a second attempt needs, if the body can still be sent from its beginning.
    pub fn into_parcel(self) -> Option<Parcel<B>> {
        let Self { upload, .. } = self;
        upload.into_parcel()
    }
}
