//! A body that is read whole before it goes on, because its bytes are signed. What is held is bounded for one request and
//! for all together (HM-05).

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{BodyFault, BodyLimits, Outgoing, Payload, Progress};
use crate::base::task::TaskHandle;

/// How patient the reader of a body is.
#[derive(Clone, Copy)]
pub struct Pace<'a> {
    /// How long the sender may be silent.
    pub idle: Duration,
    pub task: &'a TaskHandle,
}

/// What bodies may take together, over all workers.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// For the whole of a body: it takes room that others want, and nobody has proven anything yet.
const HELD_TIME: Duration = Duration::from_secs(60);

/// Room is handed out in pieces of this many bytes.
const PIECE: u64 = 1024;

impl Room {
    pub fn new(bytes: u64) -> Self {
        let pieces = usize::try_from(bytes / PIECE).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(pieces.min(Semaphore::MAX_PERMITS))))
    }

    fn take(&self, bytes: u64) -> Result<OwnedSemaphorePermit, BodyFault> {
        self.take_pieces(bytes.div_ceil(PIECE))
    }

    fn take_pieces(&self, pieces: u64) -> Result<OwnedSemaphorePermit, BodyFault> {
        let pieces = u32::try_from(pieces).map_err(|_| BodyFault::NoRoom)?;
        let room = Arc::clone(&self.0).try_acquire_many_owned(pieces);
        room.map_err(|_| BodyFault::NoRoom)
    }
}

impl Payload {
    /// A body that was never on the way.
    pub fn of(bytes: Bytes, room: &Room) -> Result<Self, BodyFault> {
        if bytes.is_empty() {
            return Ok(Self::Empty);
        }
        let room = room.take(bytes.len() as u64)?;
        Ok(Self::Held(Box::new(Held { bytes, room })))
    }
}

/// A body in memory, and the room it takes.
#[derive(Debug)]
pub struct Held {
    bytes: Bytes,
    room: OwnedSemaphorePermit,
}

impl Payload {
    /// Read to the end, at most `at_most` bytes. Room is taken as they come: who announces much and sends little takes
    /// little.
    pub async fn hold(self, at_most: u64, pace: Pace<'_>, room: &Room) -> Result<(Self, Bytes), BodyFault> {
        if let Self::Held(held) = self {
            let bytes = held.bytes.clone();
            return Ok((Self::Held(held), bytes));
        }
        if self.is_empty() {
            return Ok((Self::Empty, Bytes::new()));
        }
        let mut taken = room.take_pieces(0)?;
        let limits = BodyLimits {
            max: at_most,
            idle: pace.idle,
        };
        let (mut body, _progress) = Outgoing::new(self, limits, pace.task);
        let mut held = BytesMut::new();
        let until = pace.task.now() + HELD_TIME;
        let next = |body: &mut Outgoing, cx: &mut Context<'_>| {
            if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
                return Poll::Ready(frame);
            }
            pace.task.poll_past(until).map(|()| Some(Err(BodyFault::TooSlow)))
        };
        while let Some(frame) = poll_fn(|cx| next(&mut body, cx)).await {
            if let Ok(data) = frame?.into_data() {
                held.extend_from_slice(&data);
                let wanted = (held.len() as u64).div_ceil(PIECE);
                taken.merge(room.take_pieces(wanted.saturating_sub(taken.num_permits() as u64))?);
            }
        }
        if held.is_empty() {
            return Ok((Self::Empty, Bytes::new()));
        }
        let bytes = held.freeze();
        let held = Held {
            bytes: bytes.clone(),
            room: taken,
        };
        Ok((Self::Held(Box::new(held)), bytes))
    }
}

/// A body in memory on its way upstream.
#[derive(Debug)]
pub struct Sending {
    bytes: Option<Bytes>,
    _room: OwnedSemaphorePermit,
    progress: Rc<Progress>,
}

impl Sending {
    pub(super) fn new(held: Held, progress: Rc<Progress>) -> Self {
        Self {
            bytes: Some(held.bytes),
            _room: held.room,
            progress,
        }
    }

    pub(super) fn take(&mut self) -> Option<Bytes> {
        self.progress.end();
        self.bytes.take()
    }

    pub(super) fn is_sent(&self) -> bool {
        self.bytes.is_none()
    }

    pub(super) fn left(&self) -> u64 {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
}
