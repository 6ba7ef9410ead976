//! Calls of gRPC, and the limits of what streams: idle and age in place of the size and the pace of a body.

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Response};

use super::{secs, to, to_with};
use crate::support::upstream::http2::{Http2Upstream, Stream};
use crate::support::{Client, Gateway, Request, Setup, Upstream};

fn call(target: &str) -> Request {
    Request::new("POST", target)
        .field("Content-Type", "application/grpc+proto")
        .field("TE", "trailers")
        .field("Connection", "te")
}

/// The head of an answer, which lets its trailers pass to a client of HTTP/1.
fn head() -> Response<()> {
    Response::builder()
        .header("content-type", "application/grpc+proto")
        .header("trailer", "grpc-status, grpc-message")
        .body(())
        .unwrap()
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
fn answered(gateway: &Gateway, client: &mut Client, least: u64, most: u64) -> crate::support::Response {
    gateway.settle();
    gateway.clock.until(secs(least), secs(most), "the answer", |patience| {
        client.answer_within(patience)
    })
}

#[test]
#[doc = "HTTP-14"]
fn a_call_passes_both_ways_with_its_status() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client.send(call("/shop.Orders/Watch").field("grpc-timeout", "10S").chunked());
    client.read_until(b"\r\n\r\n");
    for message in ["one", "two"] {
        client.send(chunk(message));
        client.read_until(chunk(message).as_bytes());
    }
    client.send(*b"0\r\n\r\n");
    client.read_until(b"0\r\ngrpc-status: 0\r\n\r\n");
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
    let setup = to(&upstream).top("defaults: { body_max: 10B }");
    let gateway = setup.start();
    gateway.ask(call("/sized").body("0123456789abcdef")).is(200);
    let mut client = gateway.client();
    client
        .send(call("/chunked").chunked())
        .send(chunk("0123456789abcdef"))
        .send("0\r\n\r\n");
    client.response().is(200);
    assert_eq!(upstream.streams().len(), 2);
    let other = Request::new("POST", "/x").field("Content-Type", "application/grpc-web");
    gateway
        .ask(other.body("0123456789abcdef"))
        .is_problem(413, "body.too_large");
    assert_eq!(upstream.streams().len(), 2);
}

#[test]
fn what_calls_itself_a_call_has_a_bodys_limits_where_none_can_be_made() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).top("defaults: { body_max: 10B }").start();
    gateway
        .ask(call("/x").body("0123456789abcdef"))
        .is_refused_call(8, "body.too_large");
    upstream.saw_nothing();
}

#[test]
fn a_call_may_be_silent_longer_than_a_body_and_not_for_ever() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to_with(&upstream, "timeouts: { response: 5s }").start();
    let mut client = gateway.client();
    client.send(call("/x").chunked()).send(chunk("hello"));
    upstream.wait("the message", |streams| {
        (streams.first()?.body == b"hello").then_some(())
    });
    answered(&gateway, &mut client, 600, 605).is_refused_call(4, "upstream.timeout");
    assert_eq!(upstream.wait_reset(0), Reason::CANCEL);
}

#[test]
fn the_time_for_the_head_of_an_answer_begins_when_the_call_has_been_said() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to_with(&upstream, "timeouts: { response: 5s }").start();
    let mut client = gateway.client();
    client.send(call("/x").chunked()).send(chunk("hello"));
    upstream.wait("the message", |streams| {
        (streams.first()?.body == b"hello").then_some(())
    });
    gateway.settle();
    gateway.clock.advance_secs(60);
    gateway.settle();
    client.heard_nothing();
    client.send(*b"0\r\n\r\n");
    upstream.wait("the end", |streams| streams.first()?.whole.then_some(()));
    answered(&gateway, &mut client, 5, 7).is_refused_call(4, "upstream.timeout");
}

#[test]
fn the_callers_deadline_holds_before_the_head() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client.send(call("/x").field("grpc-timeout", "2500m").body("hello"));
    upstream.wait_streams(1);
    answered(&gateway, &mut client, 2, 4).is_refused_call(4, "upstream.timeout");
    assert_eq!(upstream.wait_reset(0), Reason::CANCEL);
    assert_eq!(upstream.stream().headers["grpc-timeout"], "2500m");
}

