//! The beginning of a connection, read before anybody serves it: where the listener speaks the PROXY protocol, whose
//! connection this is; where it speaks HTTP/2 in clear text, which version of HTTP it is.
//!
//! Comes in: a stream and its peer. Goes out: the stream, what was read of it and belongs to whoever serves it, who is at
//! the other end in truth, and what it speaks. A plain listener does without all of this.

use std::cell::Ref;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::limits::Entered;
use super::linger::linger;
use super::link::{QUIET, Stage};
use super::listener::{Listener, refuse};
use super::preface::{self, Spoken};
use super::proxy_protocol::{self, Header, Reading, Speaker};
use super::worker::Worker;
use crate::base::clock::Moment;
use crate::base::peer::Peer;
use crate::base::stream::Stream;
use crate::base::task::TaskHandle;
use crate::config::spec::ProxyProtocol;
use crate::pipeline::snapshot::ListenerRules;
use crate::request::Connection;
use crate::telemetry::events::{ConnectionEnd, ConnectionRefused};

/// A connection that can be served.
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// Read already, and not part of what was looked for.
    pub(super) unread: Bytes,
    pub(super) origin: Origin,
    pub(super) place: Entered,
}

/// Which protocol a connection that is open speaks.
pub(super) enum Begun {
    Http1(Opened),
    Http2(Opened),
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) peer: Peer,
    /// The address the client connected to, if it has one.
    pub(super) local: Option<SocketAddr>,
}

impl Origin {
    /// Of a connection that nobody told anything about.
    pub(super) fn of(stream: &Stream, peer: Peer) -> std::io::Result<Self> {
        Ok(Self {
            peer,
            local: stream.local_address()?,
        })
    }

    /// What its requests have in common.
    pub(super) fn connection(self) -> Rc<Connection> {
        Rc::new(Connection::new(self.peer, self.local))
    }
}

/// What is asked of the first bytes.
pub(super) enum Judged<T> {
    /// It takes more of them.
    Unsure,
    Sure(T),
}

/// How reading the first bytes failed.
enum Failed {
    /// The peer has gone, or the connection is broken.
    Left,
    Refused(ConnectionEnd, &'static str),
    /// HTTP/1, and the listener does not speak it.
    Http1,
}

/// Said to a client of HTTP/1 where only HTTP/2 is spoken.
const WRONG_VERSION: &[u8] =
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Read what the listener asks of the beginning. `place` is counted in the total, and a peer that is not trusted also
/// among those of its address: it can have no other.
///
/// Nothing comes out when the connection is over; then that is counted.
pub(super) async fn open(
    worker: &Worker,
    listener: &Rc<Listener>,
    stream: Stream,
    peer: Peer,
    place: Entered,
) -> Option<Begun> {
    let _counted = worker.reporter.open_connection();
    let mut beginning = Beginning::new(worker, listener, stream);
    let speaker = match speaker(&mut beginning, peer).await {
        Ok(speaker) => speaker,
        Err(failed) => return beginning.end(peer, failed).await,
    };
    let origin = beginning.origin(peer, speaker)?;
    // At once: whoever says no more than that holds a place all the same.
    let place = beginning.counted(place, origin.peer)?;
    let spoken = match spoken(&mut beginning).await {
        Ok(spoken) => spoken,
        Err(failed) => return beginning.end(origin.peer, failed).await,
    };
    let opened = Opened {
        stream: beginning.stream,
        unread: beginning.unread.freeze(),
        origin,
        place,
    };
    Some(match spoken {
        Spoken::Http2 => Begun::Http2(opened),
        Spoken::Http1 | Spoken::Unsure => Begun::Http1(opened),
    })
}

/// Whose connection it is, where somebody may say so.
async fn speaker(beginning: &mut Beginning<'_>, peer: Peer) -> Result<Option<Speaker>, Failed> {
    let mode = beginning.rules().proxy_protocol;
    match mode {
        ProxyProtocol::Off => Ok(None),
        ProxyProtocol::Accept | ProxyProtocol::Require => header(beginning, peer).await,
    }
}

/// What it speaks, where that can be more than one thing.
async fn spoken(beginning: &mut Beginning<'_>) -> Result<Spoken, Failed> {
    let protocols = beginning.rules().protocols;
    if !protocols.h2c {
        return Ok(Spoken::Http1);
    }
    let spoken = beginning
        .read(|bytes| match preface::spoken(bytes) {
            Spoken::Unsure => Judged::Unsure,
            spoken => Judged::Sure(spoken),
        })
        .await?;
    if spoken == Spoken::Http1 && !protocols.http1 {
        return Err(Failed::Http1);
    }
    Ok(spoken)
}

/// Whose connection it is, and nothing more of it read than that. Only a trusted peer may say so.
async fn header(beginning: &mut Beginning<'_>, peer: Peer) -> Result<Option<Speaker>, Failed> {
    let (mode, is_trusted) = {
        let rules = beginning.rules();
        (rules.proxy_protocol, rules.trusted.contains(peer))
    };
    let reading = beginning
        .read(|bytes| match proxy_protocol::read(bytes) {
            // That it is one is enough to know.
            Reading::Unsure if is_trusted || !proxy_protocol::has_begun(bytes) => Judged::Unsure,
            reading => Judged::Sure(reading),
        })
        .await?;
    match (reading, mode) {
        (Reading::Other, ProxyProtocol::Off | ProxyProtocol::Accept) => Ok(None),
        (Reading::Other, ProxyProtocol::Require) => {
            let detail = "it does not begin with a header of the PROXY protocol";
            Err(Failed::Refused(ConnectionEnd::ProxyHeader, detail))
        }
        _ if !is_trusted => Err(Failed::Refused(ConnectionEnd::ProxyUntrusted, "")),
        (Reading::Header(Header { length, speaker }), _) => {
            beginning.take(length);
            Ok(Some(speaker))
        }
        (Reading::Malformed(why), _) => Err(Failed::Refused(ConnectionEnd::ProxyHeader, why)),
        (Reading::Unsure, _) => Err(Failed::Left),
    }
}

/// A connection of which only the first bytes are looked at.
struct Beginning<'w> {
    worker: &'w Worker,
    listener: &'w Rc<Listener>,
    stream: Stream,
    accepted: Moment,
    /// Not taken yet.
    unread: BytesMut,
}

