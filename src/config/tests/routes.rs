//! Routes: ties, protections, header edits, redirects.

use http::StatusCode;

use super::*;
use crate::config::pattern::HostPattern;
use crate::config::spec::{Answer, ForwardHost, HeaderWant, RouteSpec};

fn route(settings: &str) -> String {
    with_routes(&format!("  - {{ path: /api/x, auth: public, {settings} }}\n"))
}

fn one(text: &str) -> RouteSpec {
    RouteSpec::clone(&loaded(text).config.routes[0])
}

fn pair(first: &str, second: &str) -> String {
    with_routes(&format!(
        "  - {{ upstream: a, auth: public, {first} }}\n  - {{ upstream: a, auth: public, {second} }}\n"
    ))
}

#[test]
fn equal_rank_is_a_tie_only_where_both_can_match() {
    for (first, second) in [
        ("path: /", "path: /"),
        ("path: \"/a/{x}\"", "path: \"/a/*\""),
        ("path: \"/a/{x}/**\"", "path: \"/a/{y}/**\""),
        ("path: /%61", "path: /a"),
        ("path: /, host: A.example.com", "path: /, host: a.example.com."),
        ("path: /, host: \"*.b.c\"", "path: /, host: \"*.B.c\""),
        (
            "path: /, headers: { X-A: present }",
            "path: /, headers: { X-B: present }",
        ),
        ("path: /, headers: { X-A: present }", "path: /, headers: { x-a: \"1\" }"),
        ("path: /, headers: { X-A: \"1\" }", "path: /, headers: { X-A: \"1\" }"),
    ] {
        assert_eq!(codes(&pair(first, second)), [Code::RouteTie], "{first} | {second}");
    }
    for (first, second) in [
        ("path: /a", "path: /a/"),
        ("path: /a", "path: \"/a/**\""),
        ("path: \"/a/*\"", "path: \"/a/**\""),
        ("path: \"/a/{x}\"", "path: \"/{y}/b\""),
        ("path: /A", "path: /a"),
        ("path: /, host: a.b", "path: /"),
        ("path: /, host: a.b", "path: /, host: \"*.b\""),
        ("path: /, headers: { X-A: \"1\" }", "path: /, headers: { X-A: \"2\" }"),
        ("path: /, headers: { X-A: \"1\" }", "path: /"),
        (
            "path: /, headers: { X-A: \"1\" }",
            "path: /, headers: { X-A: \"1\", X-B: present }",
        ),
    ] {
        assert_eq!(
            loaded(&pair(first, second)).config.routes.len(),
            2,
            "{first} | {second}"
        );
    }
}

#[test]
fn each_tie_is_told_once_at_the_later_path() {
    let routes = "  - { path: /a, upstream: a, auth: public }\n".repeat(3);
    assert_eq!(
        faults(&with_routes(&routes)),
        [(7, 13, Code::RouteTie), (8, 13, Code::RouteTie)]
    );
}

#[test]
fn a_tie_shows_although_another_part_of_the_route_is_bad() {
    let text = pair("path: /a, timeout: 5", "path: /a, body_max: 5");
    assert_eq!(codes(&text), [Code::ValueDuration, Code::RouteTie, Code::ValueSize]);
}

#[test]
fn ids_say_host_path_and_conditions_and_hide_what_references_bring() {
    let id = |settings: &str| {
        one(&with_routes(&format!(
            "  - {{ upstream: a, auth: public, {settings} }}\n"
        )))
        .id
        .to_string()
    };
    assert_eq!(id("path: \"/a/{x}/**\""), "/a/{x}/**");
    assert_eq!(id("path: /a, host: A.example.com"), "A.example.com/a");
    assert_eq!(
        id("path: /a, headers: { X-A: present, X-B: \"${env:SET}\" }"),
        "/a [x-a: present, x-b: ${env:SET}]"
    );
    let text = pair("path: /a, headers: { X-A: \"1\" }", "path: /a, headers: { X-A: \"2\" }");
    let ids: Vec<String> = loaded(&text)
        .config
        .routes
        .iter()
        .map(|route| route.id.to_string())
        .collect();
    assert_eq!(ids, ["/a [x-a: 1]", "/a [x-a: 2]"]);
    let text = pair(
        "path: /a, headers: { X-A: \"1, x-b: 2\", X-C: \"3\" }",
        "path: /a, headers: { X-A: \"1\", X-B: \"2, x-c: 3\" }",
    );
    let ids: Vec<String> = loaded(&text)
        .config
        .routes
        .iter()
        .map(|route| route.id.to_string())
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(loaded(&text).config.routes[1].line, 7);
}

