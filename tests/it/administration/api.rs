//! The API of the admin listener: what it does, what it refuses, and that nothing has changed then.

use serde_json::{Value, json};

use super::{TOKEN, administer, administered, call, guarded, revoke, store_in};
use crate::authn::with;
use crate::support::token::Token;
use crate::support::{Gateway, Setup, Upstream, get};

/// Keys of the store open everything.
fn with_store(upstream: &Upstream, folder: &std::path::Path) -> Setup {
    let keys = "  keys: { api_key: { store: true } }\n";
    let setup = with(upstream, keys, "{ path: /**, upstream: up, auth: keys }");
    administered(setup.top(&store_in(folder)))
}

fn errors(answer: &crate::support::Response) -> Value {
    answer.json()["errors"].clone()
}

fn held(gateway: &Gateway) -> Value {
    administer(gateway, "GET", "/api/v1/revocations", "").is(200).json()["held"].clone()
}

#[test]
#[doc = "AD-01"]
fn without_the_token_nothing_is_answered_and_nothing_changes() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let gateway = with_store(&upstream, folder.path()).start();
    let operations = [
        ("POST", "/api/v1/reload", ""),
        ("GET", "/api/v1/keys", ""),
        ("POST", "/api/v1/keys", r#"{"owner":"a"}"#),
        ("DELETE", "/api/v1/keys/0123456789ab", ""),
        ("GET", "/api/v1/revocations", ""),
        ("POST", "/api/v1/revocations", r#"{"token":"a"}"#),
    ];
    for (method, target, body) in operations {
        let sound = String::from_utf8(call(method, target, body).bytes()).unwrap();
        let with = |old: &str, new: &str| gateway.admin().ask(sound.replacen(old, new, 1));
        let field = format!("Authorization: Bearer {TOKEN}\r\n");
        let missing = with(&field, "").is_problem(401, "credential.missing");
        assert_eq!(
            missing.field("www-authenticate"),
            Some("Bearer realm=\"portcullis-admin\"")
        );
        with(TOKEN, "the-token-of-another-listener").is_problem(401, "credential.refused");
        with(&field, &format!("{field}{field}")).is(401);
        with("Host: localhost", "Host: rebound.example").is_problem(421, "host.mismatch");
        let foreign = "Host: localhost\r\nOrigin: https://evil.example";
        with("Host: localhost", foreign).is_problem(403, "csrf.failed");
    }
    let keys = administer(&gateway, "GET", "/api/v1/keys", "").is(200);
    assert_eq!(
        (keys.json(), keys.field("cache-control")),
        (json!({ "keys": [] }), Some("no-store"))
    );
    assert_eq!(held(&gateway), 0);
    assert_eq!(gateway.metrics().sum("portcullis_config_generation", &[]), Some(1.0));
}

#[test]
#[doc = "AD-01"]
fn without_a_configured_token_there_is_no_api() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for (method, target) in [("POST", "/api/v1/reload"), ("GET", "/api/v1/keys")] {
        gateway
            .admin()
            .ask(call(method, target, ""))
            .is_problem(404, "route.none");
    }
}

