//! `listen:`.

use http::HeaderName;

use crate::config::settings::settings;
use crate::config::values::{Address, List, Network, words};

settings! {
    /// One address that clients connect to, in plain HTTP/1.1.
    struct RawListener as "listener" {
        /// Address and port, like `0.0.0.0:8080` or `"[::]:8080"`. Port 0 takes a free one.
        required addr: Address,
        /// The protocols spoken here.
        default protocols: List<Protocol> = List::of([Protocol::Http1]),
        /// Peers whose `X-Forwarded-*` and `Forwarded` headers are believed; of all others they are replaced.
        default trusted_proxies: List<Network> = List::empty(),
        /// Header names with `_` that may pass. All others are dropped, because many servers read `_` as `-`.
        default underscore_headers: List<HeaderName> = List::empty(),
        /// Whether peers begin with the PROXY protocol.
        default proxy_protocol: ProxyProtocol = ProxyProtocol::Off,
    }
    later { mode, tls }
}

words! {
    enum Protocol {
        Http1 = "http1",
    }
    later { "h2", "h2c" }
}

words! {
    enum ProxyProtocol {
        Off = "off",
    }
    later { "accept", "require" }
}
