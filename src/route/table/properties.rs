//! The table against a reference that looks at every route.

use http::HeaderMap;
use proptest::prelude::*;

use super::tests::{Written, build, fields, normal, written};
use super::*;

/// The order of the contract, by looking at every route.
mod reference {
    use super::*;

    fn host_rank(pattern: &HostPattern, host: Option<&str>) -> Option<usize> {
        match (pattern, host) {
            (HostPattern::Any, _) => Some(0),
            (HostPattern::Suffix(suffix), Some(host)) => {
                (host.len() > suffix.len() && host.ends_with(&**suffix)).then_some(suffix.len())
            }
            (HostPattern::Exact(name), Some(host)) => (&**name == host).then_some(usize::MAX),
            (_, None) => None,
        }
    }

    fn path_rank(pattern: &[Segment], path: &[&[u8]]) -> Option<Vec<u8>> {
        let mut rank = match (pattern, path) {
            ([], []) => return Some(vec![4]),
            ([Segment::Rest], _) => return Some(vec![1]),
            ([Segment::Literal(text), ..], [first, ..]) if text.as_bytes() == *first => vec![3],
            ([Segment::Any | Segment::Param(_), ..], [first, ..]) if !first.is_empty() => vec![2],
            _ => return None,
        };
        rank.extend(path_rank(&pattern[1..], &path[1..])?);
        Some(rank)
    }

    fn holds(condition: &HeaderCondition, headers: &HeaderMap) -> bool {
        let values: Vec<_> = headers.get_all(&condition.name).iter().collect();
        match &condition.want {
            HeaderWant::Present => !values.is_empty(),
            HeaderWant::Value(value) => !values.is_empty() && values.iter().all(|sent| *sent == value),
        }
    }

    pub(super) fn find(routes: &[Written], host: Option<&str>, path: &[u8], headers: &HeaderMap) -> Option<usize> {
        let segments: Vec<&[u8]> = path.strip_prefix(b"/")?.split(|&byte| byte == b'/').collect();
        let ranked = routes.iter().enumerate().filter_map(|(index, route)| {
            let host = host_rank(&route.host, host)?;
            let path = path_rank(&route.path.segments, &segments)?;
            let all = route.conditions.iter().all(|condition| holds(condition, headers));
            all.then_some(((host, path, route.conditions.len()), index))
        });
        ranked
            .max_by(|(one, first), (other, second)| one.cmp(other).then(second.cmp(first)))
            .map(|(_, index)| index)
    }
}

fn a_route() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec!["", "", "h.test", "*.test", "*.h.test"]);
    let segment = prop::sample::select(vec!["a", "b", "admin", "{x}", "*", ""]);
    let end = prop::sample::select(vec!["", "/**"]);
    let conditions = prop::sample::select(vec!["", "", " x-a=1", " x-a=1 x-b"]);
    (host, prop::collection::vec(segment, 1..4), end, conditions)
        .prop_map(|(host, segments, end, conditions)| format!("{host}/{}{end}{conditions}", segments.join("/")))
}

/// No two that can both match with equal rank: `check` refuses those.
fn routes() -> impl Strategy<Value = Vec<Written>> {
    prop::collection::btree_set(a_route(), 1..12).prop_map(|routes| {
        let mut shapes = std::collections::BTreeSet::new();
        let mut kept: Vec<Written> = Vec::new();
        for text in routes {
            if shapes.insert(text.replace("{x}", "*")) {
                kept.push(written(&text));
            }
        }
        kept
    })
}

fn request() -> impl Strategy<Value = (Option<&'static str>, HeaderMap)> {
    let host = prop::sample::select(vec![
        None,
        Some("h.test"),
        Some("x.h.test"),
        Some("test"),
        Some("other"),
    ]);
    let headers = prop::sample::select(vec![
        vec![],
        vec![("x-a", "1")],
        vec![("x-a", "1"), ("x-b", "")],
        vec![("x-a", "2")],
    ]);
    (host, headers.prop_map(|list| fields(&list)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    #[doc = "PATH-07, PATH-09"]
    fn the_table_finds_what_the_contract_says(
        routes in routes(),
        (host, headers) in request(),
        segments in prop::collection::vec(prop::sample::select(vec!["a", "b", "admin", "c", ""]), 1..5),
    ) {
        let path = format!("/{}", segments.join("/"));
        let found = build(&routes).find(host, &path, &headers).map(|found| found.route);
        prop_assert_eq!(found, reference::find(&routes, host, path.as_bytes(), &headers));
    }

    #[test]
    #[doc = "PATH-05, VR-04"]
    fn a_path_agrees_if_every_reading_leads_to_the_same_route(
        mut routes in routes(),
        (host, headers) in request(),
        path in crate::request::readings::tests::odd_path(),
    ) {
        let Some(path) = normal(&path) else { return Ok(()) };
        // The reference reads requests, not patterns: leave the patterns that have another reading out.
        routes.retain(|route| !route.path.text.contains("//"));
        let table = build(&routes);
        let Some(found) = table.find(host, path.path(), &headers) else { return Ok(()) };
        let same = |reading: &[u8]| {
            reference::find(&routes, host, reading, &headers).is_none_or(|other| other == found.route)
        };
        let expected = readings::all(path.path().as_bytes(), |reading| same(reading.exact) && same(reading.folded));
        prop_assert_eq!(table.agrees(host, &path, &headers, found.route), expected);
    }
}
