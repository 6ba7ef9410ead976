//! Lists of authenticators: who owns a credential, and which of them are enough.

use super::{guarded, idp, jwt, with};
use crate::support::token::{ISSUER, Token};
use crate::support::{Upstream, get};

const PARTNER: &str = "https://partner.example.test";
const BEARER: &str = "Bearer realm=\"portcullis\"";
const BAD_BEARER: &str = "Bearer realm=\"portcullis\", error=\"invalid_token\"";

#[test]
#[doc = "P-1, AZ-01"]
fn who_presents_nothing_is_asked_for_what_would_do() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let answer = gateway.get("/").is_problem(401, "credential.missing");
    assert_eq!(answer.field("www-authenticate"), Some(BEARER));
    upstream.saw_nothing();
}

#[test]
fn who_presents_a_good_credential_comes_in() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    gateway
        .ask(get("/").field("Authorization", &Token::of("alice").bearer()))
        .is(200);
}

#[test]
#[doc = "JWT-14"]
fn who_presents_a_bad_one_is_told_so_and_no_more() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let forged = Token::of("alice").secret("another secret of thirty-two bytes!!");
    let answer = gateway
        .ask(get("/").field("Authorization", &forged.bearer()))
        .is_problem(401, "token.signature");
    assert_eq!(answer.field("www-authenticate"), Some(BAD_BEARER));
    assert!(!answer.text().contains("alice") && !answer.text().contains("secret"));
    upstream.saw_nothing();
}

#[test]
#[doc = "JWT-05"]
fn two_identity_providers_stand_side_by_side() {
    let upstream = Upstream::ok();
    let both = idp() + &jwt("partner", PARTNER, "");
    let gateway = with(&upstream, &both, "{ path: /**, upstream: up, auth: [idp, partner] }").start();
    for issuer in [ISSUER, PARTNER] {
        let token = Token::of("alice").claim("iss", issuer);
        gateway.ask(get("/").field("Authorization", &token.bearer())).is(200);
    }
    let seen = upstream.requests();
    let seen: Vec<_> = seen.iter().map(|request| request.field("x-auth-method")).collect();
    assert_eq!(seen, [Some("idp"), Some("partner")]);
    let stranger = Token::of("alice").claim("iss", "https://elsewhere.test");
    gateway
        .ask(get("/").field("Authorization", &stranger.bearer()))
        .is_problem(401, "token.issuer");
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
#[doc = "AZ-02"]
fn a_bad_credential_is_refused_also_where_none_is_needed() {
    let upstream = Upstream::ok();
    let gateway = with(&upstream, &idp(), "{ path: /**, upstream: up, auth: [idp, public] }").start();
    gateway.get("/").is(200);
    let seen = upstream.requests().len();
    for credential in ["Bearer x", "Bearer a.b.c", &Token::of("a").claim("exp", 1).bearer()] {
        gateway.ask(get("/").field("Authorization", credential)).is(401);
    }
    assert_eq!(upstream.requests().len(), seen);
    gateway
        .ask(get("/").field("Authorization", &Token::of("alice").bearer()))
        .is(200);
    // Nobody here reads this scheme: it is the upstream's.
    gateway.ask(get("/").field("Authorization", "Digest x")).is(200);
    let last = upstream.requests().pop().unwrap();
    assert_eq!(last.field("authorization"), Some("Digest x"));
}

#[test]
#[doc = "P-4"]
fn a_credential_in_another_place_is_no_credential() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let token = Token::of("alice").text();
    for request in [
        get(&format!("/?access_token={token}")),
        get("/").field("X-Authorization", &format!("Bearer {token}")),
        get("/").field("Cookie", &format!("access_token={token}")),
        get("/").field("Authorization", &token),
    ] {
        gateway.ask(request).is_problem(401, "credential.missing");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "HDR-08"]
fn two_credentials_of_one_kind_are_refused() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let bearer = Token::of("alice").bearer();
    let twice = get("/").field("Authorization", &bearer).field("Authorization", &bearer);
    gateway.ask(twice).is_problem(400, "header.invalid");
    upstream.saw_nothing();
}

