//! Signed requests through a running gateway: what goes on is what was signed, once.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::with;
use crate::support::token::{NOW, SECRET};
use crate::support::{HOST, Request, Setup, Upstream, get, post};

const V1: &str =
    "  partner: { signature: { scheme: v1, keys: [{ id: acme, secret: \"${env:SECRET}\", roles: [svc] }] } }\n";
const ROUTE: &str = "{ path: /**, upstream: up, auth: partner }";
const NONCE: &str = "0123456789abcdef";

fn setup(upstream: &Upstream) -> Setup {
    with(upstream, V1, ROUTE)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::sign(&key, message).as_ref().to_vec()
}

/// The line for `X-Signature`, of a request made now.
fn v1(method: &str, target: &str, nonce: &str, body: &[u8]) -> String {
    let body = hex(digest::digest(&digest::SHA256, body).as_ref());
    let signed = format!("v1\nacme\n{method}\n{target}\n{HOST}\n{NOW}\n{nonce}\n{body}");
    format!("v1={}", hex(&mac(signed.as_bytes())))
}

fn with_v1(request: Request, nonce: &str, signature: &str) -> Request {
    request
        .field("X-Signature-Key", "acme")
        .field("X-Signature-Timestamp", &NOW.to_string())
        .field("X-Signature-Nonce", nonce)
        .field("X-Signature", signature)
}

fn signed_post(target: &str, nonce: &str, body: &[u8]) -> Request {
    with_v1(post(target, body), nonce, &v1("POST", target, nonce, body))
}

#[test]
#[doc = "HM-01, HM-03, HM-04, HDR-09"]
fn what_was_signed_goes_on_once_and_its_signature_stays_here() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).start();
    let request = signed_post("/in?x=%20&y", NONCE, b"{\"a\": 1}\r\n\0");
    gateway.ask(request.clone()).is(200);
    gateway.ask(request).is_problem(401, "signature.replayed");
    let [seen] = upstream.requests().try_into().unwrap();
    assert_eq!(
        (seen.target(), &seen.body[..]),
        ("/in?x=%20&y", &b"{\"a\": 1}\r\n\0"[..])
    );
    assert_eq!(
        (seen.field("x-auth-subject"), seen.field("x-auth-roles")),
        (Some("acme"), Some("svc"))
    );
    let left: Vec<String> = seen
        .head
        .names()
        .into_iter()
        .filter(|name| name.contains("signature"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    gateway.ask(signed_post("/in", "another-nonce-16", b"")).is(200);
}

#[test]
#[doc = "HM-01, HM-02"]
fn what_differs_from_what_was_signed_goes_nowhere() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).start();
    let signature = v1("POST", "/in?x=1", NONCE, b"body");
    for request in [
        post("/in?x=1", "bodY"),
        post("/in?x=1", ""),
        post("/in?x=2", "body"),
        post("/in", "body"),
        post("/in?x=1", "body").host(&HOST.to_uppercase()),
        Request::new("PUT", "/in?x=1").body("body"),
    ] {
        gateway
            .ask(with_v1(request, NONCE, &signature))
            .is_problem(401, "signature.invalid");
    }
    let missing = gateway
        .ask(post("/in?x=1", "body"))
        .is_problem(401, "credential.missing");
    let challenge = "Signature realm=\"portcullis\", scheme=\"v1\"";
    assert_eq!(missing.field("www-authenticate"), Some(challenge));
    let twice = with_v1(post("/in?x=1", "body"), NONCE, &signature).field("X-Signature-Nonce", NONCE);
    gateway.ask(twice).is_problem(400, "header.invalid");
    upstream.saw_nothing();
    gateway.ask(with_v1(post("/in?x=1", "body"), NONCE, &signature)).is(200);
}

#[test]
#[doc = "HM-04"]
fn a_body_in_chunks_is_signed_as_what_it_says_and_unsigned_trailers_stay_here() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).start();
    let signature = v1("POST", "/in", NONCE, b"\x1f\x8bzip");
    let head = with_v1(Request::new("POST", "/in"), NONCE, &signature)
        .field("Content-Encoding", "gzip")
        .field("Trailer", "X-Late")
        .chunked();
    let mut client = gateway.client();
    client
        .send(head)
        .send(b"3\r\n\x1f\x8bz\r\n2\r\nip\r\n0\r\nX-Late: 1\r\n\r\n");
    client.response().is(200);
    let seen = upstream.request();
    assert_eq!(seen.body, b"\x1f\x8bzip");
    assert_eq!(seen.field("content-encoding"), Some("gzip"));
    assert!(!seen.has("x-late"));
}

