//! The support's own proof: parts that judge others must be seen judging.

use std::time::Duration;

use super::wire::{self, Framing, Step};
use super::{Client, End, Gate, Upstream, get, post};

#[test]
fn an_upstream_writes_down_what_a_client_sends_and_answers_it() {
    let upstream = Upstream::ok();
    let mut client = Client::to(upstream.address());
    client.send(post("/x?y", "12345").bytes());
    client.send(get("/second").bytes());
    assert_eq!(client.response().is(200).body, b"ok");
    assert_eq!(client.response().framing, Framing::Length(2));
    let requests = upstream.wait_requests(2);
    assert_eq!(
        (requests[0].line(), &requests[0].body[..]),
        ("POST /x?y HTTP/1.1", &b"12345"[..])
    );
    assert_eq!(requests[1].target(), "/second");
    drop(client);
    assert_eq!(upstream.wait_end(0), End::Closed);
}

#[test]
fn a_reset_is_told_from_a_close_on_both_sides() {
    let upstream = Upstream::scripted(|conn| {
        if conn.request().is_some() {
            conn.reset();
        }
    });
    let mut client = Client::to(upstream.address());
    client.send(get("/").bytes());
    assert_eq!(client.end_within(super::LIMIT), Some(End::Reset));

    let upstream = Upstream::ok();
    let mut client = Client::to(upstream.address());
    client.get("/").is(200);
    client.reset();
    assert_eq!(upstream.wait_end(0), End::Reset);
}

#[test]
fn a_script_holds_its_answer_back_and_sends_it_byte_by_byte() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        let Some(_request) = conn.request() else { return };
        held.wait();
        conn.send_slowly(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
    });
    let mut client = Client::to(upstream.address());
    client.send(get("/").bytes());
    upstream.wait_requests(1);
    client.heard_nothing();
    gate.open();
    let response = client.response();
    assert_eq!(response.body, b"abc");
    assert_eq!(response.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
    client.is_closed();
}

#[test]
fn the_strict_reader_refuses_what_two_parsers_could_read_differently() {
    let bad: &[&[u8]] = &[
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: trailer\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTE: gzip\r\nConnection: te\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ];
    for bytes in bad {
        assert!(matches!(wire::request(bytes), Step::Bad(_)), "{}", bytes.escape_ascii());
    }
    let fine =
        b"POST /a%41?b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\nmore";
    let Step::Whole(request, length) = wire::request(fine) else {
        panic!("refused")
    };
    assert_eq!((request.body.len(), length), (10, fine.len() - 4));
    for end in 0..fine.len() - 4 {
        assert!(matches!(wire::request(&fine[..end]), Step::Partial), "{end}");
    }
}

#[test]
#[should_panic(expected = "two ways")]
fn an_upstream_that_was_given_an_ambiguous_message_fails_its_test() {
    let upstream = Upstream::ok();
    let mut client = Client::to(upstream.address());
    client.send(*b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n");
    upstream.wait_bytes(b"identity");
}

#[test]
fn an_upstream_that_does_not_read_stalls_its_client() {
    let gate = Gate::closed();
    let upstream = Upstream::reading_after(&gate, 1024, |conn| conn.wait_end());
    let mut client = Client::to(upstream.address());
    let most = 256 << 20;
    let sent = client.send_until_stalled(&[b'x'; 65536], most);
    assert!(sent < most);
    gate.open();
    upstream.wait_total(0, sent);
    assert_eq!(upstream.seen(0).bytes.len(), 1024);
}

#[test]
fn a_test_clock_moves_until_the_event_and_says_when_it_came_too_early() {
    let clock = super::TestClock::new();
    let start = clock.clock().now();
    let since = |span: u64| {
        let clock = clock.clock();
        move |_: Duration| (clock.now().since(start) >= Duration::from_secs(span)).then_some(())
    };
    clock.until(
        Duration::from_secs(10),
        Duration::from_secs(12),
        "ten seconds",
        since(10),
    );
    let early = std::panic::catch_unwind(|| {
        clock.until(Duration::from_secs(10), Duration::from_secs(12), "two more", since(12));
    });
    assert!(early.is_err());
}
