//! The header of the PROXY protocol, version 1 or 2: with it a proxy that passes bytes on says whose they are.
//!
//! Comes in: the first bytes of a connection, however many have come. Goes out: how long the header is and what it says.
//! It refuses to know who may say so. The library takes headers apart; what it takes more loosely than the specification
//! is refused here first, since the proxy before us may read it differently.

use std::net::SocketAddr;

use proxy_header::{ParseConfig, Protocol, ProxyHeader};

/// A line of version 1 with its end.
const V1_MAX: usize = 107;

/// A header of version 2 with everything that is attached to it.
pub const V2_MAX: usize = 4096;

const V1_BEGIN: &[u8] = b"PROXY ";
const V2_BEGIN: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Of version 2: up to and with the length of what follows.
const V2_FIXED: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Too few bytes to tell.
    Unsure,
    /// This is no header: something else has begun.
    Other,
    Header(Header),
    Malformed(&'static str),
}

/// A header that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What comes after it belongs to whoever comes next.
    pub length: usize,
    pub speaker: Speaker,
}

/// Whose bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The proxy's own: it looks whether we live.
    Proxy,
    /// Those of somebody whom the proxy cannot name.
    Unnamed,
    Client {
        source: SocketAddr,
        /// Where the client connected to.
        destination: SocketAddr,
    },
}

/// Read the header at the beginning of `bytes`.
pub fn read(bytes: &[u8]) -> Reading {
    if begins(bytes, V1_BEGIN) {
        return if bytes.len() < V1_BEGIN.len() {
            Reading::Unsure
        } else {
            version_1(bytes)
        };
    }
    if begins(bytes, V2_BEGIN) {
        return if bytes.len() < V2_FIXED {
            Reading::Unsure
        } else {
            version_2(bytes)
        };
    }
    Reading::Other
}

/// Whether these bytes can be nothing but a header, however it goes on.
pub fn has_begun(bytes: &[u8]) -> bool {
    bytes.starts_with(V1_BEGIN) || bytes.starts_with(V2_BEGIN)
}

/// Whether the two agree as far as both go.
fn begins(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.iter().zip(wanted).all(|(byte, wanted)| byte == wanted)
}

fn version_1(bytes: &[u8]) -> Reading {
    let line = bytes.iter().position(|byte| !matches!(byte, b' '..=b'~'));
    let Some(line) = line.and_then(|end| bytes.get(..end)) else {
        // Not yet its end.
        return if bytes.len() < V1_MAX {
            Reading::Unsure
        } else {
            TOO_LONG_1
        };
    };
    let length = line.len() + 2;
    if length > V1_MAX {
        return TOO_LONG_1;
    }
    match bytes.get(line.len()..) {
        Some([b'\r']) => return Reading::Unsure,
        Some([b'\r', b'\n', ..]) => {}
        _ => return Reading::Malformed("a line of version 1 has a byte that may not stand in it"),
    }
    let mut words = line.split(|&byte| byte == b' ').skip(1);
    let family = words.next();
    if family == Some(b"UNKNOWN") {
        let speaker = Speaker::Unnamed;
        return Reading::Header(Header { length, speaker });
    }
    let (_addresses, ports) = (words.by_ref().take(2).count(), [words.next(), words.next()]);
    if words.next().is_some() || !ports.into_iter().all(|port| port.is_some_and(is_port)) {
        return Reading::Malformed("a line of version 1 names two addresses and two ports");
    }
    match bytes.get(..length).map(parse) {
        Some(Ok((header, taken))) if taken == length => match header.proxied_address() {
            Some(proxied) => Reading::Header(Header {
                length,
                speaker: Speaker::Client {
                    source: proxied.source,
                    destination: proxied.destination,
                },
            }),
            None => Reading::Malformed("a line of version 1 names nobody"),
        },
        _ => Reading::Malformed("a line of version 1 cannot be read"),
    }
}

const TOO_LONG_1: Reading = Reading::Malformed("a line of version 1 has at most 107 bytes");

/// Digits, without a sign or zeros in front.
fn is_port(text: &[u8]) -> bool {
    text == b"0" || (text.iter().all(u8::is_ascii_digit) && text.first().is_some_and(|&first| first != b'0'))
}

fn version_2(bytes: &[u8]) -> Reading {
    let Some(&[version_and_command, _family, high, low]) = bytes.get(V2_BEGIN.len()..V2_FIXED) else {
        return Reading::Unsure;
    };
    let is_local = match version_and_command {
        0x20 => true,
        0x21 => false,
        _ => return Reading::Malformed("a header of version 2 has another version or command"),
    };
    let length = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > V2_MAX {
        return Reading::Malformed("a header of version 2 has at most 4 KiB");
    }
    let Some(whole) = bytes.get(..length) else {
        return Reading::Unsure;
    };
    if is_local {
        // Whatever else it says is to be passed over (section 2.2 of the specification).
        let speaker = Speaker::Proxy;
        return Reading::Header(Header { length, speaker });
    }
    let Ok((header, taken)) = parse(whole) else {
        return Reading::Malformed("a header of version 2 cannot be read");
    };
    if taken != length || header.tlvs().any(|attached| attached.is_err()) {
        return Reading::Malformed("what is attached to a header of version 2 cannot be read");
    }
    let speaker = match header.proxied_address() {
        Some(proxied) if proxied.protocol == Protocol::Stream => Speaker::Client {
            source: proxied.source,
            destination: proxied.destination,
        },
        Some(_) => return Reading::Malformed("a header of version 2 is about datagrams"),
        None => Speaker::Unnamed,
    };
    Reading::Header(Header { length, speaker })
}

fn parse(whole: &[u8]) -> Result<(ProxyHeader<'_>, usize), proxy_header::Error> {
    ProxyHeader::parse(whole, ParseConfig::default())
}

/// For fuzzing: any bytes, as they come one by one.
pub fn fuzz(data: &[u8]) {
    let whole = read(data);
    let mut settled = None;
    for end in 0..=data.len().min(V2_MAX + 1) {
        let now = read(data.get(..end).unwrap_or_default());
        match settled {
            // What is clear once stays so, whatever follows.
            Some(before) => assert_eq!(now, before, "after {end} bytes"),
            None if now != Reading::Unsure => settled = Some(now),
            None => {}
        }
    }
    assert_eq!(settled.unwrap_or(Reading::Unsure), whole);
    match whole {
        Reading::Header(header) => {
            assert!((15..=V2_MAX).contains(&header.length) && header.length <= data.len());
            assert!(header.length <= V1_MAX || data.starts_with(V2_BEGIN));
        }
        Reading::Unsure => assert!(data.len() < V2_MAX),
        Reading::Other => assert!(!data.starts_with(V1_BEGIN) && !data.starts_with(V2_BEGIN)),
        Reading::Malformed(why) => assert!(!why.is_empty()),
    }
}

#[cfg(test)]
mod tests;
