//! The answer of an upstream on its way to the client, frame by frame, with the connection it comes from.
//!
//! The connection is moved by whoever polls this body. When the answer has ended it goes back to the pool; when this
//! body is dropped before, the connection is dropped with it and the upstream sees that nobody listens any more.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::base::clock::Moment;
use crate::base::source::{Source, SourceBroken};
use crate::base::task::TaskHandle;
use crate::request::body::Outgoing;
use crate::request::headers;
use crate::upstream::{Conn, InFlight, Pools};

/// Why an answer was cut off after its head had been sent.
#[derive(Debug, thiserror::Error)]
pub enum AnswerBroken {
    #[error("the upstream broke off its answer: {0}")]
    Upstream(#[source] SourceBroken),
    #[error("the upstream fell silent in the middle of its answer")]
    Silent,
}

/// The body of an upstream's answer.
pub struct Streamed {
    source: Source,
    conn: Option<Conn<Outgoing>>,
    pools: Rc<Pools<Outgoing>>,
    task: TaskHandle,
    /// How long the upstream may pause, and how long its connection may rest afterwards.
    idle: Duration,
    silent_since: Option<Moment>,
    _counted: Option<InFlight>,
}

impl Streamed {
    pub(super) fn new(
        source: Source,
        conn: Conn<Outgoing>,
        pools: &Rc<Pools<Outgoing>>,
        task: &TaskHandle,
        idle: Duration,
        counted: Option<InFlight>,
    ) -> Self {
        let mut streamed = Self {
            source,
            conn: Some(conn),
            pools: Rc::clone(pools),
            task: task.clone(),
            idle,
            silent_since: None,
            _counted: counted,
        };
        streamed.release_at_end();
        streamed
    }

    /// Once the last frame is out, the connection may serve somebody else.
    fn release_at_end(&mut self) {
        if self.source.is_end_stream() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.pools.put_back(conn, self.idle, self.task.now());
        }
    }

    fn poll_source(&mut self) -> Poll<Option<Result<Frame<Bytes>, SourceBroken>>> {
        // Only the connection makes frames, and it is moved after this look if there is none: no wake-up is needed.
        let mut look = || self.source.poll_frame(&mut Context::from_waker(Waker::noop()));
        match &self.conn {
            Some(conn) => conn.quietly(look),
            None => look(),
        }
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = AnswerBroken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let mut frame = this.poll_source();
        if frame.is_pending() {
            if let Some(conn) = &mut this.conn {
                conn.drive(cx);
            }
            frame = this.poll_source();
        }
        match frame {
            Poll::Pending => {
                let since = *this.silent_since.get_or_insert_with(|| this.task.now());
                std::task::ready!(this.task.poll_past(since + this.idle));
                this.conn = None;
                Poll::Ready(Some(Err(AnswerBroken::Silent)))
            }
            Poll::Ready(None) => {
                this.release();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                this.conn = None;
                Poll::Ready(Some(Err(AnswerBroken::Upstream(error))))
            }
            Poll::Ready(Some(Ok(mut frame))) => {
                this.silent_since = None;
                if let Some(trailers) = frame.trailers_mut() {
                    headers::clean_answer_trailers(trailers);
                    // Nothing may follow trailers, and whoever gets them asks for nothing more.
                    this.release();
                } else {
                    this.release_at_end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}
