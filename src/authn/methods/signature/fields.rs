//! The pieces that signatures arrive in: a header field that may come once, a time, a MAC in hexadecimal. Text of a
//! stranger goes in, a value that has one spelling comes out. It knows no scheme.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use crate::authn::refusal::Refusal;
use crate::base::clock::Timestamp;
use crate::problem::Code;

/// HMAC-SHA-256 and SHA-256: a MAC cut short has another length and is none (HM-02).
pub(super) type Mac = [u8; 32];

pub(super) fn invalid(why: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(Code::SignatureInvalid, why)
}

/// The value of a field that must be there, once (HDR-08): of two, a signer and an upstream could each mean another.
pub(super) fn field<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Err(invalid(format!("the field `{name}` is missing")));
    };
    if values.next().is_some() {
        return Err(Refusal::new(
            Code::HeaderInvalid,
            format!("the field `{name}` is sent more than once"),
        ));
    }
    text(value.as_bytes())
}

/// Refuses a field that is there more than once; the credential itself was read from one of them.
pub(super) fn alone(headers: &HeaderMap, name: &HeaderName) -> Result<(), Refusal> {
    if headers.get_all(name).iter().nth(1).is_some() {
        let why = format!("the field `{name}` is sent more than once");
        return Err(Refusal::new(Code::HeaderInvalid, why));
    }
    Ok(())
}

/// Printable ASCII, spaces included.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~')))
        .ok_or_else(|| invalid("a field of the signature holds something else than printable ASCII"))
}

/// Seconds of Unix time in plain digits. One time has one spelling: no sign, no leading zero, no fraction.
pub(super) fn seconds(text: &str) -> Result<u64, Refusal> {
    let plain = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.parse().ok().filter(|_| plain && !text.starts_with('0'));
    parsed.ok_or_else(|| invalid("the timestamp is not a number of seconds in plain digits"))
}

/// 64 hexadecimal digits, in either case.
pub(super) fn mac(text: &str) -> Option<Mac> {
    let digit = |byte: u8| {
        let value = char::from(byte).to_digit(16)?;
        u8::try_from(value).ok()
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != size_of::<Mac>() {
        return None;
    }
    let mut mac = Mac::default();
    for (byte, [high, low]) in mac.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(mac)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// When a signature may have been made: `max_age` around now, both ways (HM-03). One from the future is no better than
/// an old one: whoever can make a clock lie could store it up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) now: Timestamp,
    pub(super) max_age: Duration,
}

impl Window {
    pub(super) fn admit(&self, seconds: u64) -> Result<(), Refusal> {
        let made = seconds.saturating_mul(1000);
        let distance = made.abs_diff(self.now.as_millis());
        if u128::from(distance) <= self.max_age.as_millis() {
            return Ok(());
        }
        let why = if made < self.now.as_millis() {
            "the signature is older than it may be"
        } else {
            "the signature is from the future"
        };
        Err(Refusal::new(Code::SignatureExpired, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "HM-03"]
    fn a_time_has_one_spelling() {
        assert_eq!(seconds("1618884473").unwrap(), 1_618_884_473);
        for text in [
            "",
            "0",
            "01618884473",
            "+1618884473",
            "-1",
            "1618884473.0",
            " 1618884473",
            "1e9",
            "0x10",
            "9999999999999",
            "١٢٣",
        ] {
            assert_eq!(seconds(text).unwrap_err().code, Code::SignatureInvalid, "{text:?}");
        }
    }

    #[test]
    #[doc = "HM-03"]
    fn the_window_is_as_wide_into_the_future_as_into_the_past() {
        let window = Window {
            now: Timestamp::from_millis(1_000_000_500),
            max_age: Duration::from_secs(300),
        };
        for (seconds, fits) in [(1_000_000, true), (1_000_300, true), (1_000_301, false)] {
            assert_eq!(window.admit(seconds).is_ok(), fits, "{seconds}");
        }
        assert!(window.admit(999_701).is_ok());
        assert_eq!(window.admit(999_700).unwrap_err().code, Code::SignatureExpired);
        assert!(window.admit(u64::MAX).is_err());
    }

    #[test]
    #[doc = "HM-02"]
    fn a_truncated_mac_is_none() {
        let whole = "ab".repeat(32);
        assert_eq!(mac(&whole), Some([0xab; 32]));
        assert_eq!(mac(&whole.to_uppercase()), Some([0xab; 32]));
        assert_eq!(hex(&[0xab; 32]), whole);
        for text in [
            "",
            "ab",
            &whole[2..],
            &whole[1..],
            &format!("{whole}ab"),
            &"g".repeat(64),
        ] {
            assert_eq!(mac(text), None, "{text}");
        }
    }

    #[test]
    #[doc = "HDR-08"]
    fn a_field_that_comes_twice_is_refused() {
        let name = HeaderName::from_static("x-signature-key");
        let mut headers = HeaderMap::new();
        assert_eq!(field(&headers, &name).unwrap_err().code, Code::SignatureInvalid);
        headers.append(&name, "a".parse().unwrap());
        assert_eq!(field(&headers, &name).unwrap(), "a");
        assert!(alone(&headers, &name).is_ok());
        headers.append(&name, "a".parse().unwrap());
        assert_eq!(field(&headers, &name).unwrap_err().code, Code::HeaderInvalid);
        assert_eq!(alone(&headers, &name).unwrap_err().code, Code::HeaderInvalid);
    }
}
