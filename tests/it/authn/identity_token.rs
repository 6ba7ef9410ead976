//! The signed token that tells the upstream who asks, and the keys that it can be checked with.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use portcullis::base::random::Random;
use portcullis::base::signer::Signer;
use serde_json::{Value, json};

use super::{idp, jwt, with};
use crate::support::token::{NOW, Token};
use crate::support::{Gateway, Request, Setup, Upstream, get, post};

const JWKS: &str = "/.well-known/jwks.json";
const ROUTE: &str = "{ path: /**, upstream: up, auth: [idp, public], forward: { identity_jwt: X-Auth-Identity } }";

fn key() -> String {
    let der = Signer::make(&mut Random::system());
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.expose())
    )
}

fn signing(upstream: &Upstream) -> Setup {
    signing_with(upstream, &key())
}

fn signing_with(upstream: &Upstream, key: &str) -> Setup {
    with(upstream, &idp(), ROUTE)
        .variable("SIGNING", key)
        .top("signing: { key: \"${env:SIGNING}\" }")
}

/// With a key of the store in this folder.
fn kept_in(folder: &Path, upstream: &Upstream) -> Setup {
    with(upstream, &idp(), ROUTE).top(&format!("store: \"sqlite://{}/store.db\"", folder.display()))
}

fn as_of(subject: &str) -> Request {
    get("/").field("Authorization", &Token::of(subject).bearer())
}

/// What the upstream is told by this request.
#[track_caller]
fn told(gateway: &Gateway, upstream: &Upstream, request: Request) -> String {
    gateway.ask(request).is(200);
    let seen = upstream.requests().pop().unwrap();
    seen.field("x-auth-identity").expect("a token").to_owned()
}

fn published(gateway: &Gateway) -> JwkSet {
    serde_json::from_value(gateway.get(JWKS).is(200).json()).unwrap()
}

fn kids(gateway: &Gateway) -> Vec<String> {
    let keys = published(gateway).keys.into_iter();
    keys.map(|key| key.common.key_id.unwrap()).collect()
}

/// As an upstream named `up` reads it; only the time is the test's.
fn verified(token: &str, keys: &JwkSet) -> Result<Value, String> {
    let header = jsonwebtoken::decode_header(token).map_err(|fault| fault.to_string())?;
    let key = keys.find(&header.kid.unwrap()).ok_or("no such key")?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["up"]);
    validation.set_issuer(&["portcullis"]);
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).unwrap();
    let token = jsonwebtoken::decode::<Value>(token, &key, &validation);
    token.map(|token| token.claims).map_err(|fault| fault.to_string())
}

#[test]
fn the_upstream_can_check_who_asks() {
    let upstream = Upstream::ok();
    let gateway = signing(&upstream).start();
    let token = Token::of("alice")
        .claim("roles", json!(["admin"]))
        .claim("scope", "orders:read");
    let told = told(&gateway, &upstream, get("/").field("Authorization", &token.bearer()));
    let keys = published(&gateway);
    let expected = json!({
        "iss": "portcullis", "aud": "up", "sub": "alice", "method": "idp",
        "roles": ["admin"], "scopes": ["orders:read"], "iat": NOW, "nbf": NOW, "exp": NOW + 60,
    });
    assert_eq!(verified(&told, &keys).unwrap(), expected);
    // Somebody who changes a word of it is noticed.
    let mut segments: Vec<String> = told.split('.').map(str::to_owned).collect();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(&segments[1]).unwrap()).unwrap();
    segments[1] = URL_SAFE_NO_PAD.encode(claims.replace("alice", "mario"));
    assert_eq!(verified(&segments.join("."), &keys).unwrap_err(), "InvalidSignature");
}

#[test]
#[doc = "HDR-01"]
fn nobody_brings_a_token_of_his_own() {
    let upstream = Upstream::ok();
    let gateway = signing(&upstream)
        .route("{ path: /open, upstream: up, auth: public }")
        .route("{ path: /own, upstream: up, auth: idp, forward: { identity_jwt: X-Who } }")
        .start();
    let stolen = told(&gateway, &upstream, as_of("root"));
    let forged = |request: Request| {
        ["X-Auth-Identity", "X-Who", "X_Auth_Identity", "x_who"]
            .iter()
            .fold(request, |request, name| request.field(name, &stolen))
    };
    for path in ["/", "/open"] {
        gateway.ask(forged(get(path))).is(200);
        let seen = upstream.requests().pop().unwrap();
        assert!(!format!("{seen:?}").contains(&stolen), "{path}");
        assert_eq!((seen.field("x-auth-identity"), seen.field("x-who")), (None, None));
    }
    gateway
        .ask(forged(get("/own").field("Authorization", &Token::of("alice").bearer())))
        .is(200);
    let seen = upstream.requests().pop().unwrap();
    assert_eq!(seen.field("x-auth-identity"), None);
    let own = verified(seen.field("x-who").unwrap(), &published(&gateway)).unwrap();
    assert_eq!(own["sub"], "alice");
}