#[test]
#[doc = "PATH-09"]
fn a_header_never_selects_a_weaker_protection() {
    let networks = |allow: &str| format!("path: /a, networks: {{ allow: [{allow}] }}");
    let with_header = |allow: &str| format!("headers: {{ X-A: present }}, {}", networks(allow));
    let text = pair(&networks("10.0.0.0/8"), "headers: { X-A: present }, path: /a");
    assert_eq!(codes(&text), [Code::RouteWeaker]);
    let text = pair(&with_header("10.0.0.0/9"), &networks("10.0.0.0/8"));
    assert_eq!(faults(&text), [(6, 81, Code::RouteWeaker)]);
    loaded(&pair(&with_header("10.0.0.0/9, 10.128.0.0/9"), &networks("10.0.0.0/8")));
    loaded(&pair(&with_header("10.0.0.0/8"), "path: /a"));
}

#[test]
fn networks_of_defaults_and_route_join_towards_less() {
    let text = |defaults: &str, route: &str| {
        format!(
            "{}defaults: {{ networks: {{ {defaults} }} }}\n",
            self::route(&format!("upstream: a, networks: {{ {route} }}"))
        )
    };
    let networks = one(&text(
        "allow: [10.0.0.0/8], deny: [10.1.0.0/16]",
        "deny: [10.2.0.0/16, 10.1.0.0/16]",
    ))
    .networks;
    assert_eq!(networks.allow, ["10.0.0.0/8".parse().unwrap()]);
    assert_eq!(
        networks.deny,
        ["10.1.0.0/16".parse().unwrap(), "10.2.0.0/16".parse().unwrap()]
    );
    let networks = one(&text("allow: [10.0.0.0/8], deny: [10.1.0.0/16]", "allow: [192.0.2.1]")).networks;
    assert_eq!(networks.allow, ["192.0.2.1/32".parse().unwrap()]);
    assert_eq!(networks.deny, ["10.1.0.0/16".parse().unwrap()]);
    assert_eq!(codes(&text("", "allow: []")), [Code::ValueEmpty]);
    assert_eq!(codes(&text("", "allow: [nobody]")), [Code::ValueNetwork]);
}

#[test]
fn edits_of_defaults_and_route_join_and_the_route_wins() {
    let text = format!(
        "{}defaults:\n  forward: {{ host: upstream, strip_prefix: /api, set: {{ X-A: d, X-B: d }}, remove: [X-C, X-D] }}\n  \
         response: {{ remove: [Server] }}\n  body_max: 1KiB\n  timeout: 5s\n  path_allow: [semicolon]\n",
        route("upstream: a, forward: { set: { X-A: r, X-C: r }, remove: [X-B] }, response: { set: { Server: r } }")
    );
    let route = one(&text);
    let set: Vec<String> = route
        .forward
        .edits
        .set
        .iter()
        .map(|(n, v)| format!("{n}={}", v.to_str().unwrap()))
        .collect();
    assert_eq!(set, ["x-a=r", "x-c=r"]);
    assert_eq!(route.forward.edits.remove, ["x-d", "x-b"]);
    assert_eq!(route.forward.host, ForwardHost::Upstream);
    assert_eq!(route.forward.strip_prefix.as_deref(), Some("/api"));
    assert!(route.response.remove.is_empty());
    assert_eq!(
        (route.body_max, route.timeout),
        (1024, Some(std::time::Duration::from_secs(5)))
    );
    assert!(route.path_allow.semicolon);
    let text = text.replace(
        "auth: public,",
        "auth: public, path_allow: [], forward: { host: client }, body_max: 2B, timeout: 1s,",
    );
    let text = text.replacen(", forward: { set: { X-A: r, X-C: r }, remove: [X-B] }", "", 1);
    let route = one(&text);
    assert_eq!(
        (route.body_max, route.timeout),
        (2, Some(std::time::Duration::from_secs(1)))
    );
    assert_eq!(route.forward.host, ForwardHost::Client);
    assert!(!route.path_allow.semicolon);
}

