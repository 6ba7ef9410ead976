//! Tokens whose issuer is asked.

use super::with;
use crate::support::{Setup, Upstream, get};

/// Everything goes to `upstream`, for whoever brings a token that `issuer` calls active.
fn guarded(upstream: &Upstream, issuer: &Upstream) -> Setup {
    let corp = format!(
        "  corp: {{ introspection: {{ url: \"{}/introspect\", client_id: gw, client_secret: \"${{env:SECRET}}\" }} }}\n",
        issuer.url()
    );
    with(upstream, &corp, "{ path: /**, upstream: up, auth: corp }")
}

fn saying(body: &str) -> Upstream {
    Upstream::answering(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

#[test]
#[doc = "KEY-01"]
fn a_token_that_its_issuer_calls_active_lets_in_and_is_asked_about_once() {
    let issuer = saying(r#"{"active":true,"sub":"u1","scope":"read"}"#);
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream, &issuer).start();
    for _ in 0..3 {
        gateway.ask(get("/").field("Authorization", "Bearer opaque-1")).is(200);
    }
    let asked = issuer.request();
    assert_eq!(asked.target(), "/introspect");
    assert!(asked.field("authorization").unwrap().starts_with("Basic "));
    for seen in upstream.requests() {
        assert_eq!(seen.field("authorization"), None);
        assert_eq!(seen.field("x-auth-subject"), Some("u1"));
        assert_eq!(seen.field("x-auth-scopes"), Some("read"));
    }
}

#[test]
fn a_token_that_its_issuer_does_not_know_is_refused() {
    let issuer = saying(r#"{"active":false}"#);
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream, &issuer).start();
    let answer = gateway.ask(get("/").field("Authorization", "Bearer opaque-1"));
    let answer = answer.is_problem(401, "credential.refused");
    assert!(answer.field("www-authenticate").unwrap().starts_with("Bearer realm="));
    upstream.saw_nothing();
}

#[test]
#[doc = "CA-06"]
fn an_issuer_in_trouble_is_an_outage_that_nobody_remembers() {
    let issuer = Upstream::answering("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream, &issuer).start();
    for _ in 0..2 {
        gateway
            .ask(get("/").field("Authorization", "Bearer opaque-1"))
            .is_problem(503, "issuer.unavailable");
    }
    assert_eq!(issuer.requests().len(), 2);
    upstream.saw_nothing();
}
