//! Host patterns of routes, and what a host name is.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::pattern::HostPattern;
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell};

/// A host a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// As written, for the route's id.
    pub(crate) text: Arc<str>,
    pub(crate) pattern: HostPattern,
}

impl Setting for Host {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a host")?;
        let text = given.text.as_str();
        match pattern(text) {
            Ok(pattern) => Some(Self {
                text: text.into(),
                pattern,
            }),
            Err(way_out) => {
                cx.unfit(
                    node,
                    &given,
                    Code::ValueHost,
                    "a host",
                    format!("`{text}` is not a host; {way_out}"),
                );
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(
            json!({ "type": "string" }),
            "host like `api.example.com`, or `*.example.com`",
        )
    }
}

impl Spell for Host {
    fn spell(&self) -> Json {
        (*self.text).into()
    }
}

fn pattern(text: &str) -> Result<HostPattern, &'static str> {
    if !text.is_ascii() {
        return Err("write an international name as it is on the wire (`xn--…`)");
    }
    let text = text.to_ascii_lowercase();
    // One trailing dot says the same as none, here as in a request.
    let name = text.strip_suffix('.').unwrap_or(&text);
    if name == "*" {
        return Err("leave `host` out for every host");
    }
    if let Some(suffix) = name.strip_prefix('*') {
        return match suffix.strip_prefix('.') {
            Some(name) if is_host_name(name) => Ok(HostPattern::Suffix(suffix.into())),
            _ => Err("`*` stands only in front, as in `*.example.com`"),
        };
    }
    if name.contains('*') {
        return Err("`*` stands only in front, as in `*.example.com`");
    }
    if let Some(inside) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = inside
            .parse()
            .map_err(|_| "write an IPv6 address like `[2001:db8::1]`")?;
        return Ok(HostPattern::Exact(format!("[{address}]").into()));
    }
    if name.contains(':') {
        return Err("leave the port out: a route is for every port that is listened on");
    }
    if name.parse::<Ipv4Addr>().is_ok() || is_host_name(name) {
        return Ok(HostPattern::Exact(name.into()));
    }
    Err("write a name like `api.example.com`, or `*.example.com`")
}

/// Lower-case labels of letters, digits, `-` and `_` (which container names use), the last one not a number, because
/// some would read that as an address.
pub(crate) fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    name.len() <= 253 && name.split('.').all(label) && !numeric
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused};

    #[test]
    #[doc = "PATH-03"]
    fn hosts_are_compared_in_lower_case_and_without_a_trailing_dot() {
        let exact = |text: &str| HostPattern::Exact(text.into());
        assert_eq!(decoded::<Host>("API.Example.com").pattern, exact("api.example.com"));
        assert_eq!(decoded::<Host>("api.example.com.").pattern, exact("api.example.com"));
        assert_eq!(decoded::<Host>("192.0.2.1").pattern, exact("192.0.2.1"));
        assert_eq!(decoded::<Host>("\"[2001:DB8:0::1]\"").pattern, exact("[2001:db8::1]"));
        assert_eq!(
            decoded::<Host>("\"*.Example.com\"").pattern,
            HostPattern::Suffix(".example.com".into())
        );
        assert_eq!(&*decoded::<Host>("API.Example.com").text, "API.Example.com");
    }

    #[test]
    fn what_no_request_can_name_is_no_host() {
        for text in [
            "*",
            "*.",
            "a.*.b",
            "*a.b",
            "**.b",
            "a:80",
            "-a.b",
            "a..b",
            "a b",
            "a/b",
            "münchen.de",
            "1.2.3",
            "a.1",
            ".a",
            "[::1",
            "a@b",
            "..",
            "",
        ] {
            assert_eq!(refused::<Host>(&format!("\"{text}\"")), Code::ValueHost, "{text}");
        }
    }
}