#[test]
fn two_credentials_where_one_is_asked_for_are_a_conflict() {
    let upstream = Upstream::ok();
    let both = idp() + &jwt("app", PARTNER, "from: [\"cookie:app\"]");
    let gateway = with(&upstream, &both, "{ path: /**, upstream: up, auth: [idp, app] }").start();
    let (bearer, app) = (
        Token::of("alice").bearer(),
        Token::of("bob").claim("iss", PARTNER).text(),
    );
    let cookie = format!("app={app}");
    let ask = |bearer: &str, cookie: &str| gateway.ask(get("/").field("Authorization", bearer).field("Cookie", cookie));
    ask(&bearer, &cookie).is_problem(400, "credential.conflict");
    // A bad one is told before the conflict.
    ask(&bearer, "app=a.b.c").is(401);
    ask("Bearer a.b.c", &cookie).is(401);
    upstream.saw_nothing();
    gateway.ask(get("/").field("Cookie", &cookie)).is(200);
}

#[test]
fn several_together_let_in_who_presents_all_of_them() {
    let upstream = Upstream::ok();
    let both = idp() + &jwt("app", PARTNER, "from: [\"header:X-App\"]");
    let gateway = with(
        &upstream,
        &both,
        "{ path: /**, upstream: up, auth: [{ all: [app, idp] }] }",
    )
    .start();
    let (bearer, app) = (
        Token::of("alice").bearer(),
        Token::of("bob").claim("iss", PARTNER).text(),
    );
    gateway
        .ask(get("/").field("Authorization", &bearer))
        .is_problem(401, "credential.missing");
    gateway
        .ask(get("/").field("X-App", &app))
        .is_problem(401, "credential.missing");
    gateway
        .ask(get("/").field("Authorization", &bearer).field("X-App", "a.b.c"))
        .is(401);
    upstream.saw_nothing();
    gateway
        .ask(get("/").field("Authorization", &bearer).field("X-App", &app))
        .is(200);
    let seen = upstream.requests().remove(0);
    assert_eq!(seen.field("x-auth-subject"), Some("alice"), "the last one speaks");
    assert_eq!((seen.field("authorization"), seen.field("x-app")), (None, None));
}

#[test]
#[doc = "CF-01"]
fn a_route_names_no_more_than_it_can_keep_apart() {
    let upstream = Upstream::ok();
    let all: String = (0..65)
        .map(|n| jwt(&format!("i{n}"), &format!("https://{n}.test"), ""))
        .collect();
    let names = |count: usize| (0..count).map(|n| format!("i{n}")).collect::<Vec<_>>().join(", ");
    let route = |count| format!("{{ path: /**, upstream: up, auth: [{}] }}", names(count));
    let faults = with(&upstream, &all, &route(65)).faults();
    assert!(faults.contains("at most 64"), "{faults}");
    let gateway = with(&upstream, &all, &route(64)).start();
    let last = Token::of("alice").claim("iss", "https://63.test");
    gateway.ask(get("/").field("Authorization", &last.bearer())).is(200);
    assert_eq!(upstream.requests().pop().unwrap().field("x-auth-method"), Some("i63"));
}

#[test]
fn two_that_would_claim_the_same_do_not_load_together() {
    let upstream = Upstream::ok();
    let both = idp() + &jwt("again", ISSUER, "");
    let faults = with(&upstream, &both, "{ path: /**, upstream: up, auth: [idp, again] }").faults();
    assert!(faults.contains("auth.overlap"), "{faults}");
    // Each on its own route is fine.
    let two = with(&upstream, &both, "{ path: /a, upstream: up, auth: idp }");
    two.route("{ path: /b, upstream: up, auth: again }").start();
}