#[test]
#[doc = "AD-01"]
fn what_is_not_exactly_what_is_asked_for_is_refused_and_changes_nothing() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let gateway = with_store(&upstream, folder.path()).start();
    let ask = |method: &str, target: &str, body: &str| administer(&gateway, method, target, body);
    ask("GET", "/api/v1/config", "").is_problem(404, "route.none");
    ask("GET", "/api/v1/keys/", "").is_problem(404, "route.none");
    let answer = ask("GET", "/api/v1/reload", "").is_problem(405, "method.not_allowed");
    assert_eq!(answer.field("allow"), Some("POST"));
    ask("PATCH", "/api/v1/keys", "").is_problem(405, "method.not_allowed");
    ask("GET", "/api/v1/keys?name=a", "").is_problem(400, "input.invalid");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let mut typed = String::from_utf8(call("POST", "/api/v1/keys", r#"{"owner":"a"}"#).bytes()).unwrap();
        typed = typed.replace("Content-Type: application/json", &format!("Content-Type: {kind}"));
        gateway.admin().ask(typed).is_problem(415, "media_type.unsupported");
    }
    let large = format!("{{\"owner\":\"{}\"}}", "a".repeat(64 * 1024));
    ask("POST", "/api/v1/keys", &large).is_problem(413, "body.too_large");
    let mut chunked = String::from_utf8(call("POST", "/api/v1/keys", "").chunked().bytes()).unwrap();
    chunked = chunked.replacen("\r\n\r\n", "\r\nContent-Type: application/json\r\n\r\n", 1);
    chunked += &format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    gateway.admin().ask(chunked).is_problem(413, "body.too_large");
    let deep = format!("{}{}", "{\"owner\":".repeat(40), "}".repeat(40));
    for body in ["[]", "{", "null", "\"a\"", &deep, r#"{"owner":"a","owner":"b"}"#] {
        ask("POST", "/api/v1/keys", body).is_problem(400, "input.invalid");
    }
    let wrong = r#"{"roles":"svc","networks":["10.0.0.1/8"],"limit":"0/s","expires":"2001-01-01","admin":true}"#;
    let answer = ask("POST", "/api/v1/keys", wrong).is_problem(400, "input.invalid");
    let fields: Vec<(Value, Value)> = errors(&answer)
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["field"].clone(), error["code"].clone()))
        .collect();
    let expected = [
        ("owner", "missing"),
        ("roles", "invalid"),
        ("networks", "invalid"),
        ("limit", "invalid"),
        ("expires", "invalid"),
        ("admin", "unknown"),
    ];
    assert_eq!(fields, expected.map(|(field, code)| (field.into(), code.into())));
    for id in ["0123456789ab", "nonsense", "..", "%2e%2e"] {
        ask("DELETE", &format!("/api/v1/keys/{id}"), "").is_problem(404, "route.none");
    }
    ask("POST", "/api/v1/revocations", r#"{"subject":"alice"}"#).is_problem(400, "input.invalid");
    ask(
        "POST",
        "/api/v1/revocations",
        r#"{"token":"a","authenticator":"nobody"}"#,
    )
    .is_problem(400, "input.invalid");
    assert_eq!(ask("GET", "/api/v1/keys", "").json(), json!({ "keys": [] }));
    assert_eq!(held(&gateway), 0);
}

#[test]
#[doc = "AK-01, AK-04, CA-03"]
fn a_key_is_made_shown_once_used_and_revoked_at_once() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let gateway = with_store(&upstream, folder.path()).workers(2).start();
    let wanted = r#"{"owner":"crm","roles":["svc"],"scopes":["orders"],"networks":["127.0.0.0/8"],"limit":"50/s","expires":"90d"}"#;
    let made = administer(&gateway, "POST", "/api/v1/keys", wanted).is(201);
    assert_eq!(made.field("cache-control"), Some("no-store"));
    assert_eq!(made.field("content-type"), Some("application/json"));
    let told = made.json();
    let (id, key) = (told["id"].as_str().unwrap(), told["key"].as_str().unwrap());
    assert_eq!(made.field("location"), Some(&*format!("/api/v1/keys/{id}")));
    assert!(key.starts_with(&format!("pk_{id}_")), "{told}");
    let listed = administer(&gateway, "GET", "/api/v1/keys?owner=crm", "").is(200);
    assert!(
        !listed.text().contains(&key[16..]) && listed.text().contains(id),
        "{listed:?}"
    );
    assert_eq!(listed.json()["keys"][0]["expires"], "2033-08-16T03:33:20Z");
    assert_eq!(
        administer(&gateway, "GET", "/api/v1/keys?owner=x", "").json(),
        json!({ "keys": [] })
    );
    let present = || gateway.ask(get("/").field("X-API-KEY", key));
    for _ in 0..4 {
        present().is(200);
    }
    let seen = upstream.requests();
    assert_eq!(seen[0].field("x-auth-subject"), Some("crm"));
    administer(&gateway, "DELETE", &format!("/api/v1/keys/{id}"), "").is(204);
    for _ in 0..8 {
        present().is_problem(401, "key.revoked");
    }
    assert_eq!(upstream.requests().len(), 4);
    // Again, and nothing else has happened.
    administer(&gateway, "DELETE", &format!("/api/v1/keys/{id}"), "").is(204);
    let listed = administer(&gateway, "GET", "/api/v1/keys", "").json();
    assert_eq!(listed["keys"][0]["state"], "revoked");
}

