//! Which settings are taken, and what is said of those that are not.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::json;

use super::{loaded, parse, started};
use crate::authn::jose::algorithm::Algorithm;
use crate::authn::jose::tests::keys::{pem, public_pem};
use crate::authn::jose::tests::{Signer, jwks};
use crate::authn::method::{Memory, Place, Reads, Share};
use crate::config::Code;

/// Made once: numbers for RSA are not found at once.
static FILES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let (ed, rsa) = (Signer::of(Algorithm::EdDsa), Signer::of(Algorithm::Rs256));
    let mut encrypting = ed.jwk("two");
    encrypting["use"] = "enc".into();
    let set = |keys: &[serde_json::Value]| String::from_utf8(jwks(keys)).unwrap();
    vec![
        ("ed.pem", public_pem(&ed)),
        ("rsa.pem", public_pem(&rsa)),
        ("private.pem", pem("PRIVATE KEY", b"x")),
        ("keys.json", set(&[ed.jwk("one")])),
        ("mixed.json", set(&[ed.jwk("one"), encrypting.clone()])),
        ("useless.json", set(&[encrypting])),
        ("empty.json", json!({ "keys": [] }).to_string()),
        ("none.json", "<html>".to_owned()),
    ]
});

fn files() -> Vec<(&'static str, String)> {
    FILES.clone()
}

/// The codes and messages of every fault of the settings.
fn faults(settings: &str) -> Vec<(Code, String)> {
    match parse(settings, &files()) {
        Ok(_) => panic!("taken: {settings}"),
        Err(faults) => faults.iter().map(|fault| (fault.code, fault.message.clone())).collect(),
    }
}

#[test]
fn settings_that_make_sense_are_taken() {
    for settings in [
        "{ issuer: https://login.example.com/realms/main, audience: [api] }",
        "{ issuer: https://login.example.com, audience: any }",
        "{ issuer: https://login.example.com, audience: api, jwks_url: 'https://login.example.com/keys?v=1' }",
        "{ issuer: not a url, audience: api, jwks_url: 'https://login.example.com/keys' }",
        "{ issuer: me, audience: api, jwks_file: keys.json }",
        "{ issuer: any, audience: api, jwks_file: keys.json }",
        "{ issuer: any, audience: api, public_key: ed.pem }",
        "{ issuer: any, audience: any, secret: '${env:SECRET}' }",
        "{ issuer: me, audience: api, secret: '${env:SECRET}', algorithms: [HS512] }",
        "{ issuer: me, audience: api, public_key: rsa.pem, algorithms: [PS384] }",
        "{ issuer: 'https://a.example', audience: api, algorithms: [RS256, ES256, EdDSA] }",
        "{ issuer: 'https://a.example', audience: api, leeway: 0s, max_lifetime: 1h, cache: off }",
        "{ issuer: 'https://a.example', audience: api, required: [exp, iss, aud, sub, jti] }",
        "{ issuer: 'https://a.example', audience: any, required: [exp, iss, sub] }",
        "{ issuer: 'https://a.example', audience: api, subject_from: client_id, required: [exp, iss, aud] }",
        "{ issuer: 'https://a.example', audience: api, require_claims: { type: access, 'https://x.example/t': [a, b] } }",
        "{ issuer: 'https://a.example', audience: api, typ: at+jwt }",
        "{ issuer: 'https://a.example', audience: api, roles_from: [a.b, c], scopes_from: scp }",
        "{ issuer: 'https://a.example', audience: api, from: [bearer, 'cookie:token', 'query:t', 'header:X-Token'] }",
    ] {
        loaded(settings, &files());
    }
}

