//! What has been done to verifiers of tokens: the attacks of RFC 8725 section 2, and signatures that are nearly right.

use serde_json::{Value, json};

use super::{Signer, b64, read, set};
use crate::authn::jose::algorithm::Algorithm;
use crate::authn::jose::bytes::decoded;
use crate::authn::jose::keys::{KeySet, Unproven};
use crate::authn::jose::token::Token;
use crate::base::secret::Secret;

const PAYLOAD: &str = r#"{"iss":"i","sub":"admin"}"#;

fn verdict(keys: &KeySet, token: &str) -> Result<(), Unproven> {
    keys.verify(&read(token))
}

/// `token` with another signature.
fn resigned(token: &str, signature: &[u8]) -> String {
    let (signed, _) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", b64(signature))
}

fn signature_of(token: &str) -> Vec<u8> {
    decoded(token.rsplit_once('.').unwrap().1).unwrap()
}

#[test]
#[doc = "JWT-03"]
fn no_spelling_of_none_is_an_algorithm() {
    let keys = Signer::of(Algorithm::EdDsa).keys();
    for name in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        " none",
        "none\0",
        "",
        "null",
        "ｎｏｎｅ",
    ] {
        let header = json!({ "alg": name, "kid": "one" }).to_string();
        let signed = format!("{}.{}", b64(&header), b64(PAYLOAD));
        assert!(Token::read(format!("{signed}.").as_bytes()).is_err(), "{name:?}");
        assert_eq!(
            verdict(&keys, &format!("{signed}.AA")),
            Err(Unproven::UnknownKey),
            "{name:?}"
        );
    }
}

