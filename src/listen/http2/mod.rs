//! A connection that speaks HTTP/2: h2 reads and writes its frames, each stream is answered in a task of its own, and
//! the [`Session`] knows how long the connection may take and how much it may ask for.

mod io;
mod meter;
mod session;
mod stream;
mod trailers;

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, Connection as Server, Handshake, SendResponse};
use http::Request;

use self::io::MeteredIo;
use self::meter::Excess;
use self::session::{Overdue, Session};
use self::stream::Answering;
use super::linger::{LINGER, linger};
use super::link::Stage;
use super::listener::Listener;
use super::opening::Opened;
use super::worker::Worker;
use crate::base::clock::Moment;
use crate::base::peer::Peer;
use crate::base::task::TaskHandle;
use crate::config::spec::Sizes;
use crate::request::Connection;
use crate::telemetry::events::{ConnectionEnd, ConnectionRefused};

/// RS-04: requests at a time.
const STREAMS: u32 = 100;

/// RS-04: bytes of a decoded head, as HTTP/2 counts them; `sizes.head` may lower it.
const HEADER_LIST: usize = 16 * 1024;

/// RS-04: how much body may be on its way to us, in all and per request. What an upstream does not take stays unread
/// here, so several requests that go slowly must not use up what the others need.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const STREAM_WINDOW: u32 = 128 * 1024;

/// How much of an answer may wait for the socket, per request.
const SEND_BUFFER: usize = 64 * 1024;

/// Requests reset by the client before we have seen them, streams reset by us that still get frames, and streams that
/// the client makes us reset, over the life of the connection (CVE-2023-44487, CVE-2025-8671).
const UNSEEN_RESETS: usize = 20;
const RESETS_REMEMBERED: usize = 200;
const FORCED_RESETS: usize = 200;

/// A trusted proxy passes on the requests of many clients: what one of them does to a connection must not end it for all.
const PROXY_ALLOWANCE: u32 = 50;

/// What many small pieces of bodies may cost beyond the window. h2 keeps about 256 bytes around each piece that is not read
/// yet, charges them here, and ends the whole connection when it has charged more. The smallest message of gRPC, five
/// bytes of prefix, may fill the window: 209,716 pieces. Their list grows by doubling and stays, so a connection holds up
/// to 64 MiB of them. Nothing else bounds pieces of a single byte: there the end comes at a fifth of the window. Empty ones
/// cost no window; the meter and h2 count them.
const DATA_OVERHEAD: usize = (CONNECTION_WINDOW as usize / MESSAGE + 1) * 256;
const MESSAGE: usize = 5;

/// `allowance`: how many clients' worth of resets it may bring.
fn builder(sizes: Sizes, allowance: u32) -> Builder {
    let clients = allowance as usize;
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(sizes.head.min(HEADER_LIST)).unwrap_or(u32::MAX))
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_window_size(STREAM_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(UNSEEN_RESETS * clients)
        .max_concurrent_reset_streams(RESETS_REMEMBERED * clients)
        .max_local_error_reset_streams(Some(FORCED_RESETS * clients))
        .data_frame_budget(DATA_OVERHEAD);
    builder
}

/// What ended the connection.
enum Ended {
    /// Both sides were done with it.
    Done,
    ByLibrary(h2::Error),
    Overdue(Overdue),
    Excess(Excess),
}

/// Serve a connection until either side is done with it.
pub(super) async fn serve(worker: Rc<Worker>, listener: Rc<Listener>, opened: Opened) {
    let Opened {
        stream,
        unread,
        origin,
        place,
    } = opened;
    let _counted = worker.reporter.open_connection();
    if stream.write_at_once().is_err() {
        return;
    }
    let lease = worker.lease();
    let task = TaskHandle::new(&worker.timers);
    let is_proxy = listener.rules_in(&lease).trusted.contains(origin.peer);
    let allowance = if is_proxy { PROXY_ALLOWANCE } else { 1 };
    let session = Session::new(&task, lease.timeouts, place, allowance);
    let builder = builder(lease.sizes, allowance);
    drop(lease);

    let mut io = MeteredIo::new(stream, unread, Rc::clone(&session));
    let ended = {
        let mut driver = Driver {
            worker: &worker,
            listener: &listener,
            session: &session,
            task: &task,
            connection: origin.connection(),
            peer: origin.peer,
            known: 0,
            state: State::Greeting(builder.handshake(&mut io)),
            came_late: listener.stage() != Stage::Serving,
            leaving: None,
            ending: None,
        };
        let known = listener.register();
        std::future::poll_fn(|cx| {
            known.wake_with(cx.waker());
            session.wake_with(cx.waker());
            task.look_at_clock(cx);
            driver.poll(cx)
        })
        .await
    };
    report(&worker, origin.peer, &ended);
    let is_stuck = matches!(ended, Ended::Overdue(Overdue::Stalled));
    if !is_stuck && !session.has_client_ended() {
        linger(&worker.timers, io.into_stream()).await;
    }
    worker.lets_go();
}

struct Driver<'d> {
    worker: &'d Rc<Worker>,
    listener: &'d Rc<Listener>,
    session: &'d Rc<Session>,
    task: &'d TaskHandle,
    connection: Rc<Connection>,
    peer: Peer,
    /// How many requests were handed on by h2, or refused by it.
    known: u64,
    state: State<'d>,
    /// It began when clients were being asked to go elsewhere already.
    came_late: bool,
    /// Since when the client has been asked to go elsewhere.
    leaving: Option<Moment>,
    /// What the client has been told as the last thing, and until when it can hear it.
    ending: Option<(Ended, Moment)>,
}

