//! A record as a line of JSON.
//!
//! Most lines of a route differ in eight values only. What stands between those is made once by the JSON library, from
//! the same struct that makes a whole line, and kept as a [`Template`].

use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::Record;
use crate::base::clock::Timestamp;
use crate::telemetry::escape::{Untrusted, json};
use crate::telemetry::metrics::{AuthSeries, RequestSeries, UpstreamSeries};

/// The fields of a line, in their order; the names are public interface.
#[derive(Serialize)]
struct Line<'a> {
    ts: Slot<&'a str>,
    request_id: Slot<Untrusted<'a>>,
    trace_id: Slot<Untrusted<'a>>,
    client_ip: Slot<Option<IpAddr>>,
    method: Untrusted<'a>,
    host: Slot<Option<Untrusted<'a>>>,
    route: Option<&'a str>,
    status: u16,
    bytes: Slot<u64>,
    duration_ms: Slot<f64>,
    upstream: Option<&'a str>,
    principal: Slot<Option<Untrusted<'a>>>,
    authenticator: Option<&'a str>,
    decision: Option<&'a str>,
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Untrusted<'a>>,
}

/// A value, or in a template the hole it goes into.
enum Slot<T> {
    Value(T),
    Hole,
}

/// How many fields of a line are slots.
const HOLES: usize = 8;
const HOLE: &str = "\u{1}";
const HOLE_JSON: &[u8] = br#""\u0001""#;

impl<T: Serialize> Serialize for Slot<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Hole => serializer.serialize_str(HOLE),
        }
    }
}

/// What the lines of a template have in common.
#[derive(Clone, Copy)]
pub(super) struct Labels<'a> {
    method: &'a str,
    route: Option<&'a str>,
    status: u16,
    upstream: Option<&'a str>,
    authenticator: Option<&'a str>,
    decision: Option<&'a str>,
    code: Option<&'a str>,
}

impl<'a> Labels<'a> {
    pub(super) fn of(
        record: &'a Record,
        series: &'a RequestSeries,
        upstream: Option<&'a UpstreamSeries>,
        auth: Option<&'a AuthSeries>,
    ) -> Self {
        let own = record.rest.as_deref().and_then(|rest| rest.labels.as_ref());
        let (route, method, status, authenticator) = match own {
            Some(own) => (
                &own.route,
                own.method.as_str(),
                own.status,
                own.authenticator.as_deref(),
            ),
            None => {
                let authenticator = auth.and_then(|auth| auth.authenticator.as_deref());
                (&series.route, series.method, series.status, authenticator)
            }
        };
        Self {
            method,
            route: route.as_deref(),
            status,
            authenticator,
            upstream: upstream.map(|upstream| &*upstream.name),
            decision: record.decision.map(|decision| decision.as_str()),
            code: record.code.map(|code| code.as_str()),
        }
    }

    /// A line of holes.
    fn line(self) -> Line<'a> {
        Line {
            ts: Slot::Hole,
            request_id: Slot::Hole,
            trace_id: Slot::Hole,
            client_ip: Slot::Hole,
            method: Untrusted(self.method.as_bytes()),
            host: Slot::Hole,
            route: self.route,
            status: self.status,
            bytes: Slot::Hole,
            duration_ms: Slot::Hole,
            upstream: self.upstream,
            principal: Slot::Hole,
            authenticator: self.authenticator,
            decision: self.decision,
            code: self.code,
            reason: None,
        }
    }
}

/// What differs from line to line.
pub(super) struct Values<'a> {
    pub(super) ts: &'a str,
    pub(super) request_id: &'a [u8],
    pub(super) trace_id: &'a [u8],
    pub(super) client_ip: Option<IpAddr>,
    pub(super) host: Option<&'a [u8]>,
    pub(super) bytes: u64,
    pub(super) micros: u64,
    pub(super) principal: Option<&'a [u8]>,
    pub(super) reason: Option<&'a str>,
}

impl Values<'_> {
    fn duration_ms(&self) -> f64 {
        self.micros as f64 / 1000.0
    }
}

/// Appends the line of `labels` and `values` without a template.
pub(super) fn append(lines: &mut Vec<u8>, labels: Labels<'_>, values: &Values<'_>) {
    let line = Line {
        ts: Slot::Value(values.ts),
        request_id: Slot::Value(Untrusted(values.request_id)),
        trace_id: Slot::Value(Untrusted(values.trace_id)),
        client_ip: Slot::Value(values.client_ip),
        host: Slot::Value(values.host.map(Untrusted)),
        bytes: Slot::Value(values.bytes),
        duration_ms: Slot::Value(values.duration_ms()),
        principal: Slot::Value(values.principal.map(Untrusted)),
        reason: values.reason.map(|reason| Untrusted(reason.as_bytes())),
        ..labels.line()
    };
    append_json(lines, &line);
    lines.push(b'\n');
}

/// What stands between the values of a line.
pub(super) struct Template {
    text: Box<[u8]>,
    /// Where each piece but the last ends.
    ends: [usize; HOLES],
}

