//! Where a call may go. A [`Location`] is only made here, so that having one means that its scheme was allowed and that
//! it is known which addresses its host may have.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use crate::config::callable::Callable;
pub use crate::config::callable::UrlFault as LocationFault;
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
        let Callable { url, host } = Callable::new(text, &spec.allow_plaintext_hosts)?;
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
