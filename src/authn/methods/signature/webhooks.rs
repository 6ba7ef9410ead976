//! The schemes of GitHub, Stripe, Slack and Standard Webhooks. Their fields go in, the key that signed comes out. None
//! names its key, so every key is tried; all sign the body, and all but GitHub's a time with it.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};

use super::fields::{self, Mac, Window, invalid};
use super::keys::{Keys, author};
use super::proof::Proof;
use crate::authn::refusal::Refusal;

/// Signatures of one request that are looked at: makers send several while a secret changes.
const SIGNATURES_MAX: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    Github,
    Stripe,
    Slack,
    StandardWebhooks,
}

pub(super) const GITHUB: HeaderName = HeaderName::from_static("x-hub-signature-256");
pub(super) const STRIPE: HeaderName = HeaderName::from_static("stripe-signature");
pub(super) const SLACK: HeaderName = HeaderName::from_static("x-slack-signature");
pub(super) const SLACK_TIMESTAMP: HeaderName = HeaderName::from_static("x-slack-request-timestamp");
pub(super) const WEBHOOK: HeaderName = HeaderName::from_static("webhook-signature");
pub(super) const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
pub(super) const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");

impl Maker {
    /// Where the signature stands.
    pub(super) fn place(self) -> HeaderName {
        match self {
            Self::Github => GITHUB,
            Self::Stripe => STRIPE,
            Self::Slack => SLACK,
            Self::StandardWebhooks => WEBHOOK,
        }
    }

    /// What is good for nothing but checking the signature. `webhook-id` names the message: the upstream may want it.
    pub(super) fn beside(self) -> Vec<HeaderName> {
        match self {
            Self::Github | Self::Stripe => Vec::new(),
            Self::Slack => vec![SLACK_TIMESTAMP],
            Self::StandardWebhooks => vec![WEBHOOK_TIMESTAMP],
        }
    }
}

/// What the fields say, its shape and its time checked.
#[derive(Debug)]
pub(super) struct Claim {
    /// What is signed in front of the body.
    before: String,
    macs: Vec<Mac>,
}

impl Claim {
    pub(super) fn read(maker: Maker, credential: &[u8], headers: &HeaderMap, window: &Window) -> Result<Self, Refusal> {
        fields::alone(headers, &maker.place())?;
        let credential = fields::text(credential)?;
        match maker {
            Maker::Github => github(credential),
            Maker::Stripe => stripe(credential, window),
            Maker::Slack => slack(credential, headers, window),
            Maker::StandardWebhooks => standard_webhooks(credential, headers, window),
        }
    }

    pub(super) fn prove<'k>(&self, keys: &'k Keys, body: &[u8]) -> Result<Proof<'k>, Refusal> {
        let message = [self.before.as_bytes(), body];
        let author = author(keys.iter(), &message, &self.macs);
        let (key, _) = author.ok_or_else(|| invalid("no key gives one of the signatures"))?;
        // Of the message and not of a signature: while a secret changes the maker sends two that are right, and whoever
        // sends the message again with the other one sends it again.
        let mut digest = Context::new(&SHA256);
        message.iter().for_each(|part| digest.update(part));
        Ok(Proof {
            key,
            of_key: false,
            once: digest.finish().as_ref().into(),
        })
    }
}

/// `sha256=HEX` over the body.
fn github(credential: &str) -> Result<Claim, Refusal> {
    let mac = credential.strip_prefix("sha256=").and_then(fields::mac);
    let mac = mac.ok_or_else(|| invalid("the signature is not `sha256=` and 64 hexadecimal digits"))?;
    Ok(Claim {
        before: String::new(),
        macs: vec![mac],
    })
}

/// `t=SECONDS,v1=HEX,…` over `SECONDS.BODY`.
fn stripe(credential: &str, window: &Window) -> Result<Claim, Refusal> {
    let mut timestamp = None;
    let mut macs = Vec::new();
    for part in credential.split(',') {
        let Some((name, value)) = part.trim_matches(' ').split_once('=') else {
            return Err(invalid("a part of the signature is not `name=value`"));
        };
        match name {
            "t" if timestamp.is_some() => return Err(invalid("the signature holds two times")),
            "t" => timestamp = Some(value),
            "v1" if macs.len() < SIGNATURES_MAX => macs.extend(fields::mac(value)),
            // Other versions sign with less.
            _ => {}
        }
    }
    let timestamp = timestamp.ok_or_else(|| invalid("the signature holds no time"))?;
    claim(timestamp, format!("{timestamp}."), macs, window)
}

/// `v0=HEX` over `v0:SECONDS:BODY`.
fn slack(credential: &str, headers: &HeaderMap, window: &Window) -> Result<Claim, Refusal> {
    let timestamp = fields::field(headers, &SLACK_TIMESTAMP)?;
    let mac = credential.strip_prefix("v0=").and_then(fields::mac);
    claim(timestamp, format!("v0:{timestamp}:"), mac.into_iter().collect(), window)
}

/// `v1,BASE64 v1,BASE64 …` over `ID.SECONDS.BODY`.
fn standard_webhooks(credential: &str, headers: &HeaderMap, window: &Window) -> Result<Claim, Refusal> {
    let id = fields::field(headers, &WEBHOOK_ID)?;
    let timestamp = fields::field(headers, &WEBHOOK_TIMESTAMP)?;
    // With a point in the id, a piece of it could be read as the time, and the time as a piece of the body (HM-01).
    if !is_webhook_id(id) {
        return Err(invalid("the id is not 1 to 256 printable characters without a point"));
    }
    let ours = credential.split(' ').filter_map(|part| part.strip_prefix("v1,"));
    let macs = ours.take(SIGNATURES_MAX).filter_map(|text| {
        let bytes = STANDARD.decode(text).ok()?;
        Mac::try_from(bytes).ok()
    });
    claim(timestamp, format!("{id}.{timestamp}."), macs.collect(), window)
}

pub(super) fn is_webhook_id(id: &str) -> bool {
    (1..=256).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}

fn claim(timestamp: &str, before: String, macs: Vec<Mac>, window: &Window) -> Result<Claim, Refusal> {
    if macs.is_empty() {
        return Err(invalid("there is no signature of a kind that is known"));
    }
    window.admit(fields::seconds(timestamp)?)?;
    Ok(Claim { before, macs })
}
