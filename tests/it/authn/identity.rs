//! What the upstream is told of who asks, and what it never gets to see.

use serde_json::json;

use super::{guarded, idp, jwt, with};
use crate::support::token::{ISSUER, Token};
use crate::support::{Upstream, get, post};

#[test]
#[doc = "HDR-03, HDR-04"]
fn the_upstream_is_told_who_asks() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let token = Token::of("al ice")
        .claim("roles", json!(["admin", "a,b"]))
        .claim("scope", "orders:read orders:write")
        .claim("email", "alice@example.test")
        .claim("email_verified", true);
    gateway.ask(get("/").field("Authorization", &token.bearer())).is(200);
    let seen = upstream.requests().remove(0);
    let told = |name| seen.field(name).unwrap_or_default();
    assert_eq!(told("x-auth-subject"), "al ice");
    assert_eq!(told("x-auth-method"), "idp");
    assert_eq!(told("x-auth-roles"), "admin,a%2Cb");
    assert_eq!(told("x-auth-scopes"), "orders:read,orders:write");
    assert_eq!(told("x-auth-email"), "alice@example.test");
}

#[test]
#[doc = "HDR-03"]
fn what_nobody_verified_is_not_told() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let token = Token::of("alice")
        .claim("email", "root@example.test")
        .claim("email_verified", "true");
    gateway.ask(get("/").field("Authorization", &token.bearer())).is(200);
    let seen = upstream.requests().remove(0);
    for absent in ["x-auth-email", "x-auth-roles", "x-auth-scopes"] {
        assert_eq!(seen.field(absent), None, "{absent}");
    }
}

#[test]
#[doc = "HDR-01, P-4"]
fn nobody_introduces_himself() {
    let upstream = Upstream::ok();
    let gateway = with(&upstream, &idp(), "{ path: /**, upstream: up, auth: [idp, public] }").start();
    for bearer in [None, Some(Token::of("alice").bearer())] {
        let mut request = get("/")
            .field("X-Auth-Subject", "root")
            .field("X_Auth_Roles", "admin")
            .field("x-auth-scopes", "all")
            .field("Connection", "x-auth-subject, x-auth-method");
        if let Some(bearer) = &bearer {
            request = request.field("Authorization", bearer);
        }
        gateway.ask(request).is(200);
        let seen = upstream.requests().pop().unwrap();
        let subject = seen.field("x-auth-subject");
        assert_eq!(subject, bearer.is_some().then_some("alice"));
        assert_eq!((seen.field("x_auth_roles"), seen.field("x-auth-roles")), (None, None));
        assert_eq!(seen.field("x-auth-scopes"), None);
    }
}

#[test]
#[doc = "HDR-09"]
fn credentials_go_no_further_unless_the_route_says_so() {
    let upstream = Upstream::ok();
    let places = "from: [bearer, \"cookie:tok\", \"query:tok\", \"header:X-Tok\"]";
    let gateway = with(
        &upstream,
        &jwt("idp", ISSUER, places),
        "{ path: /**, upstream: up, auth: idp }",
    )
    .route("{ path: /kept, upstream: up, auth: idp, forward: { strip_credentials: false } }")
    .start();
    let (text, bearer) = (Token::of("alice").text(), Token::of("alice").bearer());
    for request in [
        get("/p?a=1&b=2").field("Authorization", &bearer),
        get("/p?a=1&b=2").field("Cookie", &format!("x=1; tok={text}; y=2")),
        get(&format!("/p?a=1&tok={text}&b=2")),
        get("/p?a=1&b=2").field("X-Tok", &text),
    ] {
        gateway.ask(request).is(200);
        let seen = upstream.requests().pop().unwrap();
        assert_eq!(seen.target(), "/p?a=1&b=2");
        assert!(!format!("{seen:?}").contains(&text));
        assert_eq!(seen.field("x-auth-subject"), Some("alice"));
    }
    gateway.ask(get("/kept").field("Authorization", &bearer)).is(200);
    let seen = upstream.requests().pop().unwrap();
    assert_eq!(seen.field("authorization"), Some(&*bearer));
}

#[test]
#[doc = "HDR-09"]
fn a_redirect_does_not_repeat_the_token_of_the_query() {
    let upstream = Upstream::ok();
    let settings = jwt("idp", ISSUER, "from: [\"query:tok\"]");
    let route = "{ path: /old, redirect: { to: /new }, auth: idp }";
    let gateway = with(&upstream, &settings, route).start();
    let token = Token::of("alice").text();
    let answer = gateway.get(&format!("/old?a=1&tok={token}&b=2")).is(308);
    assert_eq!(answer.field("location"), Some("/new?a=1&b=2"));
}

