//! What of a message's fields goes on. A header map goes in and is cleaned in place: what this gateway owns, what
//! belongs to one connection only, what claims to come from a proxy, what tries to change the method or the target.
//! It sets nothing, so nothing a client sends can undo what is set later.

use std::borrow::Cow;

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};

use self::names::Class;
use super::framing::Framing;
use super::grpc::names_grpc;
use crate::config::reserved::COOKIE_PREFIX;

mod names;

/// What one listener lets pass and what its configuration owns, ready to be asked on every request.
#[derive(Clone, Debug, Default)]
pub struct HeaderPolicy {
    /// Names with `_` that may pass.
    underscored: Vec<HeaderName>,
    /// Names beyond the built-in ones that only this gateway sets, `_` written as `-`.
    identity: Vec<Box<str>>,
    /// Names beyond the built-in ones that may come once only: where credentials are read from.
    single: Vec<HeaderName>,
}

/// Whose word the fields are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    Stranger,
    /// A peer that `trusted_proxies` names.
    TrustedProxy,
}

/// What was there and mattered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The client takes trailers (gRPC asks so).
    pub te_trailers: bool,
    /// Fields were removed that only an attacker or a misconfigured proxy sends: a claim of identity, of an address,
    /// of another method or target.
    pub claims_removed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    #[error("{0} is sent more than once")]
    Repeated(HeaderName),
    #[error("a field is longer than 16 KiB")]
    TooLong,
    #[error("the name of a field is longer than 16 KiB")]
    NameTooLong,
    #[error("more than 100 cookies")]
    TooManyCookies,
}

impl HeaderPolicy {
    pub fn new(
        underscored: impl IntoIterator<Item = HeaderName>,
        identity: impl IntoIterator<Item = HeaderName>,
        single: impl IntoIterator<Item = HeaderName>,
    ) -> Self {
        Self {
            underscored: underscored.into_iter().collect(),
            identity: identity.into_iter().map(|name| dashed(name.as_str()).into()).collect(),
            single: single.into_iter().collect(),
        }
    }

    /// Cleans the fields of a request. Run it after `framing`, `host` and `client` have read theirs and before anything
    /// is decided or set. `Host` stays.
    pub fn clean(&self, headers: &mut HeaderMap, sender: Sender) -> Result<Cleaned, HeaderFault> {
        let some_repeated = headers.len() != headers.keys_len();
        let mut cleaned = Cleaned::default();
        let mut connection = false;
        let mut doomed = Doomed::default();
        for name in headers.keys() {
            let class = self.class(name, sender);
            match class {
                Class::Passes => continue,
                Class::Single => {
                    if some_repeated && repeated(headers, name) {
                        return Err(HeaderFault::Repeated(name.clone()));
                    }
                    continue;
                }
                Class::Underscored => {
                    if self.underscored.contains(name) && !(some_repeated && repeated(headers, name)) {
                        continue;
                    }
                }
                Class::Connection => connection = true,
                Class::Te => cleaned.te_trailers = accepts_trailers(headers),
                Class::Claim | Class::AddressClaim => cleaned.claims_removed = true,
                Class::HopByHop => {}
            }
            doomed.add(name);
        }
        if connection {
            doomed.add_named_in_connection(headers, |name| {
                self.single.contains(name) || names::is_told_to_the_end(name)
            });
        }
        doomed.remove_from(headers);
        Ok(cleaned)
    }

    fn class(&self, name: &HeaderName, sender: Sender) -> Class {
        let text = name.as_str();
        let underscored = has_underscore(text);
        let dashed = if underscored { dashed(text) } else { Cow::Borrowed(text) };
        let class = match names::class(&dashed) {
            Class::AddressClaim if sender == Sender::TrustedProxy => Class::Passes,
            class => class,
        };
        match class {
            Class::Passes | Class::Single if self.identity.iter().any(|own| **own == *dashed) => Class::Claim,
            Class::Passes | Class::Single if underscored => Class::Underscored,
            Class::Passes if self.single.contains(name) => Class::Single,
            class => class,
        }
    }
}

