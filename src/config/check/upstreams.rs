//! Upstreams: either servers or something built in, and never this gateway itself.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::Checking;
use super::process::size;
use crate::base::net::{ListenAddr, canonical};
use crate::config::faults::Code;
use crate::config::node::Span;
use crate::config::raw::{RawConfig, RawTarget, RawUpstream, RawUpstreamProtocol, RawUpstreamTimeouts};
use crate::config::settings::{At, Field};
use crate::config::spec::{
    ServersSpec, TargetHost, TargetSpec, UpstreamKind, UpstreamProtocol, UpstreamSpec, UpstreamTimeouts,
};
use crate::config::values::List;

pub(super) fn upstreams(raw: &RawConfig, cx: &mut Checking<'_>) -> Option<Vec<Arc<UpstreamSpec>>> {
    let map = raw.upstreams.value()?;
    let own = Own::of(raw);
    unused(raw, cx);
    let specs: Vec<Option<Arc<UpstreamSpec>>> = map
        .entries
        .iter()
        .map(|(name, upstream)| {
            let kind = kind(&upstream.value, name.at, &own, cx)?;
            Some(Arc::new(UpstreamSpec {
                name: name.value.0.clone(),
                kind,
            }))
        })
        .collect();
    specs.into_iter().collect()
}

fn kind(raw: &RawUpstream, name: Span, own: &Own, cx: &mut Checking<'_>) -> Option<UpstreamKind> {
    match (&raw.urls, &raw.builtin) {
        (Field::Absent, Field::Absent) => {
            let message = "nothing says where this upstream is; write `urls: [\"http://…\"]` or `builtin: echo`";
            cx.findings.fault(name, Code::KeyMissing, message);
            None
        }
        (Field::Absent, builtin) => {
            builtin_alone(raw, cx);
            builtin.value().map(|_| UpstreamKind::Echo)
        }
        (_, Field::Absent) => servers(raw, own, cx).map(UpstreamKind::Servers),
        (_, builtin) => {
            let message = "an upstream is either `urls` or `builtin`; leave one out";
            cx.findings.fault(builtin.place(raw.at), Code::KeyConflict, message);
            None
        }
    }
}

/// What is set for a connection has no meaning where there is none.
fn builtin_alone(raw: &RawUpstream, cx: &mut Checking<'_>) {
    let timeouts = &raw.timeouts;
    let written = [
        raw.protocol.written().map(|w| w.at),
        raw.balance.written().map(|w| w.at),
        raw.max_connections.written().map(|w| w.at),
        raw.max_pending.written().map(|w| w.at),
        timeouts.connect.written().map(|w| w.at),
        timeouts.response.written().map(|w| w.at),
        timeouts.idle.written().map(|w| w.at),
    ];
    for at in written.into_iter().flatten() {
        let message = "has no meaning beside `builtin`, which connects to nothing; leave it out";
        cx.findings.fault(at, Code::KeyConflict, message);
    }
}

fn servers(raw: &RawUpstream, own: &Own, cx: &mut Checking<'_>) -> Option<ServersSpec> {
    let urls = raw.urls.value();
    if let Some(urls) = urls
        && urls.is_empty()
    {
        let message = "the list is empty; name at least one URL";
        cx.findings.fault(raw.urls.place(raw.at), Code::ValueEmpty, message);
    }
    let targets = targets(urls?, own, cx);
    let timeouts = timeouts(&raw.timeouts);
    Some(ServersSpec {
        targets: targets?,
        protocol: match raw.protocol.value()? {
            // What a URL without TLS has always meant.
            RawUpstreamProtocol::Auto | RawUpstreamProtocol::Http1 => UpstreamProtocol::Http1,
            RawUpstreamProtocol::H2c => UpstreamProtocol::H2c,
        },
        timeouts: timeouts?,
        max_connections: NonZeroUsize::new(size(raw.max_connections.value()?.0))?,
        max_pending: size(raw.max_pending.value()?.0),
    })
}