#[test]
#[doc = "HM-05"]
fn what_can_be_refused_without_the_body_does_not_wait_for_it() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).start();
    let signature = v1("POST", "/in", NONCE, b"body");
    let announced = |key: &str, time: u64, signature: &str| {
        Request::new("POST", "/in")
            .announcing(4)
            .field("X-Signature-Key", key)
            .field("X-Signature-Timestamp", &time.to_string())
            .field("X-Signature-Nonce", NONCE)
            .field("X-Signature", signature)
    };
    for (request, code) in [
        (announced("nobody", NOW, &signature), "signature.invalid"),
        (announced("acme", NOW - 301, &signature), "signature.expired"),
        (announced("acme", NOW, &signature[..40]), "signature.invalid"),
    ] {
        gateway.client().ask(request).is_problem(401, code);
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "HM-05"]
fn a_body_beyond_the_limit_of_the_authenticator_is_not_taken() {
    let upstream = Upstream::ok();
    let small = V1.replace("scheme: v1,", "scheme: v1, body_max: 8B,");
    let gateway = with(&upstream, &small, ROUTE).start();
    gateway
        .ask(signed_post("/in", NONCE, b"123456789"))
        .is_problem(413, "body.too_large");
    upstream.saw_nothing();
    gateway.ask(signed_post("/in", NONCE, b"12345678")).is(200);
}

#[test]
#[doc = "HM-05"]
fn who_announces_bodies_and_sends_none_takes_no_room() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).start();
    let announcing = |n: usize| {
        let request = Request::new("POST", "/in").chunked();
        with_v1(request, &format!("{NONCE}{n}"), &format!("v1={n:064}"))
    };
    // Together they announce more than all bodies may take.
    let _waiting: Vec<_> = (0..200)
        .map(|n| {
            let mut client = gateway.client();
            client.send(announcing(n));
            client
        })
        .collect();
    gateway.settle();
    gateway.ask(signed_post("/in", NONCE, b"1")).is(200);
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
#[doc = "HM-03"]
fn time_ends_a_signature_both_ways() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).start();
    gateway.clock.advance_secs(300);
    gateway.ask(signed_post("/in", NONCE, b"1")).is(200);
    gateway.clock.advance_secs(1);
    gateway
        .ask(signed_post("/in", "another-nonce-16", b"1"))
        .is_problem(401, "signature.expired");
    gateway
        .ask(signed_post("/in", NONCE, b"1"))
        .is_problem(401, "signature.expired");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
#[doc = "HM-03"]
fn a_reload_and_another_worker_remember_what_was_used() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).workers(2).in_file().start();
    let request = signed_post("/in", NONCE, b"1");
    gateway.ask(request.clone()).is(200);
    for _ in 0..8 {
        gateway.ask(request.clone()).is_problem(401, "signature.replayed");
    }
    let changed = V1.replace("roles: [svc]", "roles: [other]");
    gateway.reload_as(&with(&upstream, &changed, ROUTE).workers(2)).unwrap();
    gateway.ask(request).is_problem(401, "signature.replayed");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
#[doc = "HM-01, HM-02, HM-03"]
fn a_message_signature_leaves_the_digest_of_the_body_behind() {
    let upstream = Upstream::ok();
    let rfc9421 = V1.replace("scheme: v1", "scheme: rfc9421");
    let gateway = with(&upstream, &rfc9421, ROUTE).start();
    let content = STANDARD.encode(digest::digest(&digest::SHA256, b"body"));
    let content = format!("sha-256=:{content}:");
    let covered = "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")";
    let parameters = format!("{covered};created={NOW};keyid=\"acme\"");
    let base = format!(
        "\"@method\": POST\n\"@authority\": {HOST}\n\"@path\": /in\n\"@query\": ?x=1\n\"content-digest\": {content}\n\
         \"@signature-params\": {parameters}"
    );
    let signature = format!("sig=:{}:", STANDARD.encode(mac(base.as_bytes())));
    let signed = |target: &str, body: &str| {
        post(target, body)
            .field("Content-Digest", &content)
            .field("Signature-Input", &format!("sig={parameters}"))
            .field("Signature", &signature)
    };
    for request in [
        signed("/in?x=2", "body"),
        signed("/in?x=1", "bodY"),
        signed("/in?x=1", ""),
    ] {
        gateway.ask(request).is_problem(401, "signature.invalid");
    }
    upstream.saw_nothing();
    gateway.ask(signed("/in?x=1", "body")).is(200);
    gateway
        .ask(signed("/in?x=1", "body"))
        .is_problem(401, "signature.replayed");
    let seen = upstream.request();
    assert_eq!(seen.field("content-digest"), Some(&*content));
    assert!(!seen.has("signature") && !seen.has("signature-input"));
}

#[test]
#[doc = "HM-02"]
fn a_webhook_is_its_makers() {
    let upstream = Upstream::ok();
    let github = V1.replace("scheme: v1", "scheme: github");
    let gateway = with(&upstream, &github, ROUTE).start();
    let signature = format!("sha256={}", hex(&mac(b"{}")));
    for _ in 0..2 {
        gateway
            .ask(post("/hook", "{}").field("X-Hub-Signature-256", &signature))
            .is(200);
    }
    gateway
        .ask(post("/hook", "[]").field("X-Hub-Signature-256", &signature))
        .is_problem(401, "signature.invalid");
    gateway.ask(get("/hook")).is_problem(401, "credential.missing");
    let requests = upstream.requests();
    assert_eq!(requests.len(), 2);
    assert!(!requests[0].has("x-hub-signature-256"));
}
