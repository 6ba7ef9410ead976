//! Which key a token is judged with (RFC 7515 section 4.1, RFC 7517, RFC 8725 sections 3.1 and 3.10): the one that its
//! issuer published under the name and for the algorithm that the token has, and never one that it brings along.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::json;

use super::super::with;
use super::tokens::{SIGNERS, Signer, Signers, b64, claims};
use super::{Answer, Case, IN, MALFORMED, SIGNATURE};
use crate::support::token::{AUDIENCE, ISSUER};
use crate::support::{Setup, Upstream};

/// Where the set and the key of the tables are written.
static FILES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let signers = &*SIGNERS;
    let mut other_use = signers.stranger.jwk("for-encryption");
    other_use["use"] = "enc".into();
    let set = json!({ "keys": [
        signers.rs.jwk("rs"),
        signers.es.jwk("twin"),
        signers.twin.jwk("twin"),
        signers.ed.jwk("ed"),
        signers.hs.jwk("hs"),
        other_use,
        { "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "p521" },
        { "kid": "of-no-kind" },
        17,
    ] });
    std::fs::write(folder.path().join("keys.json"), set.to_string()).unwrap();
    std::fs::write(folder.path().join("rs.pem"), signers.rs.pem()).unwrap();
    folder
});

fn file(name: &str) -> PathBuf {
    FILES.path().join(name)
}

fn setup(upstream: &Upstream) -> Setup {
    let idp = |name: &str, settings: String| {
        format!("  {name}: {{ jwt: {{ issuer: \"{ISSUER}\", audience: \"{AUDIENCE}\", {settings} }} }}\n")
    };
    let authenticators = [
        idp("set", format!("jwks_file: \"{}\"", file("keys.json").display())),
        idp("pem", format!("public_key: \"{}\"", file("rs.pem").display())),
        idp(
            "pem512",
            format!("public_key: \"{}\", algorithms: [RS512]", file("rs.pem").display()),
        ),
        idp(
            "narrow",
            format!("jwks_file: \"{}\", algorithms: [EdDSA]", file("keys.json").display()),
        ),
    ];
    let mut setup = with(
        upstream,
        &authenticators.concat(),
        "{ path: /, redirect: { to: /set, status: 308 }, auth: public }",
    );
    for name in ["set", "pem", "pem512", "narrow"] {
        setup = setup.route(&format!("{{ path: /{name}, upstream: up, auth: {name} }}"));
    }
    setup
}

pub fn cases() -> Vec<Case> {
    let signers = &*SIGNERS;
    let payload = claims().text();
    let mut cases = Vec::new();
    for (number, (path, header, signer, wanted)) in named(signers).into_iter().enumerate() {
        let token = signer.token(header, &payload);
        cases.push(Case::bearer(format!("{number}: {path} {header}"), path, &token, wanted));
    }
    cases.extend(brought_along(signers, &payload));
    cases.extend(confused(signers, &payload));
    cases.extend(curves(signers, &payload));
    cases
}

type Named<'s> = (&'static str, &'static str, &'s Signer, Answer);

