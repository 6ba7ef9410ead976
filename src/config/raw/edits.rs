//! `forward:`, `response:` and `networks:`: what a route, or `defaults` for all of them, says of headers and addresses.

use http::HeaderName;

use super::RawIdentityHeaders;

use crate::config::settings::settings;
use crate::config::values::{HeaderText, List, Map, Network, Written, words};

pub(crate) type RawHeaders = Map<HeaderName, HeaderText>;

settings! {
    /// What is changed on the way to the upstream.
    struct RawForward as "forward" {
        /// The start of the path that the upstream does not see: with `/api`, `/api/orders` is forwarded as `/orders`.
        optional strip_prefix: Written,
        /// Whose host the upstream sees: the client's `Host`, or the upstream's own.
        optional host: ForwardHost,
        /// Which headers tell the upstream who is asking: `oauth2-proxy` and `authelia` are the names those use, `none`
        /// tells nothing, a map names the headers itself. Absent = `X-Auth-Subject`, `X-Auth-Method`, `X-Auth-Roles`,
        /// `X-Auth-Scopes` and `X-Auth-Email`.
        optional headers: RawIdentityHeaders,
        /// The header in which the upstream is told who is asking as a signed token (JWT) that it can check with the keys
        /// at `/.well-known/jwks.json`, like `X-Auth-Identity`. Absent = no token. Needs `signing.key` or `store`.
        optional identity_jwt: HeaderName,
        /// Whether the credentials that let a request in are taken out of it before it goes on. What no authenticator of
        /// the route reads is passed on in any case. Absent = `true`.
        optional strip_credentials: bool,
        /// Headers to set, in place of the client's.
        default set: RawHeaders = Map::empty(),
        /// Headers to leave out.
        default remove: List<HeaderName> = List::empty(),
    }
}

settings! {
    /// What is changed on the way back to the client.
    struct RawResponse as "response" {
        /// Headers to set, in place of the upstream's.
        default set: RawHeaders = Map::empty(),
        /// Headers to leave out.
        default remove: List<HeaderName> = List::empty(),
    }
}

settings! {
    /// Whose requests are taken, by the client's address. Others are answered with 403.
    struct RawNetworks as "networks" {
        /// Only these. Absent = everybody.
        optional allow: List<Network>,
        /// None of these, even where `allow` names them. Those of `defaults` and of the route add up.
        default deny: List<Network> = List::empty(),
    }
}

words! {
    enum ForwardHost {
        Client = "client",
        Upstream = "upstream",
    }
}
