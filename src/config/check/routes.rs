//! Routes: one by one, and each against all others.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use super::auth::{self, Authenticators};
use super::edits::{self, Forward, Ranges};
use super::order::{self, Placed};
use super::own;
use super::redirect::{Hosts, redirect};
use super::{Checking, optional};
use crate::config::faults::Code;
use crate::config::node::Span;
use crate::config::pattern::{HostPattern, PathPattern};
use crate::config::protocol::ProtocolName;
use crate::config::raw::{Allowance, RawConfig, RawDefaults, RawRoute};
use crate::config::reserved;
use crate::config::settings::{At, Field, closest, listed};
use crate::config::spec::{
    Answer, ForwardSpec, HeaderCondition, HeaderEdits, HeaderWant, Networks, PathAllow, RouteSpec,
};
use crate::config::values::{List, Written, needs};

/// With those that the gateway adds behind them: it `publishes` keys.
pub(super) fn routes(raw: &RawConfig, publishes: bool, cx: &mut Checking<'_>) -> Option<Vec<Arc<RouteSpec>>> {
    let common = common(&raw.defaults, cx);
    let list = raw.routes.value()?;
    if list.is_empty() {
        let message = "there is no route: every request is answered with 404";
        cx.findings.warn(raw.routes.place(raw.at), Code::RouteNone, message);
    }
    let around = Around::of(raw);
    auth::reachable(raw, &around.underscored, cx);
    let specs: Vec<Option<RouteSpec>> = list
        .values()
        .map(|route| self::route(route, common.as_ref(), &around, cx))
        .collect();
    let placed: Vec<Placed<'_>> = list
        .values()
        .zip(&specs)
        .filter_map(|(raw, spec)| placed(raw, spec.as_ref()))
        .collect();
    order::compare(&placed, cx);
    let own = own::paths(publishes);
    own::keep_out(&placed, &own, cx);
    let mut specs = specs.into_iter().collect::<Option<Vec<RouteSpec>>>()?;
    name_apart(&mut specs);
    let added = own::routes(&own, &specs, &common?);
    specs.extend(added);
    Some(specs.into_iter().map(Arc::new).collect())
}

/// What `defaults` says, checked once.
pub(super) struct Common {
    pub(super) body_max: u64,
    pub(super) networks: Ranges,
    pub(super) timeout: Option<Duration>,
    forward: Forward,
    pub(super) response: HeaderEdits,
    path_allow: PathAllow,
}

fn common(raw: &RawDefaults, cx: &mut Checking<'_>) -> Option<Common> {
    let networks = optional(&raw.networks, |networks| edits::networks(networks, cx));
    let forward = optional(&raw.forward, |forward| edits::forward(forward, cx));
    let response = optional(&raw.response, |response| edits::response(response, cx));
    let path_allow = optional(&raw.path_allow, path_allow);
    Some(Common {
        body_max: raw.body_max.value()?.0,
        networks: networks?.unwrap_or_default(),
        timeout: optional(&raw.timeout, |timeout| Some(timeout.0))?,
        forward: forward?.unwrap_or_default(),
        response: response?.unwrap_or_default(),
        path_allow: path_allow?.unwrap_or_default(),
    })
}

/// What a route may refer to.
struct Around<'a> {
    /// Every name of an upstream, with its index where it could be read.
    upstreams: HashMap<&'a str, Option<usize>>,
    names: Vec<&'a str>,
    hosts: Hosts<'a>,
    underscored: HashSet<&'a http::HeaderName>,
    auth: Authenticators<'a>,
}

impl<'a> Around<'a> {
    fn of(raw: &'a RawConfig) -> Self {
        let mut upstreams = HashMap::new();
        let mut names = Vec::new();
        if let Some(map) = raw.upstreams.value() {
            let read = map
                .entries
                .iter()
                .enumerate()
                .map(|(index, (name, _))| (&*name.value.0, Some(index)));
            for (name, index) in read.chain(map.broken.iter().map(|name| (&*name.0, None))) {
                upstreams.insert(name, index);
                names.push(name);
            }
        }
        let routes = raw.routes.value();
        let whole = routes.is_some_and(|list| list.whole && list.values().all(|r| !matches!(r.host, Field::Bad)));
        let hosts = routes
            .into_iter()
            .flat_map(List::values)
            .filter_map(|route| Some(&route.host.value()?.pattern));
        let listeners = raw.listen.value().into_iter().flat_map(List::values);
        Self {
            upstreams,
            names,
            hosts: Hosts(whole.then(|| hosts.collect())),
            auth: Authenticators::of(raw),
            underscored: listeners
                .filter_map(|l| l.underscore_headers.value())
                .flat_map(List::values)
                .collect(),
        }
    }
}

