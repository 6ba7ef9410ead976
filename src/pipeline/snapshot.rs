//! Everything one request may ask, compiled from one configuration and never changed afterwards.

use std::sync::Arc;

use crate::admission::Admission;
use crate::authn::Verifier;
use crate::authz::Policy;
use crate::base::net::ListenAddr;
use crate::base::peer::Trusted;
use crate::config::spec::{ClientTimeouts, Connections, Protocols, ProxyProtocol, Sizes};
use crate::request::headers::HeaderPolicy;
use crate::route::Router;
use crate::telemetry::metrics::Figures;
use crate::upstream::Upstream;

/// One generation of the configuration, at work.
#[derive(Debug)]
pub struct Snapshot {
    pub generation: u64,
    pub router: Router,
    pub admission: Admission,
    pub verifier: Verifier,
    pub policy: Policy,
    pub listeners: Vec<Arc<ListenerRules>>,
    /// Of every upstream with servers, for the page of figures.
    pub upstreams: Vec<Arc<Upstream>>,
    pub connections: Connections,
    pub timeouts: ClientTimeouts,
    pub sizes: Sizes,
    /// Whether each request gets a line in the access log.
    pub access_log: bool,
}

/// What one listener speaks, believes and lets pass.
#[derive(Debug)]
pub struct ListenerRules {
    pub key: ListenerKey,
    /// Of the snapshot these rules belong to.
    pub generation: u64,
    pub protocols: Protocols,
    pub trusted: Trusted,
    pub proxy_protocol: ProxyProtocol,
    pub headers: HeaderPolicy,
}

/// Names a listener across reloads: its address as written, and which one of several with the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListenerKey {
    pub addr: ListenAddr,
    pub nth: usize,
}

impl Snapshot {
    /// What a scrape reads of it.
    pub fn figures(&self) -> Figures {
        Figures {
            verdict_evictions: self.verifier.evictions(),
        }
    }

    pub fn listener(&self, key: &ListenerKey) -> Option<&Arc<ListenerRules>> {
        self.listeners.iter().find(|listener| listener.key == *key)
    }
}
