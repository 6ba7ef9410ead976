//! Every seed of every fuzz target, as an ordinary test: what the fuzzer once found stays found, on any toolchain.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use portcullis::{authn, config, listen, request};

/// Fewer would mean that the folder was moved.
const FEWEST: usize = 10;

fn run(target: &str, judge: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut seeds: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    assert!(
        seeds.len() >= FEWEST,
        "{} holds only {} seeds",
        folder.display(),
        seeds.len()
    );
    for seed in seeds {
        println!("{}", seed.display());
        judge(&fs::read(&seed).unwrap());
    }
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_path_target_hold() {
    run("path", request::fuzz::path);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_header_target_hold() {
    run("headers", request::fuzz::headers);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_forwarded_target_hold() {
    run("forwarded", request::fuzz::forwarded);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_configuration_target_hold() {
    run("config", |data| config::fuzz(data, authn::KINDS));
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_proxy_protocol_target_hold() {
    run("proxy_protocol", listen::proxy_protocol::fuzz);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_basic_target_hold() {
    run("basic", authn::fuzz::basic);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_token_target_hold() {
    run("jwt", authn::jose::fuzz::jwt);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_issuer_target_hold() {
    run("issuer", authn::jwks::fuzz);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_signed_string_target_hold() {
    run("canonical_string", authn::signature::fuzz::canonical_string);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_signature_field_target_hold() {
    run("structured_fields", authn::signature::fuzz::structured_fields);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_key_set_target_hold() {
    run("jwks", authn::jose::fuzz::jwks);
}

#[test]
#[doc = "VR-03"]
fn seeds_of_the_api_key_target_hold() {
    run("api_key", portcullis::identity::keys::fuzz);
}

#[test]
fn every_target_has_a_corpus_and_a_test() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut names: Vec<String> = fs::read_dir(targets)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "api_key",
            "basic",
            "canonical_string",
            "config",
            "forwarded",
            "headers",
            "issuer",
            "jwks",
            "jwt",
            "path",
            "proxy_protocol",
            "structured_fields",
        ]
    );
}
