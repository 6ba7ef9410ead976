//! Switching a connection to another protocol: who may ask, what must answer, and the tunnel that follows.

use std::time::Duration;

use crate::support::upstream::{Conn, OK};
use crate::support::{Client, End, Gate, Request, Setup, Upstream, get};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

pub fn websocket() -> Request {
    get("/chat")
        .field("Connection", "Upgrade")
        .field("Upgrade", "websocket")
        .field("Sec-WebSocket-Version", "13")
        .field("Sec-WebSocket-Key", KEY)
}

/// Agrees to a switch, then does as told.
fn switching(then: impl Fn(&mut Conn) + Send + Sync + 'static) -> Upstream {
    Upstream::switching(move |conn| {
        if conn.head().is_some() {
            conn.send(SWITCHED);
            then(conn);
        }
    })
}

/// Sends `ping` back as `pong` until it is told `bye`.
pub fn playing() -> Upstream {
    switching(|conn| {
        while conn.wait_bytes(b"ping") {
            conn.send("pong");
        }
    })
}

#[track_caller]
pub fn switched(client: &mut Client) -> String {
    let head = String::from_utf8(client.read_until(b"\r\n\r\n")).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    head.to_ascii_lowercase()
}

#[test]
#[doc = "METH-03, METH-04"]
fn bytes_pass_both_ways_after_a_switch_that_both_sides_agreed_on() {
    let upstream = playing();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(websocket());
    let head = switched(&mut client);
    assert!(
        head.contains("\r\nupgrade: websocket\r\n") && head.contains("\r\nconnection: upgrade\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nx-request-id: "), "{head}");
    for _ in 0..3 {
        client.send(*b"ping");
        client.read_until(b"pong");
    }
    let request = String::from_utf8(upstream.seen(0).bytes).unwrap().to_ascii_lowercase();
    assert!(request.contains("\r\nupgrade: websocket\r\n") && request.contains("\r\nconnection: upgrade\r\n"));
    assert!(request.contains(&format!("\r\nsec-websocket-key: {}\r\n", KEY.to_ascii_lowercase())));
    assert!(request.contains("\r\nx-forwarded-for: 127.0.0.1\r\n"), "{request}");
}

#[test]
#[doc = "METH-04"]
fn bytes_behind_the_head_wait_for_the_switch_and_are_then_the_first_to_pass() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let upstream = Upstream::switching(move |conn| {
        if conn.head().is_some() {
            opened.wait();
            conn.send(format!("{SWITCHED}early from there"));
            conn.wait_bytes(b"early from here");
            conn.send("and thanks");
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    let mut all: Vec<u8> = websocket().into();
    all.extend_from_slice(b"early from here");
    client.send(all);
    upstream.wait_head(0);
    gateway.settle();
    assert!(!upstream.seen(0).bytes.ends_with(b"here"), "sent before the switch");
    gate.open();
    switched(&mut client);
    client.read_until(b"early from there");
    client.read_until(b"and thanks");
}

#[test]
#[doc = "METH-04"]
fn bytes_behind_the_head_are_the_next_request_when_the_switch_is_refused() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    let mut both: Vec<u8> = websocket().into();
    both.extend_from_slice(&Vec::from(get("/next")));
    client.send(both);
    client.response().is(200);
    client.response().is(200);
    let paths: Vec<_> = upstream
        .requests()
        .into_iter()
        .map(|request| request.target().to_owned())
        .collect();
    assert_eq!(paths, ["/chat", "/next"]);
}

#[test]
#[doc = "HTTP-17"]
fn a_connection_whose_switch_was_refused_is_not_used_again() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    gateway.ask(websocket()).is(200);
    gateway.get("/x").is(200);
    assert_eq!(upstream.connections(), 2);
    upstream.wait_end(0);
}

#[test]
#[doc = "METH-03"]
fn a_switch_that_the_route_does_not_allow_is_not_asked_for() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /chat, upstream: up, auth: public, upgrade: [] }")
        .route("{ path: /other, upstream: up, auth: public, upgrade: [other/1] }")
        .start();
    gateway.ask(websocket()).is(200);
    let other = get("/other")
        .field("Connection", "upgrade")
        .field("Upgrade", "more, OTHER/1, h2c");
    gateway.ask(other).is(200);
    let requests = upstream.requests();
    assert!(
        !requests[0].has("upgrade") && !requests[0].has("connection"),
        "{:?}",
        requests[0]
    );
    assert_eq!(requests[1].field("upgrade"), Some("OTHER/1"));
}

