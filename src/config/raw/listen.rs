//! `listen:`.

use http::HeaderName;

use crate::config::settings::settings;
use crate::config::values::{List, Place, TrustedPeer, words};

settings! {
    /// One address that clients connect to, in clear text.
    struct RawListener as "listener" {
        /// Address and port, like `0.0.0.0:8080` or `"[::]:8080"`, or a unix socket, like `unix:/run/portcullis.sock`. Port
        /// 0 takes a free one. The socket's file belongs to the gateway's user and group, and both may connect (`0660`).
        required addr: Place,
        /// The protocols spoken here. `h2c` is HTTP/2 without TLS, for clients that begin with it; beside `http1`, the
        /// first bytes of a connection tell which it speaks.
        default protocols: List<Protocol> = List::of([Protocol::Http1]),
        /// Peers whose `X-Forwarded-*` and `Forwarded` headers are believed; of all others they are replaced. `unix` is
        /// whoever comes through a unix socket.
        default trusted_proxies: List<TrustedPeer> = List::empty(),
        /// Header names with `_` that may pass. All others are dropped, because many servers read `_` as `-`.
        default underscore_headers: List<HeaderName> = List::empty(),
        /// Whether peers begin with the PROXY protocol, version 1 or 2: `accept` takes connections with and without its
        /// header, `require` only those with it. Only a header of `trusted_proxies` counts; a connection with one of
        /// anybody else is closed.
        default proxy_protocol: RawProxyProtocol = RawProxyProtocol::Off,
    }
    later { mode, tls }
}

words! {
    enum Protocol {
        Http1 = "http1",
        H2c = "h2c",
    }
    later { "h2" }
}

words! {
    enum RawProxyProtocol {
        Off = "off",
        Accept = "accept",
        Require = "require",
    }
}
