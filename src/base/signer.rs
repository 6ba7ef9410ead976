//! A private key that signs what this gateway says of others, and its public part for those who check it. A key in
//! PKCS#8 comes in; signatures and a JWK come out. What is signed, and for how long it holds, is for others to know.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Map, Value};

use super::random::Random;
use super::secret::Secret;

/// Sizes of RSA keys, in bytes: 2048 to 8192 bits (JWT-11).
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key and the one algorithm it signs with.
pub struct Signer {
    material: Material,
    kid: Box<str>,
    jwk: Value,
}

enum Material {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// Why there is no signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerFault {
    #[error("it is no private key in PEM (PKCS#8, `-----BEGIN PRIVATE KEY-----`)")]
    Pem,
    #[error("it is none of Ed25519, ECDSA on P-256 or P-384, and RSA of 2048 to 8192 bits")]
    Kind,
}

/// The key does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key does not sign")]
pub struct Unsigned;

impl Signer {
    /// One unencrypted private key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SignerFault> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| SignerFault::Pem)?;
        Self::from_pkcs8(key.secret_pkcs8_der())
    }

    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignerFault> {
        let material = Material::read(der).ok_or(SignerFault::Kind)?;
        let public = material.public().ok_or(SignerFault::Kind)?;
        // RFC 7638 section 3: the required members, sorted by name, with nothing between them. `Value` keeps them so.
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, Value::Object(public.clone()).to_string().as_bytes()));
        let mut jwk = public;
        jwk.insert("kid".to_owned(), kid.as_str().into());
        jwk.insert("alg".to_owned(), material.algorithm().into());
        jwk.insert("use".to_owned(), "sig".into());
        Ok(Self {
            material,
            kid: kid.into(),
            jwk: Value::Object(jwk),
        })
    }

    /// A new Ed25519 key, in PKCS#8.
    pub fn make(random: &mut Random) -> Secret {
        let seed = Secret::new(random.bytes::<32>().to_vec());
        let key = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("any 32 bytes are a seed of Ed25519");
        let der = key.to_pkcs8v1().expect("a key that is there can be written down");
        Secret::new(der.as_ref().to_vec())
    }

    /// The thumbprint of the public key (RFC 7638): the same key has the same name everywhere.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// As `alg` names it (RFC 7518, RFC 8037).
    pub fn algorithm(&self) -> &'static str {
        self.material.algorithm()
    }

    /// The public part.
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let random = SystemRandom::new();
        match &self.material {
            Material::Ed25519(key) => key.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            Material::P256(key) | Material::P384(key) => {
                key.sign(&random, message).map(|signature| signature.as_ref().to_vec())
            }
            Material::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
        }
        .map_err(|_| Unsigned)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, {})", self.kid, self.algorithm())
    }
}

impl Material {
    fn read(der: &[u8]) -> Option<Self> {
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Some(Self::Ed25519(key));
        }
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Some(Self::P256(key));
        }
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der) {
            return Some(Self::P384(key));
        }
        let key = RsaKeyPair::from_pkcs8(der).ok()?;
        RSA_BYTES
            .contains(&key.public_modulus_len())
            .then(|| Self::Rsa(Box::new(key)))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::P384(_) => "ES384",
            Self::Rsa(_) => "RS256",
        }
    }

    /// The members that make the key, and no other.
    fn public(&self) -> Option<Map<String, Value>> {
        match self {
            Self::Ed25519(key) => {
                let x = key.public_key().as_ref();
                Some(members([
                    ("crv", "Ed25519".into()),
                    ("kty", "OKP".into()),
                    ("x", text(x)),
                ]))
            }
            Self::P256(key) => point("P-256", key.public_key().as_ref()),
            Self::P384(key) => point("P-384", key.public_key().as_ref()),
            Self::Rsa(key) => {
                let numbers = DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key;
                let (n, e) = numbers(key.public_key().as_ref()).ok()?;
                Some(members([("e", text(&e)), ("kty", "RSA".into()), ("n", text(&n))]))
            }
        }
    }
}

/// An uncompressed point of SEC 1: a 4, and two coordinates of one length.
fn point(curve: &str, sec1: &[u8]) -> Option<Map<String, Value>> {
    let (&4, coordinates) = sec1.split_first()? else {
        return None;
    };
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    Some(members([
        ("crv", curve.into()),
        ("kty", "EC".into()),
        ("x", text(x)),
        ("y", text(y)),
    ]))
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

fn text(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

#[cfg(test)]
mod tests;