#[test]
#[doc = "METH-03"]
fn a_switch_that_nobody_asked_for_is_a_bad_answer() {
    let upstream = Upstream::answering_once(SWITCHED);
    let gateway = Setup::to(&upstream).start();
    gateway.get("/x").is_problem(502, "upstream.protocol");
    let another = get("/x").field("Connection", "upgrade").field("Upgrade", "other");
    gateway.ask(another).is_problem(502, "upstream.protocol");
}

#[test]
#[doc = "METH-03"]
fn a_switch_to_something_else_than_was_asked_for_is_a_bad_answer() {
    let upstream = Upstream::answering_once(SWITCHED);
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, upgrade: [other] }")
        .start();
    let other = get("/x").field("Connection", "upgrade").field("Upgrade", "other");
    gateway.ask(other).is_problem(502, "upstream.protocol");
}

#[test]
#[doc = "METH-04"]
fn a_switch_that_does_not_answer_the_key_is_a_bad_answer() {
    for answer in [
        SWITCHED.replace("s3pP", "S3PP"),
        SWITCHED.replace("Sec-WebSocket-Accept", "X-Accept"),
        SWITCHED.replace("Upgrade: websocket", "Upgrade: other"),
        SWITCHED.replace("Connection: Upgrade\r\n", ""),
        SWITCHED.replace("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nevil"),
        SWITCHED.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ] {
        let upstream = Upstream::answering_once(&answer);
        let gateway = Setup::to(&upstream).start();
        let mut client = gateway.client();
        client.ask(websocket()).is_problem(502, "upstream.protocol");
        // The client's connection is still one of HTTP.
        client.send(get("/next"));
        upstream.wait_end(0);
    }
}

#[test]
#[doc = "METH-03"]
fn a_wish_that_is_out_of_the_ordinary_goes_nowhere() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for key in ["", "c2hvcnQ=", "not base64 at all!!!!!!!"] {
        let request = get("/chat")
            .field("Connection", "upgrade")
            .field("Upgrade", "websocket")
            .field("Sec-WebSocket-Key", key);
        gateway.ask(request).is_problem(400, "header.invalid");
    }
    upstream.saw_nothing();
    let with_body = Request::new("POST", "/chat")
        .field("Connection", "upgrade")
        .field("Upgrade", "other")
        .body("x");
    gateway.ask(with_body).is(200);
    assert!(!upstream.request().has("upgrade"));
}

