//! Tokens that tell upstreams who is asking, read by libraries that upstreams are made with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use portcullis::base::random::Random;
use portcullis::base::signer::Signer;

use super::{Found, node, python};
use crate::support::token::{AUDIENCE, ISSUER, NOW, SECRET, Token};
use crate::support::{Gateway, Setup, Upstream, get};

/// One of each kind, in PKCS#8.
fn keys() -> [Vec<u8>; 4] {
    let ec = |algorithm| {
        EcdsaKeyPair::generate(algorithm)
            .unwrap()
            .to_pkcs8v1()
            .unwrap()
            .as_ref()
            .to_vec()
    };
    let rsa: Pkcs8V1Der<'static> = KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
    [
        Signer::make(&mut Random::system()).expose().to_vec(),
        ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
        ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
        rsa.as_ref().to_vec(),
    ]
}

/// A gateway that signed with each key in turn, and a token of each.
fn signed() -> (Gateway, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let write = |der: &[u8]| {
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        );
        std::fs::write(&file, pem).unwrap();
    };
    let upstream = Upstream::ok();
    let keys = keys();
    write(&keys[0]);
    let gateway = Setup::new()
        .variable("SECRET", SECRET)
        .top(&format!("signing: {{ key: \"${{file:{}}}\" }}", file.display()))
        .top(&format!(
            "auth: {{ idp: {{ jwt: {{ issuer: \"{ISSUER}\", audience: \"{AUDIENCE}\", secret: \"${{env:SECRET}}\" }} }} }}"
        ))
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: idp, forward: { identity_jwt: X-Auth-Identity } }")
        .in_file()
        .start();
    let bearer = Token::of("alice").bearer();
    let tokens = keys.iter().map(|key| {
        write(key);
        gateway.running().reload().unwrap();
        gateway.ask(get("/").field("Authorization", &bearer)).is(200);
        let seen = upstream.requests().pop().unwrap();
        seen.field("x-auth-identity").unwrap().to_owned()
    });
    let tokens = tokens.collect();
    (gateway, tokens)
}

fn url(gateway: &Gateway) -> String {
    format!("http://{}/.well-known/jwks.json", gateway.address())
}

#[test]
fn jose_of_npm_reads_the_tokens_of_upstreams() {
    let (gateway, tokens) = signed();
    Found::by(
        node("identity_client.js")
            .args([url(&gateway), NOW.to_string()])
            .args(tokens),
    )
    .held(20);
}

#[test]
fn pyjwt_reads_the_tokens_of_upstreams() {
    let (gateway, tokens) = signed();
    Found::by(python("identity_client.py").arg(url(&gateway)).args(tokens)).held(16);
}
