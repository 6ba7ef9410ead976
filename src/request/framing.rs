//! Whether a message says in one way only how long its body is. hyper reads the framing; this checks what it lets pass.
//! Seen with hyper 1.12: of `Content-Length` beside `Transfer-Encoding` the service sees only the latter and the
//! connection closes after the answer; equal `Content-Length`s collapse into the first; `Content-Length: 0005`,
//! `Transfer-Encoding: gzip, chunked` and two `Transfer-Encoding`s ending in `chunked` pass, as does any length or
//! coding in an answer that has no body.

use http::header::{self, HeaderMap};
use http::{StatusCode, Version};

/// How long the body of a message is, as its head says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    pub content_length: Option<u64>,
    /// The length stands there once and without leading zeros (HTTP-03).
    pub is_spelled_plainly: bool,
    pub chunked: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

/// The client's connection closes after the answer to any of these (HTTP-09).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingFault {
    #[error("both Content-Length and Transfer-Encoding")]
    Both,
    #[error("Content-Length is no number of 1 to 19 digits, sent once")]
    Length,
    #[error("Transfer-Encoding is not chunked and nothing else")]
    Coding,
    #[error("Transfer-Encoding in HTTP/1.0")]
    CodingInHttp10,
    #[error("Expect asks for something other than 100-continue")]
    Expectation,
}

/// The framing of a request.
pub fn of_request(version: Version, headers: &HeaderMap) -> Result<Framing, FramingFault> {
    let framing = lengths(version, headers)?;
    Ok(Framing {
        expects_continue: expects_continue(version, headers)?,
        ..framing
    })
}

/// The framing of an upstream's answer (HTTP-16). The length in an answer to HEAD is true, and not that of this body:
/// that there is none is for hyper to hold. A length in a 304 may be left out, and is.
pub fn of_answer(status: StatusCode, version: Version, headers: &HeaderMap) -> Result<Framing, FramingFault> {
    let mut framing = lengths(version, headers)?;
    let no_body = status.is_informational() || status == StatusCode::NO_CONTENT;
    if no_body && framing.chunked {
        return Err(FramingFault::Coding);
    }
    if no_body && framing.content_length.is_some_and(|length| length > 0) {
        return Err(FramingFault::Length);
    }
    if no_body || status == StatusCode::NOT_MODIFIED {
        (framing.content_length, framing.is_spelled_plainly) = (None, false);
    }
    Ok(framing)
}

fn lengths(version: Version, headers: &HeaderMap) -> Result<Framing, FramingFault> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::default()),
        (Some(_), Some(_)) => Err(FramingFault::Both),
        (Some(length), None) => {
            let mut once = true;
            for other in lengths {
                once = false;
                if other != length {
                    return Err(FramingFault::Length);
                }
            }
            let content_length = Some(number(length.as_bytes()).ok_or(FramingFault::Length)?);
            Ok(Framing {
                content_length,
                is_spelled_plainly: once && (length.len() == 1 || !length.as_bytes().starts_with(b"0")),
                ..Framing::default()
            })
        }
        (None, Some(coding)) => {
            if version == Version::HTTP_10 {
                return Err(FramingFault::CodingInHttp10);
            }
            if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(FramingFault::Coding);
            }
            Ok(Framing {
                chunked: true,
                ..Framing::default()
            })
        }
    }
}

/// Digits only: no sign, no list, no blank, and never more than fit.
fn number(digits: &[u8]) -> Option<u64> {
    if !(1..=19).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// HTTP/1.0 knows no 100: there the field is as good as absent, whatever it says (RFC 9110 section 10.1.1).
fn expects_continue(version: Version, headers: &HeaderMap) -> Result<bool, FramingFault> {
    let mut fields = headers.get_all(header::EXPECT).iter();
    let Some(first) = fields.next() else {
        return Ok(false);
    };
    if fields.next().is_some() || !first.as_bytes().eq_ignore_ascii_case(b"100-continue") {
        return Err(FramingFault::Expectation);
    }
    Ok(version != Version::HTTP_10)
}

#[cfg(test)]
mod tests;
