//! A connection to the host of a location: its name looked up, its addresses judged, one after the other tried. The
//! check is on the very address that is connected to, so a name that changes its mind in between changes nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::addresses::is_public;
use super::location::Reach;
use crate::base::clock::Moment;
use crate::base::resolve::Resolve;
use crate::base::timers::Timers;

/// Within one continent a connection stands in a fraction of this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Of one name.
const ADDRESSES_MAX: usize = 8;

#[derive(Clone)]
pub(super) struct Connector {
    resolve: Arc<dyn Resolve>,
    timers: Timers,
    reach: Reach,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFault {
    #[error("the host name does not resolve")]
    Unresolved(#[source] Option<io::Error>),
    #[error("the host has no public address, and an issuer's metadata named it; see `outbound.allow_private_hosts`")]
    NotPublic,
    #[error("connecting took longer than {CONNECT_TIMEOUT:?}")]
    Late,
    #[error("it cannot be reached")]
    Unreachable(#[source] io::Error),
}

impl Connector {
    pub(super) fn new(resolve: Arc<dyn Resolve>, timers: Timers, reach: Reach) -> Self {
        Self { resolve, timers, reach }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, ConnectFault> {
        let deadline = self.timers.now() + CONNECT_TIMEOUT;
        let addresses = self.addresses(uri.host().unwrap_or_default(), deadline).await?;
        let port = uri.port_u16().unwrap_or_else(|| default_port(&uri));
        let mut fault = ConnectFault::NotPublic;
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            // An address that swallows everything does not take the time of those behind it.
            let share = deadline.since(self.timers.now()) / left.max(1);
            left = left.saturating_sub(1);
            let connecting = TcpStream::connect(SocketAddr::new(address, port));
            match self.timers.within(share, connecting).await {
                Some(Ok(stream)) => {
                    // Without it a small request waits for an acknowledgement; nothing breaks if it stays so.
                    let _waits = stream.set_nodelay(true);
                    return Ok(TokioIo::new(stream));
                }
                Some(Err(error)) => fault = ConnectFault::Unreachable(error),
                None => fault = ConnectFault::Late,
            }
        }
        Err(fault)
    }

    /// Those that may be connected to; at least one.
    pub(super) async fn addresses(&self, host: &str, deadline: Moment) -> Result<Vec<IpAddr>, ConnectFault> {
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let mut addresses = match literal {
            Ok(address) => vec![address],
            Err(_) => self.look_up(host, deadline).await?,
        };
        if addresses.is_empty() {
            return Err(ConnectFault::Unresolved(None));
        }
        if self.reach == Reach::Public {
            addresses.retain(|address| is_public(*address));
        }
        if addresses.is_empty() {
            return Err(ConnectFault::NotPublic);
        }
        addresses.truncate(ADDRESSES_MAX);
        Ok(addresses)
    }

    async fn look_up(&self, name: &str, deadline: Moment) -> Result<Vec<IpAddr>, ConnectFault> {
        let looking = self.resolve.resolve(name.into());
        match self.timers.before(deadline, looking).await {
            Some(found) => found.map_err(|error| ConnectFault::Unresolved(Some(error))),
            None => Err(ConnectFault::Late),
        }
    }
}

fn default_port(uri: &Uri) -> u16 {
    if uri.scheme() == Some(&http::uri::Scheme::HTTP) {
        80
    } else {
        443
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectFault;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