impl Template {
    /// None when a label holds what looks like a hole; such lines are written without a template.
    pub(super) fn new(labels: Labels<'_>) -> Option<Self> {
        let mut line = Vec::new();
        append_json(&mut line, &labels.line());
        line.push(b'\n');
        let (mut text, mut ends, mut rest) = (Vec::with_capacity(line.len()), [0; HOLES], line.as_slice());
        for end in &mut ends {
            let (piece, after) = rest.split_at_checked(memchr::memmem::find(rest, HOLE_JSON)?)?;
            text.extend_from_slice(piece);
            *end = text.len();
            rest = after.get(HOLE_JSON.len()..)?;
        }
        text.extend_from_slice(rest);
        let is_whole = memchr::memmem::find(rest, HOLE_JSON).is_none();
        is_whole.then(|| Self {
            text: text.into(),
            ends,
        })
    }

    /// Appends a line. A reason has no place in it.
    pub(super) fn append(&self, lines: &mut Vec<u8>, values: &Values<'_>) {
        let mut from = 0;
        let mut ends = self.ends.iter();
        let mut piece = |lines: &mut Vec<u8>| {
            let to = ends.next().copied().unwrap_or(self.text.len());
            lines.extend_from_slice(self.text.get(from..to).unwrap_or_default());
            from = to;
        };
        piece(lines);
        append_text(lines, values.ts.as_bytes());
        piece(lines);
        append_text(lines, values.request_id);
        piece(lines);
        append_text(lines, values.trace_id);
        piece(lines);
        append_json(lines, &values.client_ip);
        piece(lines);
        append_optional(lines, values.host);
        piece(lines);
        append_json(lines, &values.bytes);
        piece(lines);
        append_json(lines, &values.duration_ms());
        piece(lines);
        append_optional(lines, values.principal);
        piece(lines);
    }
}

fn append_optional(lines: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => append_text(lines, text),
        None => append_json(lines, &()),
    }
}

/// Text without anything JSON or a terminal could take for something else stands in quotes as it is.
fn append_text(lines: &mut Vec<u8>, text: &[u8]) {
    let is_plain = |byte: u8| (b' '..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\');
    if text.iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
        lines.push(b'"');
        lines.extend_from_slice(text);
        lines.push(b'"');
    } else {
        append_json(lines, &Untrusted(text));
    }
}

fn append_json(lines: &mut Vec<u8>, value: &impl Serialize) {
    let before = lines.len();
    if value.serialize(&mut json(lines)).is_err() {
        // Cannot happen with these types; half a value would spoil the line's neighbours.
        lines.truncate(before);
    }
}

/// A timestamp as text. Records come in order, so most have the same millisecond as the one before.
#[derive(Default)]
pub(super) struct Stamp {
    of: Option<Timestamp>,
    text: String,
}

impl Stamp {
    pub(super) fn text(&mut self, at: Timestamp) -> &str {
        if self.of != Some(at) {
            self.of = Some(at);
            self.text = crate::telemetry::time::rfc3339(at);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(route: &'static str) -> Labels<'static> {
        Labels {
            method: "GET",
            route: Some(route),
            status: 200,
            upstream: None,
            authenticator: Some("idp"),
            decision: Some("allowed"),
            code: None,
        }
    }

    #[test]
    fn a_template_writes_the_line_the_library_would() {
        let hosts: [Option<&[u8]>; 6] = [
            None,
            Some(b""),
            Some(b"api.example.com:8080"),
            Some(b"a\"b\\c"),
            Some(b"\r\n\x7f"),
            Some(b"\xff\xe2\x80\xa8"),
        ];
        let routes = ["/a/**", "/\"quoted\"\\", "/\u{2028}é"];
        let addresses = ["192.0.2.1", "2001:db8::7", "none"].map(|address| address.parse::<IpAddr>().ok());
        for (host, (route, client_ip)) in hosts
            .into_iter()
            .flat_map(|host| routes.iter().zip(addresses).map(move |rest| (host, rest)))
        {
            for (bytes, micros) in [(0, 0), (u64::MAX, 1), (17, 123_456_789)] {
                let values = Values {
                    ts: "2027-01-15T08:00:00.123Z",
                    request_id: b"0198c7e5-b6b1-7000-8000-000000000000",
                    trace_id: b"abababababababababababababababab",
                    client_ip,
                    host,
                    bytes,
                    micros,
                    // What a client has a say in is written alike wherever it stands.
                    principal: host,
                    reason: None,
                };
                let (mut whole, mut filled) = (Vec::new(), Vec::new());
                append(&mut whole, labels(route), &values);
                Template::new(labels(route)).unwrap().append(&mut filled, &values);
                assert_eq!(String::from_utf8(filled).unwrap(), String::from_utf8(whole).unwrap());
            }
        }
    }

    #[test]
    fn a_label_that_looks_like_a_hole_gets_no_template() {
        assert!(Template::new(labels("\u{1}")).is_none());
        assert!(Template::new(labels("a\u{1}b")).is_some());
    }
}
