//! What was typed, key by key. Each struct here is one map of the file; its doc comments are the reference page. A raw
//! value is sound by itself (a duration is a duration); whether it fits the others is for `check` to say.

mod admin;
mod auth;
mod edits;
mod identity;
mod listen;
mod log;
mod outbound;
mod process;
mod routes;
mod signing;
mod upstreams;

pub(super) use admin::RawAdmin;
pub(super) use auth::{Auth, AuthItem, Fingerprint, RawAuthenticator};
pub(super) use edits::{ForwardHost, RawForward, RawHeaders, RawNetworks, RawResponse};
pub(super) use identity::{RawCache, RawIdentityHeaders, RawIdentityNames};
pub(super) use listen::{Protocol, RawListener, RawProxyProtocol};
pub(super) use log::{Format, Level, RawLog};
pub(super) use outbound::RawOutbound;
pub(super) use process::{RawConnections, RawDrain, RawSizes, RawTimeouts, Workers};
pub(super) use routes::{Allowance, RawDefaults, RawRedirect, RawRoute};
pub(super) use signing::RawSigning;
pub(super) use upstreams::{RawTarget, RawUpstream, RawUpstreamProtocol, RawUpstreamTimeouts};

use super::settings::settings;
use super::values::{ChosenName, List, Map, Number, StorePlace, Time};

const DAY: u64 = 86_400_000;

/// A limit in time: from a millisecond to a day.
pub(super) type Timeout = Time<1, DAY>;
/// How long a stream may go on: up to thirty days.
pub(super) type Span = Time<1, { 30 * DAY }>;
/// A wait that may be none.
pub(super) type Wait = Time<0, DAY>;

settings! {
    /// The whole file.
    struct RawConfig as "configuration" {
        /// The version of this format: `1`. A later format will have another number, so that an old file is never read
        /// with new meanings.
        required version: Number<0, 1_000_000>,
        /// Where clients connect: at least one listener.
        required listen: List<RawListener>,
        /// How long a client may take.
        section timeouts: RawTimeouts,
        /// How large a request head may be.
        section sizes: RawSizes,
        /// How many clients may be connected.
        section connections: RawConnections,
        /// Worker threads. `auto` is as many as this process may use cores, limits of its control group respected.
        /// Not reloadable.
        default workers: Workers = Workers::Auto,
        /// What happens between the wish to stop and the end.
        section drain: RawDrain,
        /// Probes and metrics, on an address of their own.
        section admin: RawAdmin,
        /// What outlives the process: API keys made at run time, revocations. The file is made where it is missing. Not
        /// reloadable.
        optional store: StorePlace,
        /// What this gateway signs with.
        section signing: RawSigning,
        /// The services behind this gateway, by name.
        default upstreams: Map<ChosenName, RawUpstream> = Map::empty(),
        /// Ways to become somebody, by names that routes use.
        default auth: Map<ChosenName, RawAuthenticator> = Map::empty(),
        /// What is remembered of verified credentials.
        section cache: RawCache,
        /// What holds for every route that does not say otherwise.
        section defaults: RawDefaults,
        /// What may be asked for. The most specific route wins, their order never matters, two of equal rank that can
        /// both match are a fault, and what no route matches is answered with 404.
        required routes: List<RawRoute>,
        /// What is logged, and how.
        section log: RawLog,
        /// The calls that the gateway makes itself.
        section outbound: RawOutbound,
    }
    later { redis, roles, limits, tracing, identity }
}
