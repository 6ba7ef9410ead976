//! What an upstream is told about where a request came from: our own word for it, and that of a trusted proxy before us.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::client::{Client, Proto, append_forwarded_for};
use super::host::Host;
use crate::base::net::canonical;

/// The values of the `X-Forwarded-*` fields.
#[derive(Clone, Debug)]
pub struct Forwarding {
    pub addresses: HeaderValue,
    pub proto: HeaderValue,
    pub host: Option<HeaderValue>,
    pub port: HeaderValue,
}

impl Forwarding {
    /// For a connection whose peer is the client; the host differs by request.
    pub fn direct(peer: IpAddr, local_port: u16) -> Self {
        let addresses = HeaderValue::try_from(canonical(peer).to_string());
        Self {
            addresses: addresses.unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            proto: HeaderValue::from_static("http"),
            host: None,
            port: HeaderValue::from(local_port),
        }
    }

    /// For one request on that connection.
    pub fn tell(&self, client: &Client, peer: IpAddr, headers: &HeaderMap, host: &Host) -> Self {
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
                told.port = HeaderValue::from(port);
            }
        }
        told
    }
}
