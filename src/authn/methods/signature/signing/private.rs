//! What signs: a shared secret, or a private key from a PEM file. Bytes of a file go in, signatures come out.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA512, RsaEncoding,
    RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::authn::methods::signature::keys::Algorithm;
use crate::authn::methods::signature::settings::standard_webhooks_secret;
use crate::base::secret::Secret;

pub(crate) struct SigningKey {
    algorithm: Algorithm,
    material: Material,
}

enum Material {
    Secret(Box<hmac::Key>),
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SigningFault {
    #[error("a part of the message cannot stand in a signature: a line break, or something else than printable ASCII")]
    Message,
    #[error("{0}")]
    Base(String),
    #[error("the key is no private key in PEM")]
    Pem,
    #[error("the private key is none of Ed25519, ECDSA on P-256, and RSA of 2048 to 8192 bits")]
    Kind,
    #[error("the key does not go with `{}`", .0.as_str())]
    Algorithm(Algorithm),
    #[error("a secret of standard-webhooks is `whsec_` and base64 behind it")]
    Whsec,
    #[error("this scheme signs with a secret; a private key belongs to rfc9421")]
    NeedsSecret,
    #[error("the key does not sign")]
    Failed,
}

impl SigningKey {
    pub(crate) fn of_secret(secret: &Secret) -> Self {
        Self {
            algorithm: Algorithm::HmacSha256,
            material: Material::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))),
        }
    }

    /// `whsec_` and base64.
    pub(crate) fn of_standard_webhooks(secret: &Secret) -> Result<Self, SigningFault> {
        let secret = standard_webhooks_secret(secret).ok_or(SigningFault::Whsec)?;
        Ok(Self::of_secret(&secret))
    }

    /// `wanted` chooses between the two ways to sign with RSA.
    pub(crate) fn of_pem(pem: &[u8], wanted: Option<Algorithm>) -> Result<Self, SigningFault> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| SigningFault::Pem)?;
        let (algorithm, material) = read(&der, wanted).ok_or(SigningFault::Kind)?;
        match wanted {
            Some(wanted) if wanted != algorithm => Err(SigningFault::Algorithm(wanted)),
            _ => Ok(Self { algorithm, material }),
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn mac(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
        match &self.material {
            Material::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            _ => Err(SigningFault::NeedsSecret),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
        let random = SystemRandom::new();
        match &self.material {
            Material::Secret(_) => self.mac(message),
            Material::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Material::Ecdsa(key) => {
                let signature = key.sign(&random, message).map_err(|_| SigningFault::Failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Material::Rsa(key) => {
                let encoding: &dyn RsaEncoding = match self.algorithm {
                    Algorithm::RsaV15Sha256 => &RSA_PKCS1_SHA256,
                    _ => &RSA_PSS_SHA512,
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, message, &mut signature)
                    .map_err(|_| SigningFault::Failed)?;
                Ok(signature)
            }
        }
    }
}

fn read(der: &PrivateKeyDer<'_>, wanted: Option<Algorithm>) -> Option<(Algorithm, Material)> {
    let rsa = |key| {
        let algorithm = wanted.filter(|wanted| *wanted == Algorithm::RsaV15Sha256);
        (algorithm.unwrap_or(Algorithm::RsaPssSha512), Material::Rsa(key))
    };
    let ecdsa = |key| (Algorithm::EcdsaP256Sha256, Material::Ecdsa(key));
    let bytes = der.secret_der();
    match der {
        PrivateKeyDer::Pkcs1(_) => RsaKeyPair::from_der(bytes).ok().map(rsa),
        PrivateKeyDer::Sec1(_) => EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes)
            .ok()
            .map(ecdsa),
        _ => Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
            .map(|key| (Algorithm::Ed25519, Material::Ed25519(key)))
            .ok()
            .or_else(|| {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes)
                    .ok()
                    .map(ecdsa)
            })
            .or_else(|| RsaKeyPair::from_pkcs8(bytes).ok().map(rsa)),
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, …)", self.algorithm.as_str())
    }
}
