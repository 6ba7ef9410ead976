//! Against the keys and signatures of RFC 9421 appendix B.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

pub(in crate::authn::methods::signature) const ED25519_PEM: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
";
pub(in crate::authn::methods::signature) const P256_PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----
";
pub(in crate::authn::methods::signature) const RSA_PEM: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
";
pub(in crate::authn::methods::signature) const SHARED: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
pub(in crate::authn::methods::signature) const RSA_1024_PEM: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC1v9sCKkQH7255xcxiJ0t04qLv
S+tr7q2J/j6VRHQlJ7/TmA3woGZvVQoRl5WHXpQQb6vuBzccyLhtn3r9DA/uWrOl
GXHhpOAR5c9FHik9Ogx7FtOhZtN/bUSw9WWsfe+GjLQsfMKsGrDEQgcJw2EhJWWu
bm/28dKgBaIhGintHwIDAQAB
-----END PUBLIC KEY-----
";
const P384_PEM: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEhayyF+9QVeRsfT96l1/3lmta8pbhkM6J
vys1mxzCTMizTTq4Gm+Lu7O5ZkDDjnigsEz8Ku23Z6ZnI4xyIUZDXLbKWOSDyolM
CTnYELEnRhEYe3Is89wkAAMSQ0HCEAWD
-----END PUBLIC KEY-----
";

pub(in crate::authn::methods::signature) fn public(id: &str, pem: &str, wanted: Option<Algorithm>) -> Key {
    let (algorithm, material) = Material::of_pem(pem.as_bytes(), wanted).unwrap();
    Key {
        id: id.into(),
        algorithm,
        material,
        grants: Grants::default(),
    }
}

pub(in crate::authn::methods::signature) fn shared(id: &str, secrets: &[&[u8]]) -> Key {
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(secret.to_vec())).collect();
    Key {
        id: id.into(),
        algorithm: Algorithm::HmacSha256,
        material: Material::of_secrets(&secrets),
        grants: Grants::default(),
    }
}

fn bytes(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

#[test]
fn the_kind_of_a_public_key_gives_its_algorithm() {
    for (pem, algorithm) in [
        (ED25519_PEM, Algorithm::Ed25519),
        (P256_PEM, Algorithm::EcdsaP256Sha256),
        (RSA_PEM, Algorithm::RsaPssSha512),
    ] {
        assert_eq!(public("k", pem, None).algorithm, algorithm);
        assert_eq!(public("k", pem, Some(algorithm)).algorithm, algorithm);
    }
    let chosen = public("k", RSA_PEM, Some(Algorithm::RsaV15Sha256));
    assert_eq!(chosen.algorithm, Algorithm::RsaV15Sha256);
}

#[test]
#[doc = "HM-02, JWT-11"]
fn a_key_that_is_weak_or_of_another_kind_is_refused() {
    let fault = |pem: &str, wanted| Material::of_pem(pem.as_bytes(), wanted).unwrap_err();
    assert_eq!(fault("", None), KeyFault::Pem);
    assert_eq!(
        fault("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", None),
        KeyFault::Kind
    );
    assert_eq!(fault(RSA_1024_PEM, None), KeyFault::Kind);
    assert_eq!(fault(RSA_1024_PEM, Some(Algorithm::RsaV15Sha256)), KeyFault::Kind);
    assert_eq!(fault(P384_PEM, None), KeyFault::Kind);
    assert_eq!(fault(RSA_PEM, Some(Algorithm::Ed25519)), KeyFault::Algorithm);
    assert_eq!(fault(ED25519_PEM, Some(Algorithm::HmacSha256)), KeyFault::Algorithm);
    assert_eq!(fault(P256_PEM, Some(Algorithm::RsaPssSha512)), KeyFault::Algorithm);
    let private = ED25519_PEM.replace("PUBLIC", "PRIVATE");
    assert_eq!(fault(&private, None), KeyFault::Private);
    assert_eq!(fault(&format!("{ED25519_PEM}{private}"), None), KeyFault::Private);
    assert_eq!(fault(&format!("{ED25519_PEM}{P256_PEM}"), None), KeyFault::Pem);
}

/// Appendix B.2.4: the signature is of an answer, the algorithm the same.
#[test]
fn the_ecdsa_signature_of_the_rfc_is_right() {
    let base = "\"@status\": 200\n\
                \"content-type\": application/json\n\
                \"content-digest\": \
                sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:\n\
                \"content-length\": 23\n\
                \"@signature-params\": (\"@status\" \"content-type\" \"content-digest\" \
                \"content-length\");created=1618884473;keyid=\"test-key-ecc-p256\"";
    let signature = bytes("wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==");
    let key = public("test-key-ecc-p256", P256_PEM, None);
    assert!(key.signed(base.as_bytes(), &signature));
    assert!(!key.signed(&base.as_bytes()[1..], &signature));
    assert!(!key.signed(base.as_bytes(), &signature[..63]));
}

#[test]
#[doc = "HM-02"]
fn every_secret_is_tried_and_a_wrong_or_short_mac_has_no_author() {
    let keys = [shared("a", &[b"one", b"two"]), shared("b", &[b"three"])];
    let mac = |secret: &[u8]| -> Mac {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::sign(&key, b"left|right").as_ref().try_into().unwrap()
    };
    let parts: &[&[u8]] = &[b"left|", b"right"];
    for (secret, id) in [(b"one" as &[u8], "a"), (b"two", "a"), (b"three", "b")] {
        let (key, found) = author(keys.iter(), parts, &[[0; 32], mac(secret)]).unwrap();
        assert_eq!((&*key.id, found), (id, mac(secret)));
    }
    assert!(author(keys.iter(), parts, &[mac(b"four"), [0; 32]]).is_none());
    assert!(author(keys.iter(), parts, &[]).is_none());
    assert!(author(keys.iter(), &[b"left|righT"], &[mac(b"one")]).is_none());
    assert!(keys[0].signed(b"left|right", &mac(b"two")));
    assert!(!keys[0].signed(b"left|right", &mac(b"two")[..16]));
    assert!(!keys[0].signed(b"left|right", &[]));
}

#[test]
#[doc = "HM-02"]
fn a_public_key_checks_no_macs() {
    let key = public("p", ED25519_PEM, None);
    let of_public = hmac::Key::new(hmac::HMAC_SHA256, ED25519_PEM.as_bytes());
    let mac: Mac = hmac::sign(&of_public, b"x").as_ref().try_into().unwrap();
    assert!(!key.signed(b"x", &mac));
    assert!(author(std::iter::once(&key), &[b"x"], &[mac]).is_none());
}

#[test]
fn keys_never_print() {
    let key = shared("a", &[b"correct horse battery staple"]);
    assert!(!format!("{key:?}").contains("horse"));
}
