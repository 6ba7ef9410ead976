//! The gateway from outside: real sockets, raw bytes, one clock. A test is named as the fact it proves and carries the
//! ids of the requirements it proves in its documentation.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wrong_self_convention,
    unreachable_pub,
    reason = "a test ends at the first thing that is not as it should be, and gives up by the machine's clock; what the support offers is public to the tests"
)]

mod activation;
mod admin;
mod administration;
mod answers;
mod authn;
mod bodies;
mod forwarding;
mod framing;
mod headers;
mod hostile;
mod http2;
mod limits;
mod methods;
mod paths;
mod peers;
mod properties;
mod proxy_protocol;
mod refusals;
mod regression;
mod reload;
mod resting;
mod shutdown;
mod support;
mod timeouts;
mod upgrades;
mod unix;
mod upstream_http2;
mod upstreams;
