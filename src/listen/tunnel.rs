//! A connection that has switched to another protocol (WebSocket, mostly): bytes go both ways, untouched and unread,
//! until both sides have ended, one breaks, nothing moves for too long, or its time is over.
//!
//! No direction keeps a buffer while it has nothing to hold: what is read goes through the worker's scratch buffer, and
//! only what the other side does not take at once is kept.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Client;
use super::link::WRITE_STALL;
use super::record::Record;
use crate::authn::standing::{Lost, Standing};
use crate::base::clock::Moment;
use crate::base::stream::Stream;
use crate::config::spec::ClientTimeouts;
use crate::upstream::Detached;

/// Reads in a row before other connections of this worker get their turn.
const TURNS: usize = 16;

/// The upstream's side of a switch that was agreed on, with the record of the request that asked for it.
pub(super) struct Switch {
    pub(super) upstream: Detached,
    /// Of whoever asked for it, where that is somebody.
    pub(super) standing: Option<Box<Standing>>,
    pub(super) record: Box<Record>,
    pub(super) timeouts: ClientTimeouts,
}

pub(super) struct Tunnel {
    client: Stream,
    upstream: Detached,
    inward: Direction,
    outward: Direction,
    standing: Option<Box<Standing>>,
    record: Box<Record>,
    timeouts: ClientTimeouts,
}

/// Why a tunnel ended.
#[derive(Debug, thiserror::Error)]
enum TunnelEnd {
    #[error("both sides have ended")]
    Whole,
    #[error("the tunnel broke: {0}")]
    Broken(#[source] io::Error),
    #[error("nothing moved through the tunnel for too long")]
    Idle,
    #[error("one side of the tunnel does not take what the other sends")]
    Stalled,
    #[error("the tunnel has reached its age limit")]
    Aged,
    /// METH-05.
    #[error(transparent)]
    Lost(Lost),
}

impl Tunnel {
    /// What either side sent behind its head goes first.
    pub(super) fn new(client: Stream, unread: Bytes, switch: Switch) -> Self {
        let Switch {
            mut upstream,
            standing,
            record,
            timeouts,
        } = switch;
        let unsent = std::mem::take(&mut upstream.unread);
        Self {
            client,
            inward: Direction::holding(unread),
            outward: Direction::holding(unsent),
            upstream,
            standing,
            record,
            timeouts,
        }
    }

    /// When it ends if nothing moves from now on, and why.
    fn deadline(&mut self, begun: Moment, now: Moment) -> (Moment, TunnelEnd) {
        let moved_at = self.inward.notice(now).max(self.outward.notice(now));
        let ends = [
            (begun + self.timeouts.stream_age, TunnelEnd::Aged),
            (moved_at + self.timeouts.stream_idle, TunnelEnd::Idle),
            (self.inward.stalls_at(), TunnelEnd::Stalled),
            (self.outward.stalls_at(), TunnelEnd::Stalled),
        ];
        let first = ends.into_iter().min_by_key(|(moment, _)| *moment);
        first.unwrap_or((Moment::NEVER, TunnelEnd::Whole))
    }
}

/// Copy until the tunnel ends.
pub(super) async fn run(client: &Client, mut tunnel: Box<Tunnel>) {
    let task = &client.task;
    let begun = task.now();
    tunnel.inward.moved_at = begun;
    tunnel.outward.moved_at = begun;
    let end = std::future::poll_fn(|cx| {
        client.look_around(cx);
        let tunnel = &mut *tunnel;
        if let Some(standing) = &mut tunnel.standing
            && let Poll::Ready(lost) = standing.poll_lost(task)
        {
            return Poll::Ready(TunnelEnd::Lost(lost));
        }
        let mut scratch = client.worker.scratch.borrow_mut();
        let (client, upstream) = (&mut tunnel.client, &mut tunnel.upstream.stream);
        let outward = tunnel.outward.poll(upstream, client, &mut scratch, cx);
        let inward = tunnel.inward.poll(client, upstream, &mut scratch, cx);
        drop(scratch);
        match (inward, outward) {
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => {
                return Poll::Ready(TunnelEnd::Broken(error));
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(TunnelEnd::Whole),
            _ => {}
        }
        let (moment, end) = tunnel.deadline(begun, task.now());
        task.poll_past(moment).map(|()| end)
    })
    .await;
    match end {
        TunnelEnd::Whole => tunnel.record.ended_whole(),
        TunnelEnd::Lost(lost) => tunnel.record.lost(lost),
        TunnelEnd::Broken(_) | TunnelEnd::Idle | TunnelEnd::Stalled | TunnelEnd::Aged => tunnel.record.cut_off(&end),
    }
}

/// Also when it is dropped with its worker.
impl Drop for Tunnel {
    fn drop(&mut self) {
        self.record.sent(self.outward.moved);
    }
}

/// One way through a tunnel.
struct Direction {
    /// Read, and not taken by the other side yet.
    held: BytesMut,
    /// The source has sent its last byte.
    ended: bool,
    /// The sink knows.
    closed: bool,
    /// Bytes that the sink has taken.
    moved: u64,
    noticed: u64,
    moved_at: Moment,
}

impl Direction {
    /// When it last moved.
    fn notice(&mut self, now: Moment) -> Moment {
        if self.moved > self.noticed {
            (self.noticed, self.moved_at) = (self.moved, now);
        }
        self.moved_at
    }

    /// RS-01: who does not take what is held for him is not waited for as long as one who has nothing to say.
    fn stalls_at(&self) -> Moment {
        if self.held.is_empty() {
            Moment::NEVER
        } else {
            self.moved_at + WRITE_STALL
        }
    }

    fn holding(bytes: Bytes) -> Self {
        Self {
            held: BytesMut::from(bytes),
            ended: false,
            closed: false,
            moved: 0,
            noticed: 0,
            moved_at: Moment::START,
        }
    }

    /// Move what can be moved; ready when the source has ended and the sink knows.
    fn poll(
        &mut self,
        from: &mut Stream,
        to: &mut Stream,
        scratch: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..TURNS {
            while !self.held.is_empty() {
                let taken = ready!(write(to, &self.held, cx))?;
                self.held.advance(taken);
                self.moved += taken as u64;
            }
            self.held = BytesMut::new();
            if self.ended {
                ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                self.closed = true;
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(scratch);
            ready!(Pin::new(&mut *from).poll_read(cx, &mut buf))?;
            let read = buf.filled();
            if read.is_empty() {
                self.ended = true;
                continue;
            }
            let taken = match write(to, read, cx) {
                Poll::Ready(taken) => taken?,
                Poll::Pending => 0,
            };
            self.moved += taken as u64;
            self.held.extend_from_slice(read.get(taken..).unwrap_or_default());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn write(to: &mut Stream, bytes: &[u8], cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(to).poll_write(cx, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        taken => Poll::Ready(Ok(taken)),
    }
}
