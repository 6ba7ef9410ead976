//! `routes:` and `defaults:`.

use super::{Auth, RawForward, RawNetworks, RawResponse, Timeout};
use crate::config::defaults;
use crate::config::protocol::ProtocolName;
use crate::config::settings::settings;
use crate::config::values::{HeaderText, Host, List, Map, Number, Path, Size, Written, words};
use http::HeaderName;

/// A byte to a TiB.
pub(crate) type BodyMax = Size<1, { 1 << 40 }>;

settings! {
    /// One thing that may be asked for: either `upstream`, or `redirect`.
    struct RawRoute as "route" {
        /// Which paths: literal segments, `{name}` or `*` for one segment, `**` at the end for the rest. `/a/**` covers
        /// `/a`, `/a/` and all below.
        required path: Path,
        /// Which host, like `api.example.com`, or `*.example.com` for all below it. Absent = every host.
        optional host: Host,
        /// Which header fields a request must have: `NAME: value`, or `NAME: present`.
        default headers: Map<HeaderName, HeaderText> = Map::empty(),
        /// Who may come in: `public` is everybody. A route that does not say does not load. In a list each kind of caller
        /// may come; `{ all: [...] }` asks for several credentials together.
        required auth: Auth,
        /// The upstream that answers, by its name.
        optional upstream: Written,
        /// Answer with a redirect.
        optional redirect: RawRedirect,
        /// From which addresses.
        optional networks: RawNetworks,
        /// What is changed on the way to the upstream.
        optional forward: RawForward,
        /// What is changed on the way back.
        optional response: RawResponse,
        /// From the arrival of a request to the head of its answer.
        optional timeout: Timeout,
        /// The largest request body; a larger one is answered with 413.
        optional body_max: BodyMax,
        /// Spellings of paths that are refused unless they are named here.
        optional path_allow: List<Allowance>,
        /// What a connection may be switched to at the client's wish; `[]` = nothing.
        default upgrade: List<ProtocolName> = List::of([ProtocolName::websocket()]),
    }
    later { allow, allow_shadow, limits, cors }
}

settings! {
    /// Each key may stand on a route too and then counts there instead; the `deny` of `networks` and the headers of
    /// `forward` and `response` are joined, and where both name a header, the route wins.
    struct RawDefaults as "defaults" {
        /// The largest request body; a larger one is answered with 413.
        default body_max: BodyMax = Size(defaults::BODY_MAX),
        /// From which addresses.
        optional networks: RawNetworks,
        /// From the arrival of a request to the head of its answer. Absent = the timeouts of the upstream alone.
        optional timeout: Timeout,
        /// What is changed on the way to the upstream. A `strip_prefix` here holds for the routes that begin with it.
        optional forward: RawForward,
        /// What is changed on the way back.
        optional response: RawResponse,
        /// Spellings of paths that are refused unless they are named here.
        optional path_allow: List<Allowance>,
    }
    later { limits, cors, limit_headers }
}

settings! {
    /// An answer that sends the client elsewhere.
    struct RawRedirect as "redirect" {
        /// A path of this host, or an `http://` or `https://` URL whose host is the `host` of some route.
        required to: Written,
        /// 301, 302, 303, 307 or 308.
        default status: Number<300, 399> = Number(defaults::REDIRECT_STATUS as u64),
    }
}

words! {
    enum Allowance {
        EncodedSlash = "encoded_slash",
        Semicolon = "semicolon",
        DoubleSlash = "double_slash",
        EncodedDot = "encoded_dot",
        NonUtf8 = "non_utf8",
    }
}
