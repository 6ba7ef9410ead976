//! The keys of one authenticator and what each can check. Settings that were checked go in; a MAC or a signature is
//! right or wrong. It knows no header field.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA512,
    VerificationAlgorithm,
};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use subtle::ConstantTimeEq;

use super::fields::Mac;
use crate::base::secret::Secret;
use crate::config::values::words;

words! {
    /// The algorithms of RFC 9421 section 3.3 that are at least as strong as HMAC-SHA-256 (HM-02).
    enum Algorithm {
        HmacSha256 = "hmac-sha256",
        Ed25519 = "ed25519",
        EcdsaP256Sha256 = "ecdsa-p256-sha256",
        RsaPssSha512 = "rsa-pss-sha512",
        RsaV15Sha256 = "rsa-v1_5-sha256",
    }
}

impl Algorithm {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::RsaV15Sha256 => "rsa-v1_5-sha256",
        }
    }

    fn of_public_keys(self) -> Option<&'static dyn VerificationAlgorithm> {
        match self {
            Self::HmacSha256 => None,
            Self::Ed25519 => Some(&ED25519),
            Self::EcdsaP256Sha256 => Some(&ECDSA_P256_SHA256_FIXED),
            Self::RsaPssSha512 => Some(&RSA_PSS_2048_8192_SHA512),
            Self::RsaV15Sha256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        }
    }
}

/// What somebody whose key it is may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    pub(super) roles: Vec<Box<str>>,
    pub(super) permissions: Vec<Box<str>>,
    pub(super) scopes: Vec<Box<str>>,
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: Arc<str>,
    /// Fixed: what a request says of it must agree, and chooses nothing.
    pub(super) algorithm: Algorithm,
    pub(super) material: Material,
    pub(super) grants: Grants,
}

#[derive(Clone)]
pub(super) enum Material {
    /// Several while one takes the place of another.
    Secrets(Vec<hmac::Key>),
    Public(ParsedPublicKey),
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secrets(_) => "Secrets(…)",
            Self::Public(_) => "Public(…)",
        })
    }
}

/// Why a public key is none that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyFault {
    #[error("it is no public key in PEM (`-----BEGIN PUBLIC KEY-----`), or more than one")]
    Pem,
    #[error("it is a private key, which only its owner should have; write the public one")]
    Private,
    #[error("it is none of Ed25519, ECDSA on P-256, and RSA of 2048 to 8192 bits (written as `rsaEncryption`)")]
    Kind,
    #[error("it is a key for another algorithm than `alg` says")]
    Algorithm,
}

impl Material {
    pub(super) fn of_secrets<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let key = |secret: &Secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        Self::Secrets(secrets.into_iter().map(key).collect())
    }

    /// The key in a PEM file, and what it signs with where `wanted` does not say so.
    pub(super) fn of_pem(pem: &[u8], wanted: Option<Algorithm>) -> Result<(Algorithm, Self), KeyFault> {
        if memchr::memmem::find(pem, b"PRIVATE KEY-----").is_some() {
            return Err(KeyFault::Private);
        }
        let mut keys = SubjectPublicKeyInfoDer::pem_slice_iter(pem);
        let (Some(Ok(der)), None) = (keys.next(), keys.next()) else {
            return Err(KeyFault::Pem);
        };
        let by_kind = [
            Algorithm::Ed25519,
            Algorithm::EcdsaP256Sha256,
            Algorithm::RsaPssSha512,
            Algorithm::RsaV15Sha256,
        ];
        let parsed = by_kind.into_iter().filter_map(|algorithm| {
            let key = ParsedPublicKey::new(algorithm.of_public_keys()?, &der).ok()?;
            Some((algorithm, key))
        });
        let parsed: Vec<_> = parsed.collect();
        let is_rsa = parsed
            .iter()
            .any(|(algorithm, _)| *algorithm == Algorithm::RsaPssSha512);
        // Parsing alone takes RSA keys of any length; this does not.
        if parsed.is_empty() || is_rsa && PublicEncryptingKey::from_der(&der).is_err() {
            return Err(KeyFault::Kind);
        }
        let mut parsed = parsed.into_iter();
        let found = match wanted {
            Some(wanted) => parsed.find(|(algorithm, _)| *algorithm == wanted),
            None => parsed.next(),
        };
        let (algorithm, key) = found.ok_or(KeyFault::Algorithm)?;
        Ok((algorithm, Self::Public(key)))
    }
}

impl Key {
    /// Whether this key made `signature` over `message`.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
            Material::Secrets(_) => Mac::try_from(signature)
                .is_ok_and(|mac| author(std::iter::once(self), &[message], std::slice::from_ref(&mac)).is_some()),
        }
    }
}

/// Whose MAC over `parts` is among the `presented`, and which one. Every secret is tried with every one of them whatever
/// came before, so that the time tells nothing.
pub(super) fn author<'k>(
    keys: impl Iterator<Item = &'k Key>,
    parts: &[&[u8]],
    presented: &[Mac],
) -> Option<(&'k Key, Mac)> {
    let mut found = None;
    for key in keys {
        let Material::Secrets(secrets) = &key.material else {
            continue;
        };
        for secret in secrets {
            let mut context = hmac::Context::with_key(secret);
            parts.iter().for_each(|part| context.update(part));
            let tag = context.sign();
            for mac in presented {
                if bool::from(tag.as_ref().ct_eq(mac)) {
                    found = Some((key, *mac));
                }
            }
        }
    }
    found
}

/// Every key of an authenticator, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    by_id: HashMap<Arc<str>, usize>,
}

impl Keys {
    /// The ids differ.
    pub(super) fn new(keys: Vec<Key>) -> Self {
        let by_id = keys
            .iter()
            .enumerate()
            .map(|(at, key)| (Arc::clone(&key.id), at))
            .collect();
        Self { keys, by_id }
    }

    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        self.keys.get(*self.by_id.get(id)?)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Key> {
        self.keys.iter()
    }
}

#[cfg(test)]
pub(super) mod tests;
