//! Streams end with the credential they began with: when its time is over, and when it is revoked (METH-05).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use serde_json::Value;

use super::{KEY, KEY_ID, administered, guarded, revoke};
use crate::authn::{idp, with};
use crate::support::h2::{self, Begun, Call};
use crate::support::token::{NOW, Token};
use crate::support::upstream::http2::{Http2Upstream, Stream};
use crate::support::{Client, Gateway, Request, Setup, Upstream, get};
use crate::upgrades::{playing, switched, websocket};

const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
    9\r\ndata: 0\n\n\r\n";

/// Good for a minute and the leeway of half a minute.
fn token() -> Token {
    Token::of("alice").claim("jti", "t").claim("exp", NOW + 60)
}

const MINUTE_AND_HALF: (Duration, Duration) = (Duration::from_secs(90), Duration::from_secs(92));

/// Sends one event, and then nothing.
fn events() -> Upstream {
    Upstream::scripted(|conn| {
        if conn.request().is_some() {
            conn.send(EVENTS);
            conn.wait_end();
        }
    })
}

fn bearing(request: Request, token: &Token) -> Request {
    request.field("Authorization", &token.bearer())
}

fn told(gateway: &Gateway, code: &str) -> Value {
    gateway.log.about(("code", code))
}

#[track_caller]
fn tunnel(gateway: &Gateway, request: Request) -> Client {
    let mut client = gateway.client();
    client.send(request);
    switched(&mut client);
    client.send(*b"ping");
    client.read_until(b"pong");
    client
}

#[test]
#[doc = "METH-05"]
fn a_tunnel_ends_when_its_token_expires() {
    let upstream = playing();
    let gateway = guarded(&upstream).start();
    let mut client = tunnel(&gateway, bearing(websocket(), &token()));
    let (least, most) = MINUTE_AND_HALF;
    gateway
        .clock
        .until(least, most, "the close", |patience| client.end_within(patience));
    upstream.wait_end(0);
    let line = told(&gateway, "token.expired");
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&101.into(), &"the credential has expired".into())
    );
}

