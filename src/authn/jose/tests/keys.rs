//! Which keys are taken, and for what.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Signer, b64, jwks, read, set};
use crate::authn::jose::algorithm::Algorithm;
use crate::authn::jose::bytes::decoded;
use crate::authn::jose::json::NotOne;
use crate::authn::jose::keys::{KeyFault, KeySet};
use crate::base::secret::Secret;

/// What is wrong with the only key of a set.
fn fault(key: &Value) -> KeyFault {
    fault_for(key, &Algorithm::public())
}

fn fault_for(key: &Value, allowed: &[Algorithm]) -> KeyFault {
    let (keys, skipped) = KeySet::from_jwks(&jwks(std::slice::from_ref(key)), allowed).unwrap();
    assert!(keys.is_empty(), "taken: {key}");
    skipped[0].why
}

/// `key` with one member changed, or taken away where the value is null.
fn with(key: &Value, name: &str, value: Value) -> Value {
    let mut key = key.clone();
    let members = key.as_object_mut().unwrap();
    match value {
        Value::Null => members.remove(name),
        value => members.insert(name.to_owned(), value),
    };
    key
}

#[test]
#[doc = "JWT-11, KEY-05"]
fn a_key_that_is_not_for_verifying_is_left_out() {
    let key = Signer::of(Algorithm::EdDsa).jwk("one");
    for (name, value, wanted) in [
        ("use", json!("enc"), KeyFault::Purpose),
        ("use", json!("SIG"), KeyFault::Purpose),
        ("use", json!(""), KeyFault::Purpose),
        ("use", json!(["sig"]), KeyFault::Member("use")),
        ("key_ops", json!([]), KeyFault::Purpose),
        ("key_ops", json!(["sign"]), KeyFault::Purpose),
        ("key_ops", json!(["encrypt", "wrapKey"]), KeyFault::Purpose),
        ("key_ops", json!("verify"), KeyFault::Member("key_ops")),
        ("kty", json!("oct"), KeyFault::Symmetric),
        ("kty", json!("okp"), KeyFault::Kind),
        ("kty", json!("AKP"), KeyFault::Kind),
        ("kty", json!(1), KeyFault::Member("kty")),
        ("kty", Value::Null, KeyFault::Kind),
        ("alg", json!("none"), KeyFault::Algorithm),
        ("alg", json!("eddsa"), KeyFault::Algorithm),
        ("alg", json!("RSA-OAEP"), KeyFault::Algorithm),
        ("alg", json!(1), KeyFault::Member("alg")),
        ("alg", json!("HS256"), KeyFault::Mixed),
        ("alg", json!("RS256"), KeyFault::Mixed),
        ("alg", json!("ES256"), KeyFault::Mixed),
        ("crv", json!("Ed448"), KeyFault::Curve),
        ("crv", json!("X25519"), KeyFault::Curve),
        ("crv", Value::Null, KeyFault::Curve),
        ("x", Value::Null, KeyFault::Member("x")),
        ("x", json!(1), KeyFault::Member("x")),
        ("x", json!("a+b/"), KeyFault::Member("x")),
        ("x", json!("YQ=="), KeyFault::Member("x")),
        ("x", json!(""), KeyFault::Numbers),
        ("x", json!(b64([1; 31])), KeyFault::Numbers),
        ("x", json!(b64([1; 33])), KeyFault::Numbers),
    ] {
        assert_eq!(fault(&with(&key, name, value.clone())), wanted, "{name}: {value}");
    }
    for (name, value) in [
        ("use", Value::Null),
        ("alg", Value::Null),
        ("key_ops", json!(["verify"])),
        ("key_ops", json!(["sign", "verify"])),
        ("kid", Value::Null),
        ("x5c", json!(["anything"])),
        ("d", json!("a private part is not looked at")),
    ] {
        assert_eq!(set(&[with(&key, name, value.clone())]).len(), 1, "{name}: {value}");
    }
}

