//! How long a connection may take, and how it ends.

use std::time::{Duration, Instant};

use portcullis::app::Drained;

use crate::support::frames::{self, ENHANCE_YOUR_CALM, Frame, NO_ERROR};
use crate::support::h2::request;
use crate::support::raw::Raw;
use crate::support::{Client, Gate, Gateway, LIMIT, Setup, Upstream};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn is_goaway(frame: &Frame) -> bool {
    frame.kind == frames::GOAWAY
}

fn refused(gateway: &Gateway, reason: &str) {
    let label = format!("reason=\"{reason}\"");
    gateway.wait_metric("portcullis_connections_refused_total", &[&label], |count| count == 1.0);
}

#[test]
#[doc = "RS-01"]
fn a_connection_that_says_nothing_is_closed() {
    let gateway = Setup::new().h2c().start();
    let mut client = gateway.client();
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 1.0);
    gateway
        .clock
        .until(secs(10), secs(12), "the end", |patience| client.end_within(patience));
    refused(&gateway, "first_byte_timeout");
}

#[test]
#[doc = "RS-01"]
fn a_preface_that_does_not_end_is_not_waited_for() {
    let gateway = Setup::new().h2c().start();
    let mut client = gateway.client();
    client.send(&frames::PREFACE[..10]);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 1.0);
    gateway
        .clock
        .until(secs(10), secs(12), "the end", |patience| client.end_within(patience));
    refused(&gateway, "head_timeout");
}

#[test]
#[doc = "RS-01, RS-04"]
fn a_header_block_that_does_not_end_is_not_waited_for() {
    let upstream = Upstream::ok();
    let block = frames::block(&frames::pseudo("GET", "/x"));
    for (what, unfinished) in [
        (
            "no CONTINUATION",
            frames::frame(frames::HEADERS, frames::END_STREAM, 3, &block),
        ),
        (
            "no end of CONTINUATION",
            [
                frames::frame(frames::HEADERS, frames::END_STREAM, 3, &block[..10]),
                frames::frame(frames::CONTINUATION, 0, 3, &block[10..]),
            ]
            .concat(),
        ),
        (
            "half a frame",
            frames::headers(3, frames::END_STREAM, &frames::pseudo("GET", "/x"))[..30].to_vec(),
        ),
    ] {
        let gateway = Setup::to(&upstream).h2c().start();
        let mut raw = Raw::to(gateway.address());
        // Something else goes on meanwhile, and does not help.
        raw.send(frames::headers(1, 0, &frames::pseudo("POST", "/nowhere//")));
        raw.settle();
        raw.send(&unfinished);
        gateway.settle();
        let goaway = gateway.clock.until(secs(10), secs(12), what, |patience| {
            raw.next_within(patience).filter(is_goaway)
        });
        assert_eq!(goaway.payload[4..8], ENHANCE_YOUR_CALM.to_be_bytes(), "{what}");
        raw.is_closed();
        refused(&gateway, "head_timeout");
    }
}

#[test]
#[doc = "RS-01"]
fn a_connection_without_requests_is_asked_to_go_and_closed() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    client.get("/x").is(200);
    gateway
        .clock
        .until(secs(60), secs(64), "the end", |patience| client.ends_within(patience))
        .unwrap();
    // And one that does not listen when it is asked.
    let mut raw = Raw::to(gateway.address());
    raw.send(frames::get(1, "/x"));
    raw.until("the answer", |frame| frame.kind == frames::DATA);
    let goaway = gateway.clock.until(secs(60), secs(64), "the wish", |patience| {
        raw.next_within(patience).filter(is_goaway)
    });
    assert_eq!(goaway.payload, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    // What was on its way to us meanwhile is answered.
    raw.send(frames::get(3, "/late"));
    raw.until("the answer", |frame| frame.kind == frames::DATA && frame.stream == 3);
    let last = gateway
        .clock
        .soon("the end", |patience| raw.next_within(patience).filter(is_goaway));
    assert_eq!(last.payload, [0, 0, 0, 3, 0, 0, 0, 0]);
    raw.is_closed();
}

#[test]
#[doc = "RS-01"]
fn pings_do_not_keep_a_connection_without_requests() {
    let gateway = Setup::new().h2c().start();
    let mut raw = Raw::to(gateway.address());
    for _ in 0..5 {
        raw.settle();
        gateway.clock.advance_secs(10);
    }
    raw.settle();
    gateway.clock.until(secs(10), secs(14), "the wish", |patience| {
        raw.next_within(patience).filter(is_goaway)
    });
}

#[test]
#[doc = "RS-01"]
fn a_request_under_way_keeps_its_connection() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        let _request = conn.request();
        held.wait();
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Setup::to_with(&upstream, "timeouts: { response: 10m }").h2c().start();
    let client = gateway.h2();
    let mut call = client.call(request("GET", "/x"), true);
    upstream.wait_requests(1);
    gateway.clock.advance_secs(500);
    gateway.settle();
    gate.open();
    call.answer().is(200);
}

