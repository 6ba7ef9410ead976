//! API keys: of the file, of a file of their own, and made by another process while the gateway runs.

use std::path::Path;
use std::process::Command;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::with;
use crate::support::{Gateway, Response, Setup, Upstream, get};

const CHALLENGE: &str = "ApiKey realm=\"portcullis\", header=\"X-API-KEY\"";
const KEY: &str = "Some-Key.of_another+system";

fn hash(key: &str) -> String {
    let digest = digest(&SHA256, key.as_bytes());
    let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// One key of the file, whose entry ends with these settings.
fn keys(settings: &str) -> String {
    format!(
        "  keys: {{ api_key: {{ keys: [{{ id: billing, hash: \"{}\", {settings} }}] }} }}\n",
        hash(KEY)
    )
}

fn guarded(upstream: &Upstream, authenticators: &str) -> Setup {
    with(upstream, authenticators, "{ path: /**, upstream: up, auth: keys }")
}

fn present(gateway: &Gateway, key: &str) -> Response {
    gateway.ask(get("/").field("X-API-KEY", key))
}

#[test]
fn a_key_lets_its_holder_in_and_goes_no_further() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream, &keys("roles: [svc, ops], scopes: [orders]")).start();
    for _ in 0..2 {
        present(&gateway, KEY).is(200);
        let seen = upstream.requests().pop().unwrap();
        assert_eq!(seen.field("x-auth-subject"), Some("billing"));
        assert_eq!(seen.field("x-auth-method"), Some("keys"));
        assert_eq!(seen.field("x-auth-roles"), Some("svc,ops"));
        assert!(!seen.has("x-api-key"));
    }
}

#[test]
#[doc = "AK-02, AK-03"]
fn whatever_is_not_the_key_is_unknown() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream, &keys("expires: 2001-01-01")).start();
    let missing = gateway.get("/").is_problem(401, "credential.missing");
    assert_eq!(missing.field("www-authenticate"), Some(CHALLENGE));
    let long = "k".repeat(16_000);
    for wrong in [
        "x",
        &KEY.to_lowercase(),
        &KEY[..KEY.len() - 1],
        &format!("{KEY}x"),
        &format!("\"{KEY}\""),
        &format!("Bearer {KEY}"),
        &hash(KEY),
        "billing",
        "pk_abcdefghij01_0123456789012345678901234567890123456789012",
        &long,
    ] {
        let answer = present(&gateway, wrong).is_problem(401, "key.unknown");
        assert_eq!(answer.field("www-authenticate"), Some(CHALLENGE));
    }
    // That it was good once is told to nobody but its holder.
    present(&gateway, KEY).is_problem(401, "key.expired");
    let twice = get("/").field("X-API-KEY", KEY).field("X-API-KEY", KEY);
    gateway.ask(twice).is_problem(400, "header.invalid");
    upstream.saw_nothing();
    assert!(!gateway.log.text().contains(KEY));
}

#[test]
#[doc = "AK-03"]
fn a_key_in_the_query_counts_only_where_that_is_written() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream, &keys("")).start();
    gateway
        .get(&format!("/?X-API-KEY={KEY}"))
        .is_problem(401, "credential.missing");
    upstream.saw_nothing();
    let asked = keys("").replace("api_key: {", "api_key: { from: [\"query:key\"],");
    let gateway = guarded(&upstream, &asked).start();
    gateway
        .get(&format!("/?a=1&key={}&b=2", KEY.replace('+', "%2B")))
        .is(200);
    assert_eq!(upstream.requests().pop().unwrap().target(), "/?a=1&b=2");
    assert!(!gateway.log.text().contains("another"), "the key is in the log");
}

#[test]
fn a_key_may_belong_to_some_addresses() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream, &keys("networks: [192.0.2.0/24]")).start();
    present(&gateway, KEY).is_problem(403, "address.denied");
    upstream.saw_nothing();
    let gateway = guarded(&upstream, &keys("networks: [127.0.0.0/8]")).start();
    present(&gateway, KEY).is(200);
}

