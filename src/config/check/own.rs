//! The paths that the gateway answers itself. They are routes like all others, on every host that the file names and on
//! all the rest, so that one table finds them; no route of the file may stand where they are.

use std::collections::HashSet;

use super::Checking;
use super::edits;
use super::order::Placed;
use super::routes::Common;
use crate::config::faults::Code;
use crate::config::pattern::{HostPattern, PathPattern, Segment};
use crate::config::spec::{
    Access, Answer, ForwardHost, ForwardSpec, HeaderEdits, IdentityNames, OwnAnswer, PathAllow, RouteSpec,
};

/// A path of the gateway's own.
pub(super) struct OwnPath {
    /// What logs and metrics call it.
    id: &'static str,
    path: PathPattern,
    answer: OwnAnswer,
}

pub(super) fn paths(publishes: bool) -> Vec<OwnPath> {
    let keys = || OwnPath {
        id: "identity.jwks",
        path: literal("/.well-known/jwks.json"),
        answer: OwnAnswer::Keys,
    };
    publishes.then(keys).into_iter().collect()
}

fn literal(path: &'static str) -> PathPattern {
    let segments = path.split('/').skip(1);
    PathPattern {
        text: path.into(),
        segments: segments.map(|segment| Segment::Literal(segment.into())).collect(),
    }
}

/// A route of the file whose literal start lies inside a path of ours would never be reached, or open a way around it.
pub(super) fn keep_out(routes: &[Placed<'_>], own: &[OwnPath], cx: &mut Checking<'_>) {
    for route in routes {
        if let Some(own) = own.iter().find(|own| lies_inside(route.path, &own.path)) {
            let message = format!(
                "the gateway itself answers `{}`, where its keys are published; choose another path",
                own.path.text
            );
            cx.findings.fault(route.at, Code::RouteReserved, message);
        }
    }
}

/// In any case of letters: some servers read paths so.
fn lies_inside(path: &PathPattern, own: &PathPattern) -> bool {
    let same = |(one, other): (&Segment, &Segment)| match (one, other) {
        (Segment::Literal(one), Segment::Literal(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    path.segments.len() >= own.segments.len() && path.segments.iter().zip(&own.segments).all(same)
}

/// One for each host of the file: a route of a more specific host would come before one for any.
pub(super) fn routes(own: &[OwnPath], written: &[RouteSpec], common: &Common) -> Vec<RouteSpec> {
    let mut hosts: HashSet<&HostPattern> = written.iter().map(|route| &route.host).collect();
    hosts.insert(&HostPattern::Any);
    let mut hosts: Vec<&HostPattern> = hosts.into_iter().collect();
    // In an order that is the same each time.
    hosts.sort_by_key(|host| format!("{host:?}"));
    let on_hosts = |own| hosts.iter().map(move |host| route(own, (*host).clone(), common));
    own.iter().flat_map(on_hosts).collect()
}

fn route(own: &OwnPath, host: HostPattern, common: &Common) -> RouteSpec {
    RouteSpec {
        id: own.id.into(),
        line: 0,
        host,
        path: own.path.clone(),
        headers: Vec::new(),
        access: Access::Public,
        networks: edits::joined_networks(&common.networks, &edits::Ranges::default()),
        answer: Answer::Own(own.answer),
        forward: ForwardSpec {
            strip_prefix: None,
            host: ForwardHost::default(),
            strip_credentials: true,
            identity: IdentityNames::default(),
            edits: HeaderEdits::default(),
        },
        response: common.response.clone(),
        timeout: common.timeout,
        body_max: common.body_max,
        path_allow: PathAllow::default(),
        upgrade: Vec::new(),
    }
}
