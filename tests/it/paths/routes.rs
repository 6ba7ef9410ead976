//! Which route a path means, also after its prefix is cut off.

use crate::support::{HOST, Request, Setup, Upstream, get};

#[test]
#[doc = "PATH-07"]
fn patterns_match_whole_segments() {
    let upstream = Upstream::named("up");
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /public/**, upstream: up, auth: public }")
        .route("{ path: /one/*/end, upstream: up, auth: public }")
        .route("{ path: \"/named/{id}\", upstream: up, auth: public }")
        .route("{ path: /exact, upstream: up, auth: public }")
        .start();
    for target in [
        "/public",
        "/public/",
        "/public/a",
        "/public/a/b/",
        "/one/x/end",
        "/one/*/end",
        "/named/x",
        "/exact",
        "/exact?/public/x",
        "/public?x",
    ] {
        gateway.get(target).is(200);
    }
    let arrived = upstream.requests().len();
    for target in [
        "/",
        "/publicity",
        "/publi",
        "/Public",
        "/one/end",
        "/one/x/y/end",
        "/one/x/end/",
        "/one/x",
        "/named",
        "/named/",
        "/named/x/y",
        "/named/x/",
        "/exact/",
        "/exact/x",
        "/exactly",
        "/x?/public",
        "/*",
        "/**",
        "/x/public/a",
    ] {
        let answer = gateway.get(target);
        assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
    }
    assert_eq!(upstream.requests().len(), arrived);
}

#[test]
#[doc = "PATH-08"]
fn a_stripped_path_is_judged_again() {
    let upstream = Upstream::ok();
    let setup = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /api/**, upstream: up, auth: public, forward: { strip_prefix: /api } }")
        .route("{ path: /admin/**, upstream: up, auth: public, networks: { deny: [0.0.0.0/0] } }");
    let gateway = setup.start();
    for (target, wanted) in [
        ("/api/x", "/x"),
        ("/api", "/"),
        ("/api/", "/"),
        ("/api/x/y?z=/api", "/x/y?z=/api"),
        ("/api?q", "/?q"),
    ] {
        gateway.get(target).is(200);
        assert_eq!(upstream.requests().last().unwrap().target(), wanted, "{target}");
    }
    let arrived = upstream.requests().len();
    for target in [
        "/api/admin",
        "/api/admin/x",
        "/api/admin/",
        "/api/Admin/x",
        "/api/%61dmin/x",
    ] {
        let answer = gateway.get(target);
        assert!(matches!(answer.status, 400 | 403), "{target}: {}", answer.status);
    }
    assert_eq!(
        upstream.requests().len(),
        arrived,
        "a stripped path reached a stricter route"
    );
}

#[test]
#[doc = "PATH-08"]
fn a_host_the_upstream_does_not_see_keeps_no_stripped_path_from_a_stricter_route() {
    for (open, strict) in [("upstream", "upstream"), ("upstream", "client"), ("client", "upstream")] {
        let upstream = Upstream::ok();
        let gateway = Setup::new()
            .upstream("up", &upstream)
            .route(&format!(
                "{{ path: /api/**, upstream: up, auth: public, forward: {{ strip_prefix: /api, host: {open} }} }}"
            ))
            .route(&format!(
                "{{ host: admin.test, path: /admin/**, upstream: up, auth: public, \
                 networks: {{ deny: [0.0.0.0/0] }}, forward: {{ host: {strict} }} }}"
            ))
            .start();
        gateway.ask(get("/api/x").host("other.test")).is(200);
        let answer = gateway.ask(get("/api/admin/x").host("other.test"));
        assert_eq!(answer.status, 400, "{open} {strict}");
        assert_eq!(upstream.requests().len(), 1);
    }
}

#[test]
#[doc = "PATH-08"]
fn a_stripped_path_never_begins_with_two_slashes() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /api/**, upstream: up, auth: public, path_allow: [double_slash], forward: { strip_prefix: /api } }")
        .start();
    let answer = gateway.get("/api//evil.test/x");
    assert_eq!(answer.status, 400, "{answer:?}");
    upstream.saw_nothing();
}

#[test]
#[doc = "PATH-09"]
fn the_most_specific_route_decides_wherever_it_stands() {
    let upstreams: Vec<Upstream> = ["rest", "param", "literal", "host", "wild", "headers"]
        .map(Upstream::named)
        .into();
    let routes = [
        "{ path: /**, upstream: rest, auth: public }",
        "{ path: \"/a/{id}/c\", upstream: param, auth: public }",
        "{ path: /a/b/c, upstream: literal, auth: public }",
        "{ host: h.test, path: /**, upstream: host, auth: public }",
        "{ host: \"*.test\", path: /a/b/c, upstream: wild, auth: public }",
        "{ path: /a/b/c, headers: { X-Kind: special }, upstream: headers, auth: public }",
    ];
    let names = ["rest", "param", "literal", "host", "wild", "headers"];
    let mut setup = Setup::new();
    for (name, upstream) in names.iter().zip(&upstreams) {
        setup = setup.upstream(name, upstream);
    }
    let forwards = routes.iter().fold(setup.clone(), |setup, route| setup.route(route));
    let backwards = routes.iter().rev().fold(setup, |setup, route| setup.route(route));
    for setup in [forwards, backwards] {
        let gateway = setup.start();
        let asked = |request: Request| gateway.ask(request).is(200).text();
        assert_eq!(asked(get("/x").host("none")), "rest");
        assert_eq!(asked(get("/a/x/c").host("none")), "param");
        assert_eq!(asked(get("/a/b/c").host("none")), "literal");
        assert_eq!(asked(get("/a/b/c").host("none").field("X-Kind", "special")), "headers");
        assert_eq!(asked(get("/a/b/c").host("none").field("X-Kind", "other")), "literal");
        assert_eq!(asked(get("/a/b/c").host("h.test")), "host");
        assert_eq!(asked(get("/a/b/c").host("x.test")), "wild");
        assert_eq!(asked(get("/y").host("x.test")), "rest");
    }
}

#[test]
#[doc = "P-1"]
fn what_matches_no_route_is_404_and_reaches_nobody() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ host: only.test, path: /here, upstream: up, auth: public }")
        .start();
    for (host, target) in [
        (HOST, "/here"),
        ("only.test", "/"),
        ("only.test", "/here/x"),
        ("x.only.test", "/here"),
    ] {
        gateway.ask(get(target).host(host)).is_problem(404, "route.none");
    }
    upstream.saw_nothing();
}
