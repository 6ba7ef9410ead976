use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

#[derive(Debug)]
pub(super) struct Written {
    pub(super) host: HostPattern,
    pub(super) path: PathPattern,
    pub(super) conditions: Vec<HeaderCondition>,
}

fn path(text: &str) -> PathPattern {
    let segment = |segment: &str| match segment {
        "*" => Segment::Any,
        "**" => Segment::Rest,
        _ => match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => Segment::Param(name.into()),
            None => Segment::Literal(segment.into()),
        },
    };
    PathPattern {
        text: text.into(),
        segments: text[1..].split('/').map(segment).collect(),
    }
}

fn host(text: &str) -> HostPattern {
    match text.strip_prefix('*') {
        _ if text.is_empty() => HostPattern::Any,
        Some(suffix) => HostPattern::Suffix(suffix.into()),
        None => HostPattern::Exact(text.into()),
    }
}

fn wants(text: &str) -> HeaderCondition {
    let (name, want) = match text.split_once('=') {
        Some((name, value)) => (name, HeaderWant::Value(HeaderValue::from_str(value).unwrap())),
        None => (text, HeaderWant::Present),
    };
    HeaderCondition {
        name: HeaderName::from_bytes(name.as_bytes()).unwrap(),
        want,
    }
}

/// `host/path name=value name`
pub(super) fn written(text: &str) -> Written {
    let mut words = text.split_whitespace();
    let place = words.next().unwrap();
    let (host_text, path_text) = place.split_at(place.find('/').unwrap());
    Written {
        host: host(host_text),
        path: path(path_text),
        conditions: words.map(wants).collect(),
    }
}

pub(super) fn build(routes: &[Written]) -> Table {
    Table::build(
        routes
            .iter()
            .map(|route| (&route.host, &route.path, &*route.conditions)),
    )
}

fn table(routes: &[&str]) -> Table {
    build(&routes.iter().map(|text| written(text)).collect::<Vec<_>>())
}

