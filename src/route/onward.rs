//! Where a stripped path leads (PATH-08). A route that cuts a prefix off asks its upstream for another path than the
//! client asked the gateway for; that path may be one which a stricter route of the same upstream protects.

use std::sync::Arc;

use http::HeaderMap;

use super::table::Table;
use crate::config::pattern::{HostPattern, PathPattern, Segment};
use crate::config::spec::{Answer, ForwardHost, Networks, RouteSpec};
use crate::request::path::NormalPath;

/// The paths, as upstreams see them, that stricter routes protect: one table for each group of stripping routes with
/// the same upstream, the same networks and the same choice of `Host`.
#[derive(Debug, Default)]
pub(super) struct Onward {
    tables: Vec<Table>,
    /// By route: its table, if it strips and anything stricter is there.
    by_route: Vec<Option<usize>>,
}

impl Onward {
    pub(super) fn new(specs: &[Arc<RouteSpec>]) -> Self {
        let mut groups: Vec<(usize, &Networks, ForwardHost)> = Vec::new();
        let mut onward = Self::default();
        for spec in specs {
            let group = upstream(spec).filter(|_| spec.forward.strip_prefix.is_some());
            let table = group.map(|upstream| {
                let key = (upstream, &spec.networks, spec.forward.host);
                groups.iter().position(|group| *group == key).unwrap_or_else(|| {
                    groups.push(key);
                    onward.tables.push(stricter_than(specs, key));
                    groups.len() - 1
                })
            });
            onward.by_route.push(table);
        }
        onward
    }

    /// Whether `path`, which `route` asks its upstream for, is protected by a stricter route, in any reading of it.
    pub(super) fn is_protected(
        &self,
        route: usize,
        host: Option<&str>,
        path: &NormalPath,
        headers: &HeaderMap,
    ) -> bool {
        let table = self
            .by_route
            .get(route)
            .copied()
            .flatten()
            .and_then(|table| self.tables.get(table));
        table.is_some_and(|table| {
            table.find(host, path.path(), headers).is_some() || !table.agrees(host, path, headers, NONE)
        })
    }
}

/// The index of no route: every route a reading leads to is another one.
const NONE: usize = usize::MAX;

fn stricter_than(specs: &[Arc<RouteSpec>], (to, networks, sent_host): (usize, &Networks, ForwardHost)) -> Table {
    let is_open = |networks: &Networks| networks.allow.is_empty() && networks.deny.is_empty();
    let stricter = specs
        .iter()
        .filter(|spec| upstream(spec) == Some(to) && spec.networks != *networks && !is_open(&spec.networks));
    let seen: Vec<_> = stricter
        .map(|spec| (host_that_tells(spec, sent_host), as_upstream_sees(spec), &spec.headers))
        .collect();
    Table::build(
        seen.iter()
            .map(|(host, path, headers)| (*host, path, headers.as_slice())),
    )
}

fn upstream(spec: &RouteSpec) -> Option<usize> {
    match spec.answer {
        Answer::Upstream(index) => Some(index),
        Answer::Redirect(_) | Answer::Own(_) => None,
    }
}

/// Where either route puts the upstream's own name in place of the client's `Host`, the upstream cannot tell a request
/// for the one host from a request for the other.
fn host_that_tells(strict: &RouteSpec, sent: ForwardHost) -> &HostPattern {
    if strict.forward.host == ForwardHost::Client && sent == ForwardHost::Client {
        &strict.host
    } else {
        &HostPattern::Any
    }
}

/// The pattern without the prefix that the route itself cuts off.
fn as_upstream_sees(spec: &RouteSpec) -> PathPattern {
    let cut = spec
        .forward
        .strip_prefix
        .as_ref()
        .map_or(0, |prefix| prefix.split('/').skip(1).count());
    let rest = spec.path.segments.get(cut..).unwrap_or_default();
    let segments = if rest.is_empty() {
        vec![Segment::Literal("".into())]
    } else {
        rest.to_vec()
    };
    PathPattern {
        text: Arc::clone(&spec.path.text),
        segments,
    }
}
