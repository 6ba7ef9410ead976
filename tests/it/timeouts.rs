//! Every wait has an end. The clock stands still until the test moves it, so each limit is met from both sides.

use std::time::Duration;

use crate::support::upstream::OK;
use crate::support::{Client, End, Gate, Gateway, LIMIT, Request, Setup, Upstream, get};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The connection ends after `least` and by `most`; what came before its end.
#[track_caller]
fn ends(gateway: &Gateway, client: &mut Client, least: u64, most: u64) -> Vec<u8> {
    gateway.settle();
    gateway.clock.until(secs(least), secs(most), "the close", |patience| {
        client.end_within(patience)
    });
    client.read_to_end()
}

#[test]
#[doc = "RS-01"]
fn a_connection_that_says_nothing_is_closed_after_ten_seconds() {
    let gateway = Setup::new().start();
    let mut client = gateway.client();
    let said = ends(&gateway, &mut client, 10, 12);
    assert!(
        said.is_empty() || said.starts_with(b"HTTP/1.1 408"),
        "{}",
        said.escape_ascii()
    );
}

#[test]
#[doc = "RS-01"]
fn a_head_that_trickles_in_has_ten_seconds_in_all() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(*b"GET /x HTTP/1.1\r\n");
    gateway.settle();
    let mut passed = secs(0);
    let mut end = None;
    while end.is_none() && passed < secs(20) {
        client.send(*b"X-Drip: 1\r\n");
        gateway.settle();
        gateway.clock.advance(secs(1));
        passed += secs(1);
        end = client.end_within(Duration::from_millis(40));
    }
    let end = end.or_else(|| client.end_within(LIMIT));
    assert!(end.is_some(), "a drip a second keeps the connection open");
    assert!(passed >= secs(9), "closed after {passed:?}");
    let said = client.read_to_end();
    assert!(
        said.is_empty() || said.starts_with(b"HTTP/1.1 408"),
        "{}",
        said.escape_ascii()
    );
    upstream.saw_nothing();
}

#[test]
#[doc = "RS-01"]
fn the_heads_time_begins_anew_with_each_request_of_a_connection() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    for _ in 0..5 {
        client.get("/x").is(200);
        gateway.clock.advance(secs(8));
    }
    client.get("/x").is(200);
    client.send(*b"GET /y HTTP/1.1\r\n");
    ends(&gateway, &mut client, 9, 12);
}

#[test]
#[doc = "RS-01"]
fn a_slow_body_does_not_take_the_keep_alive_time_away_from_its_connection() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client
        .send(Request::new("POST", "/x").announcing(20_000))
        .send(vec![b'x'; 19_999]);
    upstream.wait_head(0);
    gateway.settle();
    // The alarm of the head goes off; the next one is set while the body is waited for.
    gateway.clock.advance_secs(11);
    gateway.settle();
    client.send(*b"x");
    client.response().is(200);
    ends(&gateway, &mut client, 59, 62);
}

#[test]
#[doc = "RS-01"]
fn an_unused_connection_is_closed_after_the_keep_alive_time() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.get("/x").is(200);
    let said = ends(&gateway, &mut client, 59, 62);
    assert!(said.is_empty(), "{}", said.escape_ascii());
}

#[test]
#[doc = "RS-01"]
fn the_times_of_a_client_are_the_files() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .top("timeouts: { head: 3s, body_idle: 4s, keep_alive: 5s }")
        .start();
    let mut idle = gateway.client();
    idle.get("/x").is(200);
    ends(&gateway, &mut idle, 4, 7);
    let mut head = gateway.client();
    head.send(*b"GET ");
    ends(&gateway, &mut head, 2, 5);
    let mut body = gateway.client();
    body.send(Request::new("POST", "/x").announcing(10)).send(*b"abc");
    upstream.wait_bytes(b"abc");
    ends(&gateway, &mut body, 3, 6);
}

