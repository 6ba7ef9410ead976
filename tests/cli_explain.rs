//! `portcullis explain`: what it tells of a request, by whom it is decided, and that nothing leaves the machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first thing that is not as it should be"
)]

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;

const SECRET: &str = "a secret of at least thirty-two bytes";

struct Place {
    dir: TempDir,
    /// Where the issuer of `far` would be.
    issuer: TcpListener,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            issuer: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn config(&self) -> PathBuf {
        let file = self.dir.path().join("gateway.yaml");
        let keep = self.dir.path().join("keys");
        let text = format!(
            "version: 1\n\
             listen: [{{ addr: \"127.0.0.1:8080\", trusted_proxies: [10.0.0.0/8] }}]\n\
             outbound: {{ keep: {keep} }}\n\
             auth:\n\
             \x20 idp: {{ jwt: {{ issuer: me, audience: you, secret: \"${{env:EXPLAIN_SECRET}}\" }} }}\n\
             \x20 far: {{ jwt: {{ issuer: \"{far}\", audience: you }} }}\n\
             upstreams:\n\
             \x20 demo: {{ builtin: echo }}\n\
             routes:\n\
             \x20 - {{ path: \"/api/**\", upstream: demo, auth: [idp, far], forward: {{ strip_prefix: /api }} }}\n\
             \x20 - {{ path: /inside, upstream: demo, auth: public, networks: {{ allow: [192.0.2.0/24] }} }}\n\
             \x20 - {{ path: /, upstream: demo, auth: public }}\n",
            keep = keep.display(),
            far = self.far(),
        );
        fs::write(&file, text).unwrap();
        file
    }

    fn far(&self) -> String {
        format!("http://{}", self.issuer.local_addr().unwrap())
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.arg("explain").arg("-c").arg(self.config());
        command.env("EXPLAIN_SECRET", SECRET).args(arguments);
        command.output().unwrap()
    }

