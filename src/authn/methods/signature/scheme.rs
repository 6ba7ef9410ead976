//! The schemes, each behind one door: where its signature stands, and how a request is judged by it.

use super::fields::Window;
use super::head::Head;
use super::keys::Keys;
use super::proof::Proof;
use super::rfc9421::{self, Cover};
use super::v1;
use super::webhooks::{self, Maker};
use crate::authn::method::{Place, Reads};
use crate::authn::refusal::Refusal;
use crate::request::Asked;

#[derive(Clone, Debug)]
pub(super) enum Scheme {
    V1,
    Rfc9421(Cover),
    Maker(Maker),
}

impl Scheme {
    /// For the challenge.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::Rfc9421(_) => "rfc9421",
            Self::Maker(Maker::Github) => "github",
            Self::Maker(Maker::Stripe) => "stripe",
            Self::Maker(Maker::Slack) => "slack",
            Self::Maker(Maker::StandardWebhooks) => "standard-webhooks",
        }
    }

    pub(super) fn reads(&self) -> Reads {
        let (place, beside) = match self {
            Self::V1 => (v1::SIGNATURE, vec![v1::KEY, v1::TIMESTAMP, v1::NONCE]),
            // The digest of the body says something about the body, and stays.
            Self::Rfc9421(_) => (rfc9421::SIGNATURE, vec![rfc9421::SIGNATURE_INPUT]),
            Self::Maker(maker) => (maker.place(), maker.beside()),
        };
        Reads {
            beside,
            ..Reads::whole(Place::Header(place))
        }
    }

    /// Without the body, whatever can be said without it.
    pub(super) fn preview(
        &self,
        credential: &[u8],
        asked: &Asked,
        keys: &Keys,
        window: &Window,
    ) -> Result<(), Refusal> {
        match self {
            Self::V1 => v1::Claim::read(credential, &Head::of(asked)?, keys, window).map(drop),
            Self::Rfc9421(cover) => {
                rfc9421::Claim::read(credential, &Head::of(asked)?, (keys, cover), window).map(drop)
            }
            Self::Maker(maker) => webhooks::Claim::read(*maker, credential, &asked.headers, window).map(drop),
        }
    }

    pub(super) fn judge<'k>(
        &'k self,
        credential: &[u8],
        (asked, body): (&'k Asked, &[u8]),
        keys: &'k Keys,
        window: &Window,
    ) -> Result<Proof<'k>, Refusal> {
        match self {
            Self::V1 => {
                let head = Head::of(asked)?;
                v1::Claim::read(credential, &head, keys, window)?.prove(&head, body)
            }
            Self::Rfc9421(cover) => {
                let head = Head::of(asked)?;
                rfc9421::Claim::read(credential, &head, (keys, cover), window)?.prove(&head, body)
            }
            Self::Maker(maker) => webhooks::Claim::read(*maker, credential, &asked.headers, window)?.prove(keys, body),
        }
    }
}