#[test]
#[doc = "AZ-02, P-3"]
fn what_is_nearly_a_bearer_is_refused_and_goes_nowhere() {
    let upstream = Upstream::ok();
    let gateway = with(&upstream, &idp(), "{ path: /**, upstream: up, auth: [idp, public] }").start();
    let token = Token::of("alice").text();
    for value in [
        format!("Bearer\t{token}"),
        format!("Bearer={token}"),
        "bearer,".to_owned(),
    ] {
        gateway.ask(get("/").field("Authorization", &value)).is(401);
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "AZ-02, HTTP-18"]
fn a_credential_is_judged_whatever_connection_says_of_it() {
    let upstream = Upstream::ok();
    let settings = idp() + &jwt("app", "https://app.test", "from: [\"header:X-App\", \"cookie:app\"]");
    let gateway = with(
        &upstream,
        &settings,
        "{ path: /**, upstream: up, auth: [idp, app, public] }",
    )
    .start();
    let bad = Token::of("alice").claim("exp", 1);
    for (name, value) in [
        ("Authorization", bad.bearer()),
        ("X-App", bad.text()),
        ("Cookie", format!("app={}", bad.text())),
    ] {
        let request = get("/").field(name, &value).field("Connection", &name.to_lowercase());
        gateway.ask(request).is(401);
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "CF-01"]
fn a_credential_that_would_never_be_seen_does_not_load() {
    let upstream = Upstream::ok();
    let faults = |field: &str, headers: &str| {
        let settings = jwt("idp", ISSUER, &format!("from: [\"header:{field}\"]"));
        let route = format!("{{ path: /**, upstream: up, auth: idp, forward: {{ headers: {headers} }} }}");
        with(&upstream, &settings, &route).faults()
    };
    for field in ["X_Token", "X-Auth-Token", "X-Forwarded-Access-Token", "Connection"] {
        let told = faults(field, "none");
        assert!(told.contains("header.reserved"), "{field}: {told}");
    }
    let told = faults("X-User", "{ subject: X-User }");
    assert!(told.contains("header.reserved"), "{told}");
}

#[test]
fn the_headers_have_the_names_that_the_route_wants() {
    let upstream = Upstream::ok();
    let route = |path: &str, headers: &str| {
        format!("{{ path: {path}, upstream: up, auth: idp, forward: {{ headers: {headers} }} }}")
    };
    let gateway = with(&upstream, &idp(), &route("/proxy", "oauth2-proxy"))
        .route(&route("/authelia", "authelia"))
        .route(&route("/none", "none"))
        .route(&route("/own", "{ subject: X-User }"))
        .start();
    let token = Token::of("alice").claim("roles", "admin").bearer();
    let names = [
        "x-auth-subject",
        "x-forwarded-user",
        "remote-user",
        "x-user",
        "x-forwarded-groups",
    ];
    for (path, wanted) in [
        ("/proxy", [None, Some("alice"), None, None, Some("admin")]),
        ("/authelia", [None, None, Some("alice"), None, None]),
        ("/none", [None; 5]),
        ("/own", [None, None, None, Some("alice"), None]),
    ] {
        let mut request = get(path).field("Authorization", &token);
        // What any route calls an identity is nobody's to send on any route.
        for name in names {
            request = request.field(name, "root");
        }
        gateway.ask(request).is(200);
        let seen = upstream.requests().pop().unwrap();
        let told = names.map(|name| seen.field(name));
        assert_eq!(told, wanted, "{path}");
    }
}

#[test]
#[doc = "SE-04"]
fn a_cookie_opens_nothing_for_a_page_of_another_site() {
    let upstream = Upstream::ok();
    let gateway = with(
        &upstream,
        &jwt("idp", ISSUER, "from: [\"cookie:tok\"]"),
        "{ path: /**, upstream: up, auth: idp }",
    )
    .start();
    let cookie = format!("tok={}", Token::of("alice").text());
    // The second answer comes from what is remembered.
    for _ in 0..2 {
        let foreign = post("/", "x")
            .field("Cookie", &cookie)
            .field("Origin", "https://evil.test");
        gateway.ask(foreign).is_problem(403, "csrf.failed");
        upstream.saw_nothing();
    }
    gateway.ask(post("/", "x").field("Cookie", &cookie)).is(200);
    let foreign = post("/", "x")
        .field("Cookie", &cookie)
        .field("Sec-Fetch-Site", "cross-site");
    gateway.ask(foreign).is_problem(403, "csrf.failed");
    let own = post("/", "x")
        .field("Cookie", &cookie)
        .field("Origin", "http://example.test");
    gateway.ask(own).is(200);
}