#[test]
#[doc = "CA-02"]
fn a_remembered_key_ends_when_it_ends() {
    let upstream = Upstream::ok();
    // A minute after the clock of the test begins.
    let gateway = guarded(&upstream, &keys("expires: 2033-05-18T03:34:20Z")).start();
    present(&gateway, KEY).is(200);
    gateway.clock.advance_secs(59);
    present(&gateway, KEY).is(200);
    gateway.clock.advance_secs(1);
    present(&gateway, KEY).is_problem(401, "key.expired");
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
#[doc = "CA-04, CF-05"]
fn a_key_that_is_gone_from_its_file_is_gone() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.yaml");
    let write = |keys: &[&str]| {
        let lines = keys
            .iter()
            .map(|key| format!("- {{ id: \"{key}\", hash: \"{}\" }}\n", hash(key)));
        std::fs::write(&file, format!("# keys\n{}", lines.collect::<String>())).unwrap();
    };
    write(&["one", "two"]);
    let authenticator = format!("  keys: {{ api_key: {{ keys_file: \"{}\" }} }}\n", file.display());
    let gateway = guarded(&upstream, &authenticator).in_file().start();
    present(&gateway, "one").is(200);
    present(&gateway, "two").is(200);
    write(&["two", "three"]);
    gateway.running().reload().unwrap();
    present(&gateway, "one").is_problem(401, "key.unknown");
    present(&gateway, "two").is(200);
    present(&gateway, "three").is(200);
    // A file that does not load changes nothing.
    std::fs::write(&file, "- { id: four }\n").unwrap();
    assert!(
        gateway
            .running()
            .reload()
            .unwrap_err()
            .to_string()
            .contains("keys.yaml:1:3: key.missing")
    );
    present(&gateway, "three").is(200);
}

/// A gateway whose keys are made at run time, and the folder of its store.
fn with_store(upstream: &Upstream, folder: &Path) -> Setup {
    guarded(upstream, "  keys: { api_key: { store: true } }\n").top(&store_in(folder))
}

fn store_in(folder: &Path) -> String {
    format!("store: \"sqlite://{}/data/store.db\"", folder.display())
}

/// What another process is asked to do with the same store.
fn elsewhere(folder: &Path, arguments: &[&str]) -> String {
    let file = folder.join("elsewhere.yaml");
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:0\" }}]\n{}\nroutes: []\n",
        store_in(folder)
    );
    std::fs::write(&file, text).unwrap();
    let (command, rest) = arguments.split_first().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["key", command, "-c", file.to_str().unwrap()])
        .args(rest)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn made_elsewhere(folder: &Path, owner: &str) -> (String, String) {
    let made = elsewhere(folder, &["create", "--owner", owner, "--role", "svc", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

#[test]
#[doc = "AK-01, AK-04, CA-03"]
fn a_key_made_by_another_process_counts_until_another_process_revokes_it() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let gateway = with_store(&upstream, folder.path()).start();
    let (id, key) = made_elsewhere(folder.path(), "billing");
    let (_, other) = made_elsewhere(folder.path(), "billing");
    for key in [&key, &other] {
        present(&gateway, key).is(200);
        let seen = upstream.requests().pop().unwrap();
        assert_eq!(
            (seen.field("x-auth-subject"), seen.field("x-auth-roles")),
            (Some("billing"), Some("svc"))
        );
    }
    elsewhere(folder.path(), &["revoke", &id]);
    let refused = gateway.clock.soon("the revocation", |patience| {
        let _as_long_as_an_answer_takes = patience;
        let answer = present(&gateway, &key);
        (answer.status == 401).then_some(answer)
    });
    refused.is_problem(401, "key.revoked");
    let before = upstream.requests().len();
    present(&gateway, &key).is_problem(401, "key.revoked");
    assert_eq!(upstream.requests().len(), before);
    present(&gateway, &other).is(200);
}

#[test]
#[doc = "AK-04"]
fn a_revoked_key_stays_revoked_over_a_restart_and_its_use_is_written_down() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let (id, key) = made_elsewhere(folder.path(), "billing");
    let gateway = with_store(&upstream, folder.path()).start();
    present(&gateway, &key).is(200);
    drop(gateway);
    let listed: Value = serde_json::from_str(&elsewhere(folder.path(), &["list", "--json"])).unwrap();
    assert_eq!(listed[0]["last_used"], "2033-05-18T03:33:20Z");
    elsewhere(folder.path(), &["revoke", &id]);
    let gateway = with_store(&upstream, folder.path()).start();
    present(&gateway, &key).is_problem(401, "key.revoked");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn another_store_needs_a_restart() {
    let upstream = Upstream::ok();
    let folder = tempfile::tempdir().unwrap();
    let gateway = with_store(&upstream, folder.path()).in_file().start();
    let moved = with_store(&upstream, &folder.path().join("elsewhere"));
    let refused = gateway.reload_as(&moved).unwrap_err().to_string();
    assert!(refused.starts_with("`store` cannot change"), "{refused}");
    assert!(!folder.path().join("elsewhere").exists());
}
