//! Tokens that nobody should take, keys that nobody should use, and the examples of the RFCs. What stands in this file
//! signs for the others.

mod attacks;
mod claims;
mod grants;
mod json;
pub(in crate::authn) mod keys;
mod shape;
mod vectors;
mod wycheproof;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding};
use aws_lc_rs::{hmac, signature::EcdsaSigningAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use serde_json::{Value, json};

use super::algorithm::Algorithm;
use super::keys::KeySet;
use super::token::Token;
use crate::base::secret::Secret;

pub(in crate::authn) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whoever signs tokens in these tests.
pub(in crate::authn) enum Signer {
    Shared(Algorithm, Vec<u8>),
    Ed(Ed25519KeyPair),
    Ec(Algorithm, EcdsaKeyPair),
    Rsa(Algorithm, RsaKeyPair),
}

impl Signer {
    pub(in crate::authn) fn of(algorithm: Algorithm) -> Self {
        let ec = |curve: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::generate(curve).unwrap();
        match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Self::Shared(algorithm, vec![b'k'; 64]),
            Algorithm::Es256 => Self::Ec(algorithm, ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)),
            Algorithm::Es384 => Self::Ec(algorithm, ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)),
            Algorithm::EdDsa => Self::Ed(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()),
            _ => Self::Rsa(algorithm, RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        }
    }

    pub(in crate::authn) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Shared(algorithm, _) | Self::Ec(algorithm, _) | Self::Rsa(algorithm, _) => *algorithm,
            Self::Ed(_) => Algorithm::EdDsa,
        }
    }

    pub(in crate::authn) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Shared(algorithm, secret) => {
                let hash = match algorithm {
                    Algorithm::Hs384 => hmac::HMAC_SHA384,
                    Algorithm::Hs512 => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                hmac::sign(&hmac::Key::new(hash, secret), message).as_ref().to_vec()
            }
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Ec(_, pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Rsa(algorithm, pair) => {
                let padding: &'static dyn RsaEncoding = match algorithm {
                    Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut made).unwrap();
                made
            }
        }
    }

    /// Header and payload as they are, and the signature of both.
    pub(in crate::authn) fn token(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", b64(header), b64(payload));
        let signature = b64(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// With the usual header.
    pub(in crate::authn) fn says(&self, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm().as_str(), "typ": "JWT", "kid": "one" });
        self.token(&header.to_string(), &claims.to_string())
    }

    /// The public half, as issuers publish it.
    pub(in crate::authn) fn jwk(&self, kid: &str) -> Value {
        let mut key = match self {
            Self::Shared(_, secret) => json!({ "kty": "oct", "k": b64(secret) }),
            Self::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key()) }),
            Self::Ec(algorithm, pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at((point.len() - 1) / 2);
                let curve = if *algorithm == Algorithm::Es256 {
                    "P-256"
                } else {
                    "P-384"
                };
                json!({ "kty": "EC", "crv": curve, "x": b64(x), "y": b64(y) })
            }
            Self::Rsa(_, pair) => {
                let der = pair.public_key().as_ref();
                let (n, e) = (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der).unwrap();
                json!({ "kty": "RSA", "n": b64(n), "e": b64(e) })
            }
        };
        key["kid"] = kid.into();
        key["alg"] = self.algorithm().as_str().into();
        key["use"] = "sig".into();
        key
    }

    /// What verifies what this one signs.
    pub(in crate::authn) fn keys(&self) -> KeySet {
        match self {
            Self::Shared(algorithm, secret) => KeySet::from_secret(&Secret::new(secret.clone()), *algorithm).unwrap(),
            _ => set(&[self.jwk("one")]),
        }
    }
}

/// A set of keys that are all good, for every algorithm with a public key.
pub(in crate::authn) fn set(keys: &[Value]) -> KeySet {
    let (set, skipped) = KeySet::from_jwks(&jwks(keys), &Algorithm::public()).unwrap();
    assert_eq!(skipped, []);
    set
}

pub(in crate::authn) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

fn read(token: &str) -> Token<'_> {
    Token::read(token.as_bytes()).unwrap_or_else(|refusal| panic!("{refusal}: {token}"))
}
