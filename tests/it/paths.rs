//! Host, target and path: one reading of each, the same for the gateway and for whoever comes after it.

use crate::support::{HOST, Request, Setup, Upstream, get};

/// Each of these requests is refused with one of these statuses, and the upstream sees none of them.
#[track_caller]
fn all_refused(setup: &Setup, upstream: &Upstream, statuses: &[u16], requests: &[(&str, Vec<u8>)]) {
    let gateway = setup.start();
    let mut wrong = Vec::new();
    for (name, bytes) in requests {
        let answer = gateway.client().send(bytes.as_slice()).answer(false);
        if !answer.as_ref().is_ok_and(|answer| statuses.contains(&answer.status)) {
            wrong.push(format!("{name}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    upstream.saw_nothing();
}

/// Each of these targets arrives as it is.
#[track_caller]
fn all_forwarded(setup: &Setup, upstream: &Upstream, targets: &[&str]) {
    let gateway = setup.start();
    let before = upstream.requests().len();
    let statuses: Vec<(u16, &&str)> = targets
        .iter()
        .map(|target| (gateway.get(target).status, target))
        .collect();
    assert!(statuses.iter().all(|(status, _)| *status == 200), "{statuses:?}");
    let arrived: Vec<String> = upstream.requests()[before..]
        .iter()
        .map(|request| request.target().to_owned())
        .collect();
    assert_eq!(arrived, targets);
}

fn targets<'a>(targets: &[&'a str]) -> Vec<(&'a str, Vec<u8>)> {
    targets.iter().map(|target| (*target, get(target).bytes())).collect()
}

fn hosts<'a>(hosts: &[&'a str]) -> Vec<(&'a str, Vec<u8>)> {
    hosts.iter().map(|host| (*host, get("/x").host(host).bytes())).collect()
}

#[test]
#[doc = "PATH-01"]
fn a_request_without_exactly_one_valid_host_is_refused() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream);
    let mut requests = hosts(&[
        "",
        " ",
        "a b",
        "a,b",
        "a, b",
        "user@a",
        "user:pass@a",
        "a/b",
        "a/",
        "/",
        "http://a",
        "a?b",
        "a#b",
        "a\\b",
        "a:",
        "a:b",
        "a:80b",
        "a:-1",
        "a:+80",
        "a:65536",
        "a:99999",
        "a:80:80",
        ":80",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]:x",
        "[zz]",
        "[]",
        "a%00b",
        "a<b",
        "a\"b",
        "a;b",
        "a|b",
        "a^b",
        "\u{e9}xample.test",
        ".",
        "..",
        "a..b",
    ]);
    requests.push(("none", b"GET /x HTTP/1.1\r\n\r\n".to_vec()));
    requests.push(("two", b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_vec()));
    requests.push(("two equal", b"GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_vec()));
    requests.push((
        "two in HTTP/1.0",
        b"GET /x HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n".to_vec(),
    ));
    requests.push(("high bytes", b"GET /x HTTP/1.1\r\nHost: \xe9\xff\r\n\r\n".to_vec()));
    all_refused(&setup, &upstream, &[400], &requests);
}

#[test]
#[doc = "PATH-01"]
fn valid_hosts_pass_as_they_are() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let hosts = [
        "a",
        "example.test",
        "EXAMPLE.test",
        "a:80",
        "127.0.0.1",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:80",
        "a-b.c",
    ];
    for host in hosts {
        gateway.ask(get("/x").host(host)).is(200);
    }
    let arrived: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.field("host").unwrap().to_owned())
        .collect();
    assert_eq!(arrived, hosts);
}

