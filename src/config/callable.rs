//! Which URLs the gateway may call itself: text comes in, a URL comes out whose scheme is allowed, or why not. Asked when
//! a configuration is read and again before each call, so that both say the same.

use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use crate::base::net::canonical;

/// A URL that may be called, as far as can be said without looking its host up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callable {
    pub url: Url,
    /// Lower-case, without a trailing dot, IPv6 in brackets.
    pub host: Box<str>,
}

/// Why a URL is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    #[error("it is not a URL like `https://login.example.com/path`")]
    Malformed,
    #[error("it holds a user name or a password")]
    UserInfo,
    #[error("it has a part behind `#`")]
    Fragment,
    #[error("its scheme is neither https nor http")]
    Scheme,
    #[error("it is not https; name its host in `outbound.allow_plaintext_hosts` if that must be")]
    Plaintext,
}

impl Callable {
    /// Without TLS whoever is on the way decides what is answered, so only literal loopback addresses and
    /// `plaintext_hosts` are called without it (KEY-01).
    pub fn new(text: &str, plaintext_hosts: &[Arc<str>]) -> Result<Self, UrlFault> {
        // The reading of browsers: `0x7f.1` is an address and not a name, and stands as one in what is made of it.
        let url = Url::parse(text).map_err(|_| UrlFault::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlFault::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(UrlFault::Fragment);
        }
        let is_plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(UrlFault::Scheme),
        };
        let host = url.host().ok_or(UrlFault::Malformed)?;
        let is_loopback = match &host {
            Host::Domain(_) => false,
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => canonical(IpAddr::V6(*address)).is_loopback(),
        };
        let host: Box<str> = match host {
            Host::Domain(name) => name.trim_end_matches('.').into(),
            Host::Ipv4(address) => address.to_string().into(),
            Host::Ipv6(address) => format!("[{address}]").into(),
        };
        if is_plain && !is_loopback && !plaintext_hosts.iter().any(|name| **name == *host) {
            return Err(UrlFault::Plaintext);
        }
        Ok(Self { url, host })
    }
}