#[test]
#[doc = "JWT-11"]
fn a_point_is_on_its_curve_and_written_in_full() {
    let key = Signer::of(Algorithm::Es256).jwk("one");
    let x = decoded(key["x"].as_str().unwrap()).unwrap();
    for (name, value, wanted) in [
        ("x", b64([0; 32]), KeyFault::Numbers),
        ("x", b64([0xff; 32]), KeyFault::Numbers),
        ("y", b64([1; 32]), KeyFault::Numbers),
        ("y", key["x"].as_str().unwrap().to_owned(), KeyFault::Numbers),
        ("x", b64(&x[1..]), KeyFault::Numbers),
        ("x", b64([&[0], &x[..]].concat()), KeyFault::Numbers),
        ("x", b64([]), KeyFault::Numbers),
        ("crv", "P-384".to_owned(), KeyFault::Mixed),
        ("crv", "P-521".to_owned(), KeyFault::Curve),
        ("crv", "secp256k1".to_owned(), KeyFault::Curve),
        ("crv", "p-256".to_owned(), KeyFault::Curve),
        ("alg", "ES384".to_owned(), KeyFault::Mixed),
        ("kty", "RSA".to_owned(), KeyFault::Mixed),
    ] {
        assert_eq!(
            fault(&with(&key, name, value.clone().into())),
            wanted,
            "{name}: {value}"
        );
    }
    let unnamed = with(&with(&key, "crv", json!("P-384")), "alg", Value::Null);
    assert_eq!(fault(&unnamed), KeyFault::Numbers);
}

#[test]
#[doc = "JWT-11"]
fn an_rsa_key_has_2048_to_8192_bits_and_a_sound_exponent() {
    let key = Signer::of(Algorithm::Rs256).jwk("one");
    let n = decoded(key["n"].as_str().unwrap()).unwrap();
    let odd = |bytes: usize| b64([&[0x80], &vec![0; bytes - 2][..], &[1]].concat());
    for (name, value, wanted) in [
        ("n", odd(128), KeyFault::Size),
        ("n", odd(255), KeyFault::Size),
        ("n", b64([&[0x7f], &n[1..]].concat()), KeyFault::Size),
        ("n", odd(1025), KeyFault::Size),
        ("n", b64([]), KeyFault::Size),
        ("n", b64([0; 256]), KeyFault::Size),
        ("n", b64([&n[..255], &[2]].concat()), KeyFault::Numbers),
        ("e", b64([1]), KeyFault::Numbers),
        ("e", b64([0]), KeyFault::Numbers),
        ("e", b64([]), KeyFault::Numbers),
        ("e", b64([2]), KeyFault::Numbers),
        ("e", b64([1, 0, 0]), KeyFault::Numbers),
        ("e", b64([1; 8]), KeyFault::Numbers),
        ("e", "65537".to_owned(), KeyFault::Member("e")),
    ] {
        assert_eq!(
            fault(&with(&key, name, value.clone().into())),
            wanted,
            "{name}: {value}"
        );
    }
    assert_eq!(fault(&with(&key, "n", Value::Null)), KeyFault::Member("n"));
    assert_eq!(fault(&with(&key, "e", json!(65537))), KeyFault::Member("e"));
    // Some issuers write a zero in front.
    let padded = with(&key, "n", b64([&[0], &n[..]].concat()).into());
    assert_eq!(set(&[padded]).len(), 1);
}

#[test]
#[doc = "JWT-03"]
fn a_key_that_names_no_algorithm_is_bound_to_one() {
    let rsa = with(&Signer::of(Algorithm::Rs256).jwk("one"), "alg", Value::Null);
    let one = std::slice::from_ref(&rsa);
    for (allowed, wanted) in [
        (Algorithm::public(), Some(Algorithm::Rs256)),
        (vec![Algorithm::Ps256, Algorithm::Rs256], Some(Algorithm::Rs256)),
        (vec![Algorithm::Ps256], Some(Algorithm::Ps256)),
        (vec![Algorithm::Ps256, Algorithm::Es256], Some(Algorithm::Ps256)),
        (vec![Algorithm::Ps256, Algorithm::Ps512], None),
        (vec![Algorithm::Es256], None),
        (vec![], None),
    ] {
        let (keys, skipped) = KeySet::from_jwks(&jwks(one), &allowed).unwrap();
        assert_eq!(keys.algorithms().next(), wanted, "{allowed:?}");
        assert_eq!(
            skipped.first().map(|skipped| skipped.why),
            wanted.is_none().then_some(KeyFault::NotAllowed)
        );
    }
    let ec = with(&Signer::of(Algorithm::Es384).jwk("one"), "alg", Value::Null);
    assert_eq!(set(&[ec]).algorithms().next(), Some(Algorithm::Es384));
}

