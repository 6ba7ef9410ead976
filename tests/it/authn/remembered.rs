//! Verdicts that are remembered: the second answer is the first one, for as long as that holds and no longer.

use super::{guarded, idp, jwt, with};
use crate::support::token::{ISSUER, NOW, Token};
use crate::support::{Upstream, get};

#[test]
#[doc = "CA-02, JWT-08"]
fn a_remembered_token_ends_when_it_ends() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let bearer = Token::of("alice").claim("exp", NOW + 60).bearer();
    let ask = || gateway.ask(get("/").field("Authorization", &bearer));
    ask().is(200);
    // Thirty seconds of leeway.
    gateway.clock.advance_secs(89);
    ask().is(200);
    gateway.clock.advance_secs(1);
    let seen = upstream.requests().len();
    ask().is_problem(401, "token.expired");
    ask().is_problem(401, "token.expired");
    assert_eq!(upstream.requests().len(), seen);
}

#[test]
fn a_refused_token_is_refused_again_the_same_way() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let early = Token::of("alice").claim("nbf", NOW + 600).bearer();
    for _ in 0..3 {
        gateway
            .ask(get("/").field("Authorization", &early))
            .is_problem(401, "token.not_yet_valid");
    }
    upstream.saw_nothing();
    gateway.clock.advance_secs(600);
    gateway.ask(get("/").field("Authorization", &early)).is(200);
}

#[test]
#[doc = "CA-04, CF-05"]
fn other_settings_remember_nothing() {
    let upstream = Upstream::ok();
    let setup = guarded(&upstream).in_file();
    let gateway = setup.start();
    let bearer = Token::of("alice").bearer();
    let ask = || gateway.ask(get("/").field("Authorization", &bearer));
    ask().is(200);
    let stricter = with(
        &upstream,
        &jwt("idp", ISSUER, "require_claims: { tenant: a }"),
        "{ path: /**, upstream: up, auth: idp }",
    );
    gateway.reload_as(&stricter).unwrap();
    let seen = upstream.requests().len();
    ask().is(401);
    assert_eq!(upstream.requests().len(), seen);
}

#[test]
#[doc = "CA-05"]
fn one_routes_verdict_is_not_another_routes() {
    let upstream = Upstream::ok();
    let both = idp() + &jwt("strict", ISSUER, "require_claims: { tenant: a }");
    let gateway = with(&upstream, &both, "{ path: /a, upstream: up, auth: idp }")
        .route("{ path: /b, upstream: up, auth: strict }")
        .start();
    let bearer = Token::of("alice").bearer();
    for _ in 0..2 {
        gateway.ask(get("/a").field("Authorization", &bearer)).is(200);
        gateway.ask(get("/b").field("Authorization", &bearer)).is(401);
    }
}

#[test]
#[doc = "AZ-02, CA-05"]
fn a_verdict_of_who_takes_the_rest_is_not_used_for_anothers_credential() {
    let upstream = Upstream::ok();
    // Both take tokens of the issuer `idp`; `any` only where `idp` is not listed beside it.
    let any = "  any: { jwt: { issuer: any, audience: any, secret: \"${env:SECRET}\" } }\n";
    for cache in ["", "cache: off"] {
        let both = jwt("idp", ISSUER, &format!("require_claims: {{ tenant: a }}, {cache}")) + any;
        let gateway = with(&upstream, &both, "{ path: /a, upstream: up, auth: any }")
            .route("{ path: /b, upstream: up, auth: [idp, any] }")
            .start();
        let bearer = Token::of("alice").bearer();
        for _ in 0..2 {
            gateway.ask(get("/a").field("Authorization", &bearer)).is(200);
            // Of its own issuer and bad: nobody else is asked.
            gateway.ask(get("/b").field("Authorization", &bearer)).is(401);
        }
        let other = Token::of("bob").claim("iss", "https://elsewhere.test").bearer();
        for _ in 0..2 {
            gateway.ask(get("/b").field("Authorization", &other)).is(200);
        }
    }
}
