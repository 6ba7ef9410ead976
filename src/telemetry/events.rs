//! What can be said about the gateway. An event is one struct; emitting it writes its log line *and* moves its number,
//! so the two cannot drift. No event holds a raw path, a credential or a body.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::Telemetry;
use super::escape::Untrusted;
use crate::base::clock::Timestamp;
use crate::base::peer::Peer;
use crate::problem::Code;

/// A request has ended: its answer is sent, or its connection is gone. Exactly one of these for each request.
#[derive(Clone, Debug)]
pub struct Finished<'a> {
    pub at: Timestamp,
    pub request_id: &'a str,
    pub trace_id: &'a str,
    /// Of the client, not of a trusted proxy before it.
    /// Absent when it came through a unix socket.
    pub client_ip: Option<IpAddr>,
    pub method: &'a Method,
    /// As the client sent it.
    pub host: Option<&'a [u8]>,
    /// The id of the route, if one matched.
    pub route: Option<&'a Arc<str>>,
    /// What was sent, or [`client_left`](super::metrics::client_left).
    pub status: StatusCode,
    /// Of the answer's body.
    pub bytes: u64,
    pub duration: Duration,
    pub upstream: Option<UpstreamCall<'a>>,
    /// Absent when nobody presented a credential and nobody had to, or the request ended before that was asked.
    pub identification: Option<Identification<'a>>,
    /// Absent when the request ended before anybody decided.
    pub decision: Option<Decision>,
    pub code: Option<Code>,
    /// The exact cause of a refusal or a failure, for the log only.
    pub reason: Option<&'a str>,
    pub access_log: AccessLine,
}

/// The upstream a request was sent to.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamCall<'a> {
    pub name: &'a Arc<str>,
    /// Until the head of the answer; absent when there was none.
    pub took: Option<Duration>,
}

/// What came of asking who makes a request.
#[derive(Clone, Copy, Debug)]
pub enum Identification<'a> {
    Accepted {
        /// Its name; of several that had to vouch together the one whose word counts.
        authenticator: &'a Arc<str>,
        /// The id. A client may have a say in it.
        principal: &'a str,
    },
    /// The credential is not good, is missing, or could not be judged.
    Refused {
        /// Absent where it is nobody's credential in particular.
        authenticator: Option<&'a Arc<str>>,
        code: Code,
    },
}

impl<'a> Identification<'a> {
    pub(super) fn authenticator(&self) -> Option<&'a Arc<str>> {
        match self {
            Self::Accepted { authenticator, .. } => Some(authenticator),
            Self::Refused { authenticator, .. } => *authenticator,
        }
    }

    pub(super) fn principal(&self) -> Option<&'a str> {
        match self {
            Self::Accepted { principal, .. } => Some(principal),
            Self::Refused { .. } => None,
        }
    }

    pub(super) fn code(&self) -> Option<Code> {
        match self {
            Self::Accepted { .. } => None,
            Self::Refused { code, .. } => Some(*code),
        }
    }
}

/// What a request found in the cache of verdicts, and what it did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    pub hits: u32,
    pub misses: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    Allowed,
    Denied,
}

impl Decision {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

/// Whether a request gets a line in the access log; `log.access` of the configuration it began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLine {
    Written,
    Omitted,
}

/// Something that happens to the gateway and not to one request.
pub trait Event {
    fn emit(self, telemetry: &Telemetry);
}