#[test]
#[doc = "RS-01, HTTP-06"]
fn a_body_that_stops_coming_ends_the_request_after_thirty_seconds() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").announcing(1 << 20));
    client.send(vec![b'a'; 64 * 1024]);
    upstream.wait_total(0, 64 * 1024);
    let said = ends(&gateway, &mut client, 29, 33);
    assert!(
        said.is_empty() || said.starts_with(b"HTTP/1.1 408"),
        "{}",
        said.escape_ascii()
    );
    upstream.wait_end(0);
    assert!(upstream.requests().is_empty());
}

#[test]
#[doc = "RS-01, HTTP-06"]
fn a_body_slower_than_a_kibibyte_a_second_is_given_ten_seconds() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client
        .send(Request::new("POST", "/x").announcing(1 << 20))
        .send(*b"drip");
    upstream.wait_bytes(b"drip");
    let mut passed = secs(0);
    let mut end = None;
    while end.is_none() && passed < secs(25) {
        gateway.clock.advance(secs(2));
        passed += secs(2);
        client.send(vec![b'x'; 100]);
        gateway.settle();
        end = client.end_within(Duration::from_millis(40));
    }
    let end = end.or_else(|| client.end_within(LIMIT));
    assert!(end.is_some(), "50 bytes a second keep the request alive");
    assert!(passed >= secs(10), "closed after {passed:?}");
    upstream.wait_end(0);
    assert!(upstream.requests().is_empty());
}

#[test]
#[doc = "RS-01"]
fn a_body_that_is_fast_enough_may_take_as_long_as_it_needs() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    let parts = 40;
    client.send(Request::new("POST", "/x").announcing(parts * 20 * 1024));
    for part in 1..=parts {
        client.send(vec![b'x'; 20 * 1024]);
        upstream.wait_total(0, part * 20 * 1024);
        gateway.clock.advance(secs(5));
    }
    client.response().is(200);
}

#[test]
#[doc = "RS-01"]
fn an_upstream_that_answers_nothing_is_504_after_thirty_seconds() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    let answer = gateway.clock.until(secs(29), secs(33), "the answer", |patience| {
        client.answer_within(patience)
    });
    answer.is_problem(504, "upstream.timeout");
    upstream.wait_end(0);
}

#[test]
#[doc = "RS-01"]
fn the_time_of_an_upstream_is_its_own() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let gateway = Setup::to_with(&upstream, "timeouts: { response: 3s }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    let answer = gateway.clock.until(secs(2), secs(5), "the answer", |patience| {
        client.answer_within(patience)
    });
    answer.is_problem(504, "upstream.timeout");
}

#[test]
#[doc = "RS-01"]
fn the_time_of_a_route_covers_everything_up_to_the_answer() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, timeout: 7s }")
        .start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    let answer = gateway.clock.until(secs(6), secs(9), "the answer", |patience| {
        client.answer_within(patience)
    });
    answer.is_problem(504, "upstream.timeout");
    upstream.wait_end(0);
}

#[test]
#[doc = "RS-01"]
fn half_a_head_of_an_answer_is_no_answer() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.send(b"HTTP/1.1 200 OK\r\nContent-");
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    gateway.settle();
    let answer = gateway.clock.until(secs(29), secs(33), "the answer", |patience| {
        client.answer_within(patience)
    });
    answer.is_problem(504, "upstream.timeout");
}

#[test]
#[doc = "RS-01, HTTP-16"]
fn interim_answers_do_not_buy_time() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        conn.request();
        for _ in 0..3 {
            conn.send(b"HTTP/1.1 102 Processing\r\n\r\n");
        }
        held.open();
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    gate.wait();
    gateway.settle();
    let answer = gateway.clock.until(secs(29), secs(33), "the answer", |patience| {
        client.answer_within(patience)
    });
    answer.is_problem(504, "upstream.timeout");
}

#[test]
#[doc = "RS-01"]
fn an_answer_that_pauses_too_long_is_broken_off() {
    let upstream = Upstream::scripted(|conn| {
        if conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
            conn.wait_end();
        }
    });
    let gateway = Setup::to_with(&upstream, "timeouts: { idle: 20s }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    client.read_until(b"part");
    gateway.settle();
    gateway
        .clock
        .until(secs(19), secs(23), "the close", |patience| client.end_within(patience));
    upstream.wait_end(0);
}

