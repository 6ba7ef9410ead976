//! A password as somebody typed it. It goes into a hash and nowhere else: it cannot be cloned, printed or compared, and
//! is wiped when dropped.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Longer ones are refused before any work is done with them.
const BYTES_MAX: usize = 1024;
const CODE_POINTS_MAX: usize = 256;

/// The text of a password in the one form (NFKC) in which all keyboards agree.
///
/// ```compile_fail
/// use portcullis::identity::passwords::PlainPassword;
/// let password = PlainPassword::new("correct horse battery").unwrap();
/// let copy = password.clone();
/// ```
pub struct PlainPassword(Zeroizing<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has at most {CODE_POINTS_MAX} characters and {BYTES_MAX} bytes")]
pub struct TooLong;

impl PlainPassword {
    /// Nothing is cut off. The caller's text is the caller's to wipe.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        if text.len() > BYTES_MAX || text.chars().count() > CODE_POINTS_MAX {
            return Err(TooLong);
        }
        // Measured first: a string that grows would leave pieces of the password behind.
        let length = text.nfkc().map(char::len_utf8).sum();
        let mut normal = Zeroizing::new(String::with_capacity(length));
        normal.extend(text.nfkc());
        Ok(Self(normal))
    }

    /// How many characters there are, for rules about the least number.
    pub fn code_points(&self) -> usize {
        self.0.chars().count()
    }

    /// The bytes that are hashed; for the hash alone.
    pub(super) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for PlainPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainPassword(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "LG-01"]
    fn a_plain_password_never_prints() {
        let password = PlainPassword::new("correct horse battery").unwrap();
        assert_eq!(format!("{password:?}"), "PlainPassword(…)");
    }

    #[test]
    #[doc = "ID-02"]
    fn a_password_is_taken_whole_or_not_at_all() {
        let longest = "x".repeat(CODE_POINTS_MAX);
        assert_eq!(PlainPassword::new(&longest).unwrap().expose(), longest.as_bytes());
        assert_eq!(PlainPassword::new(&format!("{longest}x")).unwrap_err(), TooLong);
        let four_bytes_each = "🐎".repeat(CODE_POINTS_MAX);
        assert_eq!(PlainPassword::new(&four_bytes_each).unwrap().expose().len(), BYTES_MAX);
        assert_eq!(PlainPassword::new("a\0b").unwrap().expose(), b"a\0b");
    }

    #[test]
    #[doc = "ID-02"]
    fn the_same_text_from_another_keyboard_is_the_same_password() {
        let exposed = |text: &str| PlainPassword::new(text).unwrap().expose().to_vec();
        assert_eq!(exposed("ma\u{301}ch"), exposed("m\u{e1}ch"));
        assert_eq!(exposed("\u{fb01}sh"), b"fish");
        assert_ne!(exposed("Fish"), exposed("fish"));
    }

    #[test]
    fn what_grows_in_its_normal_form_still_fits_its_buffer() {
        let longest = "\u{fdfa}".repeat(CODE_POINTS_MAX);
        let password = PlainPassword::new(&longest).unwrap();
        assert!(password.expose().len() > BYTES_MAX);
        assert_eq!(password.0.capacity(), password.0.len());
    }
}