macro_rules! ends {
    ($($(#[$doc:meta])* $name:ident $label:literal $text:literal;)*) => {
        /// Why a client's connection was refused, or ended without an answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ConnectionEnd {
            $($(#[$doc])* $name,)*
        }

        impl ConnectionEnd {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in metrics and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

ends! {
    OverLimit "over_limit" "refused a connection: as many are open as may be";
    OverAddressLimit "over_address_limit" "refused a connection: its address has as many open as it may";
    /// The system had no descriptor or memory left for it.
    AcceptFailed "accept_failed" "could not accept a connection";
    /// Nobody but a trusted proxy says whose a connection is.
    ProxyUntrusted "proxy_untrusted" "refused a connection: its peer is no trusted proxy and speaks, or should speak, the PROXY protocol";
    /// What a trusted proxy sent.
    ProxyHeader "proxy_header" "refused a connection: its header of the PROXY protocol is missing or malformed";
    Malformed "malformed" "ended a connection: what it sent is not HTTP";
    HeadTooLarge "head_too_large" "ended a connection: the request head is too large";
    FirstByteTimeout "first_byte_timeout" "ended a connection: it never sent anything";
    HeadTimeout "head_timeout" "ended a connection: its request head took too long";
    /// The connection goes on.
    StreamRefused "stream_refused" "refused a request of HTTP/2: a malformed or too large head, or too many at a time";
    Flooding "flooding" "ended a connection: it asks for work and takes nothing of it";
    WriteTimeout "write_timeout" "ended a connection: it does not take its answer";
}

/// A client's connection was refused, or ended without an answer.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionRefused<'a> {
    pub end: ConnectionEnd,
    /// Unknown when there was no connection yet.
    pub peer: Option<Peer>,
    /// The library's word for it, or what is wrong with the bytes.
    pub detail: &'a str,
}

impl Event for ConnectionRefused<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics.connection_refused(self.end);
        let Some(unsaid) = telemetry.sampled(self.end) else {
            return;
        };
        let (reason, peer, detail) = (self.end.as_str(), self.peer, Untrusted(self.detail.as_bytes()));
        let text = self.end.text();
        match (self.end, peer) {
            // What strangers cause is no warning: it would train people to overlook warnings.
            (ConnectionEnd::AcceptFailed | ConnectionEnd::OverLimit, _) => {
                tracing::warn!(reason, %detail, unsaid, "{text}");
            }
            (_, Some(peer)) => tracing::info!(reason, %peer, %detail, unsaid, "{text}"),
            (_, None) => tracing::info!(reason, %detail, unsaid, "{text}"),
        }
    }
}

/// A configuration is in force: the first one, or one that replaced another.
#[derive(Clone, Copy, Debug)]
pub struct ConfigLoaded {
    /// 1 is the one the gateway started with.
    pub generation: u64,
    pub routes: usize,
}

impl Event for ConfigLoaded {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics.config_loaded(self.generation, telemetry.clock.wall());
        let Self { generation, routes } = self;
        if generation > 1 {
            tracing::info!(generation, routes, "the configuration was reloaded");
        } else {
            tracing::debug!(generation, routes, "the configuration is in force");
        }
    }
}

/// A reload was refused; what was in force stays so.
#[derive(Clone, Copy, Debug)]
pub struct ConfigRefused<'a> {
    pub faults: usize,
    /// The first fault, as `check` words it.
    pub first: &'a str,
}

impl Event for ConfigRefused<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics.config_refused(telemetry.clock.wall());
        let (faults, first) = (self.faults, Untrusted(self.first.as_bytes()));
        tracing::error!(faults, %first, "the configuration was not reloaded and stays as it was");
    }
}

/// The gateway was told to stop and no longer calls itself ready.
#[derive(Clone, Copy, Debug)]
pub struct DrainBegun {
    /// Of clients.
    pub connections: u64,
    pub delay: Duration,
    pub timeout: Duration,
}

impl Event for DrainBegun {
    fn emit(self, _: &Telemetry) {
        let Self {
            connections,
            delay,
            timeout,
        } = self;
        tracing::info!(
            connections,
            ?delay,
            ?timeout,
            "stopping: not ready any more, finishing what runs"
        );
    }
}

/// The drain is over.
#[derive(Clone, Copy, Debug)]
pub struct DrainEnded {
    /// Connections that were still open when the time was over.
    pub cut_off: u64,
}

impl Event for DrainEnded {
    fn emit(self, _: &Telemetry) {
        match self.cut_off {
            0 => tracing::info!("stopped: everything that ran was finished"),
            cut_off => tracing::warn!(
                cut_off,
                "stopped: the drain time was over before everything was finished"
            ),
        }
    }
}

/// Code of ours panicked. Emitted by the panic hook, so that each panic counts once, wherever it is caught.
#[derive(Clone, Copy, Debug)]
pub struct Panicked<'a> {
    pub thread: &'a str,
    /// File, line and column.
    pub place: &'a str,
    /// Only a text that stands in the source: a formatted one may hold a client's bytes.
    pub text: Option<&'static str>,
}

impl Event for Panicked<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics.panics.add(1);
        let Some(unsaid) = telemetry.sampled_panic() else {
            return;
        };
        let Self { thread, place, text } = self;
        tracing::error!(
            thread,
            place,
            text = text.unwrap_or("(not shown)"),
            unsaid,
            "a panic: please report it"
        );
    }
}