pub(super) fn fields(list: &[(&'static str, &'static str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

pub(super) fn normal(path: &str) -> Option<NormalPath> {
    NormalPath::check(PathAndQuery::try_from(path).ok()?).ok()
}

/// The text of the route that `routes` give for `path`.
#[track_caller]
fn assert_finds(routes: &[&str], host: Option<&str>, path: &str, headers: &HeaderMap, expected: Option<&str>) {
    let table = table(routes);
    let found = table.find(host, path, headers).map(|found| routes[found.route]);
    assert_eq!(found, expected, "{host:?} {path} {headers:?}");
}

#[track_caller]
fn assert_leads(routes: &[&str], cases: &[(&str, Option<&str>)]) {
    for (path, expected) in cases {
        assert_finds(routes, None, path, &HeaderMap::new(), *expected);
        // Order never matters.
        let reversed: Vec<&str> = routes.iter().rev().copied().collect();
        assert_finds(&reversed, None, path, &HeaderMap::new(), *expected);
    }
}

fn agrees(routes: &[&str], path: &str) -> bool {
    let table = table(routes);
    let headers = HeaderMap::new();
    let found = table.find(None, path, &headers).expect("the path has a route").route;
    table.agrees(
        None,
        &normal(path).expect("a path that may have a route"),
        &headers,
        found,
    )
}

#[test]
#[doc = "PATH-07"]
fn patterns_match_whole_segments() {
    assert_leads(
        &["/public", "/a/{x}/b"],
        &[
            ("/public", Some("/public")),
            ("/publicity", None),
            ("/public/", None),
            ("/public/x", None),
            ("/Public", None),
            ("/a/1/b", Some("/a/{x}/b")),
            ("/a//b", None),
            ("/a/1/2/b", None),
            ("/a/1/b/", None),
        ],
    );
}

#[test]
#[doc = "PATH-07"]
fn stars_are_wildcards_in_patterns_and_data_in_requests() {
    assert_leads(
        &["/a/*"],
        &[
            ("/a/*", Some("/a/*")),
            ("/a/", None),
            ("/a", None),
            ("/a/b", Some("/a/*")),
            ("/a/b/c", None),
        ],
    );
    assert_leads(
        &["/a/b", "/a/{x}"],
        &[
            ("/a/*", Some("/a/{x}")),
            ("/a/{x}", Some("/a/{x}")),
            ("/*/b", None),
            ("/**", None),
        ],
    );
}

#[test]
fn two_stars_cover_the_rest_and_nothing() {
    assert_leads(
        &["/a/**"],
        &[
            ("/a", Some("/a/**")),
            ("/a/", Some("/a/**")),
            ("/a/b/c/", Some("/a/**")),
            ("/a//b", Some("/a/**")),
            ("/ab", None),
            ("/", None),
        ],
    );
    assert_leads(
        &["/**"],
        &[("/", Some("/**")), ("/a/b", Some("/**")), ("//", Some("/**"))],
    );
    assert_leads(&["/"], &[("/", Some("/")), ("/a", None), ("//", None)]);
}

#[test]
fn the_more_specific_pattern_wins_segment_by_segment() {
    let routes = [
        "/**",
        "/a",
        "/a/",
        "/a/**",
        "/a/{x}",
        "/a/b",
        "/a/b/**",
        "/{x}/b/c",
        "/a/{x}/c",
        "/a/*/d/**",
    ];
    assert_leads(
        &routes,
        &[
            ("/a", Some("/a")),
            ("/a/", Some("/a/")),
            ("/a/b", Some("/a/b")),
            ("/a/x", Some("/a/{x}")),
            ("/a/b/c", Some("/a/b/**")),
            ("/a/x/c", Some("/a/{x}/c")),
            ("/a/x/d", Some("/a/*/d/**")),
            ("/a/x/e", Some("/a/**")),
            ("/x/b/c", Some("/{x}/b/c")),
            ("/x/b", Some("/**")),
        ],
    );
}

#[test]
fn a_dead_end_is_left_for_the_next_best_pattern() {
    assert_leads(
        &["/a/b/c", "/a/{x}/d", "/{y}/b/e"],
        &[("/a/b/d", Some("/a/{x}/d")), ("/a/b/e", Some("/{y}/b/e"))],
    );
}

#[test]
#[doc = "PATH-03"]
fn hosts_come_first_and_fall_through() {
    let routes = [
        "api.example.com/a",
        "*.example.com/**",
        "*.eu.example.com/b",
        "/a",
        "/c",
    ];
    let none = HeaderMap::new();
    let cases = [
        (Some("api.example.com"), "/a", Some("api.example.com/a")),
        (Some("api.example.com"), "/b", Some("*.example.com/**")),
        (Some("x.eu.example.com"), "/b", Some("*.eu.example.com/b")),
        (Some("x.eu.example.com"), "/a", Some("*.example.com/**")),
        (Some("eu.example.com"), "/b", Some("*.example.com/**")),
        (Some("example.com"), "/a", Some("/a")),
        (Some(".example.com"), "/c", Some("/c")),
        (Some("notexample.com"), "/c", Some("/c")),
        (Some("other"), "/b", None),
        (None, "/a", Some("/a")),
        (None, "/b", None),
    ];
    for (host, path, expected) in cases {
        assert_finds(&routes, host, path, &none, expected);
    }
}

#[test]
fn more_conditions_win_and_unmet_ones_fall_through() {
    let routes = ["/a", "/a x-a=1", "/a x-a=1 x-b", "/{x} x-b", "/**"];
    type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str);
    let cases: &[Case] = &[
        (&[], "/a", "/a"),
        (&[("x-a", "1")], "/a", "/a x-a=1"),
        (&[("x-a", "2")], "/a", "/a"),
        (&[("x-a", "1"), ("x-b", "")], "/a", "/a x-a=1 x-b"),
        (&[("x-b", "")], "/z", "/{x} x-b"),
        (&[], "/z", "/**"),
    ];
    for (headers, path, expected) in cases {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        assert_finds(&routes, None, path, &headers, Some(expected));
    }
    assert_finds(&["h/a x-a", "/a"], Some("h"), "/a", &HeaderMap::new(), Some("/a"));
}

#[test]
#[doc = "HDR-08"]
fn a_condition_holds_for_every_copy_of_its_field() {
    let routes = ["/a x-a=1", "/a"];
    assert_finds(
        &routes,
        None,
        "/a",
        &fields(&[("x-a", "1"), ("x-a", "1")]),
        Some("/a x-a=1"),
    );
    let mut mixed = fields(&[("x-a", "1")]);
    mixed.append("x-a", HeaderValue::from_static("2"));
    assert_finds(&routes, None, "/a", &mixed, Some("/a"));
}

#[test]
fn captures_are_what_was_sent() {
    let table = table(&["/a/{tenant}/*/{id}/**"]);
    let path = "/a/t%20x/y/7/z/";
    let found = table.find(None, path, &HeaderMap::new()).unwrap();
    assert_eq!(
        found.captures(path).collect::<Vec<_>>(),
        [("tenant", "t%20x"), ("id", "7")]
    );
    assert_eq!(found.capture("id", path), Some("7"));
    assert_eq!(found.capture("other", path), None);
}

#[test]
fn many_children_are_found_as_well_as_few() {
    let routes: Vec<Written> = (0..1000).map(|n| written(&format!("/s{n}/{{x}}/end"))).collect();
    let table = build(&routes);
    for n in [0, 7, 8, 9, 999] {
        let found = table.find(None, &format!("/s{n}/v/end"), &HeaderMap::new()).unwrap();
        assert_eq!(found.route, n);
    }
    assert!(table.find(None, "/s1000/v/end", &HeaderMap::new()).is_none());
}

#[test]
#[doc = "PATH-05"]
fn a_path_that_reads_as_that_of_another_route_disagrees() {
    let routes = ["/**", "/admin/**"];
    for path in [
        "/Admin",
        "/ADMIN/x",
        "/%61dmin",
        "/%2561dmin/x",
        "/admin%2fx",
        "/admin%252fx",
        "//admin",
        "/x/%252e%252e/admin",
        "/admin;x",
        "/admin%3bx",
        "/admin.",
        "/admin%20",
        "/admin%3fx",
        "/%EF%BD%81dmin",
        "/x//%252e%252e/%252e%252e/admin",
    ] {
        assert!(!agrees(&routes, path), "{path}");
    }
    for path in [
        "/",
        "/a",
        "/A",
        "/admin",
        "/admin/",
        "/admin/X",
        "/admin/%2e",
        "/caf%C3%A9",
        "/a%20b",
        "/a//b",
        "/a;b",
        "/a.",
        "/x%2fadmin",
    ] {
        if normal(path).is_some() {
            assert!(agrees(&routes, path), "{path}");
        }
    }
}

#[test]
#[doc = "PATH-05"]
fn a_way_out_of_a_route_disagrees() {
    let routes = ["/public/**", "/private/**"];
    for path in [
        "/public/%252e%252e/private/x",
        "/public%252f..%252fprivate",
        "/public/..%252f..%252f/private",
        "/public/x%255c..%255c..%255cprivate",
    ] {
        assert!(
            table(&routes)
                .find(None, path, &HeaderMap::new())
                .is_none_or(|_| !agrees(&routes, path)),
            "{path}"
        );
    }
    assert!(
        agrees(&routes, "/public/%252e%252e/nowhere"),
        "where no route is, nothing is forwarded"
    );
}

#[test]
#[doc = "PATH-05"]
fn capital_letters_in_a_pattern_are_read_without_case_too() {
    let routes = ["/api/**", "/api/getUser/{id}"];
    assert!(agrees(&routes, "/api/getUser/7"));
    assert!(agrees(&routes, "/api/getUser/ABC"));
    assert!(agrees(&routes, "/api/other"));
    assert!(
        !agrees(&routes, "/api/getuser/7"),
        "a server without case would answer as for getUser"
    );
    assert!(!agrees(&routes, "/api/GETUSER/7"));
}

#[test]
#[doc = "PATH-05"]
fn routes_that_differ_in_case_only_are_reached_by_the_lower_one() {
    let routes = ["/users", "/Users"];
    assert!(agrees(&routes, "/users"));
    assert!(!agrees(&routes, "/Users"));
}

#[test]
#[doc = "PATH-05"]
fn escapes_in_a_pattern_are_read_too() {
    let routes = ["/**", "/caf%C3%A9/{x}"];
    assert!(agrees(&routes, "/caf%C3%A9/1"));
    assert!(!agrees(&routes, "/caf%c3%a9/1"));
    assert!(!agrees(&routes, "/CAF%C3%89/1"));
    assert!(!agrees(&["/**", "/a%62"], "/ab"));
    assert!(agrees(&["/**", "/a;v=1/b"], "/a;v=1/b"));
}

#[test]
#[doc = "PATH-05"]
fn readings_are_judged_with_the_headers_of_the_request() {
    let table = table(&["/**", "/admin x-a"]);
    let path = normal("/%61dmin").unwrap();
    let headers = fields(&[("x-a", "1")]);
    assert!(table.agrees(None, &path, &HeaderMap::new(), 0));
    assert!(!table.agrees(None, &path, &headers, 0));
}
