//! The scheme `v1`: one line for each part of a request, HMAC-SHA-256 over all of them. Its four fields go in, the key
//! that signed comes out.

use aws_lc_rs::digest;
use http::HeaderName;

use super::fields::{self, Mac, Window, invalid};
use super::head::Head;
use super::keys::{Key, Keys, author};
use super::proof::Proof;
use crate::authn::refusal::Refusal;

pub(super) const KEY: HeaderName = HeaderName::from_static("x-signature-key");
pub(super) const TIMESTAMP: HeaderName = HeaderName::from_static("x-signature-timestamp");
pub(super) const NONCE: HeaderName = HeaderName::from_static("x-signature-nonce");
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");

/// What the fields say, its shape and its time checked.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    key: &'a Key,
    timestamp: &'a str,
    nonce: &'a str,
    mac: Mac,
}

impl<'a> Claim<'a> {
    pub(super) fn read(credential: &[u8], head: &Head<'a>, keys: &'a Keys, window: &Window) -> Result<Self, Refusal> {
        fields::alone(head.headers, &SIGNATURE)?;
        let mac = fields::text(credential)?.strip_prefix("v1=").and_then(fields::mac);
        let mac = mac.ok_or_else(|| invalid("the signature is not `v1=` and 64 hexadecimal digits"))?;
        let id = fields::field(head.headers, &KEY)?;
        let timestamp = fields::field(head.headers, &TIMESTAMP)?;
        let nonce = fields::field(head.headers, &NONCE)?;
        if !is_nonce(nonce) {
            return Err(invalid("the nonce is not 16 to 128 of letters, digits, `_` and `-`"));
        }
        let made = fields::seconds(timestamp)?;
        // A key that does not exist is told like a wrong MAC. It shows in that the body is not read, which HM-05 wants:
        // ids of keys are no secrets.
        let key = keys.find(id).ok_or_else(|| invalid("no key has this id"))?;
        window.admit(made)?;
        Ok(Self {
            key,
            timestamp,
            nonce,
            mac,
        })
    }

    pub(super) fn prove(&self, head: &Head<'_>, body: &[u8]) -> Result<Proof<'a>, Refusal> {
        let signed = string(&self.key.id, head, self.timestamp, self.nonce, body)
            .ok_or_else(|| invalid("a part of the request holds a line break"))?;
        let author = author(
            std::iter::once(self.key),
            &[signed.as_bytes()],
            std::slice::from_ref(&self.mac),
        );
        let (key, _) = author.ok_or_else(|| invalid("the signature does not match"))?;
        Ok(Proof {
            key,
            once: self.nonce.as_bytes().into(),
        })
    }
}

pub(super) fn is_nonce(nonce: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (16..=128).contains(&nonce.len()) && nonce.bytes().all(plain)
}

/// What is signed. Each part is one line and the number of lines is fixed, so no two requests give one string (HM-01).
/// `None`: a part holds a line break and would be two.
pub(super) fn string(key: &str, head: &Head<'_>, timestamp: &str, nonce: &str, body: &[u8]) -> Option<String> {
    let body = fields::hex(digest::digest(&digest::SHA256, body).as_ref());
    let lines = [
        "v1",
        key,
        head.method,
        head.target.as_str(),
        head.host,
        timestamp,
        nonce,
        &body,
    ];
    let plain = lines.iter().all(|line| !line.contains(['\n', '\r']));
    plain.then(|| lines.join("\n"))
}
