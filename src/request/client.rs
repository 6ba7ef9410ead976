//! Who is at the other end. The peer and, where the peer is a trusted proxy, what it tells about the client go in; one
//! client comes out, the first from the right that is no trusted proxy. It decides nothing.
//!
//! `X-Forwarded-For` and `Forwarded` are both read. A proxy that writes one passes the client's copy of the other on, so
//! where they name different clients nobody knows which one is true: then the peer counts as the client, and who keeps
//! address lists asks about every address named ([`Client::candidates`]).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::host::Host;
use crate::base::net::canonical;
use crate::base::peer::{Peer, Trusted};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// In place of an address that a sender does not have.
pub(super) const UNKNOWN: HeaderValue = HeaderValue::from_static("unknown");

/// Proxies in a row that are looked through, counted from the nearest.
const MOST_HOPS: usize = 32;

#[derive(Clone, Debug)]
pub struct Client {
    pub peer: Peer,
    /// What a trusted proxy tells about the connection it took.
    pub told: Option<Told>,
    disputed: Option<[IpAddr; 2]>,
}

/// The word of a trusted proxy.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub proto: Option<Proto>,
    pub host: Option<Host>,
    pub port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    Http,
    Https,
}

/// Who asks, when `peer` is at the other end of the connection.
pub fn resolve(peer: Peer, trusted: &Trusted, headers: &HeaderMap) -> Client {
    if !trusted.contains(peer) {
        return Client::direct(peer);
    }
    let forwarded = Forwarded::read(headers);
    let told = Told {
        proto: proto(headers, &forwarded),
        host: host(headers, &forwarded),
        port: port(headers),
    };
    let by_list = first_untrusted(trusted, listed(headers));
    let by_forwarded = first_untrusted(trusted, forwarded.hops.nearest_first());
    let (client, disputed) = match (by_list, by_forwarded) {
        (Some(one), Some(other)) if one != other => (peer, Some([one, other])),
        (one, other) => (one.or(other).map_or(peer, Peer::Ip), None),
    };
    Client {
        peer: client,
        told: Some(told),
        disputed,
    }
}

/// `X-Forwarded-For` with `peer` at its end, for the upstream of a request that came through a trusted proxy. A proxy
/// behind a unix socket has no address to add; where it tells none either, the sender is `unknown` (RFC 7239 section 6.3).
pub fn append_forwarded_for(headers: &HeaderMap, peer: Peer) -> HeaderValue {
    let mut hops: Vec<&[u8]> = listed_raw(headers).take(MOST_HOPS).collect();
    hops.reverse();
    let peer = peer.ip().map(|address| address.to_string());
    hops.extend(peer.as_ref().map(String::as_bytes));
    match HeaderValue::from_bytes(&hops.join(&b", "[..])) {
        Ok(list) if !list.is_empty() => list,
        _ => UNKNOWN,
    }
}

impl Client {
    /// The peer itself.
    pub fn direct(peer: Peer) -> Self {
        Self {
            peer,
            told: None,
            disputed: None,
        }
    }

    /// Everybody who may be the client: an allow list must hold all of them, a deny list none.
    pub fn candidates(&self) -> impl Iterator<Item = Peer> + use<> {
        std::iter::once(self.peer).chain(self.disputed.into_iter().flatten().map(Peer::Ip))
    }

    pub fn through_proxy(&self) -> bool {
        self.told.is_some()
    }
}

/// `hops` from the nearest; `None` is one that cannot be read, and what stands beyond it is hearsay. Where already the
/// nearest cannot be read, nothing is told.
fn first_untrusted(trusted: &Trusted, hops: impl Iterator<Item = Option<IpAddr>>) -> Option<IpAddr> {
    let mut nearest = None;
    for hop in hops.take(MOST_HOPS) {
        let Some(hop) = hop else {
            break;
        };
        nearest = Some(hop);
        if !trusted.contains(Peer::Ip(hop)) {
            break;
        }
    }
    nearest
}

/// The entries of all `X-Forwarded-For` fields, the nearest hop first. Empty ones are no entries (RFC 9110 section 5.6.1).
fn listed_raw(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let entries = fields.flat_map(|field| field.as_bytes().rsplit(|&byte| byte == b','));
    entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty())
}

fn listed(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    listed_raw(headers).map(node)
}

/// An address, perhaps in brackets, with a zone or a port. `unknown` and made-up names are none.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(inner) = text.strip_prefix('[') {
        let (address, port) = inner.split_once(']')?;
        return (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
            .then(|| v6(address))
            .flatten();
    }
    match text.split_once(':') {
        None => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        Some((address, port)) if is_port(port) && address.contains('.') => {
            address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
        }
        Some(_) => v6(text),
    }
}

fn v6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _zone)| address);
    Some(canonical(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)))
}

/// A number, or a made-up name (RFC 7239 section 6).
fn is_port(port: &str) -> bool {
    match port.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// What the `Forwarded` fields tell (RFC 7239).
#[derive(Default)]
struct Forwarded<'a> {
    hops: Hops,
    proto: Option<Proto>,
    /// Of the last element.
    host: Option<&'a [u8]>,
}

/// The last few of a list that can only be read from its far end, because a comma may stand in quotes.
#[derive(Default)]
struct Hops {
    ring: [Option<IpAddr>; MOST_HOPS],
    next: usize,
    count: usize,
}

