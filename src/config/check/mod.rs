//! From what was typed to a finished [`Config`]: names resolved, limits compared with the machine, routes compared with
//! each other. Every part is checked even when another is bad; a part that could not be read is passed over, because
//! its fault is told already.

mod auth;
mod edits;
mod identity;
mod listen;
mod order;
mod outbound;
mod own;
mod process;
mod redirect;
mod routes;
mod signing;
mod upstreams;

use std::sync::Arc;

use super::environment::Environment;
use super::faults::{Code, Findings};
use super::raw::RawConfig;
use super::settings::Field;
use super::spec::{Config, StoreSpec};
use super::values::Number;

/// The version of the format that is read here.
const VERSION: u64 = 1;

/// What checking works with.
pub(super) struct Checking<'a> {
    pub(super) environment: &'a dyn Environment,
    pub(super) findings: &'a mut Findings,
}

pub(super) fn check(raw: &RawConfig, cx: &mut Checking<'_>) -> Option<Config> {
    version(raw, cx);
    let timeouts = process::timeouts(&raw.timeouts);
    let sizes = process::sizes(&raw.sizes, cx);
    let connections = process::connections(&raw.connections, cx);
    let workers = process::workers(&raw.workers, cx);
    let drain = process::drain(&raw.drain);
    let log = process::log(&raw.log);
    let outbound = outbound::outbound(&raw.outbound, cx);
    let admin = listen::admin(&raw.admin, cx);
    let listen = listen::listeners(raw, cx);
    let store = optional(&raw.store, |place| Some(StoreSpec::Sqlite(Arc::clone(&place.0))));
    let upstreams = upstreams::upstreams(raw, cx);
    let auth = auth::authenticators(raw, outbound.as_ref(), cx);
    let cache = identity::cache(&raw.cache);
    let signing = signing::signing(raw, cx);
    let routes = routes::routes(raw, matches!(signing, Some(Some(_))), cx);
    if let Some(routes) = &routes {
        auth::apart(raw, routes, cx);
    }
    Some(Config {
        listen: listen?,
        timeouts: timeouts?,
        sizes: sizes?,
        connections: connections?,
        workers: workers?,
        drain: drain?,
        admin: admin?,
        store: store?,
        upstreams: upstreams?,
        auth: auth?,
        cache: cache?,
        routes: routes?,
        log: log?,
        outbound: outbound?,
        signing: signing?,
    })
}

fn version(raw: &RawConfig, cx: &mut Checking<'_>) {
    if let Some(Number(version)) = raw.version.value()
        && *version != VERSION
    {
        let message = format!("this program reads version {VERSION} of the format, not {version}");
        cx.findings
            .fault(raw.version.place(raw.at), Code::ValueVersion, message);
    }
}

/// `None` when the field is bad; the inner `None` when it is absent.
#[expect(clippy::option_option, reason = "bad and absent are different things")]
fn optional<T, U>(field: &Field<T>, finish: impl FnOnce(&T) -> Option<U>) -> Option<Option<U>> {
    match field {
        Field::Absent => Some(None),
        Field::Bad => None,
        Field::Default(value) => finish(value).map(Some),
        Field::Written(written) => finish(&written.value).map(Some),
    }
}