    fn explained(&self, arguments: &[&str]) -> Value {
        let output = self.ask(&[arguments, &["--format", "json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn token(issuer: &str, secret: &str) -> String {
    let claims = json!({ "iss": issuer, "aud": "you", "sub": "alice", "exp": 4_000_000_000_u64, "roles": ["viewer"] });
    let header = Header {
        kid: Some("one".to_owned()),
        ..Header::default()
    };
    let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
    format!("Authorization: Bearer {token}")
}

#[test]
fn a_good_token_is_told_with_whose_it_is_and_what_the_upstream_would_get() {
    let place = Place::new();
    let told = place.explained(&["GET", "http://api.test/api/orders?x=1", "-H", &token("me", SECRET)]);
    assert_eq!(told["route"]["id"], "/api/**");
    assert_eq!(told["route"]["line"], 10);
    assert_eq!(told["identity"]["id"], "alice");
    assert_eq!(told["identity"]["authenticator"], "idp");
    assert_eq!(told["identity"]["roles"], json!(["viewer"]));
    assert_eq!(told["verdict"]["allowed"], true);
    assert_eq!(told["verdict"]["target"], "/orders?x=1");
    assert_eq!(told["verdict"]["headers"]["x-auth-subject"], "alice");
}

#[test]
fn a_refusal_is_told_with_its_reason_and_by_whom() {
    let place = Place::new();
    let forged = token("me", "another secret of thirty-two bytes!");
    let told = place.explained(&["GET", "/api/orders", "-H", &forged]);
    let verdict = &told["verdict"];
    assert_eq!((&verdict["allowed"], &verdict["status"]), (&json!(false), &json!(401)));
    assert_eq!(verdict["code"], "token.signature");
    assert_eq!(verdict["authenticator"], "idp");
    assert_eq!(verdict["reason"], "the signature does not fit");
    assert_eq!(verdict["checkable_offline"], true);
    let text = place.ask(&["GET", "/api/orders", "-H", &forged]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("refused: 401 token.signature"), "{text}");
    assert!(
        !text.contains(forged.rsplit('.').next().unwrap()),
        "it repeats the signature"
    );
}

#[test]
fn what_needs_keys_that_would_have_to_be_fetched_is_said_to_be_so_and_nothing_is_fetched() {
    let place = Place::new();
    place.issuer.set_nonblocking(true).unwrap();
    let told = place.explained(&["GET", "/api/orders", "-H", &unsigned(&place.far())]);
    assert_eq!(told["verdict"]["code"], "issuer.unavailable");
    assert_eq!(told["verdict"]["checkable_offline"], false);
    assert!(place.issuer.accept().is_err(), "somebody called the issuer");
}

/// Of an issuer, for its public keys, with a signature that is none.
fn unsigned(issuer: &str) -> String {
    use base64::Engine as _;
    let part = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({ "alg": "RS256", "kid": "one" }));
    let claims = part(json!({ "iss": issuer, "aud": "you", "sub": "alice", "exp": 4_000_000_000_u64 }));
    format!("Authorization: Bearer {header}.{claims}.AAAA")
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let (file, store) = (dir.path().join("g.yaml"), dir.path().join("data/keys.db"));
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\nstore: sqlite://{}\n\
         auth: {{ keys: {{ api_key: {{ store: true }} }} }}\nupstreams: {{ demo: {{ builtin: echo }} }}\n\
         routes:\n  - {{ path: /, upstream: demo, auth: public }}\n  - {{ path: /keys, upstream: demo, auth: keys }}\n",
        store.display()
    );
    fs::write(&file, text).unwrap();
    let key = "X-API-KEY: pk_0123456789ab_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
    for (arguments, code) in [
        (&["GET", "/"][..], Value::Null),
        (&["GET", "/keys", "-H", key], json!("store.unavailable")),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .arg("explain")
            .arg("-c")
            .arg(&file)
            .args(arguments)
            .args(["--format", "json"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["verdict"]["code"], code);
    }
    assert!(!store.parent().unwrap().exists(), "it made one");
}

#[test]
fn the_address_a_request_comes_from_counts() {
    let place = Place::new();
    assert_eq!(
        place.explained(&["GET", "/inside"])["verdict"]["code"],
        "address.denied"
    );
    let inside = place.explained(&["GET", "/inside", "--ip", "192.0.2.7"]);
    assert_eq!(inside["verdict"]["allowed"], true);
    let through = place.explained(&["GET", "/inside", "--ip", "10.0.0.1", "-H", "X-Forwarded-For: 192.0.2.7"]);
    assert_eq!(
        (&through["client"], &through["verdict"]["allowed"]),
        (&json!("192.0.2.7"), &json!(true))
    );
}

#[test]
fn what_the_gateway_would_refuse_early_is_refused_here() {
    let place = Place::new();
    for (arguments, code) in [
        (&["GET", "/nowhere"][..], "route.none"),
        (&["BREW", "/"], "method.unknown"),
        (&["GET", "/api/%2e%2e/x"], "path.ambiguous"),
        (&["GET", "/api/x", "-H", "Authorization: Bearer a.b"], "token.malformed"),
        (&["GET", "/api/x"], "credential.missing"),
    ] {
        assert_eq!(place.explained(arguments)["verdict"]["code"], code, "{arguments:?}");
    }
}

#[test]
fn wrong_usage_and_a_bad_file_have_their_own_exit_codes() {
    let place = Place::new();
    assert_eq!(place.ask(&["GET"]).status.code(), Some(2));
    assert_eq!(place.ask(&["GET", "/", "-H", "no field"]).status.code(), Some(2));
    assert_eq!(place.ask(&["GET", "/", "--data", "@/nowhere"]).status.code(), Some(1));
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let bad = command
        .args(["explain", "-c", "/nowhere.yaml", "GET", "/"])
        .output()
        .unwrap();
    assert_eq!(bad.status.code(), Some(78));
}