/// RS-02: bytes of one field's value.
const FIELD_MAX: usize = 16 * 1024;

/// RS-02: over all `Cookie` fields of a request.
const COOKIES_MAX: usize = 100;

/// NTLM and Negotiate authenticate a connection, not a request (HTTP-17).
pub fn authenticates_connection(value: &HeaderValue) -> bool {
    let scheme = value
        .as_bytes()
        .split(|byte| matches!(byte, b' ' | b','))
        .next()
        .unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
}

#[derive(Clone, Copy, Debug)]
enum Oversize {
    Name,
    Value,
    Cookies,
}

/// What a look over all fields of a request finds, so that what is not there need not be looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Survey {
    /// `Content-Length`, `Transfer-Encoding` or `Expect`.
    pub frames: bool,
    /// `traceparent` or `tracestate`.
    pub traces: bool,
    /// `X-Request-Id`.
    pub is_named: bool,
    /// An `Authorization` that authenticates the connection and not the request (NTLM, Negotiate).
    pub binds_connection: bool,
    /// A content type of gRPC.
    pub is_grpc: bool,
    /// An `Accept` that speaks of HTML.
    pub may_like_pages: bool,
    /// `Upgrade`.
    pub upgrades: bool,
    fault: Option<Oversize>,
}

impl Survey {
    pub fn of(headers: &HeaderMap) -> Self {
        let (mut survey, mut cookies) = (Self::default(), 0);
        for (name, value) in headers {
            if name.as_str().len() > FIELD_MAX {
                survey.fault = Some(Oversize::Name);
            }
            if value.len() > FIELD_MAX {
                survey.fault = Some(Oversize::Value);
            }
            match *name {
                header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::EXPECT => survey.frames = true,
                header::AUTHORIZATION => survey.binds_connection |= authenticates_connection(value),
                header::CONTENT_TYPE => survey.is_grpc |= names_grpc(value),
                header::COOKIE => cookies += memchr::memchr_iter(b';', value.as_bytes()).count() + 1,
                header::UPGRADE => survey.upgrades = true,
                header::ACCEPT => survey.may_like_pages |= memchr::memmem::find(value.as_bytes(), b"html").is_some(),
                _ => match name.as_str() {
                    "x-request-id" => survey.is_named = true,
                    "traceparent" | "tracestate" => survey.traces = true,
                    _ => {}
                },
            }
        }
        if cookies > COOKIES_MAX {
            survey.fault = Some(Oversize::Cookies);
        }
        survey
    }

    /// Refuses what is too large for one field, or too much in one.
    pub fn permit(&self) -> Result<(), HeaderFault> {
        match self.fault {
            None => Ok(()),
            Some(Oversize::Name) => Err(HeaderFault::NameTooLong),
            Some(Oversize::Value) => Err(HeaderFault::TooLong),
            Some(Oversize::Cookies) => Err(HeaderFault::TooManyCookies),
        }
    }
}

/// Cleans the fields of an upstream's answer. `framing` is what they were found to say: a length stays, in its one
/// spelling, because the answer to HEAD has no body to count it from. `Trailer` stays too: hyper sends no trailer that
/// it does not announce.
pub fn clean_answer(headers: &mut HeaderMap, framing: &Framing) {
    clean_fields(headers);
    match framing.content_length {
        Some(length) if !framing.is_spelled_plainly => drop(headers.insert(header::CONTENT_LENGTH, length.into())),
        Some(_) => {}
        None => drop(headers.remove(header::CONTENT_LENGTH)),
    }
}

/// Trailers are fields, and some of those that arrive late would change how what came before is read.
pub fn clean_answer_trailers(trailers: &mut HeaderMap) {
    clean_fields(trailers);
    for name in names::NEVER_IN_TRAILERS {
        trailers.remove(name);
    }
}