fn route(raw: &RawRoute, common: Option<&Common>, around: &Around<'_>, cx: &mut Checking<'_>) -> Option<RouteSpec> {
    let headers = headers(raw, around, cx);
    let answer = answer(raw, around, cx);
    let networks = optional(&raw.networks, |networks| edits::networks(networks, cx));
    let forward = optional(&raw.forward, |forward| edits::forward(forward, cx));
    let response = optional(&raw.response, |response| edits::response(response, cx));
    let own_allow = optional(&raw.path_allow, path_allow);
    let common = common?;
    let path = &raw.path.value()?.0;
    let path_allow = own_allow?.unwrap_or(common.path_allow);
    reachable(path, path_allow, raw.path.place(raw.at), cx);
    let forward = forwarded(path, &common.forward, &forward?.unwrap_or_default(), cx);
    let host = raw.host.value();
    let access = raw.auth.value().and_then(|auth| around.auth.access(auth, cx));
    if matches!(raw.host, Field::Bad) {
        return None;
    }
    Some(RouteSpec {
        id: id(raw).into(),
        line: raw.at.start.line,
        host: host.map_or(HostPattern::Any, |host| host.pattern.clone()),
        path: path.clone(),
        headers: headers?,
        access: access?,
        networks: edits::joined_networks(&common.networks, &networks?.unwrap_or_default()),
        answer: answer?,
        forward: forward?,
        response: edits::joined_edits(&common.response, &response?.unwrap_or_default()),
        timeout: optional(&raw.timeout, |timeout| Some(timeout.0))?.or(common.timeout),
        body_max: optional(&raw.body_max, |size| Some(size.0))?.unwrap_or(common.body_max),
        path_allow,
        upgrade: upgrade(raw.upgrade.value()?, cx),
    })
}

fn upgrade(list: &List<ProtocolName>, cx: &mut Checking<'_>) -> Vec<ProtocolName> {
    let mut names: Vec<ProtocolName> = Vec::new();
    for &At { value: ref name, at } in &list.items {
        if names.contains(name) {
            let message = format!("`{}` stands in the list already", name.as_str());
            cx.findings.fault(at, Code::ValueProtocol, message);
        }
        names.push(name.clone());
    }
    names
}

fn answer(raw: &RawRoute, around: &Around<'_>, cx: &mut Checking<'_>) -> Option<Answer> {
    match (&raw.upstream, &raw.redirect) {
        (Field::Absent, Field::Absent) => {
            let message = "nothing answers this route; write `upstream: NAME` or `redirect: { to: /path }`";
            cx.findings.fault(raw.at, Code::KeyMissing, message);
            None
        }
        (Field::Absent, target) => {
            if let Some(forward) = raw.forward.written() {
                let message = "a redirect forwards nothing; leave `forward` out";
                cx.findings.fault(forward.at, Code::KeyConflict, message);
            }
            let path = raw.path.value().map(|path| &path.0);
            redirect(target.value()?, path, &around.hosts, cx).map(Answer::Redirect)
        }
        (name, Field::Absent) => upstream(name.written()?, around, cx).map(Answer::Upstream),
        (_, target) => {
            let message = "a route is answered by `upstream` or by `redirect`; leave one out";
            cx.findings.fault(target.place(raw.at), Code::KeyConflict, message);
            None
        }
    }
}

fn upstream(name: &At<Written>, around: &Around<'_>, cx: &mut Checking<'_>) -> Option<usize> {
    let wanted = &*name.value.text;
    if let Some(index) = around.upstreams.get(wanted) {
        return *index;
    }
    let way_out = match closest(wanted, around.names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if around.names.is_empty() => "define it under `upstreams`".to_owned(),
        None if around.names.len() <= 8 => format!("there are {}", listed(&around.names)),
        None => "define it under `upstreams`".to_owned(),
    };
    cx.findings.fault(
        name.at,
        Code::NameUnknown,
        format!("there is no upstream `{}`; {way_out}", name.value.shown()),
    );
    None
}

fn headers(raw: &RawRoute, around: &Around<'_>, cx: &mut Checking<'_>) -> Option<Vec<HeaderCondition>> {
    let map = raw.headers.value()?;
    let mut seen = HashSet::new();
    let mut conditions = Vec::new();
    for (At { value: name, at }, text) in &map.entries {
        let spelled = name.as_str();
        if spelled == "host" {
            let message = "the host is asked for by the key `host` of the route";
            cx.findings.fault(*at, Code::HeaderReserved, message);
        } else if reserved::is_dropped(spelled) || reserved::is_framing(spelled) {
            let message = format!("`{name}` of a client never gets this far, so it selects nothing; choose another");
            cx.findings.fault(*at, Code::HeaderReserved, message);
        } else if spelled.contains('_') && !around.underscored.contains(name) {
            let message = format!("`{name}` is dropped unless a listener names it in `underscore_headers`");
            cx.findings.fault(*at, Code::RouteUnreachable, message);
        }
        if !seen.insert(name) {
            let message = format!("`{name}` stands here in another spelling already; keep one");
            cx.findings.fault(*at, Code::KeyConflict, message);
        }
        let value = &text.value.value;
        let want = if value == "present" {
            HeaderWant::Present
        } else {
            HeaderWant::Value(value.clone())
        };
        conditions.push(HeaderCondition {
            name: name.clone(),
            want,
        });
    }
    map.whole.then_some(conditions)
}