fn targets(urls: &List<RawTarget>, own: &Own, cx: &mut Checking<'_>) -> Option<Vec<TargetSpec>> {
    let mut seen = HashSet::new();
    let mut targets = Vec::new();
    let mut whole = urls.whole;
    for raw in urls.values() {
        let (Some(url), Some(weight)) = (&raw.url, raw.weight) else {
            whole = false;
            continue;
        };
        let At { value, at } = url;
        if !seen.insert((value.host.clone(), value.port)) {
            let message = "this URL stands in the list already; for a larger share of the work give it a `weight`";
            cx.findings.fault(*at, Code::UpstreamDuplicate, message);
        }
        own.refuse(&value.host, value.port, *at, cx);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        targets.push(TargetSpec {
            host: value.host.clone(),
            port: value.port,
            weight,
        });
    }
    whole.then_some(targets)
}

fn timeouts(raw: &RawUpstreamTimeouts) -> Option<UpstreamTimeouts> {
    Some(UpstreamTimeouts {
        connect: raw.connect.value()?.0,
        response: raw.response.value()?.0,
        idle: raw.idle.value()?.0,
    })
}

fn unused(raw: &RawConfig, cx: &mut Checking<'_>) {
    let (Some(map), Some(routes)) = (raw.upstreams.value(), raw.routes.value()) else {
        return;
    };
    // A route that could not be read may be the one that uses it.
    if !routes.whole || routes.values().any(|route| matches!(route.upstream, Field::Bad)) {
        return;
    }
    let used: HashSet<&str> = routes
        .values()
        .filter_map(|route| Some(&*route.upstream.value()?.text))
        .collect();
    for (name, _) in &map.entries {
        if !used.contains(&*name.value.0) {
            let message = format!("no route uses the upstream `{}`", name.value.0);
            cx.findings.warn(name.at, Code::UpstreamUnused, message);
        }
    }
}

/// The addresses at which this gateway itself is found.
struct Own {
    admin: Option<SocketAddr>,
    listeners: Vec<ListenAddr>,
}

impl Own {
    fn of(raw: &RawConfig) -> Self {
        let listeners = raw.listen.value().into_iter().flat_map(List::values);
        Self {
            admin: raw.admin.addr.value().map(|address| address.0),
            listeners: listeners
                .filter_map(|listener| Some(listener.addr.value()?.0.clone()))
                .collect(),
        }
    }

    fn refuse(&self, host: &TargetHost, port: u16, at: Span, cx: &mut Checking<'_>) {
        if self.admin.is_some_and(|own| is_at(own, host, port)) {
            let message = "leads to the admin listener, which is never served on a public port; leave it out";
            cx.findings.fault(at, Code::AdminRoute, message);
        } else if self.listeners.iter().any(|own| is_same(own, host, port)) {
            let message = "leads back to a listener of this gateway: requests would go round until they time out";
            cx.findings.fault(at, Code::UpstreamLoop, message);
        }
    }
}

/// Whether a connection to `host` and `port` surely ends at the listener `own`.
fn is_same(own: &ListenAddr, host: &TargetHost, port: u16) -> bool {
    match (own, host) {
        (ListenAddr::Unix(own), TargetHost::Unix(path)) => own == path,
        (ListenAddr::Unix(_), _) => false,
        (ListenAddr::Tcp(own), _) => is_at(*own, host, port),
    }
}

fn is_at(own: SocketAddr, host: &TargetHost, port: u16) -> bool {
    if own.port() != port {
        return false;
    }
    let own = canonical(own.ip());
    let reached = |address: IpAddr| {
        own == address || (own.is_unspecified() && address.is_loopback() && own.is_ipv4() == address.is_ipv4())
    };
    match host {
        TargetHost::Address(address) => reached(*address),
        TargetHost::Name(name) => {
            let name = name.trim_end_matches('.');
            (name == "localhost" || name.ends_with(".localhost")) && (own.is_loopback() || own.is_unspecified())
        }
        TargetHost::Unix(_) => false,
    }
}
