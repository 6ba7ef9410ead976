//! One client's connection from its first byte to its last. It rests until bytes come, is served while requests are
//! under way, rests again when it has been quiet for a while, and may end as a tunnel.
//!
//! A resting connection keeps its socket and its deadline and nothing else: no buffers, no parser (RS-03).

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::carrier::Carrier;
use super::http1::{self, Left};
use super::linger::linger;
use super::link::{Link, Overdue, Phase};
use super::listener::{Listener, Registered};
use super::opening::Opened;
use super::service::Door;
use super::tunnel;
use super::worker::Worker;
use crate::base::peer::Peer;
use crate::base::stream::{Stream, Waiting};
use crate::base::task::TaskHandle;
use crate::telemetry::events::{ConnectionEnd, ConnectionRefused};

/// What ended the exchange of requests and answers.
pub(super) enum Ended {
    ByHyper(hyper::Result<()>),
    Overdue(Overdue),
}

/// Serve a connection until either side is done with it. Everything that can be is prepared before there is a task: what
/// a task is given, it keeps room for as long as it lives.
pub(super) fn serve(worker: Rc<Worker>, listener: Rc<Listener>, opened: Opened) -> impl Future<Output = ()> {
    let Opened {
        stream,
        unread,
        origin,
        place,
    } = opened;
    let counted = (place, worker.reporter.open_connection());
    let task = TaskHandle::new(&worker.timers);
    let link = Rc::new(Link::new(task.clone(), worker.lease().timeouts));
    let connection = origin.connection();
    let door = Door::new(&worker, &listener, Carrier::Http1(Rc::clone(&link)), &task, &connection);
    let client = Client {
        known: listener.register(),
        worker,
        listener,
        link,
        task,
        door,
        peer: origin.peer,
    };
    async move {
        let _counted = counted;
        if stream.write_at_once().is_err() {
            return;
        }
        client.serve(stream, unread).await;
        client.worker.lets_go();
    }
}

/// What belongs to a connection whatever state it is in.
pub(super) struct Client {
    known: Registered,
    pub(super) worker: Rc<Worker>,
    pub(super) listener: Rc<Listener>,
    pub(super) link: Rc<Link>,
    pub(super) task: TaskHandle,
    pub(super) door: Rc<Door>,
    peer: Peer,
}

impl Client {
    /// To be called at every step of the connection's task.
    pub(super) fn look_around(&self, cx: &Context<'_>) {
        self.known.wake_with(cx.waker());
        self.task.look_at_clock(cx);
    }

    async fn serve(&self, mut stream: Stream, mut unread: Bytes) {
        loop {
            if unread.is_empty() {
                match self.rest(&stream).await {
                    Rested::Woken => {}
                    Rested::Left => return,
                    Rested::Overdue(overdue) => return self.report(&Ended::Overdue(overdue)),
                }
            }
            // Boxed, so that it is gone while the connection rests.
            match Box::pin(http1::drive(self, stream, std::mem::take(&mut unread))).await {
                Left::Resting(rests) => {
                    stream = rests;
                    self.worker.lets_go();
                }
                Left::Switched(switched) => return Box::pin(tunnel::run(self, switched)).await,
                Left::Ended(ended, stream) => {
                    self.report(&ended);
                    return self.finish(stream, &ended).await;
                }
            }
        }
    }

    /// Wait for bytes, without a buffer to read them into.
    async fn rest(&self, stream: &Stream) -> Rested {
        // Before the first request nothing can be left over from an earlier one: the runtime's word is enough.
        let is_fresh = self.link.phase() == Phase::Fresh;
        std::future::poll_fn(|cx| {
            self.look_around(cx);
            let readable = if is_fresh {
                stream.poll_read_ready(cx).map(|_| Waiting::Bytes)
            } else {
                stream.poll_waiting(cx)
            };
            match readable {
                Poll::Ready(Waiting::End) => return Poll::Ready(Rested::Left),
                Poll::Ready(_) => return Poll::Ready(Rested::Woken),
                Poll::Pending => {}
            }
            let (moment, overdue) = self.link.deadline(self.listener.stage());
            ready!(self.task.poll_past(moment));
            // Look before closing: a request may be arriving this very moment.
            Poll::Ready(match stream.waiting() {
                Waiting::Bytes => Rested::Woken,
                _ => Rested::Overdue(overdue),
            })
        })
        .await
    }

    /// Let the client read what it was sent before the socket is gone.
    async fn finish(&self, mut stream: Stream, ended: &Ended) {
        match ended {
            // Nothing was under way: no answer to protect.
            Ended::Overdue(Overdue::Quiet | Overdue::Rest | Overdue::Stalled) => return,
            Ended::Overdue(Overdue::Head) => {
                // The buffer of a socket that has been sent nothing else takes this at once, or never.
                if stream.try_write(HEAD_TIMEOUT).is_err() {
                    return;
                }
            }
            Ended::ByHyper(_) => {}
        }
        if self.link.has_client_ended() || stream.shutdown().await.is_err() {
            return;
        }
        linger(&self.worker.timers, stream).await;
    }

    /// Connections that end without an answer to a request are counted, and said now and then.
    fn report(&self, ended: &Ended) {
        let peer = self.peer;
        let (end, detail) = match ended {
            Ended::Overdue(Overdue::Head) => (ConnectionEnd::HeadTimeout, String::new()),
            Ended::Overdue(Overdue::Stalled) => (ConnectionEnd::WriteTimeout, String::new()),
            Ended::Overdue(Overdue::Quiet) if self.link.phase() == Phase::Fresh => {
                (ConnectionEnd::FirstByteTimeout, String::new())
            }
            Ended::Overdue(Overdue::Quiet | Overdue::Rest) | Ended::ByHyper(Ok(())) => return,
            Ended::ByHyper(Err(error)) if error.is_parse_too_large() => {
                (ConnectionEnd::HeadTooLarge, error.to_string())
            }
            Ended::ByHyper(Err(error)) if error.is_parse() => (ConnectionEnd::Malformed, error.to_string()),
            Ended::ByHyper(Err(error)) => {
                tracing::debug!(%peer, %error, "a client's connection broke");
                return;
            }
        };
        self.worker.reporter.emit(ConnectionRefused {
            end,
            peer: Some(peer),
            detail: &detail,
        });
    }
}

/// What a client hears whose request head never became complete.
const HEAD_TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Why a connection no longer rests.
enum Rested {
    /// Bytes have come.
    Woken,
    /// The client has gone.
    Left,
    Overdue(Overdue),
}