#[test]
#[doc = "JWT-03"]
fn a_key_for_an_algorithm_that_is_not_allowed_is_left_out() {
    let key = Signer::of(Algorithm::EdDsa).jwk("one");
    assert_eq!(fault_for(&key, &[Algorithm::Es256]), KeyFault::NotAllowed);
    assert_eq!(
        fault_for(&with(&key, "alg", Value::Null), &[Algorithm::Es256]),
        KeyFault::NotAllowed
    );
}

#[test]
#[doc = "KEY-05"]
fn one_broken_key_spoils_no_other() {
    let (first, last) = (Signer::of(Algorithm::EdDsa), Signer::of(Algorithm::Es256));
    let (one, two) = (first.jwk("one"), last.jwk("one"));
    let text = format!(
        r#"{{"keys":[{one},{{}},null,1,"x",[],{{"kty":"RSA","kty":"RSA"}},{{"kty":"oct","kid":"s","k":"AAAA"}},{two}]}}"#
    );
    let (keys, skipped) = KeySet::from_jwks(text.as_bytes(), &Algorithm::public()).unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys.verify(&read(&first.says(&json!({})))), Ok(()));
    assert_eq!(keys.verify(&read(&last.says(&json!({})))), Ok(()));
    let why: Vec<_> = skipped.iter().map(|skipped| (skipped.place, skipped.why)).collect();
    assert_eq!(
        why,
        [
            (1, KeyFault::Kind),
            (2, KeyFault::Json(NotOne::Object)),
            (3, KeyFault::Json(NotOne::Object)),
            (4, KeyFault::Json(NotOne::Object)),
            (5, KeyFault::Json(NotOne::Object)),
            (6, KeyFault::Json(NotOne::Repeated)),
            (7, KeyFault::Symmetric),
        ]
    );
    assert_eq!(skipped[6].id.as_deref(), Some("s"));
}