#[test]
fn without_a_store_keys_are_not_made_and_revocations_hold_until_the_end() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    for (method, target, body) in [
        ("GET", "/api/v1/keys", ""),
        ("POST", "/api/v1/keys", r#"{"owner":"a"}"#),
        ("DELETE", "/api/v1/keys/0123456789ab", ""),
    ] {
        let answer = administer(&gateway, method, target, body).is_problem(409, "input.conflict");
        assert!(answer.text().contains("no `store`"), "{answer:?}");
    }
    let answer = administer(
        &gateway,
        "POST",
        "/api/v1/revocations",
        r#"{"token":"t","expires":"1h"}"#,
    )
    .is(201);
    let told = json!({ "token": "t", "authenticator": null, "expires": "2033-05-18T04:33:20Z", "kept": false });
    assert_eq!(answer.json(), told);
    assert_eq!(held(&gateway), 1);
}

#[test]
#[doc = "CA-03"]
fn what_is_revoked_is_known_before_anything_is_served_after_a_restart() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let setup = guarded(&upstream).top(&store_in(folder.path()));
    let bearer = Token::of("alice").claim("jti", "t").bearer();
    let ask = |gateway: &Gateway| gateway.ask(get("/").field("Authorization", &bearer));
    let gateway = setup.start();
    ask(&gateway).is(200);
    revoke(&gateway, r#"{"token":"t","authenticator":"idp"}"#);
    let listed = administer(&gateway, "GET", "/api/v1/revocations", "").json();
    let expected =
        json!({ "held": 1, "next": null, "revocations": [{ "token": "t", "authenticator": "idp", "expires": null }] });
    assert_eq!(listed, expected);
    drop(gateway);
    let gateway = setup.start();
    ask(&gateway).is_problem(401, "token.revoked");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
#[doc = "CF-05"]
fn a_reload_puts_all_in_force_or_says_what_is_wrong_and_changes_nothing() {
    let upstream = Upstream::ok();
    let setup = administered(Setup::to(&upstream)).in_file();
    let gateway = setup.start();
    let reload = || administer(&gateway, "POST", "/api/v1/reload", "");
    assert_eq!(reload().is(200).json(), json!({ "generation": 2 }));
    administer(&gateway, "POST", "/api/v1/reload", "{}").is(200);
    administer(&gateway, "POST", "/api/v1/reload", r#"{"force":true}"#).is_problem(400, "input.invalid");

    let sound = std::fs::read_to_string(gateway.file()).unwrap();
    std::fs::write(
        gateway.file(),
        format!("{sound}tiemouts: {{}}\nsizes: {{ head: many }}\n"),
    )
    .unwrap();
    let refused = reload().is_problem(400, "input.invalid");
    let faults = errors(&refused);
    let lines = sound.lines().count();
    assert_eq!(faults.as_array().unwrap().len(), 2, "{faults}");
    assert_eq!(
        (&faults[0]["code"], &faults[0]["line"], &faults[0]["column"]),
        (&"key.unknown".into(), &(lines + 1).into(), &1.into())
    );
    assert_eq!(faults[0]["file"], gateway.file().to_str().unwrap());
    assert!(faults[1]["message"].as_str().unwrap().contains("many"), "{faults}");

    std::fs::write(gateway.file(), sound.replace("workers: 1", "workers: 2")).unwrap();
    let refused = reload().is_problem(409, "input.conflict");
    assert!(refused.text().contains("`workers` cannot change"), "{refused:?}");
    assert_eq!(gateway.metrics().sum("portcullis_config_generation", &[]), Some(3.0));
    gateway.get("/").is(200);
}
