//! What a person sees when the gateway has started: where it listens, what is open and to whom, and lines to paste.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::base::net::ListenAddr;
use crate::config::Config;
use crate::config::pattern::{HostPattern, Segment};
use crate::config::spec::{Access, Answer, HeaderWant, OwnAnswer, RouteSpec, UpstreamKind};

/// More would scroll the addresses away.
const ROUTES_SHOWN: usize = 20;
const CURLS_SHOWN: usize = 5;

/// The start-up text for `config`, listening on `addresses`.
pub(super) fn banner(config: &Config, addresses: &[ListenAddr], admin: SocketAddr) -> String {
    let mut text = format!("\nPortcullis {} is up.\n\n", env!("CARGO_PKG_VERSION"));
    // Writing to a string cannot fail.
    let _ = text.write_str("  listens on\n");
    for address in addresses {
        let _ = match address {
            ListenAddr::Tcp(address) => writeln!(text, "    http://{}", reachable(*address)),
            ListenAddr::Unix(_) => writeln!(text, "    {address}"),
        };
    }
    let _ = writeln!(text, "    http://{}  probes and metrics", reachable(admin));
    let _ = text.write_str("\n  routes\n");
    let width = config
        .routes
        .iter()
        .take(ROUTES_SHOWN)
        .map(|route| route.id.len())
        .max()
        .unwrap_or(0)
        .min(48);
    for route in config.routes.iter().take(ROUTES_SHOWN) {
        let _ = writeln!(
            text,
            "    {:<width$}  {:<13}  {}",
            route.id,
            who(route),
            answer(config, route)
        );
    }
    if config.routes.len() > ROUTES_SHOWN {
        let _ = writeln!(text, "    … and {} more", config.routes.len() - ROUTES_SHOWN);
    }
    if let Some(address) = addresses.first() {
        let _ = text.write_str("\n  try\n");
        for route in config.routes.iter().take(CURLS_SHOWN) {
            let _ = writeln!(text, "    {}", curl(route, address));
        }
    }
    text
}

/// Who may use a route, in a word.
fn who(route: &RouteSpec) -> &'static str {
    match &route.access {
        Access::Public if route.networks.allow.is_empty() && route.networks.deny.is_empty() => "open",
        Access::Public => "by address",
        Access::Listed(_) => "by credential",
    }
}

fn answer(config: &Config, route: &RouteSpec) -> String {
    match &route.answer {
        Answer::Redirect(to) => {
            format!("redirects to {}", String::from_utf8_lossy(to.to.as_bytes()))
        }
        Answer::Own(OwnAnswer::Keys) => "tells the public keys".to_owned(),
        Answer::Upstream(index) => match config.upstreams.get(*index) {
            Some(upstream) if upstream.kind == UpstreamKind::Echo => "answers with what it received".to_owned(),
            Some(upstream) => format!("goes to {}", upstream.name),
            None => String::new(),
        },
    }
}

/// An address somebody on this machine can connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A request that this route answers, on one line.
fn curl(route: &RouteSpec, address: &ListenAddr) -> String {
    let path = example(route);
    let mut line = match address {
        ListenAddr::Tcp(address) => format!("curl -i 'http://{}{path}'", reachable(*address)),
        ListenAddr::Unix(socket) => format!("curl -i --unix-socket '{}' 'http://localhost{path}'", socket.display()),
    };
    match &route.host {
        HostPattern::Any => {}
        HostPattern::Exact(host) => {
            let _ = write!(line, " -H 'Host: {host}'");
        }
        HostPattern::Suffix(suffix) => {
            let _ = write!(line, " -H 'Host: www{suffix}'");
        }
    }
    for condition in &route.headers {
        let value = match &condition.want {
            HeaderWant::Present => "1".into(),
            HeaderWant::Value(value) => String::from_utf8_lossy(value.as_bytes()),
        };
        let _ = write!(line, " -H '{}: {value}'", condition.name);
    }
    line
}

/// A path this route matches.
fn example(route: &RouteSpec) -> String {
    let mut path = String::new();
    for segment in &route.path.segments {
        let _ = match segment {
            Segment::Literal(text) => write!(path, "/{text}"),
            Segment::Param(name) => write!(path, "/{name}"),
            Segment::Any => path.write_str("/any"),
            Segment::Rest => path.write_str("/hello"),
        };
    }
    if path.is_empty() { "/".to_owned() } else { path }
}
