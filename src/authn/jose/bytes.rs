//! Base64url in its one canonical spelling: no padding, no other alphabet, no bits left over (JWT-10). Two texts never
//! stand for the same bytes, so a token has one spelling for the cache and for the list of revocations.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The bytes, or `None` where the text is anything but canonical.
pub(super) fn decoded(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "JWT-10"]
    fn only_the_canonical_spelling_is_read() {
        assert_eq!(decoded("_-A").as_deref(), Some([0xff, 0xe0].as_slice()));
        assert_eq!(decoded("YQ").as_deref(), Some(b"a".as_slice()));
        for text in ["YQ==", "YR", "YQ=", "Y", "YWJ", "/+A", "Y Q", "YQ\n", "YWI1Z", "Yé"] {
            assert_eq!(decoded(text), None, "{text:?}");
        }
    }
}