#[test]
#[doc = "JWT-03"]
fn a_public_key_is_never_a_secret() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let issuer = Signer::of(algorithm);
        let jwk = issuer.jwk("one");
        let numbers = jwk["n"].as_str().or(jwk["x"].as_str()).unwrap().to_owned();
        // Whatever spelling of the public key is used as the secret, there is no key for HS256 to check it with.
        for known in [
            jwk.to_string().into_bytes(),
            decoded(&numbers).unwrap(),
            numbers.into_bytes(),
        ] {
            let forged = Signer::Shared(Algorithm::Hs256, known).token(r#"{"alg":"HS256","kid":"one"}"#, PAYLOAD);
            assert_eq!(
                verdict(&issuer.keys(), &forged),
                Err(Unproven::UnknownKey),
                "{algorithm}"
            );
            let nameless = forged.replacen(&b64(r#"{"alg":"HS256","kid":"one"}"#), &b64(r#"{"alg":"HS256"}"#), 1);
            assert_eq!(
                verdict(&issuer.keys(), &nameless),
                Err(Unproven::Nameless),
                "{algorithm}"
            );
        }
    }
}

#[test]
#[doc = "JWT-03"]
fn a_key_is_for_one_algorithm_only() {
    // Each signs rightly, and says another algorithm than the one its key was published for.
    for (published, says) in [
        (Algorithm::Rs256, Algorithm::Rs384),
        (Algorithm::Rs256, Algorithm::Ps256),
        (Algorithm::Ps256, Algorithm::Rs256),
        (Algorithm::Ps512, Algorithm::Ps256),
    ] {
        let Signer::Rsa(_, pair) = Signer::of(published) else {
            panic!("RSA")
        };
        let keys = Signer::Rsa(published, pair.clone()).keys();
        let token = Signer::Rsa(says, pair).says(&json!({}));
        assert_eq!(verdict(&keys, &token), Err(Unproven::UnknownKey), "{published} {says}");
    }
    let shared = vec![b'k'; 64];
    let keys = KeySet::from_secret(&Secret::new(shared.clone()), Algorithm::Hs256).unwrap();
    let token = Signer::Shared(Algorithm::Hs512, shared).says(&json!({}));
    assert_eq!(verdict(&keys, &token), Err(Unproven::Nameless));
}

#[test]
#[doc = "JWT-03"]
fn a_header_that_lies_about_the_algorithm_is_not_believed() {
    for (signs, says) in [
        (Algorithm::EdDsa, "ES256"),
        (Algorithm::EdDsa, "HS256"),
        (Algorithm::Es256, "EdDSA"),
        (Algorithm::Es256, "ES384"),
        (Algorithm::Es384, "ES256"),
        (Algorithm::Hs256, "HS384"),
    ] {
        let signer = Signer::of(signs);
        let header = json!({ "alg": says, "kid": "one" }).to_string();
        assert!(
            verdict(&signer.keys(), &signer.token(&header, PAYLOAD)).is_err(),
            "{signs} {says}"
        );
    }
}

#[test]
#[doc = "JWT-04"]
fn a_key_that_a_token_brings_is_not_used() {
    let (issuer, attacker) = (Signer::of(Algorithm::EdDsa), Signer::of(Algorithm::Es256));
    let own = attacker.jwk("one");
    for extra in [
        json!({ "jwk": own }),
        json!({ "jwk": own, "kid": "one" }),
        json!({ "jku": "https://evil.example/keys", "kid": "one" }),
        json!({ "x5u": "https://evil.example/chain", "kid": "one" }),
        json!({ "x5c": [b64("certificate")], "kid": "one" }),
        json!({ "kid": "https://evil.example/keys" }),
        json!({ "kid": "/dev/null" }),
        json!({ "kid": "../../../../../../dev/null" }),
        json!({ "kid": "one' UNION SELECT 'secret" }),
        json!({ "kid": "one; curl evil.example" }),
        json!({ "kid": "" }),
        json!({ "kid": "ONE" }),
        json!({ "kid": "one " }),
        json!({ "kid": "one\0" }),
    ] {
        for signer in [&issuer, &attacker] {
            let mut header = extra.clone();
            header["alg"] = attacker.algorithm().as_str().into();
            let token = signer.token(&header.to_string(), PAYLOAD);
            assert!(verdict(&issuer.keys(), &token).is_err(), "{extra}");
        }
    }
}

#[test]
#[doc = "JWT-04"]
fn an_unknown_id_never_means_any_key() {
    let issuer = Signer::of(Algorithm::EdDsa);
    let header = |kid: &str| json!({ "alg": "EdDSA", "kid": kid }).to_string();
    assert_eq!(verdict(&issuer.keys(), &issuer.token(&header("one"), PAYLOAD)), Ok(()));
    for kid in ["two", "", "One", "one ", "0"] {
        let token = issuer.token(&header(kid), PAYLOAD);
        assert_eq!(verdict(&issuer.keys(), &token), Err(Unproven::UnknownKey), "{kid:?}");
    }
    // A key of the set that has no id is nobody's answer to an id, either.
    let mut nameless = issuer.jwk("one");
    nameless.as_object_mut().unwrap().remove("kid");
    let token = issuer.token(&header("one"), PAYLOAD);
    assert_eq!(verdict(&set(&[nameless]), &token), Err(Unproven::UnknownKey));
}

#[test]
#[doc = "JWT-04"]
fn a_token_without_an_id_needs_a_set_without_a_choice() {
    let issuer = Signer::of(Algorithm::Es256);
    let token = issuer.token(r#"{"alg":"ES256"}"#, PAYLOAD);
    let (other, third) = (
        Signer::of(Algorithm::Es256).jwk("two"),
        Signer::of(Algorithm::EdDsa).jwk("three"),
    );
    assert_eq!(verdict(&set(&[issuer.jwk("one")]), &token), Ok(()));
    assert_eq!(verdict(&set(&[issuer.jwk("one"), third.clone()]), &token), Ok(()));
    assert_eq!(
        verdict(&set(&[issuer.jwk("one"), other]), &token),
        Err(Unproven::Nameless)
    );
    assert_eq!(verdict(&set(&[third]), &token), Err(Unproven::Nameless));
    assert_eq!(verdict(&set(&[]), &token), Err(Unproven::Nameless));
}

#[test]
#[doc = "JWT-05"]
fn equal_ids_of_two_issuers_never_mix() {
    let (ours, theirs) = (Signer::of(Algorithm::Es256), Signer::of(Algorithm::Es256));
    let token = theirs.says(&json!({ "iss": "i" }));
    assert_eq!(verdict(&theirs.keys(), &token), Ok(()));
    assert_eq!(verdict(&ours.keys(), &token), Err(Unproven::Signature));
}

#[test]
#[doc = "JWT-10"]
fn a_change_anywhere_spoils_the_signature() {
    for algorithm in [Algorithm::Hs256, Algorithm::EdDsa, Algorithm::Es256, Algorithm::Ps256] {
        let signer = Signer::of(algorithm);
        let (keys, token) = (
            signer.keys(),
            signer.says(&json!({ "iss": "i", "sub": "user", "n": 1 })),
        );
        assert_eq!(verdict(&keys, &token), Ok(()));
        let longer = signer.says(&json!({ "iss": "i", "sub": "admin", "n": 1 }));
        assert!(
            verdict(&keys, &resigned(&longer, &signature_of(&token))).is_err(),
            "{algorithm}: payload"
        );
        let header = json!({ "alg": algorithm.as_str(), "kid": "one", "typ": "at+jwt" }).to_string();
        let rest = token.split_once('.').unwrap().1;
        assert!(
            verdict(&keys, &format!("{}.{rest}", b64(header))).is_err(),
            "{algorithm}: header"
        );
        let signature = signature_of(&token);
        for bit in 0..signature.len() * 8 {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                verdict(&keys, &resigned(&token, &changed)),
                Err(Unproven::Signature),
                "{algorithm}: bit {bit}"
            );
        }
    }
}

#[test]
#[doc = "JWT-10"]
fn a_signature_has_its_exact_length() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::of(*algorithm);
        let (keys, token) = (signer.keys(), signer.says(&json!({})));
        let signature = signature_of(&token);
        let mut cases: Vec<Vec<u8>> = (1..signature.len())
            .step_by(7)
            .map(|end| signature[..end].to_vec())
            .collect();
        cases.push(signature[1..].to_vec());
        cases.push([&signature[..], &[0]].concat());
        cases.push([&[0], &signature[..]].concat());
        cases.push([&signature[..], &signature[..]].concat());
        cases.push(vec![0; signature.len()]);
        cases.push(vec![0xff; signature.len()]);
        cases.push(vec![0]);
        for case in cases {
            let verdict = verdict(&keys, &resigned(&token, &case));
            assert_eq!(verdict, Err(Unproven::Signature), "{algorithm}: {} bytes", case.len());
        }
    }
}

