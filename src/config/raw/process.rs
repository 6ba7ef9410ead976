//! `timeouts:`, `sizes:`, `connections:`, `workers:` and `drain:`: what a process grants its clients.

use std::num::NonZeroUsize;

use serde_json::{Value as Json, json};

use super::{Span, Timeout, Wait};
use crate::config::defaults;
use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell, settings};
use crate::config::values::{Number, Size, Time};

settings! {
    /// Of a client's connection. What takes longer is closed.
    struct RawTimeouts as "timeouts" {
        /// From the first byte of a request head to its last.
        default head: Timeout = Time(defaults::HEAD_TIMEOUT),
        /// Between two pieces of a body.
        default body_idle: Timeout = Time(defaults::BODY_IDLE_TIMEOUT),
        /// Between two requests on one connection.
        default keep_alive: Timeout = Time(defaults::KEEP_ALIVE_TIMEOUT),
        /// Without a byte either way, on a connection that was switched to another protocol (WebSocket), in a gRPC call
        /// or in a stream of server-sent events.
        default stream_idle: Timeout = Time(defaults::STREAM_IDLE_TIMEOUT),
        /// The whole life of such a connection or stream.
        default stream_age: Span = Time(defaults::STREAM_AGE),
    }
    later { tls_handshake }
}

settings! {
    /// Of a request head. What is larger is answered with 431, a longer target with 414.
    struct RawSizes as "sizes" {
        /// The whole head.
        default head: Size<{ 8 * 1024 }, { 1024 * 1024 }> = Size(defaults::HEAD_SIZE),
        /// How many header fields.
        default headers: Number<1, 1000> = Number(defaults::HEADERS),
        /// The request target: path and query.
        default target: Size<256, { 63 * 1024 }> = Size(defaults::TARGET_SIZE),
    }
}

settings! {
    /// Of clients, over all workers.
    struct RawConnections as "connections" {
        /// In all. The process needs 512 descriptors more than this: a written number that does not fit its limit is a
        /// fault, the default shrinks with a warning.
        default max: Number<1, 10_000_000> = Number(defaults::CONNECTIONS),
        /// From one address. Trusted proxies are spared.
        default per_address: Number<1, 10_000_000> = Number(defaults::CONNECTIONS_PER_ADDRESS),
    }
}

settings! {
    /// After SIGTERM or SIGINT. A second signal ends at once.
    struct RawDrain as "drain" {
        /// How long new connections are still accepted while `/readyz` already answers 503.
        default delay: Wait = Time(defaults::DRAIN_DELAY),
        /// How long requests under way may take after that.
        default timeout: Wait = Time(defaults::DRAIN_TIMEOUT),
    }
}

/// `workers:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    Auto,
    Fixed(NonZeroUsize),
}

type WorkerCount = Number<1, 512>;

impl Setting for Workers {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "`auto` or a number")?;
        let text = given.text.as_str();
        if text == "auto" {
            return Some(Self::Auto);
        }
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            let message = format!("`{text}` may not stand here; write `auto` or a number");
            cx.unfit(node, &given, Code::ValueWord, "`auto` or a number", message);
            return None;
        }
        let Number(count) = WorkerCount::decode(node, cx)?;
        usize::try_from(count).ok().and_then(NonZeroUsize::new).map(Self::Fixed)
    }

    fn describe(book: &mut Book) -> Shape {
        let number = WorkerCount::describe(book);
        let schema = json!({ "anyOf": [{ "const": "auto" }, number.schema] });
        Shape::new(schema, format!("`auto` or {}", number.words))
    }
}

impl Spell for Workers {
    fn spell(&self) -> Json {
        match self {
            Self::Auto => "auto".into(),
            Self::Fixed(count) => count.get().into(),
        }
    }
}
