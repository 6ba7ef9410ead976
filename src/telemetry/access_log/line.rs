//! A record as a line of JSON.

use std::net::IpAddr;

use serde::Serialize;

use super::Record;
use crate::base::clock::Timestamp;
use crate::telemetry::escape::{Untrusted, json};
use crate::telemetry::metrics::{RequestSeries, UpstreamSeries};

/// The fields of a line, in their order; the names are public interface.
#[derive(Serialize)]
struct Line<'a> {
    ts: &'a str,
    request_id: Untrusted<'a>,
    trace_id: Untrusted<'a>,
    client_ip: IpAddr,
    method: Untrusted<'a>,
    host: Option<Untrusted<'a>>,
    route: Option<&'a str>,
    status: u16,
    bytes: u64,
    duration_ms: f64,
    upstream: Option<&'a str>,
    principal: Option<&'a str>,
    authenticator: Option<&'a str>,
    decision: Option<&'a str>,
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Untrusted<'a>>,
}

/// The texts that lie beside a record.
pub(super) struct Texts<'a> {
    pub request_id: &'a [u8],
    pub trace_id: &'a [u8],
    pub host: Option<&'a [u8]>,
}

/// Appends `record` and a line end to `lines`.
pub(super) fn append(
    lines: &mut Vec<u8>,
    record: &Record,
    texts: Texts<'_>,
    series: &RequestSeries,
    upstream: Option<&UpstreamSeries>,
    stamp: &mut Stamp,
) {
    let rest = record.rest.as_deref();
    let labels = rest.and_then(|rest| rest.labels.as_ref());
    let (route, method, status) = match labels {
        Some((route, method, status)) => (route.as_deref(), method.as_str(), *status),
        None => (series.route.as_deref(), series.method, series.status),
    };
    let line = Line {
        ts: stamp.text(record.at),
        request_id: Untrusted(texts.request_id),
        trace_id: Untrusted(texts.trace_id),
        client_ip: record.client_ip,
        method: Untrusted(method.as_bytes()),
        host: texts.host.map(Untrusted),
        route,
        status,
        bytes: record.bytes,
        duration_ms: record.micros as f64 / 1000.0,
        upstream: upstream.map(|upstream| &*upstream.name),
        principal: None,
        authenticator: None,
        decision: record.decision.map(|decision| decision.as_str()),
        code: record.code.map(|code| code.as_str()),
        reason: rest
            .and_then(|rest| rest.reason.as_deref())
            .map(|reason| Untrusted(reason.as_bytes())),
    };
    let before = lines.len();
    match line.serialize(&mut json(lines)) {
        Ok(()) => lines.push(b'\n'),
        // Cannot happen with these types; half a line would spoil its neighbours.
        Err(_) => lines.truncate(before),
    }
}

/// A timestamp as text. Records come in order, so most have the same millisecond as the one before.
#[derive(Default)]
pub(super) struct Stamp {
    of: Option<Timestamp>,
    text: String,
}

impl Stamp {
    fn text(&mut self, at: Timestamp) -> &str {
        if self.of != Some(at) {
            self.of = Some(at);
            self.text = crate::telemetry::time::rfc3339(at);
        }
        &self.text
    }
}