/// The order of P-256, and one less and more.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn hex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[test]
#[doc = "JWT-10"]
fn the_numbers_of_ecdsa_are_in_their_range() {
    let signer = Signer::of(Algorithm::Es256);
    let (keys, token) = (signer.keys(), signer.says(&json!({})));
    let signature = signature_of(&token);
    let (r, s) = signature.split_at(32);
    let (zero, one, order) = (vec![0; 32], [vec![0; 31], vec![1]].concat(), hex(ORDER));
    let (less, more, most) = (with_last(&order, 0x50), with_last(&order, 0x52), vec![0xff; 32]);
    let values = [&zero, &one, &less, &order, &more, &most];
    for value in values {
        for pair in [[&value[..], s], [r, &value[..]], [&value[..], &value[..]]] {
            let verdict = verdict(&keys, &resigned(&token, &pair.concat()));
            assert_eq!(verdict, Err(Unproven::Signature), "{pair:02x?}");
        }
    }
}

fn with_last(bytes: &[u8], last: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    *bytes.last_mut().unwrap() = last;
    bytes
}

#[test]
#[doc = "JWT-10"]
fn ecdsa_in_the_form_of_certificates_is_refused() {
    let Signer::Ec(_, pair) = Signer::of(Algorithm::Es256) else {
        panic!("EC")
    };
    let signer = Signer::Ec(Algorithm::Es256, pair);
    let token = signer.says(&json!({}));
    let signature = signature_of(&token);
    let integer = |number: &[u8]| [&[2, 33, 0], number].concat();
    let (r, s) = signature.split_at(32);
    let numbers = [integer(r), integer(s)].concat();
    let der = [&[0x30, u8::try_from(numbers.len()).unwrap()], &numbers[..]].concat();
    assert_eq!(
        verdict(&signer.keys(), &resigned(&token, &der)),
        Err(Unproven::Signature)
    );
}

#[test]
#[doc = "JWT-10"]
fn the_number_of_eddsa_is_reduced() {
    let signer = Signer::of(Algorithm::EdDsa);
    let token = signer.says(&json!({}));
    let mut signature = signature_of(&token);
    // The order of the group, added to the second half, least byte first: the same equation holds, another spelling.
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(
        verdict(&signer.keys(), &resigned(&token, &signature)),
        Err(Unproven::Signature)
    );
}

#[test]
#[doc = "JWT-12"]
fn encrypted_tokens_are_not_opened() {
    let five = [
        "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ",
        "OKOawDo",
        "48V1_ALb6US04U3b",
        "5eym8TW",
        "XFBoMYUZ",
    ];
    assert!(Token::read(five.join(".").as_bytes()).is_err());
    for header in [
        json!({ "alg": "RSA-OAEP", "enc": "A256GCM" }),
        json!({ "alg": "PBES2-HS256+A128KW", "p2c": 2_000_000_000, "p2s": "AAAA", "enc": "A128GCM" }),
        json!({ "alg": "dir", "enc": "A128GCM", "zip": "DEF" }),
    ] {
        let token = format!("{}.{}.AAAA", b64(header.to_string()), b64("{}"));
        assert!(Token::read(token.as_bytes()).is_err(), "{header}");
    }
    // Without the member that gives it away, it names an algorithm that is none.
    let token = format!(
        "{}.{}.AAAA",
        b64(r#"{"alg":"PBES2-HS256+A128KW","p2c":2000000000}"#),
        b64("{}")
    );
    assert_eq!(read(&token).header.algorithm, None);
}

#[test]
#[doc = "JWT-04"]
fn keys_that_share_an_id_are_tried_but_not_without_end() {
    let signers: Vec<Signer> = (0..6).map(|_| Signer::of(Algorithm::Es256)).collect();
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk("one")).collect();
    let verdicts: Vec<bool> = signers
        .iter()
        .map(|signer| verdict(&set(&keys), &signer.says(&json!({}))).is_ok())
        .collect();
    assert_eq!(verdicts, [true, true, true, true, false, false]);
}
