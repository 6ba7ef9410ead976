//! The answer of an upstream on its way to the client, frame by frame, with what carries it.
//!
//! The connection of an HTTP/1 upstream is moved by whoever polls this body; a stream of a shared one only has the rest of
//! its request moved here. When the answer has ended the carrier is free for others; when this body is dropped before, the
//! upstream sees that nobody listens any more.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::limits::{Overdue, StreamLimits};
use crate::authn::standing::Lost;
use crate::base::clock::Moment;
use crate::base::source::{Source, SourceBroken};
use crate::base::task::TaskHandle;
use crate::problem::Code;
use crate::request::body::{BodyFault, Outgoing};
use crate::request::headers;
use crate::upstream::{Call, Conn, InFlight, Pools};

/// Why an answer was cut off after its head had been sent.
#[derive(Debug, thiserror::Error)]
pub enum AnswerBroken {
    #[error("the upstream broke off its answer: {0}")]
    Upstream(#[source] SourceBroken),
    #[error("the upstream fell silent in the middle of its answer")]
    Silent,
    #[error("the stream has reached its greatest age")]
    Aged,
    #[error("the deadline of the call has passed")]
    Deadline,
    /// METH-05.
    #[error(transparent)]
    Lost(Lost),
    /// The rest of the request, which was still under way.
    #[error(transparent)]
    Request(BodyFault),
}

impl AnswerBroken {
    /// For the records: the client has its status already.
    pub fn code(&self) -> Code {
        match self {
            Self::Upstream(_) => Code::UpstreamProtocol,
            Self::Silent | Self::Aged | Self::Deadline => Code::UpstreamTimeout,
            Self::Lost(lost) => lost.code(),
            Self::Request(fault) => fault.code(),
        }
    }
}

impl From<Overdue> for AnswerBroken {
    fn from(overdue: Overdue) -> Self {
        match overdue {
            Overdue::Silent => Self::Silent,
            Overdue::Aged => Self::Aged,
            Overdue::Deadline => Self::Deadline,
            Overdue::Lost(lost) => Self::Lost(lost),
        }
    }
}

/// What an answer comes over.
pub(super) enum Carrier {
    Http1(Conn<Outgoing>),
    Http2(Box<Call<Outgoing>>),
}

/// The body of an upstream's answer.
pub struct Streamed {
    source: Source,
    carrier: Option<Carrier>,
    pools: Rc<Pools<Outgoing>>,
    task: TaskHandle,
    /// How long the upstream may pause, and how long its connection may rest afterwards.
    idle: Duration,
    silent_since: Option<Moment>,
    /// Boxed: most answers have none.
    stream: Option<Box<StreamLimits>>,
    /// Ended here, with a last word instead of a break.
    cut_short: Option<Overdue>,
    /// Its carrier is gone already; the next look at it says why.
    lost: Option<Overdue>,
    _counted: Option<InFlight>,
}

impl Streamed {
    pub(super) fn new(
        source: Source,
        carrier: Carrier,
        pools: &Rc<Pools<Outgoing>>,
        task: &TaskHandle,
        idle: Duration,
        counted: Option<InFlight>,
    ) -> Self {
        let mut streamed = Self {
            source,
            carrier: Some(carrier),
            pools: Rc::clone(pools),
            task: task.clone(),
            idle,
            silent_since: None,
            stream: None,
            cut_short: None,
            lost: None,
            _counted: counted,
        };
        streamed.release_at_end();
        streamed
    }

    /// Put the limits of a stream in place of those of an ordinary answer.
    pub(super) fn limited_as(mut self, limits: Option<Box<StreamLimits>>) -> Self {
        self.stream = limits;
        self
    }

    /// Send on what the client still sends of its request, while nobody can take a frame of the answer.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        if self.carrier.is_some()
            && let Some(limits) = &mut self.stream
            && let Poll::Ready(overdue) = limits.poll_lost(&self.task)
        {
            // Nothing more goes up, although nobody takes the answer's end.
            self.carrier = None;
            self.lost = Some(overdue);
        }
        match &mut self.carrier {
            Some(Carrier::Http1(conn)) => conn.drive(cx),
            // A fault of the request shows when the next frame is asked for: it has reset the stream.
            Some(Carrier::Http2(call)) => drop(call.drive(cx)),
            None => {}
        }
    }

    /// Why this answer has ended before its upstream ended it, although it looks whole.
    pub fn cut_short(&self) -> Option<AnswerBroken> {
        self.cut_short.map(AnswerBroken::from)
    }

    /// Once the last frame is out, the carrier may serve somebody else.
    fn release_at_end(&mut self) {
        if self.source.is_end_stream() {
            self.release();
        }
    }

    fn release(&mut self) {
        // The room of a stream is free as soon as nobody holds it.
        match self.carrier.take() {
            Some(Carrier::Http1(conn)) => self.pools.put_back(conn, self.idle, self.task.now()),
            Some(Carrier::Http2(call)) => call.finish(),
            None => {}
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerBroken>>> {
        let frame = match &mut self.carrier {
            Some(Carrier::Http2(call)) => {
                if let Err(fault) = call.drive(cx) {
                    return Poll::Ready(Some(Err(AnswerBroken::Request(fault))));
                }
                self.source.poll_frame(cx)
            }
            Some(Carrier::Http1(conn)) => {
                // Only the connection makes frames, and it is moved after this look if there is none: no wake-up is needed.
                let unheard = &mut Context::from_waker(Waker::noop());
                let mut frame = conn.quietly(|| self.source.poll_frame(unheard));
                if frame.is_pending() {
                    conn.drive(cx);
                    frame = conn.quietly(|| self.source.poll_frame(unheard));
                }
                frame
            }
            None => self.source.poll_frame(cx),
        };
        frame.map(|frame| frame.map(|frame| frame.map_err(AnswerBroken::Upstream)))
    }

    /// How long the upstream may stay silent now that it is.
    fn patience(&mut self) -> (Moment, Overdue) {
        let since = *self.silent_since.get_or_insert_with(|| self.task.now());
        match &self.stream {
            Some(limits) => limits.patience(since, self.idle),
            None => (since + self.idle, Overdue::Silent),
        }
    }

    /// Whether a stream is over, whatever is said in it.
    fn overdue(&mut self) -> Option<Overdue> {
        if self.carrier.is_none() {
            return self.lost.take();
        }
        let limits = self.stream.as_mut()?;
        let (moment, overdue) = limits.ends();
        if self.task.poll_past(moment).is_ready() {
            return Some(overdue);
        }
        match limits.poll_lost(&self.task) {
            Poll::Ready(overdue) => Some(overdue),
            Poll::Pending => None,
        }
    }

    /// Nobody listens to the upstream any more.
    fn cut(&mut self, overdue: Overdue) -> Result<Frame<Bytes>, AnswerBroken> {
        self.carrier = None;
        self.source = Source::Ended;
        let last_word = self.stream.as_ref().and_then(|limits| limits.last_word(overdue));
        self.cut_short = last_word.is_some().then_some(overdue);
        last_word.map(Frame::trailers).ok_or_else(|| overdue.into())
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = AnswerBroken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if let Some(overdue) = this.overdue() {
            return Poll::Ready(Some(this.cut(overdue)));
        }
        match this.poll_answer(cx) {
            Poll::Pending => {
                let (moment, overdue) = this.patience();
                ready!(this.task.poll_past(moment));
                Poll::Ready(Some(this.cut(overdue)))
            }
            Poll::Ready(None) => {
                this.release();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                this.carrier = None;
                Poll::Ready(Some(Err(error)))
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
