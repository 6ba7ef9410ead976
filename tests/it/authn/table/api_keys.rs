//! API keys, of the file and of the store, each bent a little (AK-02, AK-03): whoever has not the whole key learns that it
//! is not known, and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::super::with;
use super::{Answer, Case, IN, MISSING, REPEATED};
use crate::support::{Request, Setup, Upstream, get};

const UNKNOWN: Answer = Answer(401, "key.unknown");
const KEY: &str = "Some-Key.of_another+system";
const OLD: &str = "an old key that has expired";
const AWAY: &str = "a key of another network";

/// The store of the tables, with a key that is live, one that was revoked and one that has expired.
struct Made {
    folder: tempfile::TempDir,
    live: String,
    revoked: String,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let create = || {
        let made: Value =
            serde_json::from_str(&key(folder.path(), &["create", "--owner", "billing", "--json"])).unwrap();
        ["id", "key"].map(|name| made[name].as_str().unwrap().to_owned())
    };
    let ([_, live], [id, revoked]) = (create(), create());
    key(folder.path(), &["revoke", &id]);
    Made { folder, live, revoked }
});

fn store(folder: &Path) -> String {
    format!("store: \"sqlite://{}/data/store.db\"", folder.display())
}

fn key(folder: &Path, arguments: &[&str]) -> String {
    let file: PathBuf = folder.join("made.yaml");
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:0\" }}]\n{}\nroutes: []\n",
        store(folder)
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

fn hash(key: &str) -> String {
    let digest = digest(&SHA256, key.as_bytes());
    let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

fn setup(upstream: &Upstream) -> Setup {
    let entry = |id: &str, key: &str, more: &str| format!("{{ id: {id}, hash: \"{}\"{more} }}", hash(key));
    let keys = [
        entry("billing", KEY, ""),
        entry("old", OLD, ", expires: 2001-01-01"),
        entry("away", AWAY, ", networks: [192.0.2.0/24]"),
    ];
    let authenticator = format!(
        "  keys: {{ api_key: {{ store: true, keys: [{}] }} }}\n",
        keys.join(", ")
    );
    with(upstream, &authenticator, "{ path: /**, upstream: up, auth: keys }").top(&store(MADE.folder.path()))
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, request: Request, wanted: Answer| cases.push(Case::new(name, request, wanted));
    let with_key = |key: &str| get("/").field("X-API-KEY", key);
    let (live, revoked) = (&*MADE.live, &*MADE.revoked);
    for (whose, key) in [("the file", KEY), ("the store", live)] {
        let mut bent =
            |name: &str, key: &str, wanted: Answer| add(&format!("{name}, of {whose}"), with_key(key), wanted);
        bent("as it is", key, IN);
        bent("white space around", &format!(" \t{key} \t"), IN);
        bent("in small letters", &swapped(key), UNKNOWN);
        bent("a character less", &key[..key.len() - 1], UNKNOWN);
        bent("the first character less", &key[1..], UNKNOWN);
        bent("half of it", &key[..key.len() / 2], UNKNOWN);
        bent("a character more", &format!("{key}x"), UNKNOWN);
        bent("another last character", &other_end(key), UNKNOWN);
        bent("twice", &format!("{key}{key}"), UNKNOWN);
        bent("and a comma", &format!("{key},"), UNKNOWN);
        bent("two with a comma", &format!("{key}, {key}"), UNKNOWN);
        bent("with padding", &format!("{key}="), UNKNOWN);
        bent("in quotes", &format!("\"{key}\""), UNKNOWN);
        bent("behind a word", &format!("Bearer {key}"), UNKNOWN);
        bent("its hash", &hash(key), UNKNOWN);
        bent(
            "its hash in digits alone",
            hash(key).trim_start_matches("sha256:"),
            UNKNOWN,
        );
        bent(
            "an escape",
            &format!("%{:02X}{}", key.as_bytes()[0], &key[1..]),
            UNKNOWN,
        );
        bent("a NUL escaped", &format!("{key}%00"), UNKNOWN);
        bent("a no-break space behind", &format!("{key}\u{a0}"), UNKNOWN);
        let mut elsewhere = |name: &str, request: Request| add(&format!("{name}, of {whose}"), request, MISSING);
        elsewhere("as a bearer", get("/").field("Authorization", &format!("Bearer {key}")));
        elsewhere("in the query", get(&format!("/?X-API-KEY={key}&api_key={key}")));
        elsewhere("in a cookie", get("/").field("Cookie", &format!("X-API-KEY={key}")));
        elsewhere("in a field of another name", get("/").field("X-API-KEYS", key));
        elsewhere("in a field with an underscore", get("/").field("X_API_KEY", key));
        add(
            &format!("two fields, of {whose}"),
            with_key(key).field("x-api-key", key),
            REPEATED,
        );
    }
    add("expired", with_key(OLD), Answer(401, "key.expired"));
    add("expired and wrong", with_key(&OLD[1..]), UNKNOWN);
    add("revoked", with_key(revoked), Answer(401, "key.revoked"));
    add("revoked and wrong", with_key(&other_end(revoked)), UNKNOWN);
    add("of another network", with_key(AWAY), Answer(403, "address.denied"));
    let (live_id, live_secret) = live[3..].split_once('_').unwrap();
    let (other_id, _) = revoked[3..].split_once('_').unwrap();
    for (name, key) in [
        ("another id", format!("pk_{other_id}_{live_secret}")),
        ("an id that nobody has", format!("pk_aaaaaaaaaaaa_{live_secret}")),
        ("another prefix", format!("sk_{live_id}_{live_secret}")),
        ("a prefix in capitals", format!("PK_{live_id}_{live_secret}")),
        ("the id alone", live_id.to_owned()),
        ("the id and no secret", format!("pk_{live_id}_")),
        ("the secret alone", live_secret.to_owned()),
        ("no underscore", format!("pk{live_id}{live_secret}")),
        ("a wild card", format!("pk_{live_id}_*")),
        ("a wild card for an id", format!("pk_%%%%%%%%%%%%_{live_secret}")),
        ("a quotation mark", format!("pk_'OR'1'='1'--_{live_secret}")),
        ("the name of an entry", "billing".to_owned()),
        ("a long one", "k".repeat(12_000)),
    ] {
        add(name, with_key(&key), UNKNOWN);
    }
    add("an empty one", with_key(""), UNKNOWN);
    cases
}

fn swapped(key: &str) -> String {
    let swap = |letter: char| match letter.is_ascii_lowercase() {
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    };
    key.chars().map(swap).collect()
}

fn other_end(key: &str) -> String {
    let (rest, last) = key.split_at(key.len() - 1);
    format!("{rest}{}", if last == "x" { "y" } else { "x" })
}

#[test]
#[doc = "AK-01, AK-02, AK-03, AK-04, CA-06"]
fn api_keys() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
