//! Methods: the known ones, as they are written, and what a client says beside them does not count.

use crate::support::{Request, Setup, Upstream, get, post};

#[test]
#[doc = "METH-01"]
fn known_methods_arrive_as_they_are() {
    let upstream = Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let gateway = Setup::to(&upstream).start();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let mut client = gateway.client();
        client.send(Request::new(method, "/x"));
        let answer = if method == "HEAD" {
            client.response_to_head()
        } else {
            client.response()
        };
        answer.is(204);
        assert_eq!(upstream.requests().last().unwrap().method(), method);
    }
}

#[test]
#[doc = "METH-01"]
fn unknown_methods_are_refused() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for method in [
        "get",
        "Get",
        "pOST",
        "GETS",
        "BREW",
        "X",
        "M-SEARCH",
        "DEBUG",
        "FOO!",
        "PRI",
        "GET\u{27}",
    ] {
        gateway
            .ask(Request::new(method, "/x"))
            .is_problem(501, "method.unknown");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "METH-01"]
fn methods_that_tell_or_tunnel_are_refused() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for method in ["TRACE", "TRACK"] {
        let answer = gateway.ask(Request::new(method, "/x"));
        assert!(matches!(answer.status, 405 | 501), "{answer:?}");
    }
    for target in ["example.test:443", "/x"] {
        let answer = gateway.ask(Request::new("CONNECT", target));
        assert!(matches!(answer.status, 400 | 405 | 501), "{answer:?}");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "METH-02"]
fn no_header_query_or_form_changes_the_method() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut asked = post("/x?_method=DELETE&method=DELETE", "_method=DELETE")
        .field("Content-Type", "application/x-www-form-urlencoded");
    let names = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "x-http-method-override",
    ];
    for name in names {
        asked = asked.field(name, "DELETE");
    }
    gateway.ask(asked).is(200);
    let request = upstream.request();
    assert_eq!(request.line(), "POST /x?_method=DELETE&method=DELETE HTTP/1.1");
    for name in names {
        assert!(!request.has(name), "{name} was passed on");
    }
}

#[test]
#[doc = "METH-03"]
fn an_upgrade_no_route_names_is_removed() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for protocol in ["h2c", "TLS/1.0", "exotic", "a, b/2"] {
        gateway
            .ask(get("/x").field("Connection", "upgrade").field("Upgrade", protocol))
            .is(200);
    }
    for request in upstream.requests() {
        assert!(!request.has("upgrade") && !request.has("connection"), "{request:?}");
    }
}

#[test]
#[doc = "HTTP-16"]
fn the_answer_to_a_head_has_the_length_and_no_body() {
    let upstream = Upstream::scripted(|conn| {
        while conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-A: 1\r\n\r\n");
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send(Request::new("HEAD", "/x"));
        let answer = client.response_to_head().is(200);
        assert_eq!(answer.field("content-length"), Some("1234"));
    }
    assert_eq!(upstream.connections(), 1);
    assert!(
        upstream
            .requests()
            .iter()
            .all(|request| request.line() == "HEAD /x HTTP/1.1")
    );
}

#[test]
#[doc = "METH-01"]
fn a_refusal_of_a_head_has_no_body_either() {
    let gateway = Setup::new().start();
    let mut client = gateway.client();
    client.send(Request::new("HEAD", "/x"));
    client.response_to_head().is(404);
    client.get("/x").is_problem(404, "route.none");
}
