//! What a process grants its clients, compared with what the machine grants the process.

use std::num::NonZeroUsize;

use super::Checking;
use crate::config::defaults;
use crate::config::faults::Code;
use crate::config::raw::{Format, Level, RawConnections, RawDrain, RawLog, RawSizes, RawTimeouts, Workers};
use crate::config::settings::Field;
use crate::config::spec::{ClientTimeouts, Connections, Drain, LogFormat, LogLevel, LogSpec, Sizes};

pub(super) fn timeouts(raw: &RawTimeouts) -> Option<ClientTimeouts> {
    Some(ClientTimeouts {
        head: raw.head.value()?.0,
        body_idle: raw.body_idle.value()?.0,
        keep_alive: raw.keep_alive.value()?.0,
        stream_idle: raw.stream_idle.value()?.0,
        stream_age: raw.stream_age.value()?.0,
    })
}

pub(super) fn drain(raw: &RawDrain) -> Option<Drain> {
    Some(Drain {
        delay: raw.delay.value()?.0,
        timeout: raw.timeout.value()?.0,
    })
}

pub(super) fn sizes(raw: &RawSizes, cx: &mut Checking<'_>) -> Option<Sizes> {
    let (head, headers, target) = (raw.head.value(), raw.headers.value(), raw.target.value());
    if let (Some(head), Some(target)) = (head, target)
        && target.0 > head.0
    {
        let at = if raw.target.is_absent() {
            raw.head.place(raw.at)
        } else {
            raw.target.place(raw.at)
        };
        let message = "`target` is larger than `head`, of which it is a part; make it smaller, or `head` larger";
        cx.findings.fault(at, Code::ValueRange, message);
    }
    Some(Sizes {
        head: size(head?.0),
        headers: size(headers?.0),
        target: size(target?.0),
    })
}

pub(super) fn connections(raw: &RawConnections, cx: &mut Checking<'_>) -> Option<Connections> {
    let max = fitting(raw, cx);
    let per_address = raw.per_address.value();
    Some(Connections {
        max: NonZeroUsize::new(size(max?))?,
        per_address: NonZeroUsize::new(size(per_address?.0))?,
    })
}

/// As many connections as the descriptors allow.
fn fitting(raw: &RawConnections, cx: &mut Checking<'_>) -> Option<u64> {
    let max = raw.max.value()?.0;
    let limit = cx.environment.descriptors().unwrap_or(u64::MAX);
    let kept = defaults::DESCRIPTORS_KEPT;
    let room = limit.saturating_sub(kept);
    if max <= room {
        return Some(max);
    }
    let at = raw.max.place(raw.at);
    if room == 0 || matches!(raw.max, Field::Written(_)) {
        let message = format!(
            "{max} connections need {} descriptors and this process may open {limit}; raise the limit \
             (`ulimit -Hn`, `LimitNOFILE=`), or write at most {room}",
            max.saturating_add(kept)
        );
        cx.findings.fault(at, Code::ConnectionsDescriptors, message);
        return None;
    }
    let message = format!(
        "this process may open {limit} descriptors, so at most {room} connections are taken instead of {max}; raise \
         the limit (`ulimit -Hn`, `LimitNOFILE=`), or write `connections: {{ max: {room} }}`"
    );
    cx.findings.warn(at, Code::ConnectionsDescriptors, message);
    Some(room)
}

pub(super) fn workers(raw: &Field<Workers>, cx: &mut Checking<'_>) -> Option<NonZeroUsize> {
    Some(match raw.value()? {
        Workers::Auto => cx.environment.cores(),
        Workers::Fixed(count) => *count,
    })
}

pub(super) fn log(raw: &RawLog) -> Option<LogSpec> {
    Some(LogSpec {
        level: match raw.level.value()? {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warn,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::Debug,
            Level::Trace => LogLevel::Trace,
        },
        format: match raw.format.value()? {
            Format::Json => LogFormat::Json,
            Format::Text => LogFormat::Text,
        },
        access: *raw.access.value()?,
    })
}

pub(super) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
