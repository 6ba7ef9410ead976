//! Where a call may go. A [`Location`] is only made here, so that having one means that its scheme was allowed and that
//! it is known which addresses its host may have.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use url::{Host, Url};

use crate::base::net::canonical;
use crate::config::spec::OutboundSpec;

/// A URL that may be called.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    uri: Uri,
    /// Lower-case, without a trailing dot, IPv6 in brackets.
    host: Box<str>,
    reach: Reach,
}

/// Which addresses the host of a location may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The configuration vouches for it.
    Anywhere,
    /// Somebody else named it, who might mean the inside of this network (KEY-02).
    Public,
}

/// Why a URL is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationFault {
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

impl Location {
    /// A place that the configuration names.
    pub fn written(url: &str, spec: &OutboundSpec) -> Result<Self, LocationFault> {
        Self::new(url, Reach::Anywhere, spec)
    }

    /// Whoever answers at a host may send to other places of the same host, and to hosts that anybody could call.
    pub(super) fn learnt(url: &str, source: &Self, spec: &OutboundSpec) -> Result<Self, LocationFault> {
        let mut location = Self::new(url, Reach::Public, spec)?;
        if location.host == source.host {
            location.reach = source.reach;
        } else if names(&spec.allow_private_hosts, &location.host) {
            location.reach = Reach::Anywhere;
        }
        Ok(location)
    }

    fn new(text: &str, reach: Reach, spec: &OutboundSpec) -> Result<Self, LocationFault> {
        // The reading of browsers: `0x7f.1` is an address and not a name, and stands as one in what is made of it.
        let url = Url::parse(text).map_err(|_| LocationFault::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LocationFault::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(LocationFault::Fragment);
        }
        let is_plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(LocationFault::Scheme),
        };
        let host = url.host().ok_or(LocationFault::Malformed)?;
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
        if is_plain && !is_loopback && !names(&spec.allow_plaintext_hosts, &host) {
            return Err(LocationFault::Plaintext);
        }
        let uri = url.as_str().parse().map_err(|_| LocationFault::Malformed)?;
        Ok(Self { uri, host, reach })
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    pub(super) fn into_uri(self) -> Uri {
        self.uri
    }
}

fn names(hosts: &[Arc<str>], host: &str) -> bool {
    hosts.iter().any(|name| **name == *host)
}

/// Without its query.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "{scheme}://{authority}{}", self.uri.path())
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self}, {:?})", self.reach)
    }
}
