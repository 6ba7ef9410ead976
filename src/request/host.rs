//! Which host a request is for: the `Host` field goes in, a name to compare by comes out, beside the field as sent.
//! It knows no configured hosts.

use std::net::Ipv6Addr;
use std::ops::Range;

use http::{HeaderMap, HeaderValue, Version, header};

/// DNS names end at 253; a final dot and a port may follow.
const LONGEST: usize = 253 + 1 + 6;

/// The host of a request, or that it named none (HTTP/1.0 only).
#[derive(Clone, Debug, Default)]
pub struct Host {
    raw: Option<HeaderValue>,
    name: Name,
    port: Option<u16>,
}

#[derive(Clone, Debug, Default)]
enum Name {
    #[default]
    None,
    /// Where it stands in `raw`, when it is written there as we compare it.
    Within(Range<usize>),
    Own(Box<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    #[error("no Host field")]
    Missing,
    #[error("more than one Host field")]
    Repeated,
    #[error("the Host field is no host[:port]")]
    Invalid,
}

impl Host {
    pub fn read(headers: &HeaderMap, version: Version) -> Result<Self, HostFault> {
        let mut fields = headers.get_all(header::HOST).iter();
        let Some(raw) = fields.next() else {
            return if version == Version::HTTP_10 {
                Ok(Self::default())
            } else {
                Err(HostFault::Missing)
            };
        };
        if fields.next().is_some() {
            return Err(HostFault::Repeated);
        }
        Self::from_value(raw)
    }

    /// Also for what a trusted proxy tells.
    pub fn from_value(raw: &HeaderValue) -> Result<Self, HostFault> {
        let Parsed { name, port } = parse(raw.as_bytes()).ok_or(HostFault::Invalid)?;
        // A copy: the original is a piece of the buffer that the whole head was read into, and a connection remembers
        // its host for longer than that may live.
        let raw = HeaderValue::from_bytes(raw.as_bytes()).map_err(|_| HostFault::Invalid)?;
        Ok(Self {
            raw: Some(raw),
            name,
            port,
        })
    }

    /// Lower-case, without a final dot, without the port; an IPv6 address in brackets, in its shortest spelling.
    pub fn name(&self) -> Option<&str> {
        match &self.name {
            Name::None => None,
            Name::Own(name) => Some(name),
            Name::Within(range) => {
                let bytes = self.raw.as_ref()?.as_bytes().get(range.clone())?;
                std::str::from_utf8(bytes).ok()
            }
        }
    }

    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// As sent, for forwarding.
    pub fn raw(&self) -> Option<&HeaderValue> {
        self.raw.as_ref()
    }

    /// Whether `authority` (of a target in absolute-form) names the same host and port.
    pub fn is_same(&self, authority: &str, default_port: u16) -> bool {
        let Some(Parsed { name, port }) = parse(authority.as_bytes()) else {
            return false;
        };
        let other = match &name {
            Name::None => None,
            Name::Own(name) => Some(&**name),
            Name::Within(range) => authority.get(range.clone()),
        };
        other.is_some() && other == self.name() && port.unwrap_or(default_port) == self.port.unwrap_or(default_port)
    }
}

struct Parsed {
    name: Name,
    port: Option<u16>,
}

fn parse(bytes: &[u8]) -> Option<Parsed> {
    if bytes.len() > LONGEST {
        return None;
    }
    if bytes.first() == Some(&b'[') {
        return parse_literal(bytes);
    }
    let end = memchr::memchr(b':', bytes).unwrap_or(bytes.len());
    let port = parse_port(bytes.get(end..)?)?;
    let name = bytes.get(..end)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    let upper = check_name(name)?;
    if !upper {
        return Some(Parsed {
            name: Name::Within(0..name.len()),
            port,
        });
    }
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    Some(Parsed {
        name: Name::Own(name.into()),
        port,
    })
}

/// `[::1]:8080`. Zones and future versions of the address are refused.
fn parse_literal(bytes: &[u8]) -> Option<Parsed> {
    let end = memchr::memchr(b']', bytes)?;
    let text = std::str::from_utf8(bytes.get(1..end)?).ok()?;
    let address: Ipv6Addr = text.parse().ok()?;
    let port = parse_port(bytes.get(end + 1..)?)?;
    Some(Parsed {
        name: Name::Own(format!("[{address}]").into()),
        port,
    })
}

/// Letters, digits, `-` and `_` between single dots. Stricter than RFC 3986, whose host may hold escapes, commas and
/// quotes: no name of a real host does. Says whether there is a capital letter.
fn check_name(name: &[u8]) -> Option<bool> {
    let mut upper = false;
    let mut before = b'.';
    for &byte in name {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
            b'A'..=b'Z' => upper = true,
            b'.' if before != b'.' => {}
            _ => return None,
        }
        before = byte;
    }
    (before != b'.').then_some(upper)
}

