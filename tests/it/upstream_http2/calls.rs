//! Calls of gRPC, and the limits of what streams: idle and age in place of the size and the pace of a body.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Response};

use super::{secs, to, to_with};
use crate::support::h2::{Answer, Begun, Call, H2, request, with};
use crate::support::upstream::http2::{Http2Upstream, Stream};
use crate::support::{Gateway, Request, Setup, Upstream};

/// More than `body_max` allows where a test sets it.
const LONG: &str = "0123456789abcdef";

fn call(target: &str) -> http::Request<()> {
    let request = with(request("POST", target), "content-type", "application/grpc+proto");
    with(request, "te", "trailers")
}

/// The same over HTTP/1, where it is no call.
fn no_call(target: &str) -> Request {
    Request::new("POST", target).field("Content-Type", "application/grpc+proto")
}

/// Send all of it, as far as it is taken, and read the answer.
#[track_caller]
fn answer_to(client: &H2, request: http::Request<()>, body: &'static str) -> Answer {
    let mut asked = client.call(request, false);
    // A refusal may come before the body has gone.
    let _taken = asked.try_send(body, true);
    asked.answer()
}

fn head() -> Response<()> {
    let head = Response::builder().header("content-type", "application/grpc+proto");
    head.body(()).unwrap()
}

fn status(code: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), code.parse().unwrap())])
}

/// Sends every piece of the request back, and ends when the request does.
async fn echo(mut stream: Stream) {
    let mut answer = stream.begin(head());
    while let Some(data) = stream.read().await {
        if answer.send_data(data, false).is_err() {
            return;
        }
    }
    let _gone = answer.send_trailers(status("0"));
}

/// Never answers, and notes the end.
async fn silent(mut stream: Stream) {
    while stream.read().await.is_some() {}
    stream.wait_reset().await;
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[track_caller]
fn answered(gateway: &Gateway, asked: &mut Call, least: u64, most: u64) -> Answer {
    gateway.settle();
    gateway.clock.until(secs(least), secs(most), "the answer", |patience| {
        asked.answer_within(patience)
    })
}

/// Until the one request that came has brought this much of its body.
#[track_caller]
fn wait_body(upstream: &Http2Upstream, body: &str) {
    upstream.wait("the message", |streams| {
        (streams.first()?.body == body.as_bytes()).then_some(())
    });
}

#[test]
#[doc = "HTTP-14"]
fn a_call_passes_both_ways_with_its_status() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream).h2c().start();
    let client = gateway.h2();
    let mut asked = client.call(with(call("/shop.Orders/Watch"), "grpc-timeout", "10S"), false);
    let mut begun = asked.begun().unwrap();
    for message in ["one", "two"] {
        asked.send(message, false);
        assert_eq!(begun.piece().unwrap().unwrap(), message);
    }
    asked.send("", true);
    let answer = begun.rest().unwrap();
    assert_eq!((answer.body.len(), &answer.trailers), (0, &status("0")));
    let stream = upstream.stream();
    assert_eq!(stream.headers["te"], "trailers");
    assert_eq!(stream.headers["grpc-timeout"], "10S");
    assert_eq!(stream.headers["content-type"], "application/grpc+proto");
    assert_eq!(stream.body, b"onetwo");
}

#[test]
fn a_call_may_be_longer_than_a_body() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        stream.read_all().await;
        stream.begin(head()).send_trailers(status("0")).unwrap();
    });
    let gateway = to(&upstream).h2c().top("defaults: { body_max: 10B }").start();
    let client = gateway.h2();
    answer_to(&client, with(call("/announced"), "content-length", "16"), LONG).is(200);
    answer_to(&client, call("/streamed"), LONG).is(200);
    assert_eq!(upstream.streams().len(), 2);
    let other = with(request("POST", "/x"), "content-type", "application/grpc-web");
    answer_to(&client, with(other, "content-length", "16"), LONG).is_problem(413, "body.too_large");
    assert_eq!(upstream.streams().len(), 2);
}

#[test]
fn what_calls_itself_a_call_has_a_bodys_limits_where_none_can_be_made() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().top("defaults: { body_max: 10B }").start();
    let announced = with(call("/x"), "content-length", "16");
    answer_to(&gateway.h2(), announced, LONG).is_refused_call(8, "body.too_large");
    upstream.saw_nothing();
}

#[test]
#[doc = "RS-02"]
fn what_calls_itself_a_call_over_http1_may_be_as_long_as_any_body() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to(&upstream).top("defaults: { body_max: 10B }").start();
    gateway
        .ask(no_call("/announced").body(LONG))
        .is_refused_call(8, "body.too_large");
    upstream.saw_nothing();
    let line = gateway.log.about(("code", "body.too_large"));
    assert_eq!(line["status"], 413);

    let mut client = gateway.client();
    client.send(no_call("/streamed").chunked()).send(chunk("01234"));
    wait_body(&upstream, "01234");
    client.send(chunk("56789abcdef"));
    client.response().is_refused_call(8, "body.too_large");
    upstream.wait_reset(0);
    let stream = upstream.stream();
    assert_eq!((&stream.body[..], stream.whole), (&b"01234"[..], false));
}

