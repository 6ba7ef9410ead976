//! Targets: a path of this host, of bounded length, and where redirects lead.

use super::all_refused;
use crate::support::{HOST, Request, Setup, Upstream, get};

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