#[test]
#[doc = "PATH-02"]
fn an_absolute_target_must_name_the_same_host() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream);
    let absolute = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").into_bytes();
    let requests: Vec<(&str, Vec<u8>)> = [
        "http://other.test/x",
        "http://example.test.other.test/x",
        "http://example.test:81/x",
        "http://user@example.test/x",
        "http://user:pass@example.test/x",
        "http:///x",
        "http://",
        "ftp://example.test/x",
        "file:///etc/passwd",
        "javascript:alert",
        "ws://example.test/x",
        "gopher://example.test/x",
    ]
    .map(|target| (target, absolute(target)))
    .to_vec();
    all_refused(&setup, &upstream, &[400, 421], &requests);

    let gateway = setup.start();
    gateway
        .client()
        .send(absolute("http://example.test/x?y=z"))
        .response()
        .is(200);
    gateway
        .client()
        .send(absolute("HTTP://EXAMPLE.test/x?y=z"))
        .response()
        .is(200);
    gateway
        .client()
        .send(absolute("http://example.test"))
        .response()
        .is(200);
    let arrived: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.target().to_owned())
        .collect();
    assert_eq!(arrived, ["/x?y=z", "/x?y=z", "/"]);
}

#[test]
#[doc = "PATH-02"]
fn targets_that_are_no_path_are_refused() {
    let upstream = Upstream::ok();
    let raw = |line: &str| format!("{line} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").into_bytes();
    let lines = [
        "GET x",
        "GET !",
        "GET example.test:80",
        "GET *",
        "POST *",
        "GET ?x",
        "GET #x",
        "GET .",
        "GET ..",
        "GET \\x",
        "GET %2fx",
        "OPTIONS x",
        "OPTIONS *x",
        "GET :80",
        "GET @x",
    ];
    all_refused(
        &Setup::to(&upstream),
        &upstream,
        &[400],
        &lines.map(|line| (line, raw(line))),
    );
    let lines = ["CONNECT example.test:80", "CONNECT /x", "CONNECT *", "CONNECT x"];
    all_refused(
        &Setup::to(&upstream),
        &upstream,
        &[400, 405, 501],
        &lines.map(|line| (line, raw(line))),
    );
}

#[test]
#[doc = "PATH-02"]
fn options_for_everything_is_answered_here() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    let answer = client.ask(Request::new("OPTIONS", "*"));
    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    upstream.saw_nothing();
    client.get("/x").is(200);
}

#[test]
#[doc = "PATH-03"]
fn hosts_match_without_regard_to_case_final_dot_and_port() {
    let (api, other) = (Upstream::named("api"), Upstream::named("other"));
    let gateway = Setup::new()
        .upstream("api", &api)
        .upstream("other", &other)
        .route("{ host: api.example.test, path: /**, upstream: api, auth: public }")
        .route("{ host: \"*.wild.test\", path: /**, upstream: api, auth: public }")
        .route("{ path: /**, upstream: other, auth: public }")
        .start();
    let port = gateway.address().port();
    let asked = |host: &str| gateway.ask(get("/x").host(host)).is(200).text();
    for host in [
        "api.example.test",
        "API.Example.TEST",
        "api.example.test.",
        "a.wild.test",
        "a.b.WILD.test.",
    ] {
        assert_eq!(asked(host), "api", "{host}");
        assert_eq!(asked(&format!("{host}:{port}")), "api", "{host}");
    }
    for host in [
        "example.test",
        "xapi.example.test",
        "api.example.test.x",
        "wild.test",
        "xwild.test",
    ] {
        assert_eq!(asked(host), "other", "{host}");
    }
}

#[test]
#[doc = "PATH-04"]
fn bytes_and_escapes_outside_the_grammar_are_refused() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream);
    let mut requests = targets(&[
        "/%",
        "/a%",
        "/%4",
        "/%4/",
        "/%zz",
        "/%0g",
        "/%u0041",
        "/%%41",
        "/a%2",
        "/%00",
        "/%00/",
        "/a%0a",
        "/a%0d%0a",
        "/%09",
        "/%1f",
        "/%7f",
        "/\"",
        "/<",
        "/>",
        "/^",
        "/`",
        "/{",
        "/}",
        "/|",
        "/a[b]",
        "/%ff",
        "/%c0%af",
        "/%c0%80",
        "/%e0%80%af",
        "/%ed%a0%80",
        "/%f8%80%80%80%80",
        "/%80",
        "/%c3",
        "/x?%",
        "/x?a=%zz",
        "/x?a=%4",
        "/x?a=%00",
        "/x?a=%1b",
    ]);
    for (name, raw) in [
        ("raw UTF-8", &b"/\xc3\xa9"[..]),
        ("raw high byte", b"/\xff"),
        ("raw NUL", b"/\0"),
        ("raw control", b"/\x01"),
        ("raw DEL", b"/\x7f"),
        ("raw tab", b"/a\tb"),
        ("raw high byte in the query", b"/x?\xe9"),
        ("raw control in the query", b"/x?\x01"),
    ] {
        requests.push((
            name,
            [b"GET ", raw, b" HTTP/1.1\r\nHost: example.test\r\n\r\n"].concat(),
        ));
    }
    all_refused(&setup, &upstream, &[400], &requests);
}

