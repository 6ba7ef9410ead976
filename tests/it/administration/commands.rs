//! The commands, beside a gateway that answers on its admin address.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{TOKEN, administered, store_in};
use crate::authn::{idp, with};
use crate::support::token::{SECRET, Token};
use crate::support::{Gateway, Upstream, get};

/// A gateway, and a file that says where it is.
struct Place {
    folder: tempfile::TempDir,
    gateway: Gateway,
}

impl Place {
    fn new(upstream: &Upstream) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authenticators = idp() + "  keys: { api_key: { store: true } }\n";
        let route = "{ path: /**, upstream: up, auth: [idp, keys] }";
        let setup = administered(with(upstream, &authenticators, route)).top(&store_in(folder.path()));
        let gateway = setup.in_file().start();
        let place = Self { folder, gateway };
        let sound = std::fs::read_to_string(place.gateway.file()).unwrap();
        let admin = place.gateway.running().admin_address();
        let told = sound.replacen(
            "admin: { addr: \"127.0.0.1:0\"",
            &format!("admin: {{ addr: \"{admin}\""),
            1,
        );
        assert_ne!(sound, told);
        std::fs::write(place.file(), told).unwrap();
        place
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("gateway.yaml")
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .args(["-c", self.file().to_str().unwrap()])
            .env("ADMIN", TOKEN)
            .env("SECRET", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who reads no input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    fn says(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
#[doc = "CA-03"]
fn what_a_command_asks_of_the_gateway_holds_when_the_command_ends() {
    let upstream = Upstream::ok();
    let place = Place::new(&upstream);
    let create = [
        "key",
        "create",
        "--owner",
        "crm & co",
        "--expires",
        "90d",
        "--limit",
        "50/s",
        "--json",
    ];
    let made: Value = serde_json::from_str(&place.says(&create, "")).unwrap();
    // By the clock of the gateway, so it was the gateway that made it.
    assert_eq!(made["expires"], "2033-08-16T03:33:20Z");
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let present = || place.gateway.ask(get("/").field("X-API-KEY", key));
    present().is(200);
    let listed: Value =
        serde_json::from_str(&place.says(&["key", "list", "--owner", "crm & co", "--json"], "")).unwrap();
    assert_eq!(listed[0]["id"], id);
    let said = place.says(&["key", "revoke", id], "");
    assert_eq!(said, format!("{id} is revoked; the gateway refuses it from now on\n"));
    present().is_problem(401, "key.revoked");
    let unknown = place.run(&["key", "revoke", "0123456789ab"], "");
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&unknown.stderr).contains("no key has the id"),
        "{unknown:?}"
    );

    let token = Token::of("alice").claim("jti", "t");
    let ask = || place.gateway.ask(get("/").field("Authorization", &token.bearer()));
    ask().is(200);
    let said = place.says(&["token", "revoke", "--authenticator", "idp"], &token.text());
    assert_eq!(said, "the token t is revoked; the gateway refuses it from now on\n");
    ask().is_problem(401, "token.revoked");
    let wrong = place.run(&["token", "revoke", "--id", "t", "--authenticator", "ipd"], "");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("authenticator: unknown"),
        "{wrong:?}"
    );
}

#[test]
fn a_reload_that_is_asked_for_says_what_came_of_it() {
    let upstream = Upstream::ok();
    let place = Place::new(&upstream);
    assert_eq!(place.says(&["reload"], ""), "reloaded: generation 2 is in force\n");
    let sound = std::fs::read_to_string(place.gateway.file()).unwrap();
    std::fs::write(place.gateway.file(), format!("{sound}tiemouts: {{}}\n")).unwrap();
    let refused = place.run(&["reload"], "");
    assert_eq!(refused.status.code(), Some(78), "{refused:?}");
    let line = sound.lines().count() + 1;
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(
        said.contains(&format!("portcullis.yaml:{line}:1: key.unknown: ")),
        "{said}"
    );
    std::fs::write(place.gateway.file(), sound.replace("workers: 1", "workers: 2")).unwrap();
    let refused = place.run(&["reload"], "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    // The file of the command may be broken, too: it only has to say where the gateway is.
    let told = std::fs::read_to_string(place.file()).unwrap();
    std::fs::write(place.file(), format!("{told}tiemouts: {{}}\n")).unwrap();
    std::fs::write(place.gateway.file(), sound).unwrap();
    assert_eq!(place.says(&["reload"], ""), "reloaded: generation 3 is in force\n");
    let nobody = told.replace(&place.gateway.running().admin_address().to_string(), "127.0.0.1:1");
    std::fs::write(place.file(), nobody).unwrap();
    let alone = place.run(&["reload"], "");
    assert_eq!(alone.status.code(), Some(1), "{alone:?}");
}

#[test]
#[doc = "LG-01"]
fn a_token_is_shown_without_its_signature_and_with_who_would_judge_it() {
    let upstream = Upstream::ok();
    let place = Place::new(&upstream);
    let token = Token::of("alice").text();
    let signature = token.rsplit('.').next().unwrap();
    let said = place.says(&["token", "inspect"], &format!("Authorization: Bearer {token}\n"));
    assert!(
        said.starts_with("not verified") && said.contains("\"sub\": \"alice\""),
        "{said}"
    );
    assert!(said.ends_with("judged by idp\n") && !said.contains(signature), "{said}");
    let broken = place.run(&["token", "inspect"], "no token at all");
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        !String::from_utf8_lossy(&broken.stderr).contains("no token at all"),
        "{broken:?}"
    );
}