fn clean_fields(headers: &mut HeaderMap) {
    let mut connection = false;
    let mut cookies = false;
    let mut doomed = Doomed::default();
    for name in headers.keys() {
        if *name == header::SET_COOKIE {
            cookies = true;
        } else if names::is_dropped_from_answers(name.as_str()) {
            connection |= *name == header::CONNECTION;
            doomed.add(name);
        }
    }
    if connection {
        doomed.add_named_in_connection(headers, |_| false);
    }
    doomed.remove_from(headers);
    if cookies {
        remove_own_cookies(headers);
    }
}

/// Names to remove. Those that ordinary requests have are bits: they cost no clone and no allocation.
#[derive(Default)]
struct Doomed {
    usual: u8,
    others: Vec<HeaderName>,
}

static USUAL: [HeaderName; 4] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
];

impl Doomed {
    fn add(&mut self, name: &HeaderName) {
        match USUAL.iter().position(|usual| usual == name) {
            Some(place) => self.usual |= 1 << place,
            None => self.others.push(name.clone()),
        }
    }

    /// RFC 9110 section 7.6.1. `Host` is not the client's to take away, and nobody may name it there.
    /// Nor those that `stays` knows: what decides who asks does not go because the sender says so.
    fn add_named_in_connection(&mut self, headers: &HeaderMap, stays: impl Fn(&HeaderName) -> bool) {
        for value in headers.get_all(header::CONNECTION) {
            // What nearly everybody says.
            if value == "keep-alive" || value == "close" {
                continue;
            }
            for option in value.as_bytes().split(|&byte| byte == b',') {
                let option = option.trim_ascii();
                if option.eq_ignore_ascii_case(b"close") || option.eq_ignore_ascii_case(b"keep-alive") {
                    continue;
                }
                if let Ok(name) = HeaderName::from_bytes(option)
                    && name != header::HOST
                    && !stays(&name)
                {
                    self.add(&name);
                }
            }
        }
    }

    fn remove_from(self, headers: &mut HeaderMap) {
        for (place, name) in USUAL.iter().enumerate() {
            if self.usual & 1 << place != 0 {
                headers.remove(name);
            }
        }
        for name in self.others {
            headers.remove(name);
        }
    }
}

/// Eight bytes at a time: names are too short for more, and every name of every request comes by here.
fn has_underscore(name: &str) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    const UNDERSCORES: u64 = u64::from_ne_bytes([b'_'; 8]);
    let among = |eight: &[u8; 8]| {
        // A byte that was an underscore is zero now, and only with a zero does this leave a high bit.
        let zeroed = u64::from_ne_bytes(*eight) ^ UNDERSCORES;
        zeroed.wrapping_sub(ONES) & !zeroed & HIGHS != 0
    };
    let bytes = name.as_bytes();
    match bytes.last_chunk() {
        Some(last) => among(last) || bytes.as_chunks().0.iter().any(among),
        None => bytes.contains(&b'_'),
    }
}

fn dashed(name: &str) -> Cow<'_, str> {
    if name.contains('_') {
        Cow::Owned(name.replace('_', "-"))
    } else {
        Cow::Borrowed(name)
    }
}

fn repeated(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(header::TE).iter().any(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    })
}

/// HDR-10.
fn remove_own_cookies(headers: &mut HeaderMap) {
    if !headers.get_all(header::SET_COOKIE).iter().any(is_own_cookie) {
        return;
    }
    let Entry::Occupied(entry) = headers.entry(header::SET_COOKIE) else {
        return;
    };
    let (name, values) = entry.remove_entry_mult();
    let kept: Vec<HeaderValue> = values.filter(|value| !is_own_cookie(value)).collect();
    for value in kept {
        headers.append(name.clone(), value);
    }
}

/// Any case, and also as the value of a nameless cookie: browsers send `=name=value` back as `name=value`.
fn is_own_cookie(value: &HeaderValue) -> bool {
    let own = COOKIE_PREFIX.as_bytes();
    let cookie = value.as_bytes();
    let start = cookie
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t' | b'='))
        .unwrap_or(cookie.len());
    let name = cookie.get(start..).unwrap_or_default();
    name.get(..own.len()).is_some_and(|name| name.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests;
