//! The calls that the gateway makes itself: in goes where to and what, out comes a small answer or why there is none.
//! One client for all of them, so that what may be called, how long, and how much may come back is decided once
//! (KEY-01, KEY-02). It follows no redirect, keeps no cookie, uses no proxy, and does not know what the answers mean.
//!
//! Connections live on the background runtime: a worker never waits for a name, a handshake or a slow peer.

mod addresses;
mod call;
mod connect;
mod location;
#[cfg(test)]
pub(crate) mod scripted;
mod trust;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use rustls::ClientConfig;

pub use call::{Answer, Call, CallError};
pub use connect::ConnectFault;
pub use location::{Location, LocationFault};

use connect::Connector;
use location::Reach;

use crate::base::background::Background;
use crate::base::resolve::{Resolve, SystemResolver};
use crate::config::spec::OutboundSpec;

/// Key sets and metadata take a few KiB, those of the largest providers some tens.
const ANSWER_MAX: usize = 1024 * 1024;
/// Of an answer's head.
const HEAD_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// Enough for the introspection of a busy gateway, few enough to be nobody's burden.
const IDLE_CONNECTIONS: usize = 16;
/// Below what servers grant, so that a connection is not taken up just when its server closes it.
const IDLE: Duration = Duration::from_secs(20);

/// The client. Clones share its connections.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    spec: OutboundSpec,
    background: Background,
    /// Whether calls are made at all.
    is_open: bool,
    /// For hosts that the configuration names.
    anywhere: Http,
    /// For hosts that somebody else named. Connections are not shared between the two: one that leads to a private
    /// address would be a way around the check.
    public: Http,
}

type Http = Client<HttpsConnector<Connector>, Full<Bytes>>;

impl Outbound {
    /// Reads the authorities of the machine, so not on a worker.
    pub fn start(spec: &OutboundSpec, background: &Background, resolve: &Arc<dyn Resolve>) -> io::Result<Self> {
        Self::new(spec, background, resolve, true)
    }

    /// Makes no call: each fails and says so.
    pub fn nowhere(spec: &OutboundSpec, background: &Background) -> io::Result<Self> {
        let resolve: Arc<dyn Resolve> = Arc::new(SystemResolver);
        Self::new(spec, background, &resolve, false)
    }

    fn new(
        spec: &OutboundSpec,
        background: &Background,
        resolve: &Arc<dyn Resolve>,
        is_open: bool,
    ) -> io::Result<Self> {
        let tls = trust::client_config(&spec.ca).map_err(io::Error::other)?;
        let client = |reach| {
            let connector = Connector::new(Arc::clone(resolve), background.timers().clone(), reach);
            http_client(connector, tls.clone(), background)
        };
        Ok(Self(Arc::new(Inner {
            spec: spec.clone(),
            background: background.clone(),
            is_open,
            anywhere: client(Reach::Anywhere),
            public: client(Reach::Public),
        })))
    }

    /// A place that the configuration names.
    pub fn written(&self, url: &str) -> Result<Location, LocationFault> {
        Location::written(url, &self.0.spec)
    }

    /// A place that somebody else named: whoever answered at `source`.
    pub fn learnt(&self, url: &str, source: &Location) -> Result<Location, LocationFault> {
        Location::learnt(url, source, &self.0.spec)
    }

    /// Make the call on the background runtime and wait for what comes of it, from anywhere.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let inner = Arc::clone(&self.0);
        // The call keeps its own time; this one only bounds the wait.
        let patience = inner.spec.timeout;
        let work = async move { inner.perform(call).await };
        let background = self.0.background.clone();
        background.call("outbound call", patience, work).await?
    }

    /// The same for tasks that run on the background runtime already. They are few, so they need no place among those
    /// who wait: a flood of calls by others does not keep them from theirs.
    pub async fn call_here(&self, call: Call) -> Result<Answer, CallError> {
        self.0.perform(call).await
    }
}

impl Inner {
    async fn perform(&self, call: Call) -> Result<Answer, CallError> {
        if !self.is_open {
            return Err(CallError::Closed);
        }
        let client = match call.to().reach() {
            Reach::Anywhere => &self.anywhere,
            Reach::Public => &self.public,
        };
        let exchange = async {
            let response = client.request(call.into_request()).await?;
            let (head, body) = response.into_parts();
            let body = whole(body).await?;
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body,
            })
        };
        let timeout = self.spec.timeout;
        let in_time = self.background.timers().within(timeout, exchange).await;
        in_time.unwrap_or(Err(CallError::Late(timeout)))
    }
}

async fn whole(mut body: Incoming) -> Result<Bytes, CallError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(CallError::Body)?.into_data() else {
            continue;
        };
        if whole.len() + data.len() > ANSWER_MAX {
            return Err(CallError::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

fn http_client(connector: Connector, tls: ClientConfig, background: &Background) -> Http {
    // Whether http is allowed was decided when the `Location` was made; there is no call without one.
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(Tracked(background.clone()))
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http1_max_buf_size(HEAD_MAX)
        .http1_max_headers(HEADERS_MAX)
        .build(connector)
}

/// Runs the client's connections as tasks that are stopped with all others.
#[derive(Clone)]
struct Tracked(Background);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tracked {
    fn execute(&self, connection: F) {
        self.0.spawn("outbound connection", connection);
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound(…)")
    }
}

#[cfg(test)]
mod tests;
