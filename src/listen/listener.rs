//! One worker's end of one listening address: accepts, counts, hands each connection its task, and drains.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::connection;
use super::http2;
use super::limits::{Entered, Refused};
use super::link::Stage;
use super::opening::{self, Begun, Opened, Origin};
use super::sockets::{Acceptor, ListenSocket};
use super::worker::Worker;
use crate::base::peer::Peer;
use crate::base::stream::Stream;
use crate::config::spec::ProxyProtocol;
use crate::pipeline::Snapshot;
use crate::pipeline::snapshot::{ListenerKey, ListenerRules};
use crate::telemetry::events::{ConnectionEnd, ConnectionRefused};

/// After a failure to accept (no descriptors left, mostly): how long to leave the machine alone.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client that has begun to connect may take to finish when a listener leaves: a round trip around the world.
const HANDSHAKE: Duration = Duration::from_millis(300);

/// What a client hears for whom there is no place.
const OVERLOADED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\
    content-type: application/problem+json\r\ncontent-length: 131\r\n\r\n\
    {\"type\":\"urn:portcullis:error:server.overloaded\",\"title\":\"This gateway has too much to do\",\
    \"status\":503,\"code\":\"server.overloaded\"}";

pub struct Listener {
    pub key: ListenerKey,
    stage: Cell<Stage>,
    changed: Notify,
    /// Whether the socket is gone.
    closed: (Cell<bool>, Notify),
    /// Of the connections alive, so that a change of stage reaches those that wait.
    connections: RefCell<HashMap<u64, Option<Waker>, foldhash::fast::RandomState>>,
    next_connection: Cell<u64>,
    /// The rules last seen for this address, for the connections of a listener that is no longer configured.
    rules: RefCell<Arc<ListenerRules>>,
}

impl Listener {
    pub fn new(rules: Arc<ListenerRules>) -> Rc<Self> {
        Rc::new(Self {
            key: rules.key.clone(),
            stage: Cell::new(Stage::Serving),
            changed: Notify::new(),
            closed: (Cell::new(false), Notify::new()),
            connections: RefCell::default(),
            next_connection: Cell::new(0),
            rules: RefCell::new(rules),
        })
    }

    pub fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Whether nothing is accepted any more, and everybody who waited has been let in.
    pub fn is_closed(&self) -> bool {
        self.closed.0.get()
    }

    /// Move on; a stage is never taken back.
    pub fn advance(&self, stage: Stage) {
        self.stage.set(self.stage.get().max(stage));
        self.changed.notify_waiters();
        self.connections
            .borrow()
            .values()
            .flatten()
            .for_each(Waker::wake_by_ref);
    }

    /// The rules of the snapshot a request begins with; a listener that is no longer configured keeps its last ones.
    pub(super) fn rules_in(&self, snapshot: &Snapshot) -> Ref<'_, Arc<ListenerRules>> {
        let known = self.rules.borrow().generation;
        if known != snapshot.generation
            && let Some(rules) = snapshot.listener(&self.key)
        {
            *self.rules.borrow_mut() = Arc::clone(rules);
        }
        self.rules.borrow()
    }

    pub(super) fn register(self: &Rc<Self>) -> Registered {
        let id = self.next_connection.get();
        self.next_connection.set(id + 1);
        self.connections.borrow_mut().insert(id, None);
        Registered {
            listener: Rc::clone(self),
            id,
            known: Cell::new(false),
        }
    }

    /// Ready once nothing is accepted any more, and everybody who waited has been let in.
    pub async fn closed(&self) {
        let (done, told) = &self.closed;
        while !done.get() {
            told.notified().await;
        }
    }

    /// Begin to accept, in a task of this worker.
    pub fn start(self: &Rc<Self>, worker: &Rc<Worker>, socket: ListenSocket) -> io::Result<()> {
        let socket = socket.start()?;
        #[expect(clippy::disallowed_methods, reason = "a listener lives on its worker's thread")]
        let _task = tokio::task::spawn_local(Rc::clone(self).accept(Rc::clone(worker), socket));
        Ok(())
    }

    /// Accept until told to stop, then hand out what already waits and close the socket.
    async fn accept(self: Rc<Self>, worker: Rc<Worker>, socket: Acceptor) {
        loop {
            let stop = self.changed.notified();
            if self.stage.get() == Stage::Closing {
                break;
            }
            tokio::select! {
                biased;
                () = stop => {}
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(&worker, stream, peer),
                    Err(error) => self.accept_failed(&worker, &error).await,
                },
            }
        }
        self.close(&worker, socket).await;
        let (done, told) = &self.closed;
        done.set(true);
        told.notify_one();
    }

    /// Closing a listening socket resets whoever waits in its queue, or is about to. So first nobody new may begin to
    /// connect, then those who have begun get the time to finish, and everybody is let in.
    async fn close(self: &Rc<Self>, worker: &Rc<Worker>, socket: Acceptor) {
        if let Err(error) = socket.turn_away() {
            tracing::warn!(%error, "cannot turn new clients away before closing a listener");
        }
        if !socket.is_lent() {
            let latecomers = async {
                while let Ok((stream, peer)) = socket.accept().await {
                    self.admit(worker, stream, peer);
                }
            };
            let _over = worker.timers.within(HANDSHAKE, latecomers).await;
        }
        let Ok(socket) = socket.stop() else { return };
        while let Ok((stream, peer)) = socket.accept_waiting() {
            self.admit(worker, stream, peer);
        }
    }

    fn admit(self: &Rc<Self>, worker: &Rc<Worker>, stream: Stream, peer: Peer) {
        let lease = worker.lease();
        let limits = lease.connections;
        let rules = self.rules_in(&lease);
        let is_trusted = rules.trusted.contains(peer);
        let told = match rules.proxy_protocol {
            ProxyProtocol::Off => false,
            ProxyProtocol::Accept => true,
            ProxyProtocol::Require if is_trusted => true,
            ProxyProtocol::Require => {
                return worker.reporter.emit(ConnectionRefused {
                    end: ConnectionEnd::ProxyUntrusted,
                    peer: Some(peer),
                    detail: "",
                });
            }
        };
        let told = told || rules.protocols.h2c;
        let entered = worker.connections.enter(limits);
        // A trusted peer is spared here, and whoever it then speaks for is counted.
        let entered = entered.and_then(|place| place.counted_for(peer, &rules.trusted, limits));
        drop(rules);
        match entered {
            Ok(place) if told => self.open(worker, stream, peer, place),
            Ok(place) => self.serve(worker, stream, peer, place),
            Err(refused) => refuse(worker, &stream, peer, refused),
        }
    }

    fn serve(self: &Rc<Self>, worker: &Rc<Worker>, stream: Stream, peer: Peer, place: Entered) {
        let Ok(origin) = Origin::of(&stream, peer) else { return };
        let opened = Opened {
            stream,
            unread: Bytes::new(),
            origin,
            place,
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "a client's connection lives on its worker's thread"
        )]
        let _task = tokio::task::spawn_local(connection::serve(Rc::clone(worker), Rc::clone(self), opened));
    }

    /// Find out whose connection it is, and what it speaks, before it is served.
    fn open(self: &Rc<Self>, worker: &Rc<Worker>, stream: Stream, peer: Peer, place: Entered) {
        let (worker, listener) = (Rc::clone(worker), Rc::clone(self));
        #[expect(
            clippy::disallowed_methods,
            reason = "a client's connection lives on its worker's thread"
        )]
        let _task = tokio::task::spawn_local(async move {
            // Boxed, so that it is gone while the connection lives.
            match Box::pin(opening::open(&worker, &listener, stream, peer, place)).await {
                Some(Begun::Http1(opened)) => connection::serve(worker, listener, opened).await,
                // Boxed, so that those of HTTP/1 need no room for it.
                Some(Begun::Http2(opened)) => Box::pin(http2::serve(worker, listener, opened)).await,
                None => {}
            }
        });
    }

    async fn accept_failed(&self, worker: &Worker, error: &io::Error) {
        // A client that went away again is nobody's problem.
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
        ) {
            return;
        }
        let detail = error.to_string();
        worker.reporter.emit(ConnectionRefused {
            end: ConnectionEnd::AcceptFailed,
            peer: None,
            detail: &detail,
        });
        worker.timers.sleep(ACCEPT_PAUSE).await;
    }
}

pub(super) fn refuse(worker: &Worker, stream: &Stream, peer: Peer, refused: Refused) {
    let end = match refused {
        Refused::TooMany => ConnectionEnd::OverLimit,
        Refused::TooManyFromAddress => ConnectionEnd::OverAddressLimit,
    };
    worker.reporter.emit(ConnectionRefused {
        end,
        peer: Some(peer),
        detail: "",
    });
    // Said if the fresh socket takes it at once, as it always does; nobody waits for it.
    let _said = stream.try_write(OVERLOADED);
}

/// A connection's entry in its listener's book.
pub(super) struct Registered {
    listener: Rc<Listener>,
    id: u64,
    known: Cell<bool>,
}

impl Registered {
    /// How to wake the connection's task; the first answer holds, for a connection stays in its task.
    pub(super) fn wake_with(&self, waker: &Waker) {
        if !self.known.replace(true) {
            self.listener
                .connections
                .borrow_mut()
                .insert(self.id, Some(waker.clone()));
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.listener.connections.borrow_mut().remove(&self.id);
    }
}
