//! HTTP/2 to upstreams: what a stream carries, how connections are shared, and what an upstream can do to us.

mod exchange;
mod sharing;

use http::HeaderMap;

use crate::support::Setup;
use crate::support::http2::Http2Upstream;

/// Everything goes to this upstream, whose settings end with these.
fn to_with(upstream: &Http2Upstream, settings: &str) -> Setup {
    let settings = format!("{{ urls: [\"{}\"], protocol: h2c, {settings} }}", upstream.url());
    Setup::new()
        .upstream_as("up", &settings)
        .route("{ path: /**, upstream: up, auth: public }")
}

fn to(upstream: &Http2Upstream) -> Setup {
    to_with(upstream, "max_pending: 256")
}

fn field_names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}