#[test]
fn each_side_may_end_before_the_other() {
    let upstream = switching(|conn| {
        conn.wait_end();
        conn.send("what was left to say");
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
    client.send(*b"all I have").half_close();
    assert_eq!(client.read_to_end(), b"what was left to say");
    assert!(upstream.seen(0).bytes.ends_with(b"all I have"));
    let line = gateway.log.wait(|line| line["status"] == 101);
    assert_eq!(line["status"], 101);
    assert_eq!(line["bytes"], 20);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open <= 1.0);
}

#[test]
fn an_upstream_that_ends_first_leaves_the_client_the_time_to_end_too() {
    let upstream = switching(|conn| {
        conn.finish();
        conn.wait_bytes(b"the last word");
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
    assert_eq!(client.end_within(crate::support::LIMIT), Some(End::Closed));
    client.send(*b"the last word");
    upstream.wait_bytes(b"the last word");
}

#[test]
#[doc = "RS-05"]
fn a_client_that_is_gone_takes_its_tunnel_along() {
    let upstream = switching(|conn| conn.wait_end());
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
    client.reset();
    upstream.wait_end(0);
}

#[test]
#[doc = "METH-05, P-5"]
fn a_tunnel_through_which_nothing_moves_is_closed() {
    let upstream = playing();
    let gateway = Setup::to(&upstream).top("timeouts: { stream_idle: 20s }").start();
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
    for _ in 0..3 {
        gateway.clock.advance_secs(15);
        client.send(*b"ping");
        client.read_until(b"pong");
    }
    let end = |patience| client.end_within(patience);
    gateway
        .clock
        .until(Duration::from_secs(20), Duration::from_secs(22), "the close", end);
    upstream.wait_end(0);
    let line = gateway.log.wait(|line| line["status"] == 101);
    assert!(line["reason"].as_str().unwrap().contains("nothing moved"), "{line}");
}

#[test]
#[doc = "METH-05, P-5"]
fn a_tunnel_has_an_age_limit_however_busy_it_is() {
    let upstream = playing();
    let gateway = Setup::to(&upstream).top("timeouts: { stream_age: 1m }").start();
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
    for _ in 0..5 {
        gateway.clock.advance_secs(10);
        client.send(*b"ping");
        client.read_until(b"pong");
    }
    let end = |patience| client.end_within(patience);
    gateway
        .clock
        .until(Duration::from_secs(10), Duration::from_secs(12), "the close", end);
    let line = gateway.log.wait(|line| line["status"] == 101);
    assert!(line["reason"].as_str().unwrap().contains("age"), "{line}");
}

#[test]
fn a_side_that_does_not_read_is_not_read_for() {
    let (said, heard) = std::sync::mpsc::channel();
    let upstream = switching(move |conn| {
        said.send(conn.send_until_stalled(&[b'x'; 64 * 1024], 1 << 30)).unwrap();
        conn.finish();
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = Client::narrow(gateway.address());
    client.send(websocket());
    switched(&mut client);
    let taken = heard.recv_timeout(crate::support::LIMIT * 3).unwrap();
    assert!(
        taken < 64 << 20,
        "{taken} bytes were taken of an upstream whose client reads nothing"
    );
    client.skip(taken);
    client.is_closed();
}

#[test]
#[doc = "RS-01"]
fn a_side_that_takes_nothing_for_half_a_minute_is_let_go() {
    let (said, heard) = std::sync::mpsc::channel();
    let upstream = switching(move |conn| {
        said.send(conn.send_until_stalled(&[b'x'; 64 * 1024], 1 << 30)).unwrap();
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = Client::narrow(gateway.address());
    client.send(websocket());
    switched(&mut client);
    heard.recv_timeout(crate::support::LIMIT * 3).unwrap();
    gateway.settle();
    // What it says itself is no sign that it reads.
    client.send(*b"ping");
    upstream.wait_bytes(b"ping");
    let end = |patience| upstream.end_within(0, patience);
    gateway
        .clock
        .until(Duration::from_secs(30), Duration::from_secs(32), "the end", end);
    let line = gateway.log.wait(|line| line["status"] == 101);
    assert!(line["reason"].as_str().unwrap().contains("does not take"), "{line}");
}

#[test]
fn a_tunnel_takes_a_place_of_its_upstream_until_it_ends() {
    let upstream = playing();
    let gateway = Setup::to_with(&upstream, "max_connections: 1, max_pending: 0").start();
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
    gateway.get("/x").is_problem(503, "upstream.overloaded");
    drop(client);
    upstream.wait_end(0);
    gateway.wait_metric("portcullis_upstream_connections", &[], |open| open == 0.0);
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
}

#[test]
fn a_drain_leaves_a_tunnel_the_time_to_end() {
    let upstream = playing();
    let gateway = Setup::to(&upstream).top("drain: { delay: 0s, timeout: 20s }").start();
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
    gateway.running().drain();
    client.send(*b"ping");
    client.read_until(b"pong");
    drop(client);
    assert_eq!(gateway.wait(), portcullis::app::Drained::Clean);
}

#[test]
fn a_tunnel_that_a_drain_cuts_off_is_recorded_as_such() {
    let upstream = playing();
    let gateway = Setup::to(&upstream).top("drain: { delay: 0s, timeout: 20s }").start();
    let log = gateway.log.clone();
    let mut client = gateway.client();
    client.send(websocket());
    switched(&mut client);
    client.send(*b"ping");
    client.read_until(b"pong");
    gateway.running().drain();
    assert_eq!(gateway.wait(), portcullis::app::Drained::CutOff);
    let line = log.wait(|line| line["status"] == 101);
    assert!(line["reason"].as_str().unwrap().contains("drain"), "{line}");
    assert_eq!(line["bytes"], 4);
    assert!(line["duration_ms"].as_f64().unwrap() >= 20_000.0, "{line}");
}

#[test]
fn an_answer_that_is_no_switch_passes_as_it_is() {
    let upstream = Upstream::answering(OK);
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    for _ in 0..2 {
        assert_eq!(client.ask(websocket()).is(200).text(), "ok");
    }
}

#[test]
#[doc = "HTTP-15"]
fn h2c_is_never_switched_to_even_where_everything_else_is() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, upgrade: [other] }")
        .start();
    let both = get("/x").field("Connection", "upgrade").field("Upgrade", "other, h2c");
    gateway.ask(both).is(200);
    assert_eq!(upstream.request().field("upgrade"), Some("other"));
    let faults = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, upgrade: [h2c] }")
        .faults();
    assert!(faults.contains("value.protocol"), "{faults}");
}
