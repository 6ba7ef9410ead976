//! The body of a request on its way upstream: its length, its pace and its end are watched frame by frame.
//!
//! What it refuses: more bytes than the route takes, a sender that falls silent, and one that trickles to hold a place.
//! Trailers of requests are dropped, always (HTTP-14).

mod held;

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use crate::base::clock::Moment;
use crate::base::source::Source;
use crate::base::task::TaskHandle;
use crate::problem::Code;
use held::Sending;
pub use held::{Held, Pace, Room};

/// RS-01: how long a sender may be slower than [`MIN_RATE`] before its pace counts.
const RATE_GRACE: Duration = Duration::from_secs(10);

/// RS-01: bytes a second.
const MIN_RATE: u64 = 1024;

/// HTTP-05: bytes of a trailer section.
const TRAILERS_MAX: usize = 16 * 1024;

/// The body as it arrived: unread.
#[derive(Debug)]
pub enum Payload {
    Empty,
    Stream(Source),
    /// Read already.
    Held(Box<Held>),
}

impl Payload {
    pub fn new(source: Source) -> Self {
        if source.is_end_stream() {
            Self::Empty
        } else {
            Self::Stream(source)
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

/// What a body may be.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Bytes.
    pub max: u64,
    /// How long the sender may be silent.
    pub idle: Duration,
}

/// Why a body was not sent to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body is larger than this route takes")]
    TooLarge,
    #[error("the body stopped arriving")]
    Silent,
    #[error("the body arrives too slowly")]
    TooSlow,
    #[error("the body is malformed or ended early")]
    Broken,
    #[error("bodies that are read whole take all the room they may have")]
    NoRoom,
}

impl BodyFault {
    pub fn code(self) -> Code {
        match self {
            Self::TooLarge => Code::BodyTooLarge,
            Self::Silent | Self::TooSlow => Code::RequestTimeout,
            Self::Broken => Code::RequestMalformed,
            Self::NoRoom => Code::ServerOverloaded,
        }
    }
}

/// What the sender of a body can be asked while hyper holds the body.
#[derive(Debug)]
pub struct Progress {
    fault: Cell<Option<BodyFault>>,
    ended: Cell<bool>,
    touched: Cell<bool>,
    /// Its limits hold no longer.
    relaxed: Cell<bool>,
    /// When the last frame was handed on.
    last: Cell<Moment>,
}

impl Progress {
    fn new(now: Moment) -> Self {
        Self {
            fault: Cell::new(None),
            ended: Cell::new(false),
            touched: Cell::new(false),
            relaxed: Cell::new(false),
            last: Cell::new(now),
        }
    }

    /// The whole body is handed on at once.
    pub(super) fn end(&self) {
        self.touched.set(true);
        self.ended.set(true);
    }

    pub fn fault(&self) -> Option<BodyFault> {
        self.fault.get()
    }

    /// Whether the whole body has been handed on.
    pub fn ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether any of it has been read: then the request cannot be sent a second time.
    pub fn touched(&self) -> bool {
        self.touched.get()
    }

    /// Take whatever comes from now on: the head of the answer is out, and a body that goes on beside it is a stream, whose
    /// limits are the answer's.
    pub fn relax(&self) {
        self.relaxed.set(true);
    }

    pub fn last(&self) -> Moment {
        self.last.get()
    }
}

/// A body under its limits, for the upstream connection to send.
#[derive(Debug, Default)]
pub enum Outgoing {
    #[default]
    Empty,
    Guarded(Box<Guarded>),
    Held(Box<Sending>),
}

pub struct Guarded {
    source: Source,
    limits: BodyLimits,
    task: TaskHandle,
    progress: Rc<Progress>,
    received: u64,
    /// When the sender was found to have nothing for us, and how long that has been the case in all.
    waiting_since: Option<Moment>,
    waited: Duration,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded")
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// Put `payload` under `limits`; the progress of an empty body is of no interest.
    pub fn new(payload: Payload, limits: BodyLimits, task: &TaskHandle) -> (Self, Option<Rc<Progress>>) {
        let source = match payload {
            Payload::Empty => return (Self::Empty, None),
            Payload::Held(held) => {
                let progress = Rc::new(Progress::new(task.now()));
                let sending = Sending::new(*held, Rc::clone(&progress));
                return (Self::Held(Box::new(sending)), Some(progress));
            }
            Payload::Stream(source) => source,
        };
        let progress = Rc::new(Progress::new(task.now()));
        let guarded = Guarded {
            source,
            limits,
            task: task.clone(),
            progress: Rc::clone(&progress),
            received: 0,
            waiting_since: None,
            waited: Duration::ZERO,
        };
        (Self::Guarded(Box::new(guarded)), Some(progress))
    }
}

impl Guarded {
    fn refuse(&self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.progress.fault.set(Some(fault));
        Poll::Ready(Some(Err(fault)))
    }

    /// When the sender's silence ends our patience, and with which fault.
    fn patience(&self, since: Moment) -> (Moment, BodyFault) {
        let silent = since + self.limits.idle;
        // Only the time spent waiting for the sender counts: an upstream that reads slowly is not its fault.
        let earned = RATE_GRACE + Duration::from_millis(self.received.saturating_mul(1000) / MIN_RATE);
        let slow = since + earned.saturating_sub(self.waited);
        if slow < silent {
            (slow, BodyFault::TooSlow)
        } else {
            (silent, BodyFault::Silent)
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.progress.touched.set(true);
        loop {
            let Poll::Ready(frame) = self.source.poll_frame(cx) else {
                if self.progress.relaxed.get() {
                    return Poll::Pending;
                }
                let since = *self.waiting_since.get_or_insert_with(|| self.task.now());
                let (moment, fault) = self.patience(since);
                ready!(self.task.poll_past(moment));
                return self.refuse(fault);
            };
            let now = self.task.now();
            if let Some(since) = self.waiting_since.take() {
                self.waited += now.since(since);
            }
            self.progress.last.set(now);
            match frame {
                None => {
                    self.progress.ended.set(true);
                    return Poll::Ready(None);
                }
                Some(Err(_)) => return self.refuse(BodyFault::Broken),
                Some(Ok(frame)) => {
                    let data = match frame.into_data() {
                        Ok(data) => data,
                        // Dropped; the end of the body follows them.
                        Err(frame) if frame.trailers_ref().is_some_and(are_too_large) => {
                            return self.refuse(BodyFault::Broken);
                        }
                        Err(_) => continue,
                    };
                    self.received = self.received.saturating_add(data.len() as u64);
                    if self.received > self.limits.max && !self.progress.relaxed.get() {
                        return self.refuse(BodyFault::TooLarge);
                    }
                    if self.source.is_end_stream() {
                        self.progress.ended.set(true);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
        }
    }
}

/// hyper counts trailers against the limit of a head, which is wider.
fn are_too_large(trailers: &HeaderMap) -> bool {
    let bytes: usize = trailers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    bytes > TRAILERS_MAX
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Guarded(guarded) => guarded.poll_data(cx),
            Self::Held(sending) => Poll::Ready(sending.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Guarded(guarded) => guarded.source.is_end_stream(),
            Self::Held(sending) => sending.is_sent(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Guarded(guarded) => guarded.source.size_hint(),
            Self::Held(sending) => SizeHint::with_exact(sending.left()),
        }
    }
}