#[test]
#[doc = "RS-01"]
fn what_calls_itself_a_call_over_http1_may_pause_as_long_as_any_body() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to(&upstream).top("timeouts: { body_idle: 4s }").start();
    let mut client = gateway.client();
    // Nor has it a deadline of its own, whatever it says.
    let request = no_call("/x").field("grpc-timeout", "1S");
    client.send(request.chunked()).send(chunk("hello"));
    wait_body(&upstream, "hello");
    gateway.settle();
    let answer = gateway.clock.until(secs(4), secs(6), "the answer", |patience| {
        client.answer_within(patience)
    });
    answer.is_refused_call(4, "request.timeout");
    upstream.wait_reset(0);
    assert!(!upstream.stream().whole);
}

#[test]
fn a_call_may_be_silent_longer_than_a_body_and_not_for_ever() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to_with(&upstream, "timeouts: { response: 5s }").h2c().start();
    let client = gateway.h2();
    let mut asked = client.call(call("/x"), false);
    asked.send("hello", false);
    wait_body(&upstream, "hello");
    answered(&gateway, &mut asked, 600, 605).is_refused_call(4, "upstream.timeout");
    assert_eq!(upstream.wait_reset(0), Reason::CANCEL);
}

#[test]
fn the_time_for_the_head_of_an_answer_begins_when_the_call_has_been_said() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to_with(&upstream, "timeouts: { response: 5s }").h2c().start();
    let client = gateway.h2();
    let mut asked = client.call(call("/x"), false);
    asked.send("hello", false);
    wait_body(&upstream, "hello");
    gateway.settle();
    gateway.clock.advance_secs(60);
    gateway.settle();
    assert!(asked.answer_within(Duration::from_millis(1)).is_none());
    asked.send("", true);
    upstream.wait("the end", |streams| streams.first()?.whole.then_some(()));
    answered(&gateway, &mut asked, 5, 7).is_refused_call(4, "upstream.timeout");
}

#[test]
fn the_callers_deadline_holds_before_the_head() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to(&upstream).h2c().start();
    let client = gateway.h2();
    let mut asked = client.call(with(call("/x"), "grpc-timeout", "2500m"), false);
    asked.send("hello", true);
    upstream.wait_streams(1);
    answered(&gateway, &mut asked, 2, 4).is_refused_call(4, "upstream.timeout");
    assert_eq!(upstream.wait_reset(0), Reason::CANCEL);
    assert_eq!(upstream.stream().headers["grpc-timeout"], "2500m");
}

#[test]
fn the_routes_time_holds_before_the_head_where_it_is_shorter() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to(&upstream).h2c().top("defaults: { timeout: 2s }").start();
    let client = gateway.h2();
    let mut asked = client.call(with(call("/x"), "grpc-timeout", "1M"), false);
    asked.send("hello", false);
    upstream.wait_streams(1);
    answered(&gateway, &mut asked, 2, 4).is_refused_call(4, "upstream.timeout");
}

/// A call whose answer has begun.
#[track_caller]
fn begun(gateway: &Gateway, timeout: Option<&str>) -> (Call, Begun) {
    let request = match timeout {
        Some(timeout) => with(call("/x"), "grpc-timeout", timeout),
        None => call("/x"),
    };
    let mut asked = gateway.h2().call(request, false);
    asked.send("hello", false);
    let mut begun = asked.begun().unwrap();
    assert_eq!(begun.piece().unwrap().unwrap(), "hello");
    gateway.settle();
    (asked, begun)
}

/// The call ends in time with a status of the gateway's own, and its server hears of it.
#[track_caller]
fn ends_with(gateway: &Gateway, upstream: &Http2Upstream, begun: Begun, code: &str, least: u64, most: u64) {
    gateway.clock.until(secs(least), secs(most), "the reset", |_| {
        std::thread::yield_now();
        upstream.stream().reset
    });
    let answer = begun.rest().unwrap();
    assert_eq!(answer.trailers["grpc-status"], code);
    assert!(answer.body.is_empty() && answer.trailers.contains_key("grpc-message"));
    assert_eq!(upstream.stream().reset, Some(Reason::CANCEL));
    assert!(!upstream.stream().whole);
    let line = gateway.log.about(("code", "upstream.timeout"));
    assert_eq!(line["status"], 200);
}

#[test]
fn the_callers_deadline_holds_behind_the_head_too() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream).h2c().top("defaults: { timeout: 1s }").start();
    let (_asked, begun) = begun(&gateway, Some("20S"));
    ends_with(&gateway, &upstream, begun, "4", 20, 22);
}