#[test]
#[doc = "RS-01, RS-04"]
fn a_client_that_takes_no_bytes_is_cut_off() {
    let upstream = Upstream::counting(1024, |conn| {
        let _request = conn.request();
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        conn.send_until_stalled(&[b'x'; 65536], 1_000_000_000);
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let narrow = Client::narrow(gateway.address());
    let mut raw = Raw::over(narrow.into_stream());
    raw.send(
        [
            frames::PREFACE,
            &frames::window_of(1 << 30),
            &frames::window_update(0, 1 << 30),
        ]
        .concat(),
    );
    raw.send(frames::get(1, "/x"));
    upstream.wait_requests(1);
    gateway.clock.soon("the end", |_| {
        let ended = gateway
            .metrics()
            .sum("portcullis_connections_refused_total", &["reason=\"write_timeout\""]);
        ended.filter(|count| *count == 1.0)
    });
    upstream.wait_end(0);
}

#[test]
#[doc = "HTTP-10"]
fn a_drain_loses_no_request() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        while let Some(request) = conn.request() {
            if request.target() == "/slow" {
                held.wait();
            }
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = Setup::to(&upstream)
        .h2c()
        .top("drain: { delay: 1s, timeout: 60s }")
        .start();
    let (busy, idle) = (gateway.h2(), gateway.h2());
    idle.get("/quick").is(200);
    let mut call = busy.call(request("GET", "/slow"), true);
    upstream.wait_requests(2);
    gateway.running().drain();
    // Asked to go, the idle one goes at once.
    idle.end().unwrap();
    assert!(idle.try_call(request("GET", "/x"), true).is_err());
    assert!(busy.ends_within(Duration::from_millis(50)).is_none());
    gate.open();
    call.answer().is(200);
    busy.end().unwrap();
    assert_eq!(gateway.wait(), Drained::Clean);
}

#[test]
fn requests_on_their_way_when_the_drain_begins_are_answered() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .h2c()
        .top("drain: { delay: 1s, timeout: 60s }")
        .start();
    let mut raw = Raw::to(gateway.address());
    raw.settle();
    gateway.running().drain();
    let goaway = raw.until("the wish", is_goaway);
    assert_eq!(goaway.payload, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    // Sent before the client could know: its PING has not come back yet.
    let ping = raw.until("a PING", |frame| frame.kind == frames::PING);
    raw.send(frames::get(1, "/late"));
    raw.until("the answer", |frame| frame.kind == frames::DATA && frame.stream == 1);
    raw.send(frames::frame(frames::PING, frames::ACK, 0, ping.payload));
    assert_eq!(raw.goaway(), (1, NO_ERROR));
    raw.is_closed();
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_client_that_comes_during_the_delay_of_a_drain_has_its_first_request_served() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .h2c()
        .top("drain: { delay: 1s, timeout: 60s }")
        .start();
    let mut early = Raw::to(gateway.address());
    early.settle();
    gateway.running().drain();
    early.until("the wish", is_goaway);
    // Time stands still, and so does the delay.
    let mut raw = Raw::to(gateway.address());
    raw.until("SETTINGS", |frame| frame.kind == frames::SETTINGS);
    raw.send(frames::frame(frames::PING, 0, 0, b"settled?"));
    let first = raw.until("a word", |frame| frame.kind == frames::PING || is_goaway(frame));
    assert!(!is_goaway(&first), "it is sent away before it has asked for anything");
    raw.send(frames::get(1, "/x"));
    let (last, reason) = raw.goaway();
    assert_eq!((last, reason), (0x7fff_ffff, NO_ERROR));
    raw.until("the answer", |frame| frame.kind == frames::DATA && frame.stream == 1);
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn requests_that_come_after_the_last_word_of_a_drain_are_no_refusals() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        let _request = conn.request();
        held.wait();
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Setup::to(&upstream)
        .h2c()
        .top("drain: { delay: 1s, timeout: 60s }")
        .start();
    let mut raw = Raw::to(gateway.address());
    raw.send(frames::get(1, "/x"));
    upstream.wait_requests(1);
    gateway.running().drain();
    raw.until("the wish", is_goaway);
    let ping = raw.until("a PING", |frame| frame.kind == frames::PING);
    raw.send(frames::frame(frames::PING, frames::ACK, 0, ping.payload));
    assert_eq!(raw.goaway(), (1, NO_ERROR));
    for stream in [3, 5, 7] {
        raw.send(frames::get(stream, "/late"));
    }
    raw.settle();
    gate.open();
    raw.until("the answer", |frame| frame.kind == frames::DATA && frame.stream == 1);
    raw.is_closed();
    drop(raw);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 0.0);
    let refused = gateway
        .metrics()
        .sum("portcullis_connections_refused_total", &["reason=\"stream_refused\""]);
    assert_eq!(refused.unwrap_or(0.0), 0.0);
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
#[doc = "RS-03"]
fn a_connection_is_counted_until_its_last_byte() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .h2c()
        .top("connections: { max: 1, per_address: 1 }")
        .start();
    let client = gateway.h2();
    client.get("/x").is(200);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 1.0);
    gateway.client().response().is(503);
    drop(client);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 0.0);
    let until = Instant::now() + LIMIT;
    while gateway.client().ask(crate::support::get("/x")).status != 200 {
        assert!(Instant::now() < until, "its place is not given back");
    }
}
