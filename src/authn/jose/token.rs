//! A token as it was presented, taken apart: bytes come in, a [`Token`] comes out whose signature nobody has looked at.
//! Only the compact form of one signature is read: five segments (JWE) and JSON (RFC 7515 section 7.2) are no tokens
//! here, and nothing is decrypted or inflated.

use std::fmt;

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::bytes::decoded;
use super::json::{self, NotOne};
use crate::authn::refusal::Refusal;
use crate::problem::Code;

/// A longer token is refused before anything of it is read (JWT-01).
pub const TOKEN_MAX: usize = 8 * 1024;

/// A longer key id is no name that an issuer gave (JWT-04).
const KID_MAX: usize = 256;

/// Members that change what the rest means. Whoever skips one they do not understand checks something other than what
/// was signed (RFC 7515 section 4.1.11, RFC 7797, RFC 7516).
const REFUSED: &[&str] = &["crit", "b64", "zip", "enc"];

/// A token that is well formed, and nothing more.
#[derive(Clone)]
pub struct Token<'t> {
    /// The bytes that the signature is over: header and payload as they were sent.
    pub signed: &'t [u8],
    pub header: Header,
    pub claims: Map<String, Value>,
    pub signature: Vec<u8>,
}

/// The members of a header that are looked at. `jwk`, `jku`, `x5u` and `x5c` are not among them: a token does not say
/// which key it is to be believed by (JWT-04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `None` is a name that no algorithm has, `none` for one.
    pub algorithm: Option<Algorithm>,
    pub kid: Option<Box<str>>,
    pub typ: Option<Box<str>>,
}

impl<'t> Token<'t> {
    pub fn read(bytes: &'t [u8]) -> Result<Self, Refusal> {
        let Segments {
            signed,
            header,
            payload,
            signature,
        } = Segments::of(bytes)?;
        let header = Header::read(header)?;
        let signature = decoded(signature).ok_or_else(|| malformed("the signature is not canonical base64url"))?;
        let payload = decoded(payload).ok_or_else(|| malformed("the payload is not canonical base64url"))?;
        let claims = json::object(&payload).map_err(|fault| broken("payload", fault))?;
        Ok(Self {
            signed,
            header,
            claims,
            signature,
        })
    }

    /// The issuer that the token names.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }
}

/// Whoever has its text is believed to be whom it speaks of: it does not print.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Header {
    fn read(segment: &[u8]) -> Result<Self, Refusal> {
        let bytes = decoded(segment).ok_or_else(|| malformed("the header is not canonical base64url"))?;
        let members = json::object(&bytes).map_err(|fault| broken("header", fault))?;
        if let Some(name) = REFUSED.iter().find(|name| members.contains_key(**name)) {
            return Err(malformed(format!("the header holds `{name}`")));
        }
        let algorithm = text(&members, "alg")?.ok_or_else(|| malformed("the header names no algorithm"))?;
        let kid = text(&members, "kid")?;
        if kid.is_some_and(|kid| kid.len() > KID_MAX) {
            return Err(malformed("the id of the key is too long"));
        }
        Ok(Self {
            algorithm: Algorithm::of(algorithm),
            kid: kid.map(Into::into),
            typ: text(&members, "typ")?.map(Into::into),
        })
    }
}

/// The issuer that a token names, before anything of it is believed: good for choosing who judges it, and for nothing
/// else. `None` where it has none that is a text.
pub fn unverified_issuer(bytes: &[u8]) -> Result<Option<String>, Refusal> {
    let segments = Segments::of(bytes)?;
    let payload = decoded(segments.payload).ok_or_else(|| malformed("the payload is not canonical base64url"))?;
    json::text_of(&payload, "iss").map_err(|fault| broken("payload", fault))
}

struct Segments<'t> {
    signed: &'t [u8],
    header: &'t [u8],
    payload: &'t [u8],
    signature: &'t [u8],
}

impl<'t> Segments<'t> {
    fn of(bytes: &'t [u8]) -> Result<Self, Refusal> {
        if bytes.len() > TOKEN_MAX {
            return Err(malformed("the token is too long"));
        }
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if !bytes.iter().all(legal) {
            return Err(malformed("the token holds characters that tokens do not hold"));
        }
        let mut segments = bytes.split(|byte| *byte == b'.');
        let three = (segments.next(), segments.next(), segments.next(), segments.next());
        let (Some(header), Some(payload), Some(signature), None) = three else {
            return Err(malformed("the token has not three segments"));
        };
        if [header, payload, signature].iter().any(|segment| segment.is_empty()) {
            return Err(malformed("a segment of the token is empty"));
        }
        let signed = bytes.get(..=header.len() + payload.len()).unwrap_or_default();
        Ok(Self {
            signed,
            header,
            payload,
            signature,
        })
    }
}

/// A member that is a text where it is there at all.
fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, Refusal> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(format!("`{name}` of the header is no text"))),
    }
}

fn broken(part: &str, fault: NotOne) -> Refusal {
    malformed(format!("the {part} {fault}"))
}

fn malformed(why: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(Code::TokenMalformed, why)
}