#[test]
#[doc = "METH-05, CA-03"]
fn a_tunnel_ends_at_once_when_what_opened_it_is_revoked() {
    let upstream = playing();
    let gateway = guarded(&upstream).start();
    let mut client = tunnel(&gateway, bearing(websocket(), &token()));
    let mut other = tunnel(&gateway, websocket().field("X-API-KEY", KEY));
    revoke(&gateway, r#"{"token":"another"}"#);
    client.send(*b"ping");
    client.read_until(b"pong");
    revoke(&gateway, r#"{"subject":"alice","authenticator":"idp"}"#);
    client.is_closed();
    upstream.wait_end(0);
    let line = told(&gateway, "token.revoked");
    assert_eq!(line["reason"], "the subject was revoked");
    other.send(*b"ping");
    other.read_until(b"pong");
    revoke(&gateway, &format!("{{\"key\":\"{KEY_ID}\"}}"));
    other.is_closed();
    assert_eq!(told(&gateway, "key.revoked")["reason"], "the key was revoked");
}

#[test]
#[doc = "METH-05"]
fn who_was_let_in_by_several_stays_no_longer_than_the_first_of_them() {
    let upstream = playing();
    let keys = format!(
        "  keys: {{ api_key: {{ keys: [{{ id: k, expires: 2033-05-18T03:34:20Z, hash: \"sha256:{}\" }}] }} }}\n",
        hex(KEY)
    );
    let route = "{ path: /**, upstream: up, auth: [{ all: [keys, idp] }] }";
    let gateway = administered(with(&upstream, &(idp() + &keys), route)).start();
    let long = Token::of("alice");
    let request = bearing(websocket(), &long).field("X-API-KEY", KEY);
    let mut client = tunnel(&gateway, request);
    let (least, most) = (Duration::from_secs(60), Duration::from_secs(62));
    gateway
        .clock
        .until(least, most, "the close", |patience| client.end_within(patience));
    told(&gateway, "key.expired");
}

fn hex(key: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
#[doc = "METH-05"]
fn events_end_when_their_token_expires() {
    let upstream = events();
    let gateway = guarded(&upstream).start();
    let mut client = gateway.client();
    client.send(bearing(get("/"), &token()));
    client.read_until(b"data: 0\n\n");
    let (least, most) = MINUTE_AND_HALF;
    gateway
        .clock
        .until(least, most, "the end", |patience| client.end_within(patience));
    // Cut, not ended: no last chunk.
    assert_eq!(client.read_to_end(), b"\r\n");
    upstream.wait_end(0);
    assert_eq!(told(&gateway, "token.expired")["status"], 200);
}

#[test]
#[doc = "METH-05, CA-03"]
fn events_end_at_once_when_their_token_is_revoked() {
    let upstream = events();
    let gateway = guarded(&upstream).h2c().start();
    let mut client = gateway.client();
    client.send(bearing(get("/"), &token()));
    client.read_until(b"data: 0\n\n");
    let h2 = gateway.h2();
    let request = h2::with(h2::request("GET", "/"), "authorization", &token().bearer());
    let mut begun = h2.call(request, true).begun().unwrap();
    assert_eq!(begun.piece().unwrap().unwrap(), "data: 0\n\n");
    revoke(&gateway, r#"{"token":"t"}"#);
    assert_eq!(client.read_to_end(), b"\r\n");
    assert!(begun.piece().is_err());
    upstream.wait_end(0);
    upstream.wait_end(1);
    assert_eq!(told(&gateway, "token.revoked")["reason"], "the token was revoked");
}

#[test]
fn an_ordinary_answer_that_has_begun_is_finished() {
    let gate = crate::support::Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_some() {
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nfir");
            held.wait();
            conn.send("st!");
        }
    });
    let gateway = guarded(&upstream).start();
    let mut client = gateway.client();
    client.send(bearing(get("/"), &token()));
    client.read_until(b"fir");
    revoke(&gateway, r#"{"token":"t"}"#);
    gate.open();
    client.read_until(b"st!");
    client.ask(bearing(get("/"), &token())).is_problem(401, "token.revoked");
}

fn calls(upstream: &Http2Upstream) -> Setup {
    let settings = format!("{{ urls: [\"{}\"], protocol: h2c }}", upstream.url());
    let setup = Setup::new()
        .variable("SECRET", crate::support::token::SECRET)
        .top(&format!("auth:\n{}", idp()))
        .upstream_as("up", &settings)
        .route("{ path: /**, upstream: up, auth: idp }");
    administered(setup).h2c()
}

/// Sends every piece back.
async fn echo(mut stream: Stream) {
    let head = Response::builder().header("content-type", "application/grpc");
    let mut answer = stream.begin(head.body(()).unwrap());
    while let Some(data) = stream.read().await {
        if answer.send_data(data, false).is_err() {
            return;
        }
    }
    let _gone = answer.send_trailers(HeaderMap::new());
}

fn asked(gateway: &Gateway) -> Call {
    let request = h2::with(h2::request("POST", "/pkg.A/B"), "content-type", "application/grpc");
    let request = h2::with(request, "te", "trailers");
    let request = h2::with(request, "authorization", &token().bearer());
    let mut asked = gateway.h2().call(request, false);
    asked.send("hello", false);
    asked
}

fn begun(gateway: &Gateway) -> (Call, Begun) {
    let mut call = asked(gateway);
    let mut begun = call.begun().unwrap();
    assert_eq!(begun.piece().unwrap().unwrap(), Bytes::from("hello"));
    gateway.settle();
    (call, begun)
}

#[track_caller]
fn ends_unauthenticated(gateway: &Gateway, upstream: &Http2Upstream, begun: Begun, code: &str) {
    let answer = begun.rest().unwrap();
    assert_eq!(answer.trailers["grpc-status"], "16");
    assert!(answer.trailers.contains_key("grpc-message"));
    upstream.wait_reset(0);
    assert_eq!(told(gateway, code)["status"], 200);
}

#[test]
#[doc = "METH-05"]
fn a_call_ends_unauthenticated_when_its_token_expires() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = calls(&upstream).start();
    let (_call, begun) = begun(&gateway);
    let (least, most) = MINUTE_AND_HALF;
    gateway.clock.until(least, most, "the reset", |_| {
        std::thread::yield_now();
        upstream.stream().reset
    });
    ends_unauthenticated(&gateway, &upstream, begun, "token.expired");
}

#[test]
#[doc = "METH-05, CA-03"]
fn a_call_ends_unauthenticated_at_once_when_its_token_is_revoked() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = calls(&upstream).start();
    let (_call, begun) = begun(&gateway);
    revoke(&gateway, r#"{"token":"t"}"#);
    ends_unauthenticated(&gateway, &upstream, begun, "token.revoked");
}

#[test]
#[doc = "METH-05, CA-03"]
fn a_call_that_has_no_answer_yet_ends_too() {
    let upstream = Http2Upstream::scripted(|mut stream: Stream| async move {
        while stream.read().await.is_some() {}
        stream.wait_reset().await;
    });
    let gateway = calls(&upstream).start();
    let mut call = asked(&gateway);
    upstream.wait_streams(1);
    gateway.settle();
    revoke(&gateway, r#"{"token":"t"}"#);
    let answer = call.answer().is_refused_call(16, "token.revoked");
    assert!(answer.body.is_empty());
    upstream.wait_reset(0);
}