#[test]
#[doc = "PATH-04"]
fn a_raw_fragment_is_refused_or_cut_and_never_forwarded() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /public, upstream: up, auth: public }")
        .start();
    for target in ["/public#/../admin", "/public#", "/public#x?y", "/public?x#y"] {
        let answer = gateway.get(target);
        assert!(matches!(answer.status, 200 | 400), "{target}: {answer:?}");
    }
    for target in ["/admin#/public", "/#/public"] {
        let answer = gateway.get(target);
        assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
    }
    for request in upstream.requests() {
        assert!(matches!(request.target(), "/public" | "/public?x"), "{request:?}");
    }
}

const AMBIGUOUS: &[&str] = &[
    "/a%2fb",
    "/a%2Fb",
    "/%2f",
    "/a%5cb",
    "/a%5Cb",
    "/a\\b",
    "/%2e",
    "/%2e%2e/a",
    "/a/%2e%2e/b",
    "/a/.%2e/b",
    "/a/%2e./b",
    "/a%2eb",
    "/.",
    "/..",
    "/./a",
    "/../a",
    "/a/.",
    "/a/..",
    "/a/./b",
    "/a/../b",
    "//",
    "//a",
    "/a//b",
    "/a//",
    "///",
    "/a;b",
    "/a;",
    "/;",
    "/;a=b/c",
    "/a;x=y/../b",
    "/a/..;/b",
];

#[test]
#[doc = "P-3, PATH-05"]
fn paths_with_more_than_one_reading_are_refused() {
    let upstream = Upstream::ok();
    all_refused(&Setup::to(&upstream), &upstream, &[400], &targets(AMBIGUOUS));
    let gateway = Setup::to(&upstream).start();
    for target in AMBIGUOUS {
        gateway.get(target).is_problem(400, "path.ambiguous");
    }
}

#[test]
#[doc = "PATH-05, PATH-06"]
fn a_route_opts_out_of_one_refusal_at_a_time() {
    let upstream = Upstream::ok();
    let allowing = |what: &str| {
        Setup::new().upstream("up", &upstream).route(&format!(
            "{{ path: /**, upstream: up, auth: public, path_allow: [{what}] }}"
        ))
    };
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "encoded_slash",
            &["/a%2fb", "/a%2Fb"],
            &["/a;b", "/a//b", "/a%2eb", "/%ff", "/a%5cb", "/a%2f..%2fb"],
        ),
        (
            "semicolon",
            &["/a;b=c/d", "/a;"],
            &["/a%2fb", "/a//b", "/a%2eb", "/%ff", "/a/..;/b"],
        ),
        (
            "double_slash",
            &["/a//b", "//a", "/a//"],
            &["/a%2fb", "/a;b", "/a%2eb", "/%ff", "/a//../b"],
        ),
        (
            "encoded_dot",
            &["/a%2eb", "/a%2Eb"],
            &["/a%2fb", "/a;b", "/a//b", "/%ff", "/%2e%2e/b", "/%2e", "/a/%2e"],
        ),
        (
            "non_utf8",
            &["/%ff", "/%c3"],
            &["/a%2fb", "/a;b", "/a//b", "/a%2eb", "/%00"],
        ),
    ];
    for (what, passing, refused) in cases {
        let setup = allowing(what);
        all_forwarded(&setup, &upstream, passing);
        let gateway = setup.start();
        let before = upstream.requests().len();
        for target in *refused {
            let answer = gateway.get(target);
            assert_eq!(answer.status, 400, "{what}: {target}");
        }
        assert_eq!(upstream.requests().len(), before, "{what}");
    }
}