impl Hops {
    fn push(&mut self, hop: Option<IpAddr>) {
        if let Some(place) = self.ring.get_mut(self.next) {
            *place = hop;
        }
        self.next = (self.next + 1) % MOST_HOPS;
        self.count = (self.count + 1).min(MOST_HOPS);
    }

    fn nearest_first(&self) -> impl Iterator<Item = Option<IpAddr>> {
        (1..=self.count).map(|back| {
            self.ring
                .get((self.next + MOST_HOPS - back) % MOST_HOPS)
                .copied()
                .flatten()
        })
    }
}

impl<'a> Forwarded<'a> {
    fn read(headers: &'a HeaderMap) -> Self {
        let mut read = Self::default();
        for field in headers.get_all(header::FORWARDED) {
            let mut rest = field.as_bytes();
            while !rest.is_empty() {
                let Some((element, tail)) = Element::read(rest) else {
                    // A client may leave a quote open so that what its proxy appends ends up inside: nothing in this
                    // field is what it seems.
                    read.hops.push(None);
                    read.host = None;
                    break;
                };
                rest = tail;
                if element.is_empty {
                    continue;
                }
                read.hops.push(element.hop.and_then(node));
                read.host = element.host;
                if let Some(proto) = element.proto {
                    read.proto = Some(weaker(read.proto, Proto::of(proto)));
                }
            }
        }
        read
    }
}

#[derive(Default)]
struct Element<'a> {
    is_empty: bool,
    hop: Option<&'a [u8]>,
    proto: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
}

impl<'a> Element<'a> {
    /// One element and what follows its comma; `None` where the grammar breaks.
    fn read(mut rest: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut element = Self {
            is_empty: true,
            ..Self::default()
        };
        loop {
            rest = rest.trim_ascii_start();
            match rest {
                [] => return Some((element, rest)),
                [b',', tail @ ..] => return Some((element, tail)),
                [b';', tail @ ..] => {
                    rest = tail;
                    continue;
                }
                _ => {}
            }
            let (name, value, tail) = pair(rest)?;
            element.is_empty = false;
            let place = match () {
                () if name.eq_ignore_ascii_case(b"for") => Some(&mut element.hop),
                () if name.eq_ignore_ascii_case(b"proto") => Some(&mut element.proto),
                () if name.eq_ignore_ascii_case(b"host") => Some(&mut element.host),
                () => None,
            };
            // A parameter occurs once in an element (RFC 7239 section 4).
            if place.is_some_and(|place| place.replace(value).is_some()) {
                return None;
            }
            rest = tail.trim_ascii_start();
            if !matches!(rest.first(), None | Some(b',' | b';')) {
                return None;
            }
        }
    }
}

/// `name=token` or `name="quoted"`. Escapes in quotes are refused: nothing that we read needs one.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let equals = text.iter().position(|&byte| !is_token(byte)).filter(|&at| at > 0)?;
    let (name, rest) = text.split_at_checked(equals)?;
    let rest = rest.strip_prefix(b"=")?;
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        let end = memchr::memchr2(b'"', b'\\', quoted)?;
        let (value, rest) = quoted.split_at_checked(end)?;
        return Some((name, value, rest.strip_prefix(b"\"")?));
    }
    // Addresses with a port and IPv6 ought to be quoted; not every proxy does.
    let end = rest
        .iter()
        .position(|&byte| !(is_token(byte) || b":[]".contains(&byte)))
        .unwrap_or(rest.len());
    let (value, rest) = rest.split_at_checked(end)?;
    (!value.is_empty()).then_some((name, value, rest))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl Proto {
    /// What is not known to be safe is not.
    fn of(text: &[u8]) -> Self {
        let safe = text.eq_ignore_ascii_case(b"https") || text.eq_ignore_ascii_case(b"wss");
        if safe { Self::Https } else { Self::Http }
    }
}

fn weaker(one: Option<Proto>, other: Proto) -> Proto {
    if one == Some(Proto::Http) { Proto::Http } else { other }
}

/// `https` only if all that is told says so.
fn proto(headers: &HeaderMap, forwarded: &Forwarded<'_>) -> Option<Proto> {
    let fields = headers.get_all(X_FORWARDED_PROTO).iter();
    let values = fields.flat_map(|field| field.as_bytes().split(|&byte| byte == b','));
    values.fold(forwarded.proto, |told, value| {
        Some(weaker(told, Proto::of(value.trim_ascii())))
    })
}

/// One value, or nobody knows.
fn host(headers: &HeaderMap, forwarded: &Forwarded<'_>) -> Option<Host> {
    match single(headers, &X_FORWARDED_HOST) {
        Some(told) => Host::from_value(told).ok(),
        None if headers.contains_key(X_FORWARDED_HOST) => None,
        None => Host::from_value(&HeaderValue::from_bytes(forwarded.host?).ok()?).ok(),
    }
}

fn port(headers: &HeaderMap) -> Option<u16> {
    let told = single(headers, &X_FORWARDED_PORT)?.to_str().ok()?;
    told.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| told.parse().ok())
        .flatten()
        .filter(|&port| port != 0)
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut fields = headers.get_all(name).iter();
    fields.next().filter(|_| fields.next().is_none())
}

#[cfg(test)]
mod tests;
