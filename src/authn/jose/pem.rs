//! A public key in PEM, of the kinds that `openssl` and identity providers write, as a [`Key`].

use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use super::algorithm::{Algorithm, Family};
use super::key::{Key, KeyFault};
use super::keys::bound;

/// `jsonwebtoken` takes private keys and certificates too, where it is asked for a public key; a private key in a file
/// that a gateway reads is a mistake to tell.
pub(super) fn read(pem: &[u8], allowed: &[Algorithm]) -> Result<Key, KeyFault> {
    let text = std::str::from_utf8(pem).map_err(|_| KeyFault::Pem)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(KeyFault::Private);
    }
    if text.matches("-----BEGIN ").count() != 1 || !text.contains("PUBLIC KEY-----") {
        return Err(KeyFault::Pem);
    }
    if let Some(der) = content(DecodingKey::from_ed_pem(pem)) {
        return Key::ed(&der, chosen(Algorithm::EdDsa, allowed)?);
    }
    if let Some(point) = content(DecodingKey::from_ec_pem(pem)) {
        let algorithm = match point.len() {
            65 => Algorithm::Es256,
            97 => Algorithm::Es384,
            _ => return Err(KeyFault::Curve),
        };
        return Key::ec_point(&point, chosen(algorithm, allowed)?);
    }
    let der = content(DecodingKey::from_rsa_pem(pem)).ok_or(KeyFault::Pem)?;
    let numbers = (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(&der);
    let (n, e) = numbers.map_err(|_| KeyFault::Pem)?;
    Key::rsa(&n, &e, bound(Family::Rsa, allowed).ok_or(KeyFault::NotAllowed)?)
}

fn content(key: jsonwebtoken::errors::Result<DecodingKey>) -> Option<Vec<u8>> {
    match key.ok()?.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => Some(bytes.clone()),
        DecodingKeyKind::RsaModulusExponent { .. } => None,
    }
}

fn chosen(algorithm: Algorithm, allowed: &[Algorithm]) -> Result<Algorithm, KeyFault> {
    let chosen = allowed.contains(&algorithm).then_some(algorithm);
    chosen.ok_or(KeyFault::NotAllowed)
}
