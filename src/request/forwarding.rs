//! What an upstream is told about where a request came from: our own word for it, and that of a trusted proxy before us.

use http::{HeaderMap, HeaderValue};

use super::client::{Client, Proto, UNKNOWN, append_forwarded_for};
use super::host::Host;
use crate::base::peer::Peer;

/// The values of the `X-Forwarded-*` fields.
#[derive(Clone, Debug)]
pub struct Forwarding {
    pub addresses: HeaderValue,
    pub proto: HeaderValue,
    pub host: Option<HeaderValue>,
    /// The client connected to this one, where it connected to one.
    pub port: Option<HeaderValue>,
}

impl Forwarding {
    /// For a connection whose peer is the client; the host differs by request.
    pub fn direct(peer: Peer, local_port: Option<u16>) -> Self {
        let addresses = peer.ip().map(|address| HeaderValue::try_from(address.to_string()));
        Self {
            addresses: addresses.and_then(Result::ok).unwrap_or(UNKNOWN),
            proto: HeaderValue::from_static("http"),
            host: None,
            port: local_port.map(HeaderValue::from),
        }
    }

    /// For one request on that connection.
    pub fn tell(&self, client: &Client, peer: Peer, headers: &HeaderMap, host: &Host) -> Self {
        let mut told = Self {
            host: host.raw().cloned(),
            ..self.clone()
        };
        if let Some(proxy) = &client.told {
            told.addresses = append_forwarded_for(headers, peer);
            told.proto = HeaderValue::from_static(match proxy.proto {
                Some(Proto::Https) => "https",
                Some(Proto::Http) | None => "http",
            });
            if let Some(host) = proxy.host.as_ref().and_then(Host::raw) {
                told.host = Some(host.clone());
            }
            if let Some(port) = proxy.port {
                told.port = Some(HeaderValue::from(port));
            }
        }
        told
    }
}
