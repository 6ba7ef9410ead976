//! HTTP/2 to upstreams: what a stream carries, how connections are shared, and what an upstream can do to us.

mod calls;
mod connections;
mod exchange;
mod hostile;
mod sharing;

use std::time::Duration;

use http::HeaderMap;

use crate::support::upstream::http2::{Announced, Door, Http2Upstream};
use crate::support::{Client, Gateway, Setup, get};

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

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Takes this many streams at a time on a connection and answers when the door opens.
fn holding(streams: u32, door: &Door) -> Http2Upstream {
    let held = door.clone();
    let announced = Announced {
        streams: Some(streams),
        ..Announced::default()
    };
    Http2Upstream::announcing(announced, move |mut stream| {
        let held = held.clone();
        async move {
            held.pass().await;
            stream.answer_with("ok");
        }
    })
}

fn asking(gateway: &Gateway, count: usize) -> Vec<Client> {
    let ask = |_| {
        let mut client = gateway.client();
        client.send(get("/x"));
        client
    };
    (0..count).map(ask).collect()
}
