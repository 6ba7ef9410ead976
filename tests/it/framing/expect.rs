//! `Expect`: the permission to send a body is given after the request was permitted, and to nobody else.

use crate::support::{Gate, Request, Setup, Upstream, post};

fn expecting(value: &str) -> Request {
    Request::new("POST", "/x").announcing(5).field("Expect", value)
}

#[test]
#[doc = "HTTP-11"]
fn a_permitted_client_is_told_to_continue() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for value in ["100-continue", "100-Continue"] {
        let mut client = gateway.client();
        client.send(expecting(value));
        client.read_until(b"HTTP/1.1 100 Continue\r\n\r\n");
        client.send(*b"abcde");
        client.response().is(200);
    }
    for request in upstream.wait_requests(2) {
        assert_eq!(request.body, b"abcde");
        assert!(!request.has("expect"));
    }
}

#[test]
#[doc = "HTTP-11"]
fn a_refused_client_is_never_told_to_continue() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /x, upstream: up, auth: public, networks: { deny: [127.0.0.0/8] } }")
        .route("{ path: /small, upstream: up, auth: public, body_max: 4B }")
        .start();
    for (target, status, code) in [
        ("/x", 403, "address.denied"),
        ("/none", 404, "route.none"),
        ("/a//b", 400, "path.ambiguous"),
        ("/small", 413, "body.too_large"),
    ] {
        let mut client = gateway.client();
        client.send(
            Request::new("POST", target)
                .announcing(5)
                .field("Expect", "100-continue"),
        );
        let answer = client.response().is_problem(status, code);
        assert_eq!(answer.interim, [0; 0], "{target}");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-11"]
fn any_other_expectation_is_417() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for value in ["200-ok", "100-continue, 200-ok", "100-continue; q=1", "x", "100"] {
        let mut client = gateway.client();
        client.send(expecting(value));
        client.response().is_problem(417, "expectation.failed");
    }
    let mut client = gateway.client();
    client.send(expecting("100-continue").field("Expect", "x"));
    client.response().is_problem(417, "expectation.failed");
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-11"]
fn a_client_that_does_not_wait_for_permission_is_served_too() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(post("/x", "abcde").field("Expect", "100-continue"));
    client.response().is(200);
    assert_eq!(upstream.request().body, b"abcde");
}

#[test]
#[doc = "HTTP-11, HTTP-10"]
fn an_upstream_that_answers_before_the_body_is_heard_at_once() {
    let answered = Gate::closed();
    let told = answered.clone();
    let upstream = Upstream::scripted(move |conn| {
        if conn.head().is_some() {
            conn.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
            told.open();
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(expecting("100-continue"));
    answered.wait();
    assert_eq!(client.response().is(401).text(), "no");
}
