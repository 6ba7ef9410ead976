//! Routes compared with each other: no two of one rank that can both match, and no header of the client's choice that
//! selects another protection. Specificity decides, so only routes of one host and one shape of path can be rivals.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};

use super::Checking;
use crate::config::faults::Code;
use crate::config::node::Span;
use crate::config::pattern::{HostPattern, PathPattern, Segment};
use crate::config::spec::Networks;

/// A route as far as its place in the order goes.
pub(super) struct Placed<'a> {
    pub(super) at: Span,
    pub(super) host: &'a HostPattern,
    pub(super) path: &'a PathPattern,
    pub(super) headers: Vec<(&'a HeaderName, &'a HeaderValue)>,
    /// Absent where the route has a fault of its own.
    pub(super) networks: Option<&'a Networks>,
    pub(super) networks_at: Span,
}

/// What of a segment decides the rank and the match: `{name}` and `*` are the same.
#[derive(PartialEq, Eq, Hash)]
enum Shape<'a> {
    Literal(&'a str),
    One,
    Rest,
}

type Place<'a> = (&'a HostPattern, Vec<Shape<'a>>);

pub(super) fn compare(routes: &[Placed<'_>], cx: &mut Checking<'_>) {
    let mut places: HashMap<Place<'_>, Vec<&Placed<'_>>> = HashMap::new();
    for route in routes {
        places.entry((route.host, shape(route.path))).or_default().push(route);
    }
    for rivals in places.values().filter(|rivals| rivals.len() > 1) {
        ties(rivals, cx);
        weaker(rivals, cx);
    }
}

fn shape(path: &PathPattern) -> Vec<Shape<'_>> {
    path.segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => Shape::Literal(text),
            Segment::Param(_) | Segment::Any => Shape::One,
            Segment::Rest => Shape::Rest,
        })
        .collect()
}

fn ties(rivals: &[&Placed<'_>], cx: &mut Checking<'_>) {
    for (index, route) in rivals.iter().enumerate() {
        let before = rivals.get(..index).unwrap_or_default();
        let tie = before
            .iter()
            .find(|other| route.headers.len() == other.headers.len() && both_can_hold(route, other));
        let Some(other) = tie else { continue };
        let way_out = if route.headers.is_empty() {
            "make one path, host or `headers` more specific"
        } else {
            "both conditions can hold at once; ask for different values of one header, or for one header more"
        };
        let message = format!(
            "`{}` and `{}` in line {} are of equal rank and can match the same request; {way_out}",
            route.path.text, other.path.text, other.at.start.line
        );
        cx.findings.fault(route.at, Code::RouteTie, message);
    }
}

/// Unless one header would need two values.
fn both_can_hold(one: &Placed<'_>, other: &Placed<'_>) -> bool {
    let present = |value: &HeaderValue| value == "present";
    !one.headers.iter().any(|(name, value)| {
        other.headers.iter().any(|(other_name, other_value)| {
            name == other_name && value != other_value && !present(value) && !present(other_value)
        })
    })
}

/// A header is the client's choice. Where the route without conditions is limited to networks, a route with conditions
/// must be limited to the same ones.
fn weaker(rivals: &[&Placed<'_>], cx: &mut Checking<'_>) {
    let Some(base) = rivals.iter().find(|route| route.headers.is_empty()) else {
        return;
    };
    let Some(protection) = base.networks.filter(|networks| **networks != Networks::default()) else {
        return;
    };
    for route in rivals.iter().filter(|route| !route.headers.is_empty()) {
        if route.networks.is_some_and(|networks| !same(networks, protection)) {
            let message = format!(
                "a client chooses its headers, so this route needs the same `networks` as `{}` in line {}",
                base.path.text, base.at.start.line
            );
            cx.findings.fault(route.networks_at, Code::RouteWeaker, message);
        }
    }
}

fn same(one: &Networks, other: &Networks) -> bool {
    let set = |networks: &[ipnet::IpNet]| crate::base::net::AddressSet::new(networks.iter().copied());
    set(&one.allow) == set(&other.allow) && set(&one.deny) == set(&other.deny)
}