/// Nothing, or a colon and a port.
fn parse_port(bytes: &[u8]) -> Option<Option<u16>> {
    let Some((colon, digits)) = bytes.split_first() else {
        return Some(None);
    };
    if *colon != b':' || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &[u8]) -> Option<(String, Option<u16>)> {
        let host = Host::from_value(&HeaderValue::from_bytes(value).unwrap()).ok()?;
        Some((host.name().unwrap().to_owned(), host.port()))
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::HOST, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    #[doc = "PATH-01, PATH-03"]
    fn a_host_is_compared_without_case_final_dot_and_port() {
        for spelling in [
            "api.example.com",
            "API.Example.com",
            "api.example.com.",
            "api.example.com:8080",
            "API.example.com.:8080",
        ] {
            assert_eq!(read(spelling.as_bytes()).unwrap().0, "api.example.com", "{spelling}");
        }
        assert_eq!(read(b"h:8080").unwrap().1, Some(8080));
        assert_eq!(read(b"h").unwrap().1, None);
        assert_eq!(read(b"[0:0::1]:80").unwrap(), ("[::1]".into(), Some(80)));
        assert_eq!(read(b"my_service.local").unwrap().0, "my_service.local");
        assert_eq!(read(b"192.0.2.1:65535").unwrap(), ("192.0.2.1".into(), Some(65535)));
    }

    #[test]
    #[doc = "PATH-01"]
    fn what_is_no_host_and_port_is_refused() {
        let long = "a".repeat(300);
        let refused: &[&[u8]] = &[
            b"",
            b".",
            b"..",
            b"a..b",
            b".a",
            b"a..",
            b"u@h",
            b"u:p@h",
            b"h/",
            b"h/x",
            b"h?x",
            b"a,b",
            b"a b",
            b" a",
            b"a\tb",
            b"h:",
            b"h:x",
            b"h:+80",
            b"h:65536",
            b"h:000080",
            b"h:80:80",
            b":80",
            b"[::1",
            b"[::1]x",
            b"[::1]:",
            b"[fe80::1%25eth0]",
            b"[v1.a]",
            b"[1.2.3.4]",
            b"::1",
            b"h%41",
            b"h\\",
            b"h;",
            b"h#x",
            b"caf\xc3\xa9",
            b"\xff",
            b"h*",
            b"a'b",
            long.as_bytes(),
        ];
        for value in refused {
            assert_eq!(read(value), None, "{:?}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    #[doc = "PATH-01, HDR-08"]
    fn a_request_names_one_host() {
        assert_eq!(
            Host::read(&headers(&[]), Version::HTTP_11).unwrap_err(),
            HostFault::Missing
        );
        assert_eq!(
            Host::read(&headers(&["a", "b"]), Version::HTTP_11).unwrap_err(),
            HostFault::Repeated
        );
        assert_eq!(
            Host::read(&headers(&["a", "a"]), Version::HTTP_10).unwrap_err(),
            HostFault::Repeated
        );
        assert_eq!(
            Host::read(&headers(&[""]), Version::HTTP_10).unwrap_err(),
            HostFault::Invalid
        );
        assert_eq!(Host::read(&headers(&[]), Version::HTTP_10).unwrap().name(), None);
    }

    #[test]
    fn the_field_is_kept_as_sent() {
        let host = Host::read(&headers(&["API.example.com.:80"]), Version::HTTP_11).unwrap();
        assert_eq!(host.raw().unwrap(), "API.example.com.:80");
    }

    #[test]
    #[doc = "PATH-02"]
    fn an_authority_is_the_same_host_up_to_spelling_and_the_default_port() {
        let host = Host::read(&headers(&["api.example.com"]), Version::HTTP_11).unwrap();
        assert!(host.is_same("API.example.com:80", 80));
        assert!(host.is_same("api.example.com.", 443));
        for other in ["api.example.com:81", "api.example.co", "u@api.example.com", ""] {
            assert!(!host.is_same(other, 80), "{other}");
        }
        assert!(!Host::default().is_same("", 80));
    }
}