#[test]
#[doc = "RS-01"]
fn a_slow_answer_that_never_pauses_too_long_is_whole() {
    let parts: Vec<Gate> = (0..6).map(|_| Gate::closed()).collect();
    let held = parts.clone();
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
            for gate in &held {
                gate.wait();
                conn.send(b"x");
            }
            conn.wait_end();
        }
    });
    let gateway = Setup::to_with(&upstream, "timeouts: { idle: 20s }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    client.read_until(b"\r\n\r\n");
    for gate in &parts {
        gateway.clock.advance(secs(15));
        gate.open();
        client.read_until(b"x");
    }
}

#[test]
#[doc = "RS-01"]
fn an_upstream_that_does_not_accept_is_given_two_seconds() {
    let (full, _kept) = full_listener();
    let gateway = Setup::new()
        .upstream_as(
            "up",
            &format!(
                "{{ urls: [\"http://{}\"] }}",
                full.local_addr().unwrap().as_socket().unwrap()
            ),
        )
        .route("{ path: /**, upstream: up, auth: public }")
        .start();
    let mut client = gateway.client();
    client.send(get("/x"));
    gateway.settle();
    let answer = gateway.clock.until(secs(2), secs(5), "the answer", |patience| {
        client.answer_within(patience)
    });
    assert!(matches!(answer.status, 502 | 504), "{answer:?}");
}

/// A listener whose queue is full: who connects hears nothing.
fn full_listener() -> (socket2::Socket, Vec<std::net::TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut kept = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        kept.push(stream);
        assert!(kept.len() < 100, "this listener's queue has no end");
    }
    (socket, kept)
}

#[test]
#[doc = "RS-01"]
fn an_unused_upstream_connection_is_closed_after_its_time() {
    let upstream = Upstream::ok();
    let gateway = Setup::to_with(&upstream, "timeouts: { idle: 20s }").start();
    gateway.get("/x").is(200);
    gateway.clock.until(secs(19), secs(25), "the close", |patience| {
        upstream.end_within(0, patience)
    });
    gateway.get("/x").is(200);
    assert_eq!(upstream.connections(), 2);
}

#[test]
#[doc = "RS-01"]
fn a_client_that_stops_reading_is_dropped_after_thirty_seconds() {
    let stalled = Gate::closed();
    let told = stalled.clone();
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            conn.send_until_stalled(&[b'x'; 64 * 1024], 1_000_000_000);
            told.open();
            conn.wait_end();
        }
    });
    let gateway = Setup::to_with(&upstream, "timeouts: { idle: 1h }").start();
    let mut client = Client::narrow(gateway.address());
    client.send(get("/x"));
    stalled.wait();
    gateway.settle();
    gateway.clock.until(secs(29), secs(35), "the end upstream", |patience| {
        upstream.end_within(0, patience)
    });
}

#[test]
#[doc = "RS-01"]
fn a_client_that_reads_slowly_is_not_dropped() {
    let size: u64 = 24 << 20;
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_some() {
            conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n"));
            conn.send(vec![b'x'; usize::try_from(size).unwrap()]);
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    client.read_until(b"\r\n\r\n");
    for _ in 0..8 {
        client.skip(size / 8);
        // The gateway has seen that there is room again, and stalls anew from now.
        gateway.settle();
        gateway.clock.advance(secs(10));
    }
}

#[test]
#[doc = "RS-01"]
fn a_time_limit_of_one_client_is_no_other_clients() {
    let upstream = Upstream::answering(OK);
    let gateway = Setup::to(&upstream).start();
    let (mut stuck, mut busy) = (gateway.client(), gateway.client());
    stuck.send(*b"GET /x HTTP/1.1\r\n");
    gateway.settle();
    for _ in 0..12 {
        busy.get("/y").is(200);
        gateway.clock.advance(secs(1));
    }
    assert!(matches!(stuck.end_within(LIMIT), Some(End::Closed | End::Reset)));
    busy.get("/y").is(200);
}