#[test]
fn a_prefix_is_stripped_where_the_path_begins_with_it() {
    let forward = |prefix: &str| route(&format!("upstream: a, forward: {{ strip_prefix: \"{prefix}\" }}"));
    assert_eq!(one(&forward("/%61pi")).forward.strip_prefix.as_deref(), Some("/api"));
    for prefix in [
        "/", "/api/", "api", "/ap", "/x", "/api/{x}", "/api/*", "/api/x/y", "/api//x",
    ] {
        assert_eq!(codes(&forward(prefix)), [Code::ValuePath], "{prefix}");
    }
    let text = format!(
        "{}defaults: {{ forward: {{ strip_prefix: /elsewhere }} }}\n",
        route("upstream: a")
    );
    assert_eq!(one(&text).forward.strip_prefix, None);
}

#[test]
#[doc = "HDR-10"]
fn the_gateways_own_headers_and_those_that_frame_are_not_edited() {
    for name in [
        "X-Auth-Subject",
        "x_auth_roles",
        "X-Portcullis-Any",
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "X-Request-Id",
        "traceparent",
        "Connection",
        "Content-Length",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Keep-Alive",
        "Proxy-Authorization",
        "Host",
        "Expect",
    ] {
        let set = route(&format!("upstream: a, forward: {{ set: {{ {name}: x }} }}"));
        assert_eq!(codes(&set), [Code::HeaderReserved], "set {name}");
        let remove = route(&format!("upstream: a, forward: {{ remove: [{name}] }}"));
        assert_eq!(codes(&remove), [Code::HeaderReserved], "remove {name}");
    }
    for name in [
        "X-Portcullis-Any",
        "X-Request-Id",
        "RateLimit",
        "Connection",
        "Content-Length",
        "Transfer_Encoding",
        "Upgrade",
        "Trailer",
    ] {
        let set = route(&format!("upstream: a, response: {{ set: {{ {name}: x }} }}"));
        assert_eq!(codes(&set), [Code::HeaderReserved], "set {name}");
        let remove = route(&format!("upstream: a, response: {{ remove: [{name}] }}"));
        assert_eq!(codes(&remove), [Code::HeaderReserved], "remove {name}");
    }
    assert_eq!(
        codes(&route(
            "upstream: a, response: { set: { Set-Cookie: __Host-portcullis=x } }"
        )),
        [Code::HeaderReserved]
    );
    assert_eq!(
        codes(&route("upstream: a, forward: { set: { X-A: x, x-a: y } }")),
        [Code::KeyConflict]
    );
    assert_eq!(
        codes(&route("upstream: a, forward: { set: { X-A: x }, remove: [x-a] }")),
        [Code::KeyConflict]
    );
    loaded(&route(
        "upstream: a, forward: { set: { Authorization: \"Bearer ${env:SET}\" }, remove: [Cookie] }",
    ));
}

