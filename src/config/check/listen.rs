//! Where this gateway listens: no two at one place, the admin listener apart from them and not for strangers.

use std::net::SocketAddr;

use http::HeaderName;

use super::Checking;
use crate::base::net::{ListenAddr, canonical};
use crate::config::defaults::ADMIN_TOKEN_LENGTH;
use crate::config::faults::Code;
use crate::config::node::Span;
use crate::config::raw::{Protocol, RawAdmin, RawConfig, RawListener, RawProxyProtocol};
use crate::config::reserved;
use crate::config::settings::{At, Field};
use crate::config::spec::{AdminSpec, ListenSpec, Protocols, ProxyProtocol};
use crate::config::values::{Address, List, Network, Place, TrustedPeer};

pub(super) fn listeners(raw: &RawConfig, cx: &mut Checking<'_>) -> Option<Vec<ListenSpec>> {
    let list = raw.listen.value()?;
    if list.is_empty() {
        let message = "the list is empty; name an address to listen on, like `- addr: 0.0.0.0:8080`";
        cx.findings.fault(raw.listen.place(raw.at), Code::ValueEmpty, message);
    }
    apart(list, &raw.admin, cx);
    let specs: Vec<Option<ListenSpec>> = list.values().map(|raw| listener(raw, cx)).collect();
    specs.into_iter().collect()
}

fn listener(raw: &RawListener, cx: &mut Checking<'_>) -> Option<ListenSpec> {
    if let Some(protocols) = raw.protocols.written()
        && protocols.value.is_empty()
    {
        cx.findings.fault(
            protocols.at,
            Code::ValueEmpty,
            "nothing would be spoken here; write `[http1]`",
        );
    }
    let protocols = raw.protocols.value()?;
    let speaks = |wanted: Protocol| protocols.values().any(|protocol| *protocol == wanted);
    let (mut trusted_proxies, mut trusts_unix) = (Vec::new(), false);
    for peer in &raw.trusted_proxies.value()?.items {
        let TrustedPeer::Network(Network(network)) = peer.value else {
            trusts_unix = true;
            continue;
        };
        if network.prefix_len() == 0 {
            let message = format!(
                "`{network}` is everybody: whoever connects may say which address a request comes from; name your proxies"
            );
            cx.findings.warn(peer.at, Code::TrustWide, message);
        }
        trusted_proxies.push(network);
    }
    let proxy_protocol = proxy_protocol(raw, trusted_proxies.is_empty() && !trusts_unix, cx)?;
    let underscore_headers = underscore_headers(raw.underscore_headers.value()?, cx);
    Some(ListenSpec {
        addr: raw.addr.value()?.0.clone(),
        protocols: Protocols {
            http1: speaks(Protocol::Http1),
            h2c: speaks(Protocol::H2c),
        },
        trusted_proxies,
        trusts_unix,
        proxy_protocol,
        underscore_headers,
    })
}

fn proxy_protocol(raw: &RawListener, nobody_trusted: bool, cx: &mut Checking<'_>) -> Option<ProxyProtocol> {
    let at = raw.proxy_protocol.place(raw.at);
    match raw.proxy_protocol.value()? {
        RawProxyProtocol::Off => Some(ProxyProtocol::Off),
        RawProxyProtocol::Accept => {
            if nobody_trusted {
                let message = "nobody is in `trusted_proxies`: every connection that begins with a header is closed; name \
                               the proxies that send one, or leave this out";
                cx.findings.warn(at, Code::ProxyNobody, message);
            }
            Some(ProxyProtocol::Accept)
        }
        RawProxyProtocol::Require => {
            if nobody_trusted {
                let message =
                    "nobody is in `trusted_proxies`, so nobody could connect; name the proxies that send the header";
                cx.findings.fault(at, Code::ProxyNobody, message);
            }
            Some(ProxyProtocol::Require)
        }
    }
}

fn underscore_headers(list: &List<HeaderName>, cx: &mut Checking<'_>) -> Vec<HeaderName> {
    for At { value: name, at } in &list.items {
        if !name.as_str().contains('_') {
            let message = format!("`{name}` has no `_` in it and passes anyway; leave it out");
            cx.findings.fault(*at, Code::ValueHeader, message);
        } else if reserved::is_owned(name.as_str()) || reserved::is_framing(name.as_str()) {
            let message = format!(
                "`{name}` may not pass: an upstream that reads `_` as `-` would take it for one of the gateway's own"
            );
            cx.findings.fault(*at, Code::HeaderReserved, message);
        }
    }
    list.values().cloned().collect()
}

