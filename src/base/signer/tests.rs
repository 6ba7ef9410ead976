use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::ECDSA_P521_SHA512_FIXED_SIGNING;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::json;

use super::*;

fn pem(der: &[u8]) -> String {
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    )
}

fn rsa(size: KeySize) -> Vec<u8> {
    let key = RsaKeyPair::generate(size).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'static> = key.as_der().unwrap();
    der.as_ref().to_vec()
}

fn ec(algorithm: &'static aws_lc_rs::signature::EcdsaSigningAlgorithm) -> Vec<u8> {
    let key = EcdsaKeyPair::generate(algorithm).unwrap();
    key.to_pkcs8v1().unwrap().as_ref().to_vec()
}

#[test]
#[doc = "JWT-03, JWT-11"]
fn every_kind_of_key_signs_what_its_public_part_confirms() {
    for (der, algorithm) in [
        (Signer::make(&mut Random::system()).expose().to_vec(), "EdDSA"),
        (ec(&ECDSA_P256_SHA256_FIXED_SIGNING), "ES256"),
        (ec(&ECDSA_P384_SHA384_FIXED_SIGNING), "ES384"),
        (rsa(KeySize::Rsa2048), "RS256"),
    ] {
        let signer = Signer::from_pem(pem(&der).as_bytes()).unwrap();
        assert_eq!(signer.algorithm(), algorithm);
        assert_eq!(signer.kid(), Signer::from_pkcs8(&der).unwrap().kid());
        let jwk: Jwk = serde_json::from_value(signer.jwk().clone()).unwrap();
        assert_eq!(jwk.common.key_id.as_deref(), Some(signer.kid()));
        let text = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            text(json!({ "alg": algorithm })),
            text(json!({ "exp": 1_u64 << 40 }))
        );
        let signature = signer.sign(signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let validation = Validation::new(algorithm.parse().unwrap());
        let key = DecodingKey::from_jwk(&jwk).unwrap();
        jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap();
    }
}

#[test]
fn nothing_private_is_published() {
    for der in [
        Signer::make(&mut Random::system()).expose().to_vec(),
        rsa(KeySize::Rsa2048),
    ] {
        let signer = Signer::from_pkcs8(&der).unwrap();
        let members = signer.jwk().as_object().unwrap();
        assert!(
            ["d", "p", "q", "dp", "dq", "qi", "k"]
                .iter()
                .all(|name| !members.contains_key(*name))
        );
        let printed = format!("{signer:?}");
        assert_eq!(printed, format!("Signer({}, {})", signer.kid(), signer.algorithm()));
    }
}

#[test]
fn the_name_of_a_key_is_its_thumbprint() {
    // RFC 8037 appendix A.1 to A.3.
    let seed = URL_SAFE_NO_PAD
        .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
        .unwrap();
    let key = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let signer = Signer::from_pkcs8(key.to_pkcs8v1().unwrap().as_ref()).unwrap();
    assert_eq!(signer.jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(signer.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
#[doc = "JWT-11"]
fn what_does_not_sign_is_refused() {
    let fault = |pem: &str| Signer::from_pem(pem.as_bytes()).unwrap_err();
    let good = pem(Signer::make(&mut Random::system()).expose());
    for text in [
        "",
        "a key",
        &good.replace("PRIVATE", "PUBLIC"),
        &good.replace("PRIVATE", "ENCRYPTED PRIVATE"),
        &good.replace("-----END", "-----"),
    ] {
        assert_eq!(fault(text), SignerFault::Pem, "{text}");
    }
    assert_eq!(fault(&pem(b"not DER")), SignerFault::Kind);
    assert_eq!(fault(&pem(&ec(&ECDSA_P521_SHA512_FIXED_SIGNING))), SignerFault::Kind);
}

#[test]
fn a_made_key_is_never_made_again() {
    let mut random = Random::system();
    let [one, other] = [(); 2].map(|()| Signer::from_pkcs8(Signer::make(&mut random).expose()).unwrap());
    assert_ne!(one.kid(), other.kid());
}
