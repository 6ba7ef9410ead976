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
            of_key: true,
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

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::uri::PathAndQuery;
    use proptest::prelude::*;

    use super::*;

    type Parts = (String, String, String, String, String, String, Vec<u8>);

    fn signed((key, method, target, host, timestamp, nonce, body): &Parts) -> Option<String> {
        let (target, headers) = (target.parse::<PathAndQuery>().ok()?, HeaderMap::new());
        let head = Head {
            method,
            scheme: "http",
            host,
            target: &target,
            headers: &headers,
            content_length: None,
        };
        string(key, &head, timestamp, nonce, body)
    }

    fn parts() -> impl Strategy<Value = Parts> {
        let text = || "[a-c1\n]{0,3}";
        (
            text(),
            text(),
            "/[a-c?/]{0,3}",
            text(),
            text(),
            text(),
            proptest::collection::vec(0_u8..3, 0..3),
        )
    }

    proptest! {
        #[test]
        #[doc = "HM-01, VR-04"]
        fn two_requests_have_one_string_only_when_they_are_the_same(one in parts(), other in parts()) {
            if let (Some(first), Some(second)) = (signed(&one), signed(&other)) {
                prop_assert_eq!(first == second, one == other);
                prop_assert_eq!(first.split('\n').count(), 8);
            }
        }
    }

    #[test]
    #[doc = "HM-01"]
    fn a_part_with_a_line_break_is_not_signed() {
        let plain = |key: &str, host: &str| {
            let part = |text: &str| text.to_owned();
            (
                part(key),
                part("GET"),
                part("/"),
                part(host),
                part("1"),
                part("n"),
                Vec::new(),
            )
        };
        assert!(signed(&plain("a", "h")).is_some());
        for (key, host) in [("a\nb", "h"), ("a", "h\n1"), ("a\r", "h")] {
            assert_eq!(signed(&plain(key, host)), None);
        }
    }
}