#[test]
fn what_is_no_set_is_refused_whole() {
    for (text, wanted) in [
        ("", KeyFault::Json(NotOne::Json)),
        ("[]", KeyFault::Json(NotOne::Json)),
        ("{}", KeyFault::Member("keys")),
        (r#"{"keys":{}}"#, KeyFault::Json(NotOne::Json)),
        (r#"{"keys":null}"#, KeyFault::Json(NotOne::Json)),
        (r#"{"keys":[],"keys":[]}"#, KeyFault::Json(NotOne::Repeated)),
        ("<html>", KeyFault::Json(NotOne::Json)),
    ] {
        assert_eq!(
            KeySet::from_jwks(text.as_bytes(), &Algorithm::public()).err(),
            Some(wanted),
            "{text}"
        );
    }
    let (keys, skipped) = KeySet::from_jwks(br#"{"keys":[]}"#, &Algorithm::public()).unwrap();
    assert!(keys.is_empty() && skipped.is_empty());
}

#[test]
#[doc = "JWT-11"]
fn a_secret_is_at_least_as_long_as_its_hash() {
    for (algorithm, least) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        for length in [0, 1, 16, least - 1] {
            let keys = KeySet::from_secret(&Secret::new(vec![b's'; length]), algorithm);
            assert_eq!(keys.err(), Some(KeyFault::Short(least)), "{algorithm} {length}");
        }
        assert!(KeySet::from_secret(&Secret::new(vec![b's'; least]), algorithm).is_ok());
    }
    let public = KeySet::from_secret(&Secret::new(vec![b's'; 64]), Algorithm::Rs256);
    assert_eq!(public.err(), Some(KeyFault::Mixed));
}

pub(in crate::authn) fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

/// The public half as `openssl` writes it.
pub(in crate::authn) fn public_pem(signer: &Signer) -> String {
    let der = match signer {
        Signer::Ed(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        Signer::Ec(_, pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        Signer::Rsa(_, pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        Signer::Shared(..) => panic!("no public half"),
    };
    pem("PUBLIC KEY", &der)
}

#[test]
#[doc = "JWT-03"]
fn one_public_key_is_read_from_pem() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
        let signer = Signer::of(algorithm);
        let keys = KeySet::from_pem(public_pem(&signer).as_bytes(), &Algorithm::public()).unwrap();
        // The one key has no id, so whatever the token calls it, it is that one.
        assert_eq!(keys.verify(&read(&signer.says(&json!({})))), Ok(()), "{algorithm}");
        assert!(
            keys.verify(&read(&Signer::of(Algorithm::Hs256).says(&json!({}))))
                .is_err()
        );
        let refused = KeySet::from_pem(public_pem(&signer).as_bytes(), &[Algorithm::Hs256]);
        assert_eq!(refused.err(), Some(KeyFault::NotAllowed), "{algorithm}");
    }
    let Signer::Rsa(_, pair) = Signer::of(Algorithm::Ps256) else {
        panic!("RSA")
    };
    let pkcs1 = pem("RSA PUBLIC KEY", pair.public_key().as_ref());
    let keys = KeySet::from_pem(pkcs1.as_bytes(), &[Algorithm::Ps256]).unwrap();
    let token = Signer::Rsa(Algorithm::Ps256, pair).says(&json!({}));
    assert_eq!(keys.verify(&read(&token)), Ok(()));
}

#[test]
#[doc = "JWT-11"]
fn what_is_not_one_public_key_in_pem_is_refused() {
    let Signer::Ed(pair) = Signer::of(Algorithm::EdDsa) else {
        panic!("Ed25519")
    };
    let private = pair.to_pkcs8().unwrap();
    let public = public_pem(&Signer::Ed(pair));
    let cases: Vec<(&str, String, KeyFault)> = vec![
        ("a private key", pem("PRIVATE KEY", private.as_ref()), KeyFault::Private),
        ("a private key of RSA", pem("RSA PRIVATE KEY", b"x"), KeyFault::Private),
        (
            "a private key behind a public one",
            format!("{public}{}", pem("EC PRIVATE KEY", b"x")),
            KeyFault::Private,
        ),
        (
            "a private key under a public name",
            pem("PUBLIC KEY", private.as_ref()),
            KeyFault::Numbers,
        ),
        ("two keys", format!("{public}{public}"), KeyFault::Pem),
        ("a certificate", pem("CERTIFICATE", b"x"), KeyFault::Pem),
        ("nothing", String::new(), KeyFault::Pem),
        ("no PEM", "ssh-ed25519 AAAA".to_owned(), KeyFault::Pem),
        ("a JWK", r#"{"kty":"OKP"}"#.to_owned(), KeyFault::Pem),
        ("no DER", pem("PUBLIC KEY", b"x"), KeyFault::Pem),
        ("no base64", public.replace("MCow", "M!ow"), KeyFault::Pem),
        ("no end", public.replace("-----END", "END"), KeyFault::Pem),
    ];
    for (name, text, wanted) in cases {
        assert_eq!(
            KeySet::from_pem(text.as_bytes(), &Algorithm::public()).err(),
            Some(wanted),
            "{name}"
        );
    }
    assert_eq!(
        KeySet::from_pem(b"\xff\xfe", &Algorithm::public()).err(),
        Some(KeyFault::Pem)
    );
}

/// A key of 1024 bits, which `openssl` still makes.
const SMALL: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCb2IBpjuRofXiYRAuHtWY90YY1
BKrGp5aht67plb6be/QyhWQ5vmaCpasXF3MMVtwussJvnycowVdFc4/3naVbYenM
ueAR3+u0Q3m3p7nGSlP9tM4ZVXoyVqd9M1z2S7ppYEmJ2eQjv0M6QB2ERObwHKf7
kLr9wMXgSYHg+I0pkwIDAQAB
-----END PUBLIC KEY-----
";

#[test]
#[doc = "JWT-11"]
fn a_small_rsa_key_in_pem_is_refused() {
    let keys = KeySet::from_pem(SMALL.as_bytes(), &Algorithm::public());
    assert_eq!(keys.err(), Some(KeyFault::Size));
}

#[test]
#[doc = "CF-03"]
fn keys_do_not_print_what_they_are() {
    let secret = KeySet::from_secret(
        &Secret::new(b"correct horse battery staple, twice".to_vec()),
        Algorithm::Hs256,
    );
    let shown = format!("{:?}", secret.unwrap());
    assert_eq!(shown, "KeySet { keys: [Key(None, HS256)], nameless: true }");
}