#[test]
#[doc = "JWT-03, JWT-11"]
fn settings_that_exclude_each_other_are_faults() {
    const BASE: &str = "issuer: 'https://a.example', audience: api";
    for (settings, code) in [
        ("{}".to_owned(), Code::KeyMissing),
        ("{ issuer: 'https://a.example' }".to_owned(), Code::KeyMissing),
        ("{ audience: api, jwks_file: keys.json }".to_owned(), Code::KeyMissing),
        (
            format!("{{ {BASE}, jwks_file: keys.json, jwks_url: 'https://a.example/k' }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ {BASE}, public_key: ed.pem, secret: '${{env:SECRET}}' }}"),
            Code::KeyConflict,
        ),
        (format!("{{ {BASE}, algorithms: [HS256] }}"), Code::KeyConflict),
        (format!("{{ {BASE}, algorithms: [RS256, HS256] }}"), Code::KeyConflict),
        (
            format!("{{ {BASE}, jwks_file: keys.json, algorithms: [HS256] }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ {BASE}, public_key: ed.pem, algorithms: [HS256] }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ {BASE}, secret: '${{env:SECRET}}', algorithms: [RS256] }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ {BASE}, secret: '${{env:SECRET}}', algorithms: [HS256, RS256] }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ {BASE}, secret: '${{env:SECRET}}', algorithms: [HS256, HS512] }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ {BASE}, public_key: rsa.pem, algorithms: [RS256, PS256] }}"),
            Code::KeyConflict,
        ),
        (format!("{{ {BASE}, algorithms: [] }}"), Code::ValueEmpty),
        (format!("{{ {BASE}, algorithms: [none] }}"), Code::ValueWord),
        (format!("{{ {BASE}, algorithms: [rs256] }}"), Code::ValueWord),
        (format!("{{ {BASE}, algorithms: RS256 }}"), Code::ValueType),
        ("{ issuer: any, audience: api }".to_owned(), Code::KeyConflict),
        (
            "{ issuer: any, audience: api, jwks_url: 'https://a.example/k' }".to_owned(),
            Code::KeyConflict,
        ),
        ("{ issuer: me, audience: api }".to_owned(), Code::ValueUrl),
        (
            "{ issuer: 'https://a.example/?x=1', audience: api }".to_owned(),
            Code::ValueUrl,
        ),
        (
            "{ issuer: 'https://u:p@a.example', audience: api }".to_owned(),
            Code::ValueUrl,
        ),
        (
            "{ issuer: 'ftp://a.example', audience: api }".to_owned(),
            Code::ValueUrl,
        ),
        (format!("{{ {BASE}, jwks_url: /keys }}"), Code::ValueUrl),
        (format!("{{ {BASE}, jwks_url: 'file:///keys' }}"), Code::ValueUrl),
        (
            format!("{{ {BASE}, jwks_url: 'https://a.example/#k' }}"),
            Code::ValueUrl,
        ),
        (
            "{ issuer: 'https://a.example', audience: [] }".to_owned(),
            Code::ValueEmpty,
        ),
        (
            "{ issuer: 'https://a.example', audience: '' }".to_owned(),
            Code::ValueEmpty,
        ),
        (
            "{ issuer: 'https://a.example', audience: [any] }".to_owned(),
            Code::KeyConflict,
        ),
        (
            "{ issuer: 'https://a.example', audience: [api, any] }".to_owned(),
            Code::KeyConflict,
        ),
        (
            format!("{{ {BASE}, secret: in-clear-and-long-enough-for-a-hash }}"),
            Code::SecretInline,
        ),
        (format!("{{ {BASE}, secret: '${{env:SHORT}}' }}"), Code::SecretWeak),
        (format!("{{ {BASE}, secret: '${{env:NOBODY}}' }}"), Code::EnvMissing),
        (format!("{{ {BASE}, public_key: nowhere.pem }}"), Code::FileUnreadable),
        (format!("{{ {BASE}, public_key: private.pem }}"), Code::ValueKey),
        (format!("{{ {BASE}, public_key: keys.json }}"), Code::ValueKey),
        (
            format!("{{ {BASE}, public_key: ed.pem, algorithms: [ES256] }}"),
            Code::ValueKey,
        ),
        (format!("{{ {BASE}, jwks_file: none.json }}"), Code::ValueKey),
        (format!("{{ {BASE}, jwks_file: empty.json }}"), Code::ValueKey),
        (format!("{{ {BASE}, jwks_file: useless.json }}"), Code::ValueKey),
        (
            format!("{{ {BASE}, jwks_file: keys.json, algorithms: [ES256] }}"),
            Code::ValueKey,
        ),
        (format!("{{ {BASE}, jwks_file: ed.pem }}"), Code::ValueKey),
        (format!("{{ {BASE}, leeway: 61s }}"), Code::ValueRange),
        (format!("{{ {BASE}, leeway: 30 }}"), Code::ValueDuration),
        (format!("{{ {BASE}, max_lifetime: 0s }}"), Code::ValueZero),
        (format!("{{ {BASE}, cache: maybe }}"), Code::ValueWord),
        (
            format!("{{ {BASE}, require_claims: {{ type: [] }} }}"),
            Code::ValueEmpty,
        ),
        (format!("{{ {BASE}, typ: [] }}"), Code::ValueEmpty),
        (format!("{{ {BASE}, roles_from: a..b }}"), Code::ValueEmpty),
        (format!("{{ {BASE}, roles_from: .a }}"), Code::ValueEmpty),
        (format!("{{ {BASE}, from: [] }}"), Code::ValueEmpty),
        (format!("{{ {BASE}, from: [bearer, bearer] }}"), Code::KeyConflict),
        (
            format!("{{ {BASE}, from: ['header:X-T', 'header:x-t'] }}"),
            Code::KeyConflict,
        ),
        (format!("{{ {BASE}, from: [basic] }}"), Code::ValueWord),
        (format!("{{ {BASE}, from: ['header:'] }}"), Code::ValueWord),
        (format!("{{ {BASE}, from: ['header:Authorization'] }}"), Code::ValueWord),
        (format!("{{ {BASE}, from: ['header:cookie'] }}"), Code::ValueWord),
        (format!("{{ {BASE}, from: ['header:a b'] }}"), Code::ValueWord),
        (format!("{{ {BASE}, from: ['cookie:a=b'] }}"), Code::ValueWord),
        (format!("{{ {BASE}, from: bearer }}"), Code::ValueType),
        (format!("{{ {BASE}, isuer: x }}"), Code::KeyUnknown),
    ] {
        let found = faults(&settings);
        assert_eq!(
            found.first().map(|(code, _)| *code),
            Some(code),
            "{settings}: {found:?}"
        );
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let codes: Vec<Code> = faults("{ issuer: me, audience: [], leeway: 2m, typ: [], from: [nowhere] }")
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    assert_eq!(
        codes,
        [
            Code::ValueUrl,
            Code::ValueEmpty,
            Code::ValueRange,
            Code::ValueEmpty,
            Code::ValueWord
        ]
    );
}

#[test]
fn faults_name_what_excludes_what() {
    let only = |settings: &str| faults(settings).remove(0).1;
    assert_eq!(
        only("{ issuer: me, audience: api, jwks_file: keys.json, public_key: ed.pem }"),
        "`jwks_file` and `public_key` exclude each other; keep the one that says where the keys are"
    );
    assert_eq!(
        only("{ issuer: me, audience: api, public_key: private.pem }"),
        "private.pem holds no key that can be used: it is a private key; only the public one belongs here"
    );
    assert_eq!(
        only("{ issuer: me, audience: api, secret: '${env:SHORT}' }"),
        "a secret for this algorithm has at least 32 bytes; make a longer one"
    );
}

#[test]
#[doc = "KEY-05"]
fn a_key_that_is_not_used_is_a_warning() {
    let loaded = loaded("{ issuer: me, audience: api, jwks_file: mixed.json }", &files());
    let messages: Vec<&str> = loaded.warnings.iter().map(|warning| &*warning.message).collect();
    assert_eq!(
        messages,
        ["key 2 of mixed.json is not used: it is not for verifying signatures"]
    );
}

#[test]
fn files_with_keys_are_watched() {
    for (name, settings) in [
        ("keys.json", "{ issuer: me, audience: api, jwks_file: keys.json }"),
        ("ed.pem", "{ issuer: me, audience: api, public_key: ed.pem }"),
    ] {
        assert!(
            loaded(settings, &files())
                .files
                .iter()
                .any(|file| file == Path::new(name)),
            "{name}"
        );
    }
}

#[test]
fn a_changed_key_is_another_authenticator() {
    let settings = "{ issuer: me, audience: api, jwks_file: keys.json }";
    let (one, same) = (loaded(settings, &files()), loaded(settings, &files()));
    let mut changed = files();
    changed[3].1.push('\n');
    let other = loaded(settings, &changed);
    assert_eq!(one.config.auth, same.config.auth);
    assert_ne!(one.config.auth, other.config.auth);
}

#[test]
#[doc = "JWT-01"]
fn tokens_are_looked_for_where_it_is_written_and_nowhere_else() {
    let reads = |settings: &str| started(&loaded(settings, &files())).1;
    let me = Share::Issuer("me".into());
    assert_eq!(
        reads("{ issuer: me, audience: api, public_key: ed.pem }"),
        [Reads::share(Place::Bearer, me.clone())]
    );
    assert_eq!(
        reads("{ issuer: me, audience: api, public_key: ed.pem, from: ['cookie:T', 'query:t', 'header:X-T'] }"),
        [
            Reads::share(Place::Cookie("T".into()), me.clone()),
            Reads::share(Place::Query("t".into()), me.clone()),
            Reads::share(Place::Header(http::HeaderName::from_static("x-t")), me),
        ]
    );
    assert_eq!(
        reads("{ issuer: any, audience: api, public_key: ed.pem }"),
        [Reads::share(Place::Bearer, Share::OtherIssuers)]
    );
}

#[test]
fn a_verdict_is_remembered_unless_that_is_switched_off() {
    let memory = |settings: &str| started(&loaded(settings, &files())).0.memory();
    assert_eq!(
        memory("{ issuer: me, audience: api, public_key: ed.pem }"),
        Memory::Verdict { ttl: None }
    );
    assert_eq!(
        memory("{ issuer: me, audience: api, public_key: ed.pem, cache: off }"),
        Memory::Never
    );
}