/// `/open/**` for everybody, `/secret/**` for nobody; `/**` is open and allows every odd spelling.
fn guarded(upstream: &Upstream) -> Setup {
    Setup::new()
        .upstream("up", upstream)
        .route(
            "{ path: /**, upstream: up, auth: public, \
             path_allow: [encoded_slash, semicolon, double_slash, encoded_dot, non_utf8] }",
        )
        .route("{ path: /secret/**, upstream: up, auth: public, networks: { deny: [0.0.0.0/0] } }")
}

#[test]
#[doc = "PATH-05, PATH-07"]
fn no_reading_of_a_path_reaches_a_route_that_would_refuse_it() {
    let upstream = Upstream::ok();
    let spellings = [
        "/secret",
        "/secret/x",
        "/SECRET/x",
        "/Secret",
        "/%73ecret/x",
        "/%73%65cret",
        "/secret%2fx",
        "//secret/x",
        "/secret//x",
        "/secret;a/x",
        "/secret;a=b",
        "/;a/secret/x",
        "/a/..;/secret/x",
        "/secret./x",
        "/secret%20/x",
        "/secret%2e/x",
        "/open/..%2fsecret/x",
        "/open%2f../secret/x",
        "/%EF%BD%93ecret/x",
        "/secre%EF%BD%94",
        "/%2573ecret/x",
        "/secret%252fx",
        "/%53ecret",
        "/secret%3bx/y",
    ];
    all_refused(&guarded(&upstream), &upstream, &[400, 403], &targets(&spellings));
    all_forwarded(
        &guarded(&upstream),
        &upstream,
        &["/secretive", "/a/secret", "/secre", "/open;a/x", "/open%2fx"],
    );
}

#[test]
#[doc = "PATH-06"]
fn what_is_unambiguous_arrives_byte_for_byte() {
    let upstream = Upstream::ok();
    all_forwarded(
        &Setup::to(&upstream),
        &upstream,
        &[
            "/",
            "/a",
            "/a/",
            "/A/b",
            "/%41%7e",
            "/%c3%a9/%C3%A9",
            "/a%20b",
            "/~user/-._!$&'()*+,=:@",
            "/*",
            "/a/**/b",
            "/{name}",
            "/x?",
            "/x?b=2&a=1&b=3",
            "/x?B=%7E&b=%7e&c=+&d=%20",
            "/x?a=/../b//c;d",
            "/x?text=one%0d%0atwo%09three",
            "/x??a=?",
            "/x?a=%2f%2e%2e%5c",
            "/.well-known/x",
            "/a.b/c..d/...",
            "/a%252fb/%252e%252e",
            "/a%3bb/%23c",
        ]
        .into_iter()
        .filter(|target| !target.contains('{'))
        .collect::<Vec<_>>(),
    );
}

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
#[doc = "PATH-10, RS-02"]
fn a_target_may_have_8_kib_and_no_more() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let long = |length: usize| format!("/{}", "x".repeat(length - 1));
    gateway.get(&long(8 * 1024)).is(200);
    let arrived = upstream.requests().len();
    gateway.get(&long(8 * 1024 + 1)).is(414);
    gateway.get(&format!("/x?{}", "y".repeat(8 * 1024))).is(414);
    gateway.get(&long(20 * 1024)).is(414);
    assert_eq!(upstream.requests().len(), arrived);
}

#[test]
#[doc = "PATH-10"]
fn redirects_lead_where_the_route_says_and_nowhere_else() {
    let gateway = Setup::new()
        .route("{ path: /old, redirect: { to: /new, status: 308 }, auth: public }")
        .route("{ path: /old/**, redirect: { to: /new, status: 302 }, auth: public }")
        .start();
    for (target, host, status) in [
        ("/old", HOST, 308),
        ("/old?next=//evil.test", HOST, 308),
        ("/old", "evil.test", 308),
        ("/old/x", HOST, 302),
        ("/old/evil.test", "evil.test:1", 302),
    ] {
        let answer = gateway.ask(get(target).host(host)).is(status);
        let location = answer.field("location").unwrap();
        assert_eq!(location.split('?').next(), Some("/new"), "{location}");
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
