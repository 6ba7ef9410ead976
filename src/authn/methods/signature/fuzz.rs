//! What the fuzz targets and the tests of their corpora share: any bytes go in, and what must hold for them is asserted.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use sfv::{FieldType, InnerList, List, ListEntry, Parser};

use super::fields::Window;
use super::head::Head;
use super::keys::{Algorithm, Grants, Key, Keys, Material};
use super::rfc9421::base::{base, parameters};
use super::rfc9421::{self, Cover};
use super::webhooks::{self, Maker};
use super::{digest, fields, v1};
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;

/// Two requests, their parts apart by a zero byte: what `v1` and the webhooks sign is the same only where the requests are
/// (HM-01).
pub fn canonical_string(data: &[u8]) {
    let parts: Vec<&[u8]> = data.splitn(14, |byte| *byte == 0).collect();
    let (one, other) = parts.split_at(parts.len() / 2);
    let (Some(one), Some(other)) = (Signed::read(one), Signed::read(other)) else {
        return;
    };
    let (Some(first), Some(second)) = (one.string(), other.string()) else {
        return;
    };
    assert_eq!(first == second, one == other, "{first:?} {second:?}");
    assert_eq!(first.lines().count(), 8, "{first:?}");
}

#[derive(PartialEq)]
struct Signed<'a> {
    key: &'a str,
    method: &'a str,
    target: PathAndQuery,
    host: &'a str,
    timestamp: &'a str,
    nonce: &'a str,
    body: &'a [u8],
}

impl<'a> Signed<'a> {
    fn read(parts: &[&'a [u8]]) -> Option<Self> {
        let [key, method, target, host, timestamp, nonce, body] = parts else {
            return None;
        };
        let line = |bytes: &'a [u8]| fields::text(bytes).ok().filter(|text| !text.is_empty());
        Some(Self {
            key: line(key)?,
            method: line(method)?,
            target: PathAndQuery::try_from(*target).ok()?,
            host: line(host)?,
            timestamp: line(timestamp)?,
            nonce: line(nonce)?,
            body,
        })
    }

    fn string(&self) -> Option<String> {
        let headers = HeaderMap::new();
        let head = Head {
            method: self.method,
            scheme: "http",
            host: self.host,
            target: &self.target,
            headers: &headers,
            content_length: None,
        };
        v1::string(self.key, &head, self.timestamp, self.nonce, self.body)
    }
}

/// The value of a field of any scheme; a line break ends the first field and begins the second.
pub fn structured_fields(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (rfc9421::SIGNATURE_INPUT, first),
        (digest::CONTENT_DIGEST, first),
        (webhooks::WEBHOOK_ID, second),
        (webhooks::WEBHOOK_TIMESTAMP, second),
        (webhooks::SLACK_TIMESTAMP, second),
        (v1::KEY, second),
        (v1::TIMESTAMP, second),
        (v1::NONCE, second),
    ] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    let target = PathAndQuery::from_static("/a?b=c&d=e%20f");
    let head = Head {
        method: "POST",
        scheme: "https",
        host: "Example.com:443",
        target: &target,
        headers: &headers,
        content_length: Some(3),
    };
    let keys = Keys::new(vec![Key {
        id: Arc::from("acme"),
        algorithm: Algorithm::HmacSha256,
        material: Material::of_secrets(&[Secret::new(vec![7; 32])]),
        grants: Grants::default(),
    }]);
    let window = Window {
        now: Timestamp::from_millis(1_618_884_473_000),
        max_age: Duration::from_secs(300),
    };
    let _whatever_it_says = digest::check(&headers, b"abc");
    let cover = Cover::default();
    let claims = [
        rfc9421::Claim::read(second, &head, (&keys, &cover), &window).and_then(|claim| claim.prove(&head, b"abc")),
        v1::Claim::read(first, &head, &keys, &window).and_then(|claim| claim.prove(&head, b"abc")),
    ];
    let makers = [Maker::Github, Maker::Stripe, Maker::Slack, Maker::StandardWebhooks];
    let claims = claims.into_iter().chain(makers.map(|maker| {
        webhooks::Claim::read(maker, first, &headers, &window).and_then(|claim| claim.prove(&keys, b"abc"))
    }));
    for claim in claims {
        assert!(claim.is_err(), "nobody guesses a signature");
    }
    if let Ok(list) = Parser::new(first).parse::<List>() {
        list.iter().for_each(|entry| {
            if let ListEntry::InnerList(covered) = entry {
                check_base(covered, &head);
            }
        });
    }
}

/// A base has a line for each component and one for the parameters, and says the same of what it says.
fn check_base(covered: &InnerList, head: &Head<'_>) {
    let Ok(text) = base(covered, head) else {
        return;
    };
    assert_eq!(text.lines().count(), covered.items.len() + 1, "{text:?}");
    let written = parameters(covered).unwrap_or_default();
    let again: List = Parser::new(&written).parse().unwrap_or_default();
    assert_eq!(again.serialize().as_deref(), Some(&*written));
    assert!(text.ends_with(&format!("\"@signature-params\": {written}")), "{text:?}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_of_fields_in_any_order_are_read_without_a_panic(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("a=".to_owned()), Just("(".to_owned()), Just(")".to_owned()), Just("\"@method\"".to_owned()),
                    Just("\"@query-param\"".to_owned()), Just(";name=\"b\"".to_owned()), Just(" ".to_owned()),
                    Just("\"content-digest\"".to_owned()), Just(";created=1618884473".to_owned()),
                    Just(";keyid=\"acme\"".to_owned()), Just(", ".to_owned()), Just("\n".to_owned()),
                    Just(":AAAA:".to_owned()), Just("\"@target-uri\"".to_owned()), Just("t=1618884473,".to_owned()),
                    Just("v1=".to_owned()), Just("\0".to_owned()), "[ -~]{1,3}",
                ],
                0..24,
            )
        ) {
            let data = pieces.concat();
            super::structured_fields(data.as_bytes());
            super::canonical_string(data.as_bytes());
        }
    }
}