/// How much is read in one go. Most of what begins a connection comes in one packet.
const PIECE: usize = 2048;

impl<'w> Beginning<'w> {
    fn new(worker: &'w Worker, listener: &'w Rc<Listener>, stream: Stream) -> Self {
        Self {
            worker,
            listener,
            stream,
            accepted: worker.timers.now(),
            unread: BytesMut::new(),
        }
    }

    /// Read until `judge` is sure (RS-01: within the time of a head, however slowly the bytes come).
    async fn read<T>(&mut self, judge: impl Fn(&[u8]) -> Judged<T>) -> Result<T, Failed> {
        let task = TaskHandle::new(&self.worker.timers);
        let (begun, patience) = (self.accepted, self.worker.lease().timeouts.head);
        let known = self.listener.register();
        std::future::poll_fn(|cx| {
            known.wake_with(cx.waker());
            task.look_at_clock(cx);
            loop {
                if let Judged::Sure(judged) = judge(&self.unread) {
                    return Poll::Ready(Ok(judged));
                }
                let mut room = [0; PIECE];
                let mut piece = ReadBuf::new(&mut room);
                match Pin::new(&mut self.stream).poll_read(cx, &mut piece) {
                    Poll::Ready(Ok(())) if !piece.filled().is_empty() => self.unread.extend_from_slice(piece.filled()),
                    Poll::Ready(_) => return Poll::Ready(Err(Failed::Left)),
                    Poll::Pending => {
                        let is_fresh = self.unread.is_empty();
                        let is_leaving = is_fresh && self.listener.stage() == Stage::Closing;
                        let limit = if is_leaving { patience.min(QUIET) } else { patience };
                        ready!(task.poll_past(begun + limit));
                        return Poll::Ready(Err(match (is_leaving, is_fresh) {
                            (true, _) => Failed::Left,
                            (false, true) => Failed::Refused(ConnectionEnd::FirstByteTimeout, ""),
                            (false, false) => Failed::Refused(ConnectionEnd::HeadTimeout, ""),
                        }));
                    }
                }
            }
        })
        .await
    }

    /// The first `length` bytes have been understood, and are nobody else's.
    fn take(&mut self, length: usize) {
        drop(self.unread.split_to(length.min(self.unread.len())));
    }

    /// Where the connection comes from when it is `speaker`'s.
    fn origin(&self, peer: Peer, speaker: Option<Speaker>) -> Option<Origin> {
        let own = Origin::of(&self.stream, peer).ok()?;
        Some(match speaker {
            Some(Speaker::Client { source, destination }) => Origin {
                peer: source.into(),
                local: Some(destination),
            },
            Some(Speaker::Proxy) | None => own,
            Some(Speaker::Unnamed) => Origin {
                peer: Peer::Unnamed,
                ..own
            },
        })
    }

    /// The connection must have a place among those of its address.
    fn counted(&self, place: Entered, peer: Peer) -> Option<Entered> {
        let limits = self.worker.lease().connections;
        match place.counted_for(peer, &self.rules().trusted, limits) {
            Ok(place) => Some(place),
            Err(refused) => {
                refuse(self.worker, &self.stream, peer, refused);
                None
            }
        }
    }

    fn rules(&self) -> Ref<'_, Arc<ListenerRules>> {
        self.listener.rules_in(&self.worker.lease())
    }

    /// It is over before it was served.
    async fn end<T>(mut self, peer: Peer, failed: Failed) -> Option<T> {
        let (end, detail) = match failed {
            Failed::Left => return None,
            Failed::Refused(end, detail) => (end, detail),
            Failed::Http1 => (ConnectionEnd::Malformed, "it does not begin as HTTP/2 does"),
        };
        self.worker.reporter.emit(ConnectionRefused {
            end,
            peer: Some(peer),
            detail,
        });
        if matches!(failed, Failed::Http1)
            && self.stream.try_write(WRONG_VERSION).is_ok()
            && self.stream.shutdown().await.is_ok()
        {
            linger(&self.worker.timers, self.stream).await;
        }
        None
    }
}