/// A prefix of the route itself must fit its path; one of `defaults` holds where it fits.
fn forwarded(path: &PathPattern, common: &Forward, own: &Forward, cx: &mut Checking<'_>) -> Option<ForwardSpec> {
    if let Some(prefix) = &own.strip_prefix
        && !path.segments.starts_with(&prefix.segments)
    {
        let message = format!(
            "no path of `{}` begins with `{}`; write the start of the route's path",
            path.text, prefix.text
        );
        cx.findings.fault(prefix.at, Code::ValuePath, message);
        return None;
    }
    let common_prefix = common
        .strip_prefix
        .as_ref()
        .filter(|prefix| path.segments.starts_with(&prefix.segments));
    let mut identity = own
        .identity
        .as_ref()
        .or(common.identity.as_ref())
        .cloned()
        .unwrap_or_default();
    if let Some(token) = own.token.as_ref().or(common.token.as_ref()) {
        if identity.iter().any(|name| *name == token.value) {
            let message = format!(
                "`{}` tells something else of the identity already; each header tells one thing",
                token.value
            );
            cx.findings.fault(token.at, Code::KeyConflict, message);
        }
        identity.token = Some(token.value.clone());
    }
    Some(ForwardSpec {
        strip_prefix: own
            .strip_prefix
            .as_ref()
            .or(common_prefix)
            .map(|prefix| prefix.text.clone()),
        host: own.host.or(common.host).unwrap_or_default(),
        strip_credentials: own.strip_credentials.or(common.strip_credentials).unwrap_or(true),
        identity,
        edits: edits::joined_edits(&common.edits, &own.edits),
    })
}

fn path_allow(list: &List<Allowance>) -> Option<PathAllow> {
    let mut allow = PathAllow::default();
    for allowance in list.values() {
        match allowance {
            Allowance::EncodedSlash => allow.encoded_slash = true,
            Allowance::Semicolon => allow.semicolon = true,
            Allowance::DoubleSlash => allow.double_slash = true,
            Allowance::EncodedDot => allow.encoded_dot = true,
            Allowance::NonUtf8 => allow.non_utf8 = true,
        }
    }
    list.whole.then_some(allow)
}

/// A literal that every request with it is refused for could never match.
fn reachable(path: &PathPattern, allow: PathAllow, at: Span, cx: &mut Checking<'_>) {
    for need in needs(path) {
        let allowed = match need {
            "semicolon" => allow.semicolon,
            "encoded_slash" => allow.encoded_slash,
            _ => allow.non_utf8,
        };
        if !allowed {
            let message = format!(
                "requests for `{}` are refused unless the route says `path_allow: [{need}]`",
                path.text
            );
            cx.findings.fault(at, Code::RouteUnreachable, message);
        }
    }
}

/// What is needed to compare a route with the others, also when something else of it is bad.
fn placed<'a>(raw: &'a RawRoute, spec: Option<&'a RouteSpec>) -> Option<Placed<'a>> {
    if matches!(raw.host, Field::Bad) {
        return None;
    }
    let headers = raw.headers.value().filter(|headers| headers.whole)?;
    Some(Placed {
        at: raw.path.place(raw.at),
        host: raw.host.value().map_or(&HostPattern::Any, |host| &host.pattern),
        path: &raw.path.value()?.0,
        headers: headers
            .entries
            .iter()
            .map(|(name, text)| (&name.value, &text.value.value))
            .collect(),
        networks: spec.map(|spec: &RouteSpec| -> &Networks { &spec.networks }),
        networks_at: raw.networks.place(raw.at),
    })
}

/// Host and path as written; then the header conditions, with their references unreplaced, because ids are logged.
fn id(raw: &RawRoute) -> String {
    let mut id = raw.host.value().map_or_else(String::new, |host| host.text.to_string());
    if let Some(path) = raw.path.value() {
        id.push_str(&path.0.text);
    }
    let conditions = raw
        .headers
        .value()
        .map(|map| map.entries.as_slice())
        .unwrap_or_default();
    for (index, (name, text)) in conditions.iter().enumerate() {
        id.push_str(if index == 0 { " [" } else { ", " });
        // Writing to a `String` cannot fail.
        let _ = write!(id, "{}: {}", name.value, text.value.source);
    }
    if !conditions.is_empty() {
        id.push(']');
    }
    id
}

/// Ids are labels of metrics: two routes never share one.
fn name_apart(specs: &mut [RouteSpec]) {
    let mut taken: HashSet<Arc<str>> = HashSet::new();
    for spec in specs {
        if !taken.insert(spec.id.clone()) {
            spec.id = format!("{} @{}", spec.id, spec.line).into();
            taken.insert(spec.id.clone());
        }
    }
}