enum State<'d> {
    Greeting(Handshake<&'d mut MeteredIo, Bytes>),
    Open(Server<&'d mut MeteredIo, Bytes>),
}

impl Driver<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.session.begin_turn();
        loop {
            let server = match &mut self.state {
                State::Open(server) => server,
                State::Greeting(handshake) => match Pin::new(handshake).poll(cx) {
                    Poll::Ready(Ok(server)) => {
                        self.state = State::Open(server);
                        continue;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Ended::ByLibrary(error)),
                    Poll::Pending => {
                        ready!(self.task.poll_past(self.session.greeted_by()));
                        return Poll::Ready(Ended::Overdue(Overdue::Head));
                    }
                },
            };
            let is_to_leave = match self.listener.stage() {
                Stage::Serving => false,
                // Who is sent away before the first request may come back at once, again and again.
                Stage::Leaving => !self.came_late || self.known > 0,
                Stage::Closing => true,
            };
            if is_to_leave && self.leaving.is_none() {
                self.leave();
                continue;
            }
            match server.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.known += 1;
                    self.accept(request, respond);
                    continue;
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(self.ended().unwrap_or(Ended::ByLibrary(error)));
                }
                Poll::Ready(None) => return Poll::Ready(self.ended().unwrap_or(Ended::Done)),
                Poll::Pending => self.report_refused(),
            }
            if let Some((_, until)) = &self.ending {
                ready!(self.task.poll_past(*until));
                return Poll::Ready(self.ended().unwrap_or(Ended::Done));
            }
            if let Some(excess) = self.session.excess() {
                self.end(excess.reason(), Ended::Excess(excess));
                continue;
            }
            let (moment, overdue) = self.session.deadline(self.listener.stage(), self.leaving);
            ready!(self.task.poll_past(moment));
            match overdue {
                Overdue::Quiet if self.leaving.is_none() => self.leave(),
                Overdue::Quiet => self.end(Reason::NO_ERROR, Ended::Done),
                Overdue::Head => self.end(Reason::ENHANCE_YOUR_CALM, Ended::Overdue(overdue)),
                // It takes nothing, so it would not hear why.
                Overdue::Stalled => return Poll::Ready(Ended::Overdue(overdue)),
            }
        }
    }

    /// Ask the client to go elsewhere with its next requests; those on their way are answered.
    fn leave(&mut self) {
        if let State::Open(server) = &mut self.state {
            server.graceful_shutdown();
        }
        self.leaving = Some(self.task.now());
    }

    /// What h2 refuses itself never becomes a request: those that it was given and did not hand on.
    fn report_refused(&mut self) {
        let made = self.session.requests().unwrap_or(0);
        if self.leaving.is_some() {
            // Those above the last stream of our GOAWAY are the client's to make elsewhere: h2 drops them unseen.
            self.known = self.known.max(made);
            return;
        }
        while self.known < made {
            self.known += 1;
            self.worker.reporter.emit(ConnectionRefused {
                end: ConnectionEnd::StreamRefused,
                peer: Some(self.peer),
                detail: "",
            });
        }
    }

    /// Say the last thing, and give up all streams.
    fn end(&mut self, reason: Reason, ended: Ended) {
        if let State::Open(server) = &mut self.state {
            server.abrupt_shutdown(reason);
        }
        self.ending = Some((ended, self.task.now() + LINGER));
    }

    fn ended(&mut self) -> Option<Ended> {
        self.ending.take().map(|(ended, _)| ended)
    }

    fn accept(&self, request: Request<h2::RecvStream>, respond: SendResponse<Bytes>) {
        self.session.use_timeouts(self.worker.lease().timeouts);
        let answering = Answering::new(self.worker, self.listener, self.session, &self.connection);
        #[expect(
            clippy::disallowed_methods,
            reason = "a stream lives on the thread of its connection, and ends with it"
        )]
        let _task = tokio::task::spawn_local(answering.run(request, respond));
    }
}

/// Connections that end without an answer to a request are counted, and said now and then.
fn report(worker: &Worker, peer: Peer, ended: &Ended) {
    let (end, detail) = match ended {
        Ended::Done | Ended::Overdue(Overdue::Quiet) => return,
        Ended::Overdue(Overdue::Head) => (ConnectionEnd::HeadTimeout, String::new()),
        Ended::Overdue(Overdue::Stalled) => (ConnectionEnd::WriteTimeout, String::new()),
        Ended::Excess(excess) if excess.reason() == Reason::PROTOCOL_ERROR => {
            (ConnectionEnd::Malformed, excess.as_str().to_owned())
        }
        Ended::Excess(excess) => (ConnectionEnd::Flooding, excess.as_str().to_owned()),
        Ended::ByLibrary(error) if error.is_library() && error.is_go_away() => {
            let end = match error.reason() {
                Some(Reason::ENHANCE_YOUR_CALM) => ConnectionEnd::Flooding,
                _ => ConnectionEnd::Malformed,
            };
            (end, error.to_string())
        }
        Ended::ByLibrary(error) => {
            tracing::debug!(%peer, %error, "a client's connection broke");
            return;
        }
    };
    worker.reporter.emit(ConnectionRefused {
        end,
        peer: Some(peer),
        detail: &detail,
    });
}