#[test]
fn a_token_is_used_again_for_half_a_minute_and_for_nobody_else() {
    let upstream = Upstream::ok();
    let gateway = signing(&upstream).start();
    let alice = told(&gateway, &upstream, as_of("alice"));
    let bob = told(&gateway, &upstream, as_of("bob"));
    let keys = published(&gateway);
    assert_eq!(verified(&bob, &keys).unwrap()["sub"], "bob");
    gateway.clock.advance_secs(29);
    assert_eq!(told(&gateway, &upstream, as_of("alice")), alice);
    gateway.clock.advance_secs(1);
    let next = told(&gateway, &upstream, as_of("alice"));
    let claims = verified(&next, &keys).unwrap();
    assert_eq!(
        (&claims["sub"], &claims["iat"], &claims["exp"]),
        (&json!("alice"), &json!(NOW + 30), &json!(NOW + 90))
    );
}

#[test]
#[doc = "CA-02"]
fn a_token_ends_with_the_credential_behind_it() {
    let upstream = Upstream::ok();
    let gateway = signing(&upstream).start();
    // With thirty seconds of leeway.
    let ends = Token::of("alice").claim("exp", NOW + 5).bearer();
    let token = told(&gateway, &upstream, get("/").field("Authorization", &ends));
    assert_eq!(verified(&token, &published(&gateway)).unwrap()["exp"], NOW + 35);
}

#[test]
#[doc = "JWT-09"]
fn a_token_for_an_upstream_opens_nothing_here() {
    let upstream = Upstream::ok();
    let pem = key();
    let folder = tempfile::tempdir().unwrap();
    let gateway = signing_with(&upstream, &pem).start();
    let token = told(&gateway, &upstream, as_of("alice"));
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, gateway.get(JWKS).body).unwrap();
    let seen = upstream.requests().len();
    // Even where somebody takes the gateway for an issuer, and this type of token for one of its own.
    for types in ["", "typ: portcullis-identity+jwt, "] {
        let own = format!(
            "  own: {{ jwt: {{ issuer: portcullis, audience: up, {types}jwks_file: \"{}\" }} }}\n",
            keys.display()
        );
        let other = with(&upstream, &own, "{ path: /**, upstream: up, auth: own }").start();
        let replayed = get("/").field("Authorization", &format!("Bearer {token}"));
        other.ask(replayed).is_problem(401, "credential.refused");
    }
    assert_eq!(upstream.requests().len(), seen);
}

#[test]
fn another_key_signs_from_the_reload_on_and_the_last_one_can_still_be_checked() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, key()).unwrap();
    let setup = with(&upstream, &idp(), ROUTE)
        .top(&format!("signing: {{ key: \"${{file:{}}}\" }}", file.display()))
        .in_file();
    let gateway = setup.start();
    let first = told(&gateway, &upstream, as_of("alice"));
    let before = kids(&gateway);
    gateway.running().reload().unwrap();
    assert_eq!(told(&gateway, &upstream, as_of("alice")), first);
    std::fs::write(&file, key()).unwrap();
    gateway.running().reload().unwrap();
    let second = told(&gateway, &upstream, as_of("alice"));
    let both = published(&gateway);
    assert_ne!(first, second);
    assert_eq!(verified(&first, &both), verified(&second, &both));
    assert_eq!(kids(&gateway)[1..], before);
    gateway.clock.advance_secs(120);
    assert_eq!(verified(&first, &published(&gateway)).unwrap_err(), "no such key");
    // A file that holds no key changes nothing.
    std::fs::write(&file, "no key").unwrap();
    let refused = gateway.running().reload().unwrap_err().to_string();
    assert!(refused.contains("value.key"), "{refused}");
    verified(&told(&gateway, &upstream, as_of("alice")), &both).unwrap();
}

#[test]
fn the_key_of_the_store_is_the_same_for_all_its_gateways_and_after_a_restart() {
    let (upstream, other) = (Upstream::ok(), Upstream::ok());
    let folder = tempfile::tempdir().unwrap();
    let one = kept_in(folder.path(), &upstream).start();
    let two = kept_in(folder.path(), &other).start();
    let keys = kids(&one);
    assert_eq!((keys.len(), &kids(&two)), (1, &keys));
    let token = told(&one, &upstream, as_of("alice"));
    verified(&token, &published(&two)).unwrap();
    drop((one, two));
    let again = kept_in(folder.path(), &upstream).start();
    verified(&token, &published(&again)).unwrap();
}