#[test]
fn conditions_name_headers_that_can_arrive() {
    let conditions = |conditions: &str| route(&format!("upstream: a, headers: {{ {conditions} }}"));
    let headers = one(&conditions("X-A: \"1.10\", X-B: present")).headers;
    assert_eq!(headers[0].want, HeaderWant::Value("1.10".parse().unwrap()));
    assert_eq!(headers[1].want, HeaderWant::Present);
    assert_eq!(
        one(&conditions("X-V: 1.10")).headers[0].want,
        HeaderWant::Value("1.10".parse().unwrap())
    );
    for name in [
        "Host",
        "X-Auth-Subject",
        "X-Forwarded-Proto",
        "X-Original-Url",
        "Connection",
        "Transfer-Encoding",
    ] {
        assert_eq!(
            codes(&conditions(&format!("{name}: x"))),
            [Code::HeaderReserved],
            "{name}"
        );
    }
    assert_eq!(codes(&conditions("X_Legacy: x")), [Code::RouteUnreachable]);
    let listed = conditions("X_Legacy: x").replace(
        "{ addr: \"127.0.0.1:8080\" }",
        "{ addr: \"127.0.0.1:8080\", underscore_headers: [X_Legacy] }",
    );
    loaded(&listed);
    assert_eq!(codes(&conditions("X-A: x, x-a: y")), [Code::KeyConflict]);
}

#[test]
fn a_route_has_one_answer() {
    assert_eq!(codes(&route("timeout: 1s")), [Code::KeyMissing]);
    assert_eq!(codes(&route("upstream: a, redirect: { to: /b }")), [Code::KeyConflict]);
    assert_eq!(
        codes(&route("redirect: { to: /b }, forward: { host: upstream }")),
        [Code::KeyConflict]
    );
    assert_eq!(codes(&route("upstream: b")), [Code::NameUnknown]);
    assert_eq!(codes(&route("upstream: ''")), [Code::ValueEmpty]);
}

#[test]
#[doc = "PATH-10"]
fn redirects_lead_to_paths_and_to_hosts_that_are_named() {
    let redirect = |to: &str| route(&format!("redirect: {{ {to} }}"));
    let Answer::Redirect(spec) = one(&redirect("to: /b")).answer else {
        panic!("no redirect")
    };
    assert_eq!(
        (spec.to.to_str().unwrap(), spec.status),
        ("/b", StatusCode::PERMANENT_REDIRECT)
    );
    let Answer::Redirect(spec) = one(&redirect("to: /b, status: 302")).answer else {
        panic!("no redirect")
    };
    assert_eq!(spec.status, StatusCode::FOUND);
    for to in ["//b", "/api/x", "/api/%78?y", "https://b.example", "b", "/\\\\b"] {
        assert_eq!(
            codes(&redirect(&format!("to: \"{to}\""))),
            [Code::RedirectTarget],
            "{to}"
        );
    }
    for status in ["300", "304", "305"] {
        assert_eq!(
            codes(&redirect(&format!("to: /b, status: {status}"))),
            [Code::ValueRange],
            "{status}"
        );
    }
    let named = format!(
        "{}  - {{ path: /, host: b.example, upstream: a, auth: public }}\n",
        redirect("to: \"https://b.example/c\"")
    );
    loaded(&named);
}

#[test]
fn a_literal_that_requests_are_refused_for_needs_its_allowance() {
    let path = |path: &str, allow: &str| {
        with_routes(&format!(
            "  - {{ path: \"{path}\", upstream: a, auth: public, path_allow: [{allow}] }}\n"
        ))
    };
    for (literal, allow) in [("/a;b", "semicolon"), ("/a%2Fb", "encoded_slash"), ("/%ff", "non_utf8")] {
        assert_eq!(codes(&path(literal, "")), [Code::RouteUnreachable], "{literal}");
        loaded(&path(literal, allow));
    }
    assert_eq!(codes(&path("/", "everything")), [Code::ValueWord]);
}

#[test]
fn hosts_are_read_once_for_all_routes() {
    let text = with_routes("  - { path: /, host: \"*.Example.com\", upstream: a, auth: public }\n");
    assert_eq!(one(&text).host, HostPattern::Suffix(".example.com".into()));
}

#[test]
fn an_unused_upstream_and_an_empty_table_are_warned_of() {
    assert_eq!(
        warnings("version: 1\nlisten: [{ addr: \"127.0.0.1:1\" }]\nupstreams:\n  a: { builtin: echo }\nroutes: []\n"),
        [(4, 3, Code::UpstreamUnused), (5, 9, Code::RouteNone)]
    );
    assert_eq!(warnings(&route("upstream: a")), []);
}
