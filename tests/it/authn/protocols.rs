//! Who is asking, whatever the request came in: HTTP/2, calls of gRPC, other networks than its own.

use super::{guarded, idp, jwt, with as authenticators};
use crate::support::h2::{request, with};
use crate::support::token::{ISSUER, SECRET, Token};
use crate::support::{Setup, Upstream, get};

#[test]
#[doc = "P-4, HDR-09"]
fn a_stream_of_http2_is_somebodys_for_itself() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).h2c().start();
    let client = gateway.h2();
    let (alice, bob) = (Token::of("alice").bearer(), Token::of("bob").bearer());
    for (bearer, wanted) in [(Some(&alice), "alice"), (None, ""), (Some(&bob), "bob"), (None, "")] {
        let mut asked = request("GET", "/");
        if let Some(bearer) = bearer {
            asked = with(asked, "authorization", bearer);
        }
        let answer = client.ask(asked);
        if wanted.is_empty() {
            let refused = answer.is_problem(401, "credential.missing");
            assert_eq!(refused.field("www-authenticate"), Some("Bearer realm=\"portcullis\""));
            continue;
        }
        answer.is(200);
        let seen = upstream.requests().pop().unwrap();
        assert_eq!(seen.field("x-auth-subject"), Some(wanted));
        assert_eq!(seen.field("authorization"), None);
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
#[doc = "HDR-08"]
fn two_credentials_of_one_kind_are_refused_in_http2_too() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).h2c().start();
    let bearer = Token::of("alice").bearer();
    let mut asked = with(request("GET", "/"), "authorization", &bearer);
    asked.headers_mut().append("authorization", bearer.parse().unwrap());
    gateway.h2().ask(asked).is_problem(400, "header.invalid");
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-13"]
fn a_token_in_one_of_several_cookie_fields_is_found_and_taken_out() {
    let upstream = Upstream::ok();
    let cookie = jwt("idp", ISSUER, "from: [\"cookie:tok\"]");
    let gateway = authenticators(&upstream, &cookie, "{ path: /**, upstream: up, auth: idp }")
        .h2c()
        .start();
    let mut asked = with(request("GET", "/"), "cookie", "a=1");
    let token = format!("tok={}", Token::of("alice").text());
    for crumb in [token.as_str(), "b=2"] {
        asked.headers_mut().append("cookie", crumb.parse().unwrap());
    }
    gateway.h2().ask(asked).is(200);
    assert_eq!(upstream.requests().pop().unwrap().field("cookie"), Some("a=1; b=2"));
}

#[test]
fn a_call_of_grpc_without_a_credential_is_unauthenticated() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).h2c().start();
    let asked = with(request("POST", "/pkg.Orders/List"), "content-type", "application/grpc");
    gateway.h2().ask(asked).is_refused_call(16, "credential.missing");
    upstream.saw_nothing();
}

#[test]
#[doc = "AZ-03"]
fn a_network_is_asked_for_beside_a_credential_and_never_instead() {
    let upstream = Upstream::ok();
    let route = |path: &str, allow: &str| {
        format!("{{ path: {path}, upstream: up, auth: idp, networks: {{ allow: [{allow}] }} }}")
    };
    let gateway = authenticators(&upstream, &idp(), &route("/here", "127.0.0.0/8"))
        .route(&route("/there", "192.0.2.0/24"))
        .start();
    let bearer = Token::of("alice").bearer();
    gateway.get("/here").is_problem(401, "credential.missing");
    gateway
        .ask(get("/there").field("Authorization", &bearer))
        .is_problem(403, "address.denied");
    upstream.saw_nothing();
    gateway.ask(get("/here").field("Authorization", &bearer)).is(200);
}

#[test]
#[doc = "CF-02, JWT-11"]
fn a_secret_that_is_missing_empty_short_or_in_clear_does_not_load() {
    let upstream = Upstream::ok();
    let with_secret = |secret: &str| {
        let idp = format!("  idp: {{ jwt: {{ issuer: me, audience: you, secret: \"{secret}\" }} }}\n");
        let setup = Setup::new()
            .variable("EMPTY", "")
            .variable("SHORT", &SECRET[..31])
            .top(&format!("auth:\n{idp}"));
        setup
            .upstream("up", &upstream)
            .route("{ path: /, upstream: up, auth: idp }")
            .faults()
    };
    for (secret, code) in [
        ("${env:NOT_THERE_AT_ALL}", "env.missing"),
        ("${env:EMPTY}", "secret.empty"),
        (SECRET, "secret.inline"),
        ("${env:SHORT:-a secret of thirty-two bytes or more}", "secret.inline"),
    ] {
        let faults = with_secret(secret);
        assert!(faults.contains(code), "{secret}: {faults}");
        assert!(!faults.contains(&SECRET[..20]), "{faults}");
    }
    let short = with_secret("${env:SHORT}");
    assert!(short.contains("32 bytes") && !short.contains(&SECRET[..20]), "{short}");
}