/// No two listeners at one address and port, the admin listener included.
fn apart(list: &List<RawListener>, admin: &RawAdmin, cx: &mut Checking<'_>) {
    let mut taken: Vec<(ListenAddr, String)> = Vec::new();
    let admin_at = admin.addr.place(admin.at);
    let listeners = list.values().map(|raw| (&raw.addr, raw.at));
    for (field, otherwise) in listeners {
        let Some(Place(address)) = field.value() else {
            continue;
        };
        let at = field.place(otherwise);
        if let Some((_, other)) = taken.iter().find(|(other, _)| overlap(address, other)) {
            let message = match address {
                ListenAddr::Tcp(_) => format!("{address} is taken by the listener of {other}; give each its own port"),
                ListenAddr::Unix(_) => format!("{address} is taken by the listener of {other}; give each its own path"),
            };
            cx.findings.fault(at, Code::ListenDuplicate, message);
        }
        taken.push((address.clone(), format!("line {}", at.start.line)));
    }
    if let Some(Address(address)) = admin.addr.value()
        && let Some((_, other)) = taken.iter().find(|(other, _)| overlap(&(*address).into(), other))
    {
        // Shown where there is something to change: the default address stands nowhere.
        let at = if admin.addr.is_absent() {
            first_overlap(list, *address).unwrap_or(admin_at)
        } else {
            admin_at
        };
        let message = format!(
            "the admin listener ({address}) and the listener of {other} want the same address and port; keep them apart"
        );
        cx.findings.fault(at, Code::ListenDuplicate, message);
    }
}

fn first_overlap(list: &List<RawListener>, address: SocketAddr) -> Option<Span> {
    let found = list
        .values()
        .find(|raw| raw.addr.value().is_some_and(|other| overlap(&other.0, &address.into())))?;
    Some(found.addr.place(found.at))
}

/// Whether one socket's address would take the other's connections. Port 0 is a different port each time.
fn overlap(one: &ListenAddr, other: &ListenAddr) -> bool {
    let (ListenAddr::Tcp(one), ListenAddr::Tcp(other)) = (one, other) else {
        return one == other;
    };
    let (a, b) = (canonical(one.ip()), canonical(other.ip()));
    let covers = a.is_ipv4() == b.is_ipv4() && (a.is_unspecified() || b.is_unspecified());
    one.port() == other.port() && one.port() != 0 && (a == b || covers)
}

pub(super) fn admin(raw: &RawAdmin, cx: &mut Checking<'_>) -> Option<AdminSpec> {
    let token = token(raw, cx);
    let Address(addr) = *raw.addr.value()?;
    let at = raw.addr.place(raw.at);
    if !canonical(addr.ip()).is_loopback() {
        if matches!(raw.token, Field::Absent) {
            let message = format!(
                "{addr} can be reached from elsewhere: write `token: ${{file:/path}}`, or listen on 127.0.0.1 or ::1"
            );
            cx.findings.fault(at, Code::AdminExposed, message);
        } else {
            let message = format!(
                "{addr} can be reached from elsewhere and the token travels in clear; keep it in a \
                                   network that you trust"
            );
            cx.findings.warn(at, Code::AdminExposed, message);
        }
    }
    Some(AdminSpec { addr, token: token? })
}

#[expect(clippy::option_option, reason = "bad and absent are different things")]
fn token(raw: &RawAdmin, cx: &mut Checking<'_>) -> Option<Option<crate::base::secret::Secret>> {
    let at = raw.token.place(raw.at);
    super::optional(&raw.token, |token| {
        let bytes = token.0.expose();
        let message = if !bytes.iter().all(u8::is_ascii_graphic) {
            "the token holds spaces or other characters that cannot be sent; use letters, digits and signs"
        } else if bytes.len() < ADMIN_TOKEN_LENGTH {
            "the token is shorter than 16 characters; make one with `openssl rand -hex 32`"
        } else {
            return Some(token.0.clone());
        };
        cx.findings.fault(at, Code::SecretWeak, message);
        None
    })
}
