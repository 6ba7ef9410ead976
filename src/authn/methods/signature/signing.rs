//! The other side: what a sender does. A message and a key go in, the fields that the gateway will check come out. It
//! builds the signed text with the very functions that the checks use.

mod private;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use sfv::{BareItem, InnerList, Item, Key as Label, Parameters, String as Quoted};

pub(crate) use self::private::{SigningFault, SigningKey};
use super::fields::hex;
pub(crate) use super::head::Head;
pub(crate) use super::keys::Algorithm;
use super::rfc9421::base::{base, parameters};
use super::webhooks::{self, Maker};
use super::{digest, rfc9421, v1};

/// How to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How<'a> {
    V1,
    /// `more` is covered besides what a gateway asks for.
    Rfc9421 {
        more: &'a [String],
    },
    Github,
    Stripe,
    Slack,
    StandardWebhooks,
}

/// What goes into a signature besides the message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signer<'a> {
    pub(crate) key: &'a SigningKey,
    /// Where the scheme names its key.
    pub(crate) id: &'a str,
    /// Seconds of Unix time.
    pub(crate) at: u64,
    /// 16 to 128 of letters, digits, `_` and `-`; no two of one key are the same.
    pub(crate) nonce: &'a str,
}

/// The fields to send with the message, in the order to show them.
pub(crate) fn sign(
    how: How<'_>,
    signer: &Signer<'_>,
    head: &Head<'_>,
    body: &[u8],
) -> Result<Vec<(HeaderName, String)>, SigningFault> {
    let at = signer.at;
    let mac = |parts: &[&[u8]]| signer.key.mac(&parts.concat());
    Ok(match how {
        How::V1 => {
            let timestamp = at.to_string();
            let signed = v1::string(signer.id, head, &timestamp, signer.nonce, body);
            let signed = signed
                .filter(|_| v1::is_nonce(signer.nonce))
                .ok_or(SigningFault::Message)?;
            let mac = mac(&[signed.as_bytes()])?;
            vec![
                (v1::KEY, signer.id.to_owned()),
                (v1::TIMESTAMP, timestamp),
                (v1::NONCE, signer.nonce.to_owned()),
                (v1::SIGNATURE, format!("v1={}", hex(&mac))),
            ]
        }
        How::Rfc9421 { more } => message_signature(more, signer, head, body)?,
        How::Github => vec![(webhooks::GITHUB, format!("sha256={}", hex(&mac(&[body])?)))],
        How::Stripe => {
            let mac = mac(&[format!("{at}.").as_bytes(), body])?;
            vec![(Maker::Stripe.place(), format!("t={at},v1={}", hex(&mac)))]
        }
        How::Slack => {
            let mac = mac(&[format!("v0:{at}:").as_bytes(), body])?;
            vec![
                (webhooks::SLACK_TIMESTAMP, at.to_string()),
                (webhooks::SLACK, format!("v0={}", hex(&mac))),
            ]
        }
        How::StandardWebhooks => {
            let id = format!("msg_{}", signer.nonce);
            let mac = mac(&[format!("{id}.{at}.").as_bytes(), body])?;
            vec![
                (webhooks::WEBHOOK_ID, id),
                (webhooks::WEBHOOK_TIMESTAMP, at.to_string()),
                (webhooks::WEBHOOK, format!("v1,{}", STANDARD.encode(mac))),
            ]
        }
    })
}

/// Covers the parts of the target instead of all of it: a proxy that ends TLS changes the scheme.
const COVERED: [&str; 4] = ["@method", "@authority", "@path", "@query"];
const LABEL: &str = "sig1";

fn message_signature(
    more: &[String],
    signer: &Signer<'_>,
    head: &Head<'_>,
    body: &[u8],
) -> Result<Vec<(HeaderName, String)>, SigningFault> {
    let mut headers: HeaderMap = head.headers.clone();
    let mut fields = Vec::new();
    let mut names: Vec<&str> = COVERED.to_vec();
    if !body.is_empty() {
        let digest = digest::field(body);
        headers.insert(
            digest::CONTENT_DIGEST,
            digest.parse().map_err(|_| SigningFault::Message)?,
        );
        fields.push((digest::CONTENT_DIGEST, digest));
        names.push(digest::NAME);
    }
    names.extend(more.iter().map(String::as_str).filter(|name| !COVERED.contains(name)));
    let head = Head {
        headers: &headers,
        ..*head
    };
    let items = names.into_iter().map(|name| quoted(name).map(Item::new));
    let covered = InnerList::with_params(items.collect::<Result<_, _>>()?, stated(signer)?);
    let base = base(&covered, &head).map_err(|fault| SigningFault::Base(fault.to_string()))?;
    let signature = STANDARD.encode(signer.key.sign(base.as_bytes())?);
    let parameters = parameters(&covered).ok_or(SigningFault::Message)?;
    fields.push((rfc9421::SIGNATURE_INPUT, format!("{LABEL}={parameters}")));
    fields.push((rfc9421::SIGNATURE, format!("{LABEL}=:{signature}:")));
    Ok(fields)
}

/// The parameters of a signature.
fn stated(signer: &Signer<'_>) -> Result<Parameters, SigningFault> {
    let created = i64::try_from(signer.at).map_err(|_| SigningFault::Message)?;
    let created = sfv::Integer::try_from(created).map_err(|_| SigningFault::Message)?;
    let pairs = [
        ("created", BareItem::Integer(created)),
        ("keyid", quoted(signer.id)?),
        ("nonce", quoted(signer.nonce)?),
        ("alg", quoted(signer.key.algorithm().as_str())?),
    ];
    let name = |name: &str| Label::from_string(name.to_owned()).map_err(|_| SigningFault::Message);
    pairs.into_iter().map(|(key, value)| Ok((name(key)?, value))).collect()
}

fn quoted(text: &str) -> Result<BareItem, SigningFault> {
    let quoted = Quoted::from_string(text.to_owned()).map_err(|_| SigningFault::Message)?;
    Ok(BareItem::String(quoted))
}

#[cfg(test)]
mod tests;
