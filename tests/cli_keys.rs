//! The built binary, asked to make, list and revoke API keys: what it prints, what it keeps, and which exit code it
//! leaves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder with a configuration in it, and the store once somebody needed one.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self::with("store: sqlite://data/store.db\nauth: { keys: { api_key: { store: true } } }\n")
    }

    fn with(head: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("version: 1\nlisten: [{{ addr: \"127.0.0.1:0\" }}]\n{head}routes: []\n");
        fs::write(folder.path().join("gateway.yaml"), text).unwrap();
        Self { folder }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("PORTCULLIS_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who reads no input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn key(&self, arguments: &[&str]) -> Output {
        let (command, rest) = arguments.split_first().unwrap();
        self.run(&[&["key", command, "-c", "gateway.yaml"], rest].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.key(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn stored(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.folder.path().join("data")).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn complaint(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn holds(file: &Path, text: &str) -> bool {
    memchr::memmem::find(&fs::read(file).unwrap(), text.as_bytes()).is_some()
}

#[test]
#[doc = "AK-01, AK-04"]
fn a_key_is_shown_once_and_kept_as_a_hash() {
    let place = Place::new();
    let made = place.json(&[
        "create",
        "--owner",
        "billing",
        "--role",
        "svc",
        "--role",
        "ops",
        "--expires",
        "90d",
        "--network",
        "10.0.0.0/8",
        "--limit",
        "50/s",
        "--permission",
        "orders:read",
        "--scope",
        "orders",
    ]);
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(key.starts_with(&format!("pk_{id}_")), "{made}");
    assert_eq!(key.len(), 59);

    let listed = place.json(&["list"]);
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("key");
    assert_eq!(listed, Value::Array(vec![expected]));
    assert_eq!(
        (&listed[0]["state"], &listed[0]["last_used"]),
        (&"live".into(), &Value::Null)
    );
    assert_eq!(listed[0]["roles"], serde_json::json!(["svc", "ops"]));
    assert_eq!(listed[0]["limit"], serde_json::json!({ "count": 50, "seconds": 1 }));

    let secret = &key[16..];
    for file in place.stored() {
        assert!(!holds(&file, secret), "the secret is in {}", file.display());
    }
    assert!(place.stored().iter().any(|file| holds(file, id)), "nothing was kept");
}

#[test]
fn what_is_printed_for_people_says_the_one_thing_to_do_next() {
    let place = Place::new();
    let output = place.key(&["create", "--owner", "billing", "--expires", "2999-01-01"]);
    let text = out(&output);
    let key = text.lines().find_map(|line| line.strip_prefix("  pk_")).unwrap();
    let id = &key[..12];
    let secret = &key[13..];
    insta::assert_snapshot!(text.replace(id, "ID").replace(secret, "SECRET"), @r"
    The key ID of billing, good until 2999-01-01T00:00:00Z:

      pk_ID_SECRET

    It is shown this once: give it to its user now.
    ");
    let unused = Place::with("store: sqlite://data/store.db\n");
    let output = unused.key(&["create", "--owner", "billing"]);
    assert!(
        out(&output).contains("No authenticator of gateway.yaml takes it yet"),
        "{output:?}"
    );
}

#[test]
#[doc = "AK-04"]
fn a_key_is_revoked_by_its_id_or_by_itself_and_stays_listed() {
    let place = Place::new();
    let [one, two, three] = ["billing", "billing", "crm"].map(|owner| place.json(&["create", "--owner", owner]));
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    let revoked = place.key(&["revoke", &id(&one)]);
    assert_eq!(
        (revoked.status.code(), out(&revoked).contains("is revoked")),
        (Some(0), true),
        "{revoked:?}"
    );
    let again = place.key(&["revoke", &id(&one)]);
    assert_eq!(
        (again.status.code(), out(&again).contains("is revoked")),
        (Some(0), true),
        "{again:?}"
    );
    let leaked = place.key(&["revoke", two["key"].as_str().unwrap()]);
    assert_eq!(leaked.status.code(), Some(0), "{leaked:?}");

    let states = |keys: Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let keys = keys.as_array().unwrap().iter();
        let mut states: Vec<_> = keys.map(|key| (text(&key["id"]), text(&key["state"]))).collect();
        states.sort();
        states
    };
    let sorted = |mut states: Vec<(String, String)>| {
        states.sort();
        states
    };
    let revoked = [&one, &two].map(|made| (id(made), "revoked".to_owned()));
    assert_eq!(
        states(place.json(&["list", "--owner", "billing"])),
        sorted(revoked.to_vec())
    );
    assert_eq!(
        states(place.json(&["list", "--owner", "crm"])),
        [(id(&three), "live".to_owned())]
    );

    let unknown = place.key(&["revoke", "000000000000"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        complaint(&unknown).contains("no key has the id 000000000000"),
        "{unknown:?}"
    );
    assert_eq!(place.key(&["revoke", "nonsense"]).status.code(), Some(2));
}

#[test]
fn wrong_wishes_are_refused_before_anything_is_made() {
    let place = Place::new();
    for wrong in [
        &["--role", "svc"][..],
        &["--owner", ""],
        &["--owner", "a\nb"],
        &["--owner", "a", "--expires", "soon"],
        &["--owner", "a", "--expires", "0s"],
        &["--owner", "a", "--expires", "2001-01-01"],
        &["--owner", "a", "--limit", "0/s"],
        &["--owner", "a", "--limit", "50"],
        &["--owner", "a", "--network", "10.0.0.1/8"],
    ] {
        let output = place.key(&[&["create"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
        assert_eq!(out(&output), "", "{wrong:?}");
    }
    assert_eq!(place.json(&["list"]), serde_json::json!([]));
    assert_eq!(
        out(&place.key(&["list"])),
        "there are no keys; make one with `portcullis key create`\n"
    );
}

#[test]
fn a_file_without_a_store_or_with_faults_keeps_no_keys() {
    let none = Place::with("").key(&["create", "--owner", "a"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(complaint(&none).contains("store: sqlite://"), "{none:?}");
    let faulty = Place::with("store: nowhere\n").key(&["list"]);
    assert_eq!(faulty.status.code(), Some(78));
    assert!(complaint(&faulty).contains(":3:8: value.store: "), "{faulty:?}");
    let missing = Place::with("auth: { keys: { api_key: { store: true } } }\n").run(&["check", "gateway.yaml"]);
    assert_eq!(missing.status.code(), Some(78));
    assert!(out(&missing).contains(":3:15: store.missing: "), "{missing:?}");
}

#[test]
#[doc = "CF-06"]
fn a_store_that_is_none_says_so() {
    let place = Place::new();
    fs::create_dir(place.folder.path().join("data")).unwrap();
    fs::write(
        place.folder.path().join("data/store.db"),
        "no database at all, but long enough ".repeat(100),
    )
    .unwrap();
    let output = place.key(&["list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("data/store.db"), "{output:?}");
}

#[test]
fn a_hash_is_what_the_file_takes() {
    let place = Place::with("");
    let hashed = |input: &str| place.run_with(&["key", "hash"], input);
    let expected = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n";
    for input in ["test", "test\n", "test\r\n"] {
        assert_eq!(out(&hashed(input)), expected, "{input:?}");
    }
    let nothing = hashed("");
    assert_eq!((nothing.status.code(), out(&nothing)), (Some(1), ""));
    let head = format!(
        "auth: {{ keys: {{ api_key: {{ keys: [{{ id: a, hash: \"{}\" }}] }} }} }}\n",
        expected.trim()
    );
    let checked = Place::with(&head).run(&["check", "gateway.yaml"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}

#[test]
fn every_command_teaches() {
    let place = Place::with("");
    for command in [
        &["key"][..],
        &["key", "create"],
        &["key", "list"],
        &["key", "revoke"],
        &["key", "hash"],
    ] {
        let output = place.run(&[command, &["--help"]].concat());
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        assert!(out(&output).contains("\nExample"), "{command:?}");
    }
}
