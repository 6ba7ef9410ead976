//! A value that does not print, does not compare by `==`, and is wiped when dropped.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes nobody but their user may see.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `presented` is this secret, in a time that does not depend on where they differ.
    pub fn matches(&self, presented: &[u8]) -> bool {
        self.0.as_slice().ct_eq(presented).into()
    }

    /// Whether two secrets are the same: for deciding what lives on over a reload.
    pub fn same_as(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }

    /// The bytes themselves; every call is a place to review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "CF-03"]
    fn a_secret_matches_itself_only_and_never_prints() {
        let secret = Secret::new(b"correct horse".to_vec());
        assert!(secret.matches(b"correct horse"));
        assert!(!secret.matches(b"correct horsE"));
        assert!(!secret.matches(b"correct"));
        assert!(!secret.matches(b""));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