fn named(s: &Signers) -> Vec<Named<'_>> {
    vec![
        ("/set", r#"{"alg":"RS256","kid":"rs"}"#, &s.rs, IN),
        ("/set", r#"{"alg":"EdDSA","kid":"ed"}"#, &s.ed, IN),
        ("/set", r#"{"alg":"ES256","kid":"twin"}"#, &s.es, IN),
        ("/set", r#"{"alg":"ES256","kid":"twin"}"#, &s.twin, IN),
        ("/set", r#"{"alg":"RS256"}"#, &s.rs, IN),
        ("/set", r#"{"alg":"EdDSA"}"#, &s.ed, IN),
        ("/set", r#"{"alg":"ES256"}"#, &s.es, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"ed"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"RS"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"rs "}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":" rs"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"r"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"rs\u0000"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"\u0072s"}"#, &s.rs, IN),
        ("/set", r#"{"alg":"RS256","kid":""}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"*"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"0"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS256","kid":"keys.json"}"#, &s.rs, SIGNATURE),
        (
            "/set",
            r#"{"alg":"RS256","kid":"../../../../dev/null"}"#,
            &s.rs,
            SIGNATURE,
        ),
        (
            "/set",
            r#"{"alg":"RS256","kid":"https://login.example.test/rs"}"#,
            &s.rs,
            SIGNATURE,
        ),
        ("/set", r#"{"alg":"RS256","kid":"rs","kid":"rs"}"#, &s.rs, MALFORMED),
        ("/set", r#"{"alg":"RS256","kid":0}"#, &s.rs, MALFORMED),
        ("/set", r#"{"alg":"RS256","kid":["rs"]}"#, &s.rs, MALFORMED),
        ("/set", r#"{"alg":"RS384","kid":"rs"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"RS512","kid":"rs"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"PS256","kid":"rs"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"ES256","kid":"rs"}"#, &s.rs, SIGNATURE),
        ("/set", r#"{"alg":"EdDSA","kid":"twin"}"#, &s.es, SIGNATURE),
        (
            "/set",
            r#"{"alg":"ES256","kid":"for-encryption"}"#,
            &s.stranger,
            SIGNATURE,
        ),
        ("/set", r#"{"alg":"ES512","kid":"p521"}"#, &s.es, SIGNATURE),
        ("/set", r#"{"alg":"ES256","kid":"of-no-kind"}"#, &s.es, SIGNATURE),
        ("/set", r#"{"alg":"ES256","kid":"twin"}"#, &s.stranger, SIGNATURE),
        ("/set", r#"{"alg":"HS256","kid":"hs"}"#, &s.hs, SIGNATURE),
        ("/set", r#"{"alg":"HS256"}"#, &s.hs, SIGNATURE),
        ("/set", r#"{"alg":"none","kid":"rs"}"#, &s.rs, SIGNATURE),
        ("/pem", r#"{"alg":"RS256"}"#, &s.rs, IN),
        ("/pem", r#"{"alg":"RS256","kid":"whatever"}"#, &s.rs, IN),
        ("/pem", r#"{"alg":"RS512"}"#, &s.rs, SIGNATURE),
        ("/pem", r#"{"alg":"PS256"}"#, &s.rs, SIGNATURE),
        ("/pem", r#"{"alg":"ES256"}"#, &s.es, SIGNATURE),
        ("/pem512", r#"{"alg":"RS256"}"#, &s.rs, SIGNATURE),
        ("/pem512", r#"{"alg":"RS512"}"#, &s.rs, SIGNATURE),
        ("/narrow", r#"{"alg":"EdDSA","kid":"ed"}"#, &s.ed, IN),
        ("/narrow", r#"{"alg":"RS256","kid":"rs"}"#, &s.rs, SIGNATURE),
        ("/narrow", r#"{"alg":"ES256","kid":"twin"}"#, &s.es, SIGNATURE),
    ]
}

/// A key in the header is the sender's own (CVE-2018-0114).
fn brought_along(signers: &Signers, payload: &str) -> Vec<Case> {
    let jwk = signers.stranger.jwk("mine");
    let same = signers.stranger.jwk("twin");
    [
        format!(r#"{{"alg":"ES256","jwk":{jwk}}}"#),
        format!(r#"{{"alg":"ES256","kid":"mine","jwk":{jwk}}}"#),
        format!(r#"{{"alg":"ES256","kid":"twin","jwk":{same}}}"#),
        r#"{"alg":"ES256","kid":"mine","jku":"http://127.0.0.1:9/keys"}"#.to_owned(),
        format!(
            r#"{{"alg":"ES256","kid":"mine","jku":"file://{}"}}"#,
            file("keys.json").display()
        ),
        r#"{"alg":"ES256","kid":"mine","x5u":"http://127.0.0.1:9/chain"}"#.to_owned(),
        r#"{"alg":"ES256","x5c":["MIIB"],"x5t":"AAAA","x5t#S256":"AAAA"}"#.to_owned(),
        format!(r#"{{"alg":"ES256","iss":"{ISSUER}","keys":[{jwk}]}}"#),
    ]
    .into_iter()
    .enumerate()
    .map(|(number, header)| {
        let token = signers.stranger.token(header, payload);
        Case::bearer(format!("a key of its own, {number}"), "/set", &token, SIGNATURE)
    })
    .collect()
}

/// A public key taken for a secret (CVE-2015-9235, CVE-2022-29217).
fn confused(signers: &Signers, payload: &str) -> Vec<Case> {
    let pem = signers.rs.pem();
    let jwk = signers.rs.jwk("rs");
    let der = {
        use base64::Engine as _;
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        base64::engine::general_purpose::STANDARD.decode(lines).unwrap()
    };
    let secrets: [(&str, Vec<u8>); 7] = [
        ("PEM", pem.clone().into_bytes()),
        ("PEM without its last line break", pem.trim_end().into()),
        ("DER", der),
        ("modulus", jwk["n"].as_str().unwrap().into()),
        ("JWK", jwk.to_string().into_bytes()),
        ("kid", b"rs".to_vec()),
        ("nothing", Vec::new()),
    ];
    let mut cases = Vec::new();
    for (name, secret) in secrets {
        let shared = Signer::Shared(secret);
        for path in ["/pem", "/set"] {
            let token = shared.token(r#"{"alg":"HS256","kid":"rs"}"#, payload);
            cases.push(Case::bearer(
                format!("{name} as a secret at {path}"),
                path,
                &token,
                SIGNATURE,
            ));
            let lied = shared.token(r#"{"alg":"RS256","kid":"rs"}"#, payload);
            cases.push(Case::bearer(
                format!("{name} as a secret at {path}, said to be RSA"),
                path,
                &lied,
                SIGNATURE,
            ));
        }
    }
    cases
}

/// Two numbers of ECDSA, and what is none (CVE-2022-21449).
fn curves(signers: &Signers, payload: &str) -> Vec<Case> {
    let signed = format!("{}.{}", b64(r#"{"alg":"ES256","kid":"twin"}"#), b64(payload));
    let made = signers.es.sign(signed.as_bytes());
    let (r, s) = made.split_at(32);
    // The order of P-256.
    let order = [
        &[0xff; 4][..],
        &[0; 4],
        &[0xff; 8],
        &[0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84],
        &[0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51],
    ]
    .concat();
    let zero = [0; 32];
    // As X.509 has it; both numbers with a zero in front.
    let der = [&[0x30, 0x46, 0x02, 0x21, 0x00][..], r, &[0x02, 0x21, 0x00], s].concat();
    let mut cases: Vec<Case> = [
        ("zeros", [zero, zero].concat()),
        ("r is zero", [&zero, s].concat()),
        ("s is zero", [r, &zero].concat()),
        ("r is the order", [&order, s].concat()),
        ("s is the order", [r, &order].concat()),
        ("both are the order", [&order[..], &order].concat()),
        ("r and s exchanged", [s, r].concat()),
        ("a byte less", made[..63].to_vec()),
        ("a byte more", [&made[..], &[0]].concat()),
        ("a zero in front", [&[0], &made[..]].concat()),
        ("zeros in front of both", [&[0; 16], r, &[0; 16], s].concat()),
        ("DER", der),
        ("r alone", r.to_vec()),
        ("a point of P-384", vec![1; 96]),
    ]
    .into_iter()
    .map(|(name, signature)| {
        let token = format!("{signed}.{}", b64(signature));
        Case::bearer(format!("ECDSA: {name}"), "/set", &token, SIGNATURE)
    })
    .collect();
    let signed = format!("{}.{}", b64(r#"{"alg":"EdDSA","kid":"ed"}"#), b64(payload));
    let made = signers.ed.sign(signed.as_bytes());
    for (name, signature) in [
        ("zeros", vec![0; 64]),
        ("the number alone", made[32..].to_vec()),
        ("a byte less", made[..63].to_vec()),
        ("a byte more", [&made[..], &[0]].concat()),
        ("a number that is not reduced", [&made[..32], &[0xff; 32]].concat()),
        ("a sign bit", [&made[..63], &[made[63] | 0x80]].concat()),
    ] {
        let token = format!("{signed}.{}", b64(signature));
        cases.push(Case::bearer(format!("EdDSA: {name}"), "/set", &token, SIGNATURE));
    }
    cases
}

#[test]
#[doc = "JWT-03, JWT-04, JWT-05, JWT-10, KEY-05, CA-06"]
fn keys_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
