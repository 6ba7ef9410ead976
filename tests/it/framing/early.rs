//! Answers given before the body was read: the rest of the body is drained or the connection closed, and never read as
//! a request.

use crate::support::{Client, LIMIT, Request, Setup, Upstream, get};

const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: example.test\r\n\r\n";

/// Refused before its body of `announced` bytes, which begins with a whole request, was read.
fn refused(gateway: &crate::support::Gateway, announced: u64) -> Client {
    let mut client = gateway.client();
    client
        .send(Request::new("POST", "/a//b").announcing(announced))
        .send(SMUGGLED);
    client.response().is_problem(400, "path.ambiguous");
    client
}

#[test]
#[doc = "HTTP-10"]
fn a_small_body_left_over_is_drained_or_the_connection_closed() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = refused(&gateway, 1000);
    client.send(vec![b'x'; 1000 - SMUGGLED.len()]);
    client.send(get("/after"));
    if let Ok(answer) = client.answer(false) {
        answer.is(200);
        assert_eq!(upstream.request().target(), "/after");
    } else {
        upstream.saw_nothing();
    }
}

#[test]
#[doc = "HTTP-10"]
fn a_large_body_left_over_closes_the_connection() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = refused(&gateway, 1 << 20);
    client.send(vec![b'x'; 200 * 1024]);
    client
        .end_within(LIMIT)
        .expect("200 KiB of an unwanted body were taken");
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-10"]
fn a_body_left_over_that_does_not_come_closes_the_connection() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = refused(&gateway, 1000);
    gateway.settle();
    gateway.clock.advance_secs(3);
    client
        .end_within(LIMIT)
        .expect("the connection waits for a body that nobody wants");
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-10"]
fn a_chunked_body_left_over_is_never_read_as_a_request() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/a//b").chunked());
    client
        .send(format!("{:x}\r\n", SMUGGLED.len()))
        .send(SMUGGLED)
        .send(*b"\r\n0\r\n\r\n");
    client.response().is_problem(400, "path.ambiguous");
    client.send(get("/after")).half_close();
    let _maybe = client.answer(false);
    client.end_within(LIMIT).unwrap();
    assert!(upstream.requests().iter().all(|request| request.target() == "/after"));
}

#[test]
#[doc = "HTTP-17"]
fn an_upstream_connection_is_not_reused_after_an_early_answer() {
    let upstream = Upstream::scripted(|conn| {
        while conn.head().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
            if conn.number() == 0 {
                conn.wait_end();
            }
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").announcing(1000)).send(*b"part");
    assert_eq!(client.response().is(200).text(), "early");
    gateway.get("/next").is(200);
    assert_eq!(upstream.connections(), 2);
    upstream.wait_end(0);
}

#[test]
#[doc = "HTTP-10"]
fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let upstream = Upstream::scripted(|conn| {
        if conn.head().is_some() {
            conn.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").announcing(8 << 20));
    client.send(vec![b'x'; 64 * 1024]);
    assert_eq!(client.response().is(413).text(), "big");
}
