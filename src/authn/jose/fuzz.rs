//! What the fuzz targets and the tests of their corpora share: any bytes go in, and what must hold for them is asserted.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Grants;
use super::algorithm::Algorithm;
use super::claims::{Audience, ClaimRules, Types};
use super::keys::KeySet;
use super::token::{self, TOKEN_MAX, Token};
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;

const SECRET: &[u8] = b"a secret that everybody may know, as it is for tests";

/// A token as it was presented; and, split at the first line feed, a header and a payload that somebody signed.
pub fn jwt(data: &[u8]) {
    let Ok(keys) = KeySet::from_secret(&Secret::new(SECRET.to_vec()), Algorithm::Hs256) else {
        return;
    };
    presented(data, &keys);
    let cut = memchr::memchr(b'\n', data).unwrap_or(data.len());
    let (header, payload) = data.split_at(cut);
    let payload = payload.get(1..).unwrap_or_default();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    presented(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)).as_bytes(), &keys);
}

fn presented(bytes: &[u8], keys: &KeySet) {
    let seen = token::unverified_issuer(bytes);
    let Ok(token) = Token::read(bytes) else {
        return;
    };
    assert!(bytes.len() <= TOKEN_MAX, "a long token was read");
    assert_eq!(
        seen,
        Ok(token.issuer().map(str::to_owned)),
        "two readings of one issuer"
    );
    let again = format!(
        "{}.{}",
        String::from_utf8_lossy(token.signed),
        URL_SAFE_NO_PAD.encode(&token.signature)
    );
    assert_eq!(again.as_bytes(), bytes, "a token has two spellings");
    if keys.verify(&token).is_err() {
        return;
    }
    assert_eq!(
        token.header.algorithm,
        Some(Algorithm::Hs256),
        "a key for two algorithms"
    );
    let now = Timestamp::from_millis(1_800_000_000_000);
    let Ok(ends) = rules().judge(&token, now) else {
        return;
    };
    assert!(now < ends, "a token was taken that has ended");
    assert!(
        token.claims.get("sub").is_some_and(Value::is_string),
        "a token of nobody"
    );
    if let Ok(verified) = Grants::default().read(token.claims, ends) {
        assert!(!verified.principal.id.is_empty(), "nobody was let in");
        assert!(
            verified.principal.roles.iter().all(|role| !role.is_empty()),
            "a role without a name"
        );
    }
}

fn rules() -> ClaimRules {
    ClaimRules {
        audience: Audience::OneOf(vec!["api".into()]),
        leeway: Duration::from_secs(30),
        max_lifetime: Some(Duration::from_secs(3600)),
        required: ["exp", "iss", "aud", "sub"].map(Into::into).to_vec(),
        expected: Vec::new(),
        types: Types::default(),
    }
}

/// The answer of a server that publishes keys, and the same bytes as a PEM file.
pub fn jwks(data: &[u8]) {
    let allowed = Algorithm::public();
    if let Ok(keys) = KeySet::from_pem(data, &allowed) {
        assert_eq!(keys.len(), 1, "one file, one key");
        assert!(keys.algorithms().all(|algorithm| !algorithm.is_symmetric()));
    }
    let Ok((keys, skipped)) = KeySet::from_jwks(data, &allowed) else {
        return;
    };
    assert!(
        keys.algorithms().all(|algorithm| allowed.contains(&algorithm)),
        "a key was published that signs as well"
    );
    for place in skipped.iter().map(|skipped| skipped.place) {
        assert!(place < keys.len() + skipped.len(), "a key that is not in the set");
    }
    // A token that nobody signed is nobody's, whatever keys there are; but an issuer may publish a point of small order
    // for EdDSA, which everybody can sign for.
    for algorithm in allowed.iter().filter(|algorithm| **algorithm != Algorithm::EdDsa) {
        let header = format!("{{\"alg\":\"{algorithm}\"}}");
        let bare = format!(
            "{}.e30.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode([0; 64])
        );
        if let Ok(token) = Token::read(bare.as_bytes()) {
            assert!(keys.verify(&token).is_err(), "a signature of zeros was right");
        }
    }
}
