//! What is signed here is what is checked there.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use http::uri::PathAndQuery;

use super::*;
use crate::authn::methods::signature::fields::Window;
use crate::authn::methods::signature::keys::tests::{ED25519_PEM, public, shared};
use crate::authn::methods::signature::keys::{Key, Keys};
use crate::authn::methods::signature::rfc9421::Cover;
use crate::authn::methods::signature::scheme::Scheme;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::request::Asked;

const NOW: u64 = 1_618_884_473;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// The private key of RFC 9421 appendix B.1.4.
const ED25519_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
";

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn signer(key: &SigningKey) -> Signer<'_> {
    Signer {
        key,
        id: "acme",
        at: NOW,
        nonce: "0123456789abcdef",
    }
}

/// Whether the gateway takes what was signed for `POST http://h/a?b=c`.
fn is_taken(how: How<'_>, signer: &Signer<'_>, scheme: &Scheme, key: Key, body: &[u8]) -> bool {
    let target = PathAndQuery::from_static("/a?b=c");
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, "text/plain".parse().unwrap())]);
    let head = Head {
        method: "POST",
        scheme: "http",
        host: "h",
        target: &target,
        headers: &headers,
        content_length: None,
    };
    let fields = sign(how, signer, &head, body).unwrap();
    let mut asked = Asked::for_test("POST", "/a?b=c", &[("content-type", "text/plain")]);
    for (name, value) in fields {
        asked.headers.insert(name, value.parse().unwrap());
    }
    let window = Window {
        now: Timestamp::from_millis(NOW * 1000),
        max_age: std::time::Duration::from_secs(300),
    };
    let crate::authn::method::Place::Header(place) = scheme.reads().place else {
        panic!("signatures stand in header fields");
    };
    let (keys, credential) = (Keys::new(vec![key]), asked.headers[place].as_bytes());
    let previewed = scheme.preview(credential, &asked, &keys, &window).is_ok();
    previewed && scheme.judge(credential, (&asked, body), &keys, &window).is_ok()
}

#[test]
#[doc = "HM-01"]
fn every_scheme_takes_what_is_signed_for_it() {
    let key = SigningKey::of_secret(&Secret::new(SECRET.to_vec()));
    let signer = signer(&key);
    for (how, scheme) in [
        (How::V1, Scheme::V1),
        (How::Github, Scheme::Maker(Maker::Github)),
        (How::Stripe, Scheme::Maker(Maker::Stripe)),
        (How::Slack, Scheme::Maker(Maker::Slack)),
        (How::StandardWebhooks, Scheme::Maker(Maker::StandardWebhooks)),
        (How::Rfc9421 { more: &[] }, Scheme::Rfc9421(Cover::default())),
    ] {
        for body in [b"" as &[u8], b"some body"] {
            assert!(
                is_taken(how, &signer, &scheme, shared("acme", &[SECRET]), body),
                "{how:?}"
            );
        }
        assert!(
            !is_taken(how, &signer, &scheme, shared("acme", &[b"other"]), b"x"),
            "{how:?}"
        );
    }
    let more = ["content-type".to_owned(), "@method".to_owned()];
    let cover = Scheme::Rfc9421(Cover::new(vec!["content-type".into()]));
    let how = How::Rfc9421 { more: &more };
    assert!(is_taken(how, &signer, &cover, shared("acme", &[SECRET]), b"x"));
    let less = How::Rfc9421 { more: &[] };
    assert!(!is_taken(less, &signer, &cover, shared("acme", &[SECRET]), b"x"));
}

#[test]
fn every_kind_of_private_key_signs_for_its_public_one() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa_public = pem("PUBLIC KEY", rsa.public_key().as_der().unwrap().as_ref());
    let rsa_private = pem(
        "PRIVATE KEY",
        AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&rsa)
            .unwrap()
            .as_ref(),
    );
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ec_public = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(ec.public_key()).unwrap();
    let ec_private = pem("PRIVATE KEY", ec.to_pkcs8v1().unwrap().as_ref());
    let ed = Ed25519KeyPair::generate().unwrap();
    let ed_public = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(ed.public_key()).unwrap();
    let ed_private = pem("PRIVATE KEY", ed.to_pkcs8v1().unwrap().as_ref());
    let cases = [
        (rsa_private.clone(), rsa_public.clone(), Algorithm::RsaPssSha512, None),
        (
            rsa_private,
            rsa_public,
            Algorithm::RsaV15Sha256,
            Some(Algorithm::RsaV15Sha256),
        ),
        (
            ec_private,
            pem("PUBLIC KEY", ec_public.as_ref()),
            Algorithm::EcdsaP256Sha256,
            None,
        ),
        (
            ed_private,
            pem("PUBLIC KEY", ed_public.as_ref()),
            Algorithm::Ed25519,
            None,
        ),
    ];
    let scheme = Scheme::Rfc9421(Cover::default());
    for (private, verifying, algorithm, wanted) in cases {
        let key = SigningKey::of_pem(private.as_bytes(), wanted).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let verifying = public("acme", &verifying, wanted);
        let how = How::Rfc9421 { more: &[] };
        assert!(is_taken(how, &signer(&key), &scheme, verifying, b"x"), "{algorithm:?}");
        assert_eq!(key.mac(b"x"), Err(SigningFault::NeedsSecret));
    }
}

/// Ed25519 gives one signature for one message: the one of appendix B.2.6.
#[test]
fn the_private_key_of_the_rfc_signs_as_it_says() {
    let key = SigningKey::of_pem(ED25519_PRIVATE.as_bytes(), None).unwrap();
    let base = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\
                \"@authority\": example.com\n\"content-type\": application/json\n\"content-length\": 18\n\
                \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
                \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
    let expected = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
    assert_eq!(STANDARD.encode(key.sign(base.as_bytes()).unwrap()), expected);
}

#[test]
fn a_key_that_cannot_sign_is_told() {
    let fault = |pem: &str, wanted| SigningKey::of_pem(pem.as_bytes(), wanted).unwrap_err();
    assert_eq!(fault("", None), SigningFault::Pem);
    assert_eq!(fault(ED25519_PEM, None), SigningFault::Pem);
    assert_eq!(fault(&pem("PRIVATE KEY", b"abc"), None), SigningFault::Kind);
    assert_eq!(
        fault(ED25519_PRIVATE, Some(Algorithm::RsaPssSha512)),
        SigningFault::Algorithm(Algorithm::RsaPssSha512)
    );
    let bare = Secret::new(SECRET.to_vec());
    assert_eq!(
        SigningKey::of_standard_webhooks(&bare).unwrap_err(),
        SigningFault::Whsec
    );
    let key = SigningKey::of_secret(&bare);
    let broken = Signer {
        id: "a\nb",
        ..signer(&key)
    };
    let (target, headers) = (PathAndQuery::from_static("/"), HeaderMap::new());
    let head = Head {
        method: "GET",
        scheme: "http",
        host: "h",
        target: &target,
        headers: &headers,
        content_length: None,
    };
    assert_eq!(sign(How::V1, &broken, &head, b""), Err(SigningFault::Message));
    let more = ["absent".to_owned()];
    let fault = sign(How::Rfc9421 { more: &more }, &signer(&key), &head, b"").unwrap_err();
    assert!(matches!(fault, SigningFault::Base(_)), "{fault}");
    assert!(!format!("{key:?}").contains("0123"));
}
