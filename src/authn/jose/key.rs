//! One key that signatures are verified with: numbers come in, a [`Key`] comes out that is parsed once and bound to one
//! algorithm (RFC 8725 section 3.1), so that nothing a token says can make it be used for another.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};

use super::algorithm::Algorithm;
use super::json::NotOne;
use crate::base::secret::Secret;

/// Sizes of RSA keys, in bits (JWT-11).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The name under which tokens ask for a key.
pub type KeyId = Option<Box<str>>;

/// One key, for one algorithm.
pub struct Key {
    pub(super) id: KeyId,
    pub(super) algorithm: Algorithm,
    material: Material,
}

enum Material {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

/// Why something is no key for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("{0}")]
    Json(NotOne),
    #[error("`{0}` is missing or not what it must be")]
    Member(&'static str),
    #[error("its kind is none of RSA, EC and OKP")]
    Kind,
    #[error("its curve is none of P-256, P-384 and Ed25519")]
    Curve,
    #[error("it is not for verifying signatures")]
    Purpose,
    #[error("its algorithm is not one that this gateway has")]
    Algorithm,
    #[error("its algorithm is for another kind of key or another curve")]
    Mixed,
    #[error("its algorithm is not one of those allowed")]
    NotAllowed,
    #[error("a shared secret does not belong into a key set")]
    Symmetric,
    #[error("an RSA key has 2048 to 8192 bits")]
    Size,
    #[error("its numbers are no key")]
    Numbers,
    #[error("it is a private key; only the public one belongs here")]
    Private,
    #[error("it is not one public key in PEM")]
    Pem,
    #[error("a secret for this algorithm has at least {0} bytes")]
    Short(usize),
}

impl Key {
    /// Modulus and exponent. Zeros in front, which some issuers write, count for nothing.
    pub(super) fn rsa(n: &[u8], e: &[u8], algorithm: Algorithm) -> Result<Self, KeyFault> {
        let (n, e) = (unpadded(n), unpadded(e));
        if !RSA_BITS.contains(&bits(n)) {
            return Err(KeyFault::Size);
        }
        let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        // An exponent of one leaves the padding as it is: everybody could write a signature.
        if !odd(n) || !odd(e) || !(2..=33).contains(&bits(e)) {
            return Err(KeyFault::Numbers);
        }
        let parameters = rsa_parameters(algorithm).ok_or(KeyFault::Mixed)?;
        let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters);
        Ok(Self::of(
            algorithm,
            Material::Public(key.map_err(|_| KeyFault::Numbers)?),
        ))
    }

    /// The coordinates of a point, each of the full length (RFC 7518 section 6.2.1.2).
    pub(super) fn ec(x: &[u8], y: &[u8], algorithm: Algorithm) -> Result<Self, KeyFault> {
        let length = match algorithm {
            Algorithm::Es256 => 32,
            Algorithm::Es384 => 48,
            _ => return Err(KeyFault::Mixed),
        };
        if x.len() != length || y.len() != length {
            return Err(KeyFault::Numbers);
        }
        Self::ec_point(&[&[4], x, y].concat(), algorithm)
    }

    /// A point as SEC 1 writes it; one that is not on the curve is refused.
    pub(super) fn ec_point(point: &[u8], algorithm: Algorithm) -> Result<Self, KeyFault> {
        let key = match (algorithm, point.len()) {
            (Algorithm::Es256, 65) => ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point),
            (Algorithm::Es384, 97) => ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point),
            _ => return Err(KeyFault::Mixed),
        };
        Ok(Self::of(
            algorithm,
            Material::Public(key.map_err(|_| KeyFault::Numbers)?),
        ))
    }

    pub(super) fn ed(x: &[u8], algorithm: Algorithm) -> Result<Self, KeyFault> {
        if x.len() != signature::ED25519_PUBLIC_KEY_LEN || algorithm != Algorithm::EdDsa {
            return Err(KeyFault::Numbers);
        }
        let key = ParsedPublicKey::new(&signature::ED25519, x).map_err(|_| KeyFault::Numbers)?;
        Ok(Self::of(algorithm, Material::Public(key)))
    }

    pub(super) fn shared(secret: &Secret, algorithm: Algorithm) -> Result<Self, KeyFault> {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return Err(KeyFault::Mixed),
        };
        let least = algorithm.secret_min();
        if secret.expose().len() < least {
            return Err(KeyFault::Short(least));
        }
        let key = hmac::Key::new(hash, secret.expose());
        Ok(Self::of(algorithm, Material::Shared(Box::new(key))))
    }

    fn of(algorithm: Algorithm, material: Material) -> Self {
        Self {
            id: None,
            algorithm,
            material,
        }
    }

    pub(super) fn named(self, id: KeyId) -> Self {
        Self { id, ..self }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is this key's over `signed`. Its length must be exact, the two numbers of ECDSA in their
    /// range and the one of EdDSA reduced, all of which `aws-lc-rs` checks; a MAC is compared in constant time.
    pub fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) => key.verify_sig(signed, signature).is_ok(),
            Material::Shared(key) => hmac::verify(key, signed, signature).is_ok(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, {})", self.id, self.algorithm)
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn unpadded(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Of a number without zeros in front.
fn bits(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |first| first.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(first)
}