#[test]
fn a_reload_may_be_the_first_to_sign() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let store = format!("store: \"sqlite://{}/store.db\"", folder.path().display());
    let quiet = with(&upstream, &idp(), "{ path: /**, upstream: up, auth: idp }")
        .top(&store)
        .in_file();
    let gateway = quiet.start();
    gateway.ask(as_of("alice")).is(200);
    assert_eq!(gateway.get(JWKS).status, 401);
    gateway.reload_as(&kept_in(folder.path(), &upstream)).unwrap();
    let token = told(&gateway, &upstream, as_of("alice"));
    verified(&token, &published(&gateway)).unwrap();
}

#[test]
fn the_keys_are_told_to_everybody_on_every_host() {
    let upstream = Upstream::ok();
    let gateway = signing(&upstream)
        .route("{ host: a.example.test, path: /**, upstream: up, auth: idp }")
        .route("{ host: \"*.b.example.test\", path: \"/.well-known/{name}\", upstream: up, auth: idp }")
        .start();
    let mut first = None;
    for host in ["example.test", "a.example.test", "x.b.example.test", "192.0.2.1"] {
        let answer = gateway.ask(get(JWKS).host(host)).is(200);
        assert_eq!(answer.field("content-type"), Some("application/json"));
        assert_eq!(answer.field("cache-control"), Some("public, max-age=300"));
        let text = answer.text();
        assert!(!text.contains("\"d\""), "{text}");
        assert_eq!(first.get_or_insert(text.clone()), &text, "{host}");
        let head = Request::new("HEAD", JWKS).host(host);
        let head = gateway.client().send(head).response_to_head();
        assert_eq!(head.status, 200);
        assert_eq!(head.field("content-length"), Some(&*text.len().to_string()));
        let line = gateway.log.wait(|line| line["host"] == host);
        assert_eq!(line["route"], "identity.jwks");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = gateway.ask(Request::new(method, JWKS).field("Content-Length", "0"));
        assert_eq!(answer.field("allow"), Some("GET, HEAD"), "{method}");
        answer.is_problem(405, "method.not_allowed");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "PATH-05"]
fn no_spelling_leads_around_the_keys() {
    let upstream = Upstream::ok();
    let gateway = signing(&upstream)
        .route("{ host: a.example.test, path: /**, upstream: up, auth: public, path_allow: [encoded_slash, semicolon, double_slash, encoded_dot] }")
        .start();
    for host in ["example.test", "a.example.test"] {
        for path in [
            "/.well-known/JWKS.json",
            "/.Well-Known/jwks.json",
            "/.well-known%2fjwks.json",
            "/.well-known/jwks%2Ejson",
            "/.well-known/%6Awks.json",
            "/.well-known//jwks.json",
            "/x/..%2f.well-known/jwks.json",
            "/.well-known/jwks.json;x",
        ] {
            let answer = gateway.ask(get(path).host(host));
            assert_eq!(answer.status, 400, "{host} {path}");
        }
    }
    upstream.saw_nothing();
}

#[test]
fn without_a_key_there_is_no_such_path() {
    let upstream = Upstream::ok();
    let gateway = with(&upstream, &idp(), "{ path: /**, upstream: up, auth: public }").start();
    gateway.ask(post(JWKS, "theirs")).is(200);
    assert_eq!(upstream.requests().remove(0).target(), JWKS);
}

#[test]
fn those_who_are_asked_together_are_told_together() {
    let upstream = Upstream::ok();
    let both = idp()
        + &jwt(
            "machine",
            "https://machines.example.test",
            "from: [\"header:X-Machine\"]",
        );
    let route =
        "{ path: /**, upstream: up, auth: [{ all: [machine, idp] }], forward: { identity_jwt: X-Auth-Identity } }";
    let gateway = with(&upstream, &both, route)
        .variable("SIGNING", &key())
        .top("signing: { key: \"${env:SIGNING}\" }")
        .start();
    let ask = |machine: &str| {
        let machine = Token::of(machine).claim("iss", "https://machines.example.test").text();
        let token = told(&gateway, &upstream, as_of("alice").field("X-Machine", &machine));
        verified(&token, &published(&gateway)).unwrap()
    };
    for machine in ["m1", "m2", "m1"] {
        let claims = ask(machine);
        assert_eq!((&claims["sub"], &claims["method"]), (&json!("alice"), &json!("idp")));
        assert_eq!(claims["also"], json!([{ "sub": machine, "method": "machine" }]));
    }
}

#[test]
#[doc = "HDR-03"]
fn who_is_too_much_to_tell_is_refused() {
    let upstream = Upstream::ok();
    let gateway = signing(&upstream)
        .route("{ path: /plain, upstream: up, auth: idp }")
        .start();
    let roles: Vec<String> = (0..350).map(|n| format!("role-{n:03}")).collect();
    let bearer = Token::of("alice").claim("roles", json!(roles)).bearer();
    gateway
        .ask(get("/").field("Authorization", &bearer))
        .is_problem(401, "credential.refused");
    upstream.saw_nothing();
    gateway.ask(get("/plain").field("Authorization", &bearer)).is(200);
}
