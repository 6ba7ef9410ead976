//! `Content-Digest` (RFC 9530): what the sender says the body hashes to. The field and the body go in; whether they agree
//! comes out.

use aws_lc_rs::digest::{self, Algorithm, SHA256, SHA512};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use subtle::ConstantTimeEq;

pub(super) const NAME: &str = "content-digest";
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static(NAME);

/// The algorithms of RFC 9530 that withstand who wants a collision; the others it lists as for other purposes.
const KNOWN: [(&str, &Algorithm); 2] = [("sha-256", &SHA256), ("sha-512", &SHA512)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DigestFault {
    #[error("the field `content-digest` is missing or no dictionary of digests")]
    Malformed,
    #[error("the field `content-digest` holds neither sha-256 nor sha-512")]
    Unknown,
    #[error("the body is not the one that `content-digest` tells of")]
    Differs,
}

/// Every digest of a known algorithm must be right, and there must be one.
pub(super) fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), DigestFault> {
    let lines: Vec<&[u8]> = headers
        .get_all(CONTENT_DIGEST)
        .iter()
        .map(|value| value.as_bytes())
        .collect();
    let joined = lines.join(&b", "[..]);
    let told: Dictionary = Parser::new(&joined).parse().map_err(|_| DigestFault::Malformed)?;
    let mut checked = false;
    for (name, algorithm) in KNOWN {
        let Some(entry) = told.get(name) else {
            continue;
        };
        let ListEntry::Item(item) = entry else {
            return Err(DigestFault::Malformed);
        };
        let BareItem::ByteSequence(expected) = &item.bare_item else {
            return Err(DigestFault::Malformed);
        };
        let actual = digest::digest(algorithm, body);
        if !bool::from(actual.as_ref().ct_eq(expected)) {
            return Err(DigestFault::Differs);
        }
        checked = true;
    }
    if checked { Ok(()) } else { Err(DigestFault::Unknown) }
}

/// The field for `body`.
pub(super) fn field(body: &[u8]) -> String {
    let digest = digest::digest(&SHA256, body);
    format!("sha-256=:{}:", STANDARD.encode(digest.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lines: &[&str], body: &[u8]) -> Result<(), DigestFault> {
        let lines = lines.iter().map(|line| (CONTENT_DIGEST, line.parse().unwrap()));
        check(&lines.collect(), body)
    }

    /// RFC 9530 appendix B.
    const SHA512_OF_IT: &str =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
    const SHA256_OF_IT: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const IT: &[u8] = b"{\"hello\": \"world\"}";

    #[test]
    #[doc = "HM-01"]
    fn a_body_is_held_against_every_digest_of_it() {
        assert_eq!(judged(&[SHA512_OF_IT], IT), Ok(()));
        assert_eq!(judged(&[SHA256_OF_IT], IT), Ok(()));
        assert_eq!(judged(&[SHA256_OF_IT, SHA512_OF_IT], IT), Ok(()));
        assert_eq!(judged(&["md5=:AAAA:", SHA256_OF_IT], IT), Ok(()));
        assert_eq!(field(IT), SHA256_OF_IT);
        assert_eq!(
            judged(&[SHA256_OF_IT, SHA512_OF_IT], b"other"),
            Err(DigestFault::Differs)
        );
        let one_wrong = [SHA256_OF_IT, "sha-512=:AAAA:"];
        assert_eq!(judged(&one_wrong, IT), Err(DigestFault::Differs));
    }

    #[test]
    fn what_says_nothing_about_the_body_is_refused() {
        for (lines, fault) in [
            (vec![], DigestFault::Unknown),
            (vec![""], DigestFault::Unknown),
            (vec!["md5=:AAAA:"], DigestFault::Unknown),
            (vec!["sha-256"], DigestFault::Malformed),
            (vec!["sha-256=abc"], DigestFault::Malformed),
            (vec!["sha-256=(:AAAA:)"], DigestFault::Malformed),
            (vec!["sha-256=:%%:"], DigestFault::Malformed),
            (vec!["SHA-256=:AAAA:"], DigestFault::Malformed),
            (vec!["sha-256=:AAAA:"], DigestFault::Differs),
            (vec!["sha-256=::"], DigestFault::Differs),
        ] {
            assert_eq!(judged(&lines, IT), Err(fault), "{lines:?}");
        }
    }
}
