//! A name and a password with each request.

use super::with;
use crate::support::{Gateway, Request, Setup, Upstream, get};

/// `U*U`, in an old form that is quick to verify.
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
/// `ops:U*U`.
const RIGHT: &str = "Basic b3BzOlUqVQ==";

fn guarded(upstream: &Upstream) -> Setup {
    let users = format!("  ops: {{ basic: {{ users: [{{ name: ops, hash: \"{HASH}\", roles: [ops] }}] }} }}\n");
    with(upstream, &users, "{ path: /**, upstream: up, auth: ops }")
}

fn with_credential(credential: &str) -> Request {
    get("/").field("Authorization", credential)
}

fn refused(gateway: &Gateway, credential: &str, code: &str) {
    let answer = gateway.ask(with_credential(credential)).is_problem(401, code);
    assert_eq!(
        answer.field("www-authenticate"),
        Some("Basic realm=\"portcullis\", charset=\"UTF-8\""),
        "{credential}"
    );
}

#[test]
#[doc = "ID-01"]
fn the_right_password_lets_in_and_does_not_go_on() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    for _ in 0..2 {
        gateway.ask(with_credential(RIGHT)).is(200);
    }
    for seen in upstream.requests() {
        assert_eq!(seen.field("authorization"), None);
        assert_eq!(seen.field("x-auth-subject"), Some("ops"));
        assert_eq!(seen.field("x-auth-roles"), Some("ops"));
    }
}

#[test]
#[doc = "ID-01, ID-04"]
fn who_exists_cannot_be_told_from_a_refusal() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    // `ops:wrong`, `nobody:U*U`, `ops` without a colon, no base64, another spelling of what is right.
    for credential in [
        "Basic b3BzOndyb25n",
        "Basic bm9ib2R5OlUqVQ==",
        "Basic b3Bz",
        "Basic !",
        "Basic b3BzOlUqVQ",
    ] {
        refused(&gateway, credential, "credential.refused");
    }
    upstream.saw_nothing();
}
