//! The keys of one issuer. Bytes of a key set, a PEM file or a secret come in; a set comes out that says whether one of
//! its keys signed a token. Where the bytes are from, and when they change, is for others to know.

use super::algorithm::{Algorithm, Family};
use super::json;
pub use super::key::{Key, KeyFault, KeyId};
use super::token::Token;
use super::{jwk, pem};
use crate::base::secret::Secret;

/// Keys of a set that share id and algorithm and are tried for one token.
const TRIED_MAX: usize = 4;

/// The keys of one issuer. Sets of different issuers never meet: each authenticator has its own.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    /// It is a single key that has no name, so the one a token asks for says nothing.
    nameless: bool,
}

/// A key of a set that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it stands in the set, from 0.
    pub place: usize,
    pub id: KeyId,
    pub why: KeyFault,
}

/// Why no key confirms a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    #[error("no key has the id and the algorithm that the token names")]
    UnknownKey,
    #[error("the token names no key, and there is not exactly one for its algorithm")]
    Nameless,
    #[error("the signature does not fit")]
    Signature,
}

impl KeySet {
    /// A JWK set, its keys for the `allowed` algorithms only. Each is read for itself: what is wrong with one is told
    /// beside the set and spoils no other (KEY-05).
    pub fn from_jwks(bytes: &[u8], allowed: &[Algorithm]) -> Result<(Self, Vec<Skipped>), KeyFault> {
        let elements = json::elements(bytes, "keys").map_err(KeyFault::Json)?;
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (place, element) in elements.ok_or(KeyFault::Member("keys"))?.into_iter().enumerate() {
            let id = element.as_ref().ok().and_then(jwk::id);
            let key = element
                .map_err(KeyFault::Json)
                .and_then(|members| jwk::read(&members, allowed));
            match key {
                Ok(key) => keys.push(key),
                Err(why) => skipped.push(Skipped { place, id, why }),
            }
        }
        let nameless = false;
        Ok((Self { keys, nameless }, skipped))
    }

    /// One public key in PEM. Its algorithm is the one of `allowed` that it is for; RSA keys without a choice are for
    /// RS256.
    pub fn from_pem(pem: &[u8], allowed: &[Algorithm]) -> Result<Self, KeyFault> {
        pem::read(pem, allowed).map(Self::single)
    }

    pub fn from_secret(secret: &Secret, algorithm: Algorithm) -> Result<Self, KeyFault> {
        Key::shared(secret, algorithm).map(Self::single)
    }

    fn single(key: Key) -> Self {
        Self {
            keys: vec![key],
            nameless: true,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Of each key, in their order.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.keys.iter().map(Key::algorithm)
    }

    /// Whether a key of this set signed `token`. An id that no key has is never answered with another key (JWT-04);
    /// without one, there must be nothing to choose.
    pub fn verify(&self, token: &Token<'_>) -> Result<(), Unproven> {
        let fits = |key: &&Key| Some(key.algorithm) == token.header.algorithm;
        let mut fitting = self.keys.iter().filter(fits);
        let signed = |key: &Key| key.verifies(token.signed, &token.signature);
        let proven = match token.header.kid.as_ref().filter(|_| !self.nameless) {
            Some(kid) => {
                let mut named = fitting.filter(|key| key.id.as_ref() == Some(kid)).peekable();
                named.peek().ok_or(Unproven::UnknownKey)?;
                named.take(TRIED_MAX).any(signed)
            }
            None => match (fitting.next(), fitting.next()) {
                (Some(only), None) => signed(only),
                _ => return Err(Unproven::Nameless),
            },
        };
        match proven {
            true => Ok(()),
            false => Err(Unproven::Signature),
        }
    }
}

/// The one algorithm that a key of `family` is for, where the key does not say. RS256 is what issuers mean by saying
/// nothing; where it is not allowed, a single other one is meant.
pub(super) fn bound(family: Family, allowed: &[Algorithm]) -> Option<Algorithm> {
    let mut fitting = allowed.iter().copied().filter(|algorithm| algorithm.family() == family);
    if family == Family::Rsa && allowed.contains(&Algorithm::Rs256) {
        return Some(Algorithm::Rs256);
    }
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}
