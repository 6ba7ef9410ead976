//! HTTP message signatures (RFC 9421). The fields `Signature-Input` and `Signature` go in, the key that signed comes out.
//! What has to be signed is the server's to say (HM-02).

pub(super) mod base;
mod components;
pub(super) mod cover;
mod input;

use std::borrow::Cow;

use http::HeaderName;

use self::base::base;
pub(super) use self::cover::Cover;
use self::input::Input;
use super::digest;
use super::fields::{self, Window, invalid};
use super::head::Head;
use super::keys::{Algorithm, Keys};
use super::proof::Proof;
use crate::authn::refusal::Refusal;
use crate::problem::Code;

pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("signature");
pub(super) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// What the fields say, its shape and its times checked, and what is signed.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    input: Input<'a>,
    base: String,
    cover: &'a Cover,
}

impl<'a> Claim<'a> {
    pub(super) fn read(
        credential: &[u8],
        head: &Head<'_>,
        (keys, cover): (&'a Keys, &'a Cover),
        window: &Window,
    ) -> Result<Self, Refusal> {
        fields::alone(head.headers, &SIGNATURE)?;
        let inputs = fields::field(head.headers, &SIGNATURE_INPUT)?;
        let input = Input::choose(inputs.as_bytes(), credential, keys).map_err(refused)?;
        window.admit(input.created)?;
        if input
            .expires
            .is_some_and(|expires| expires.saturating_mul(1000) < window.now.as_millis())
        {
            return Err(Refusal::new(
                Code::SignatureExpired,
                "the signature ended by its own `expires`",
            ));
        }
        let has_body = head.content_length.is_some_and(|length| length > 0);
        cover.admit(&input.covered, has_body).map_err(refused)?;
        let base = base(&input.covered, head).map_err(refused)?;
        Ok(Self { input, base, cover })
    }

    pub(super) fn prove(&self, head: &Head<'_>, body: &[u8]) -> Result<Proof<'a>, Refusal> {
        self.cover
            .admit(&self.input.covered, !body.is_empty())
            .map_err(refused)?;
        if !self.input.key.signed(self.base.as_bytes(), &self.input.signature) {
            return Err(invalid("the signature does not match"));
        }
        // Only now, when the field is known to be the signer's.
        if cover::covers(&self.input.covered, digest::NAME) {
            digest::check(head.headers, body).map_err(refused)?;
        }
        Ok(Proof {
            key: self.input.key,
            of_key: true,
            once: self.once(),
        })
    }

    /// The nonce, else the signature.
    fn once(&self) -> Box<[u8]> {
        let (kind, once): (u8, Cow<'_, [u8]>) = match (&self.input.nonce, self.input.key.algorithm) {
            (Some(nonce), _) => (b'n', nonce.as_bytes().into()),
            // Whoever saw (r, s) can write (r, -s), which is as good: r alone stands for both.
            (None, Algorithm::EcdsaP256Sha256) => (b's', self.input.signature.iter().copied().take(32).collect()),
            (None, _) => (b's', self.input.signature.as_slice().into()),
        };
        std::iter::once(kind).chain(once.iter().copied()).collect()
    }
}

fn refused(fault: impl std::fmt::Display) -> Refusal {
    invalid(fault.to_string())
}

#[cfg(test)]
mod tests;