#[test]
fn a_call_that_nobody_says_anything_in_ends() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream).h2c().top("timeouts: { stream_idle: 2m }").start();
    let (_asked, begun) = begun(&gateway, None);
    ends_with(&gateway, &upstream, begun, "14", 120, 125);
}

#[test]
fn a_call_has_a_greatest_age_however_much_is_said_in_it() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream)
        .h2c()
        .top("timeouts: { stream_idle: 1m, stream_age: 5m }")
        .start();
    let (mut asked, mut begun) = begun(&gateway, None);
    for _ in 0..7 {
        gateway.clock.advance_secs(40);
        asked.send("x", false);
        assert_eq!(begun.piece().unwrap().unwrap(), "x");
        gateway.settle();
    }
    ends_with(&gateway, &upstream, begun, "14", 20, 22);
}

#[test]
fn a_call_is_broken_off_when_its_server_breaks_it_off() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        let mut answer = stream.begin(head());
        answer.send_data(Bytes::from_static(b"half"), false).unwrap();
        stream.read().await;
        answer.send_reset(Reason::INTERNAL_ERROR);
    });
    let gateway = to(&upstream).h2c().start();
    let client = gateway.h2();
    let mut asked = client.call(call("/x"), false);
    let mut begun = asked.begun().unwrap();
    assert_eq!(begun.piece().unwrap().unwrap(), "half");
    asked.send("now", false);
    let error = begun.rest().unwrap_err();
    assert!(error.is_reset() && error.is_remote(), "{error}");
    gateway.log.about(("code", "upstream.protocol"));
}

#[test]
#[doc = "P-3"]
fn a_deadline_that_cannot_be_read_is_refused() {
    let upstream = Http2Upstream::ok();
    let gateway = to(&upstream).h2c().start();
    let client = gateway.h2();
    for timeout in ["1", "S", "1s", "-1S", "123456789S", "1.5S"] {
        answer_to(&client, with(call("/x"), "grpc-timeout", timeout), "x").is_refused_call(3, "header.invalid");
    }
    let twice = with(with(call("/x"), "grpc-timeout", "1S"), "grpc-timeout", "1S");
    answer_to(&client, twice, "x").is_refused_call(3, "header.invalid");
    upstream.saw_nothing();
    // To anybody else it is a field like any other.
    let other = with(request("POST", "/x"), "grpc-timeout", "soon");
    answer_to(&client, other, "x").is(200);
    gateway
        .ask(no_call("/x").field("grpc-timeout", "soon").body("x"))
        .is(200);
    for stream in upstream.wait_streams(2) {
        assert_eq!(stream.headers["grpc-timeout"], "soon");
    }
}

#[test]
fn an_upload_that_goes_on_behind_the_head_of_its_answer_is_a_stream() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream).top("defaults: { body_max: 10B }").start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").chunked()).send(chunk("hello"));
    client.read_until(chunk("hello").as_bytes());
    gateway.settle();
    // Far beyond what a body may pause, and then more than it may be long.
    gateway.clock.advance_secs(300);
    gateway.settle();
    client.send(chunk("and more than ten bytes"));
    client.read_until(chunk("and more than ten bytes").as_bytes());
    gateway.settle();
    gateway.clock.until(secs(600), secs(605), "the reset", |_| {
        std::thread::yield_now();
        upstream.stream().reset
    });
    assert!(!client.read_to_end().ends_with(b"0\r\n\r\n"));
    assert!(!upstream.stream().whole);
}

#[test]
fn the_same_holds_for_an_upstream_of_http1() {
    let upstream = Upstream::scripted(|conn| {
        if conn.head().is_none() {
            return;
        }
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n");
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).top("defaults: { body_max: 10B }").start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").chunked()).send(chunk("hello"));
    client.read_until(b"early\r\n");
    upstream.wait_bytes(b"hello");
    gateway.settle();
    gateway.clock.advance_secs(300);
    gateway.settle();
    client.send(chunk("and more than ten bytes"));
    upstream.wait_bytes(b"and more than ten bytes");
    gateway.settle();
    gateway.clock.until(secs(600), secs(605), "the end", |patience| {
        upstream.end_within(0, patience)
    });
}

/// The pause of an answer with this content type that ends it.
#[track_caller]
fn pause_that_ends(content_type: &'static str, least: u64, most: u64) {
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_none() {
            return;
        }
        conn.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n"
        ));
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(crate::support::get("/events"));
    client.read_until(b"data: 1\n\r\n");
    gateway.settle();
    gateway.clock.until(secs(least), secs(most), "the end", |patience| {
        upstream.end_within(0, patience)
    });
    assert!(!client.read_to_end().ends_with(b"0\r\n\r\n"));
}

#[test]
fn a_stream_of_events_may_pause_longer_than_another_answer() {
    pause_that_ends("text/event-stream; charset=utf-8", 600, 605);
    pause_that_ends("text/plain", 60, 62);
}
