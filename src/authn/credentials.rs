//! Credentials where they stand: found by place, and taken out before the request goes on. Knows nothing of what makes a
//! credential good.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::method::Place;
use crate::request::Asked;
use crate::request::path::NormalPath;

/// Two readers could take two different credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeated;

/// The credential that stands in `place`, exactly as sent; of the query, percent-decoded once.
pub(super) fn find<'r>(place: &Place, asked: &'r Asked) -> Result<Option<Cow<'r, [u8]>>, Repeated> {
    match place {
        Place::Bearer => Ok(scheme(&asked.headers, b"bearer").map(Cow::Borrowed)),
        Place::Basic => Ok(scheme(&asked.headers, b"basic").map(Cow::Borrowed)),
        // Sent once: the listener refuses fields that hold credentials when they are repeated.
        Place::Header(name) => Ok(asked.headers.get(name).map(|value| Cow::Borrowed(value.as_bytes()))),
        Place::Cookie(name) => {
            let named = cookies(&asked.headers).filter(|(own, _)| *own == name.as_bytes());
            single(named.map(|(_, value)| value)).map(|found| found.map(Cow::Borrowed))
        }
        Place::Query(name) => {
            let query = asked.path.query().unwrap_or_default();
            let named = parameters(query).filter(|(own, _)| decoded(own) == **name);
            single(named.map(|(_, value)| value)).map(|found| found.map(|value| percent_decode_str(value).into()))
        }
    }
}

/// The bytes behind `Authorization: SCHEME`, one space skipped, or more.
fn scheme<'r>(headers: &'r HeaderMap, wanted: &[u8]) -> Option<&'r [u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (name, rest) = value.split_at_checked(wanted.len())?;
    let (b' ', _) = rest.split_first().filter(|_| name.eq_ignore_ascii_case(wanted))? else {
        return None;
    };
    Some(rest.trim_ascii_start())
}

fn single<T>(mut found: impl Iterator<Item = T>) -> Result<Option<T>, Repeated> {
    let first = found.next();
    match found.next() {
        Some(_) => Err(Repeated),
        None => Ok(first),
    }
}

/// Names and values as sent, over all `Cookie` fields.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b';'))
        .filter_map(|pair| {
            let pair = pair.trim_ascii();
            let at = memchr::memchr(b'=', pair)?;
            Some((pair.get(..at)?, pair.get(at + 1..)?))
        })
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Take the credential of `place` out of the request, so that nobody behind the gate gets to see it (HDR-09).
pub(super) fn strip(place: &Place, asked: &mut Asked) {
    match place {
        Place::Bearer | Place::Basic => {
            let wanted: &[u8] = if *place == Place::Bearer { b"bearer" } else { b"basic" };
            if scheme(&asked.headers, wanted).is_some() {
                asked.headers.remove(AUTHORIZATION);
            }
        }
        Place::Header(name) => drop(asked.headers.remove(name)),
        Place::Cookie(name) => strip_cookie(name, &mut asked.headers),
        Place::Query(name) => {
            let onward = asked.onward.as_ref().unwrap_or(&asked.path);
            if let Some(without) = without_parameter(name, onward) {
                asked.onward = Some(without);
            }
        }
    }
}

pub(super) fn strip_field(name: &HeaderName, asked: &mut Asked) {
    asked.headers.remove(name);
}

fn strip_cookie(name: &str, headers: &mut HeaderMap) {
    if !cookies(headers).any(|(own, _)| own == name.as_bytes()) {
        return;
    }
    // One field, as RFC 6265 has it; what is no pair stays where it was.
    let mut kept: Vec<u8> = Vec::new();
    for value in headers.get_all(COOKIE) {
        for pair in value.as_bytes().split(|&byte| byte == b';') {
            let pair = pair.trim_ascii();
            let own = pair.split(|&byte| byte == b'=').next().unwrap_or_default();
            if own == name.as_bytes() || pair.is_empty() {
                continue;
            }
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    headers.remove(COOKIE);
    // Pieces of valid values make a valid value.
    if let Ok(kept) = HeaderValue::from_bytes(&kept)
        && !kept.is_empty()
    {
        headers.insert(COOKIE, kept);
    }
}

/// The rest of the query keeps its bytes and its order.
fn without_parameter(name: &str, path: &NormalPath) -> Option<NormalPath> {
    let query = path.query()?;
    let is_named = |pair: &&str| decoded(pair.split('=').next().unwrap_or_default()) == name;
    if !query.split('&').any(|pair| is_named(&pair)) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_named(pair)).collect();
    let target = match kept.as_slice() {
        [] => path.path().to_owned(),
        kept => format!("{}?{}", path.path(), kept.join("&")),
    };
    NormalPath::check(PathAndQuery::try_from(target).ok()?).ok()
}
