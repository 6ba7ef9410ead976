//! What stands behind `Basic ` (RFC 7617): base64 comes in, a name and a password go out. Whose they are is not known
//! here. There is one spelling of every credential, so that the memory of verdicts cannot be walked around.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::identity::passwords::PlainPassword;

pub(super) const NAME_MAX: usize = 255;
/// A name, a colon, and the longest password there is.
const PAIR_MAX: usize = NAME_MAX + 1 + 1024;
const BASE64_MAX: usize = PAIR_MAX.div_ceil(3) * 4;

pub(super) struct Presented {
    pub(super) name: Zeroizing<String>,
    pub(super) password: PlainPassword,
}

impl Presented {
    pub(super) fn read(credential: &[u8]) -> Result<Self, &'static str> {
        if credential.len() > BASE64_MAX {
            return Err("the name and the password are too long");
        }
        let pair = STANDARD.decode(credential).map(Zeroizing::new);
        let pair = pair.map_err(|_| "the name and the password are not in canonical base64")?;
        let pair = std::str::from_utf8(&pair).map_err(|_| "the name and the password are not UTF-8")?;
        if pair.chars().any(char::is_control) {
            return Err("there is a control character in the name or the password");
        }
        // The first colon: a name has none, a password may.
        let (name, password) = pair
            .split_once(':')
            .ok_or("there is no colon between name and password")?;
        if name.is_empty() || name.len() > NAME_MAX {
            return Err("the name is empty or too long");
        }
        Ok(Self {
            name: Zeroizing::new(name.to_owned()),
            password: PlainPassword::new(password).map_err(|_| "the password is too long")?,
        })
    }
}

/// For fuzzing: any bytes behind `Basic `.
pub(crate) fn fuzz(credential: &[u8]) {
    let Ok(presented) = Presented::read(credential) else {
        return;
    };
    assert!(credential.len() <= BASE64_MAX, "too long");
    assert!(!presented.name.contains(':'), "a colon in the name");
    assert!(
        !presented.name.chars().any(char::is_control),
        "a control character in the name"
    );
    let again = STANDARD.decode(credential).map(|pair| STANDARD.encode(pair));
    assert_eq!(again.as_deref().map(str::as_bytes), Ok(credential), "a second spelling");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pair: impl AsRef<[u8]>) -> Result<(String, usize), &'static str> {
        let presented = Presented::read(STANDARD.encode(pair).as_bytes())?;
        Ok((presented.name.to_string(), presented.password.code_points()))
    }

    #[test]
    fn the_first_colon_ends_the_name() {
        assert_eq!(read("Aladdin:open sesame"), Ok(("Aladdin".to_owned(), 11)));
        assert_eq!(read("a:b:c"), Ok(("a".to_owned(), 3)));
        assert_eq!(read("a::"), Ok(("a".to_owned(), 1)));
        assert_eq!(read("a:"), Ok(("a".to_owned(), 0)));
        assert!(read("a").is_err() && read("").is_err() && read(":b").is_err());
    }

    #[test]
    fn the_example_of_the_rfc_for_other_characters_is_read() {
        let presented = Presented::read(b"dGVzdDoxMjPCow==").unwrap();
        assert_eq!((presented.name.as_str(), presented.password.code_points()), ("test", 4));
    }

    #[test]
    fn there_is_one_spelling_of_a_credential() {
        let canonical = STANDARD.encode("ops:pass");
        assert_eq!(canonical, "b3BzOnBhc3M=");
        assert!(Presented::read(canonical.as_bytes()).is_ok());
        for other in [
            "b3BzOnBhc3M",
            "b3BzOnBhc3N=",
            "b3BzOnBhc3M==",
            " b3BzOnBhc3M=",
            "b3BzOnBhc3M= ",
            "b3BzOn\r\nBhc3M=",
            "b3BzOnBhc3M=b3BzOnBhc3M=",
            "b3BzO-_hc3M=",
        ] {
            assert!(Presented::read(other.as_bytes()).is_err(), "{other:?}");
        }
    }

    #[test]
    fn control_characters_and_other_encodings_are_refused() {
        for pair in ["a\0:b", "a:b\0", "a:b\n", "a\u{7f}:b", "a:\u{85}", "\ta:b"] {
            assert!(read(pair).is_err(), "{pair:?}");
        }
        assert!(read(b"a:\xa3").is_err());
    }

    #[test]
    fn lengths_are_bounded() {
        let (name, password) = ("n".repeat(NAME_MAX), "🐎".repeat(256));
        assert!(read(format!("{name}:{password}")).is_ok());
        assert!(read(format!("{name}n:{password}")).is_err());
        assert!(read(format!("{name}:{password}p")).is_err());
        assert!(read(format!("n:{}", "p".repeat(257))).is_err());
    }

    proptest! {
        #[test]
        #[doc = "VR-03"]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            fuzz(&bytes);
            fuzz(STANDARD.encode(&bytes).as_bytes());
        }

        #[test]
        #[doc = "VR-03"]
        fn every_pair_without_control_characters_is_read(name in "[^:\\p{Cc}]{1,40}", password in "\\P{Cc}{0,40}") {
            let presented = Presented::read(STANDARD.encode(format!("{name}:{password}")).as_bytes()).unwrap();
            prop_assert_eq!(presented.name.as_str(), name);
        }

        #[test]
        #[doc = "VR-03"]
        fn a_credential_with_one_other_byte_is_another_or_none(at in 0_usize..28, byte in any::<u8>()) {
            let mut bytes = b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_vec();
            bytes[at] = byte;
            fuzz(&bytes);
        }
    }
}