#[test]
fn the_routes_time_holds_before_the_head_where_it_is_shorter() {
    let upstream = Http2Upstream::scripted(silent);
    let gateway = to(&upstream).top("defaults: { timeout: 2s }").start();
    let mut client = gateway.client();
    client
        .send(call("/x").field("grpc-timeout", "1M").chunked())
        .send(chunk("hello"));
    upstream.wait_streams(1);
    answered(&gateway, &mut client, 2, 4).is_refused_call(4, "upstream.timeout");
}

/// A call whose answer has begun.
fn begun(gateway: &Gateway, timeout: Option<&str>) -> Client {
    let mut client = gateway.client();
    let request = match timeout {
        Some(timeout) => call("/x").field("grpc-timeout", timeout),
        None => call("/x"),
    };
    client.send(request.chunked()).send(chunk("hello"));
    client.read_until(chunk("hello").as_bytes());
    gateway.settle();
    client
}

/// The call ends in time with a status of the gateway's own, and its server hears of it.
#[track_caller]
fn ends_with(gateway: &Gateway, upstream: &Http2Upstream, mut client: Client, code: &str, least: u64, most: u64) {
    gateway.clock.until(secs(least), secs(most), "the reset", |_| {
        std::thread::yield_now();
        upstream.stream().reset
    });
    client.read_until(format!("0\r\ngrpc-status: {code}\r\n").as_bytes());
    assert_eq!(upstream.stream().reset, Some(Reason::CANCEL));
    assert!(!upstream.stream().whole);
    let line = gateway.log.about(("code", "upstream.timeout"));
    assert_eq!(line["status"], 200);
}

#[test]
fn the_callers_deadline_holds_behind_the_head_too() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream).top("defaults: { timeout: 1s }").start();
    let client = begun(&gateway, Some("20S"));
    ends_with(&gateway, &upstream, client, "4", 20, 22);
}

#[test]
fn a_call_that_nobody_says_anything_in_ends() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream).top("timeouts: { stream_idle: 2m }").start();
    let client = begun(&gateway, None);
    ends_with(&gateway, &upstream, client, "14", 120, 125);
}

#[test]
fn a_call_has_a_greatest_age_however_much_is_said_in_it() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to(&upstream)
        .top("timeouts: { stream_idle: 1m, stream_age: 5m }")
        .start();
    let mut client = begun(&gateway, None);
    for _ in 0..7 {
        gateway.clock.advance_secs(40);
        client.send(chunk("x"));
        client.read_until(chunk("x").as_bytes());
        gateway.settle();
    }
    ends_with(&gateway, &upstream, client, "14", 20, 22);
}

#[test]
fn a_call_is_broken_off_when_its_server_breaks_it_off() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        let mut answer = stream.begin(head());
        answer.send_data(Bytes::from_static(b"half"), false).unwrap();
        stream.read().await;
        answer.send_reset(Reason::INTERNAL_ERROR);
    });
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client.send(call("/x").chunked());
    client.read_until(b"half\r\n");
    client.send(chunk("now"));
    assert!(!client.read_to_end().ends_with(b"0\r\n\r\n"));
    gateway.log.about(("code", "upstream.protocol"));
}

#[test]
#[doc = "P-3"]
fn a_deadline_that_cannot_be_read_is_refused() {
    let upstream = Http2Upstream::ok();
    let gateway = to(&upstream).start();
    for timeout in ["1", "S", "1s", "-1S", "123456789S", "1.5S"] {
        gateway
            .ask(call("/x").field("grpc-timeout", timeout).body("x"))
            .is_refused_call(3, "header.invalid");
    }
    let twice = call("/x").field("grpc-timeout", "1S").field("grpc-timeout", "1S");
    gateway.ask(twice.body("x")).is_refused_call(3, "header.invalid");
    upstream.saw_nothing();
    // To anybody else it is a field like any other.
    let other = Request::new("POST", "/x").field("grpc-timeout", "soon").body("x");
    gateway.ask(other).is(200);
    assert_eq!(upstream.stream().headers["grpc-timeout"], "soon");
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
