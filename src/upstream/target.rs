//! One server: its address, the connections it may have over all workers, and how busy it is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http::HeaderValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::resolve::{Addresses, Resolver};
use crate::config::spec::{ServersSpec, TargetHost, TargetSpec};

#[derive(Debug)]
pub struct Target {
    /// Tells targets apart for the life of the process.
    id: u64,
    authority: HeaderValue,
    weight: u32,
    /// Of a server on this machine that is reached through a unix socket, and by no address.
    socket: Option<Arc<Path>>,
    addresses: Addresses,
    in_flight: AtomicUsize,
    connections: Arc<Semaphore>,
    max_connections: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Target {
    pub(super) fn new(target: &TargetSpec, servers: &ServersSpec, resolver: &Resolver) -> Self {
        let max_connections = servers.max_connections.get().min(Semaphore::MAX_PERMITS);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            authority: authority(target),
            weight: target.weight.max(1),
            socket: match &target.host {
                TargetHost::Unix(path) => Some(Arc::clone(path)),
                TargetHost::Address(_) | TargetHost::Name(_) => None,
            },
            addresses: resolver.watch(&target.host, target.port),
            in_flight: AtomicUsize::new(0),
            connections: Arc::new(Semaphore::new(max_connections)),
            max_connections,
            waiting: AtomicUsize::new(0),
            max_waiting: servers.max_pending,
        }
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    /// What a `Host` field of this server's own name says.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    pub(super) fn socket(&self) -> Option<&Arc<Path>> {
        self.socket.as_ref()
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Connections open now, over all workers.
    pub fn open_connections(&self) -> usize {
        self.max_connections
            .saturating_sub(self.connections.available_permits())
    }

    pub(super) fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.connections).try_acquire_owned().ok()
    }

    pub(super) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.connections)
    }

    /// Whether a request somewhere waits for a connection to this target.
    pub(super) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// A place in the queue for a connection, or `None` when the queue is full.
    pub(super) fn queue(self: &Arc<Self>) -> Option<Queued> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Queued(Arc::clone(self));
        (before < self.max_waiting).then_some(place)
    }

    /// Requests under way per weight, as a number that orders.
    pub(super) fn load(&self) -> u64 {
        let in_flight = self.in_flight.load(Ordering::Relaxed) as u64;
        (in_flight + 1) * 0x1_0000 / u64::from(self.weight)
    }
}

fn authority(target: &TargetSpec) -> HeaderValue {
    let host = match &target.host {
        TargetHost::Name(name) => name.to_string(),
        TargetHost::Address(std::net::IpAddr::V4(v4)) => v4.to_string(),
        TargetHost::Address(std::net::IpAddr::V6(v6)) => format!("[{v6}]"),
        // A file has no name on a network.
        TargetHost::Unix(_) => return HeaderValue::from_static("localhost"),
    };
    let text = if target.port == 80 {
        host
    } else {
        format!("{host}:{}", target.port)
    };
    HeaderValue::try_from(text).expect("a checked host name and a port are visible ASCII")
}

/// A place in a target's queue, given up when dropped.
pub(super) struct Queued(Arc<Target>);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One request under way, counted from its start to its end.
#[derive(Debug)]
pub struct InFlight(Arc<Target>);

impl InFlight {
    pub fn new(target: Arc<Target>) -> Self {
        target.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(target)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
