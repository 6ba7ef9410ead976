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

/// The bytes behind `Authorization: SCHEME`, spaces skipped. Where something else than a space follows the name, that is
/// part of them: nobody takes it for a good credential, and a careless reader behind us would.
fn scheme<'r>(headers: &'r HeaderMap, wanted: &[u8]) -> Option<&'r [u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (name, rest) = value.split_at_checked(wanted.len())?;
    let goes_on = rest
        .first()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if goes_on || !name.eq_ignore_ascii_case(wanted) {
        return None;
    }
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    rest.get(spaces..).filter(|credential| !credential.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(target: &str, fields: &[(&'static str, &str)]) -> Asked {
        Asked::for_test("GET", target, fields)
    }

    fn found(place: &Place, asked: &Asked) -> Option<String> {
        let credential = find(place, asked).unwrap()?;
        Some(String::from_utf8(credential.into_owned()).unwrap())
    }

    fn header(name: &'static str) -> Place {
        Place::Header(HeaderName::from_static(name))
    }

    #[test]
    #[doc = "JWT-01"]
    fn a_scheme_is_read_in_any_case_and_as_a_whole_word() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            let asked = asked("/", &[("authorization", value)]);
            assert_eq!(found(&Place::Bearer, &asked).as_deref(), Some("a.b.c"), "{value}");
            assert_eq!(found(&Place::Basic, &asked), None, "{value}");
        }
        for value in ["Bearer\ta.b.c", "Bearer=a.b.c", "bearer,a"] {
            let asked = asked("/", &[("authorization", value)]);
            let rest = value.get("Bearer".len()..);
            assert_eq!(
                found(&Place::Bearer, &asked).as_deref(),
                rest,
                "it is somebody's, and good for nothing"
            );
        }
        for value in [
            "Bearer",
            "Bearer ",
            "Bearera.b.c",
            "Bearer-x a.b.c",
            "a.b.c",
            "Basic eA==",
        ] {
            assert_eq!(
                found(&Place::Bearer, &asked("/", &[("authorization", value)])),
                None,
                "{value}"
            );
        }
        let basic = asked("/", &[("authorization", "basic eDp5")]);
        assert_eq!(found(&Place::Basic, &basic).as_deref(), Some("eDp5"));
    }

    #[test]
    #[doc = "AK-03"]
    fn a_field_is_taken_as_it_is() {
        let asked = asked("/", &[("x-api-key", "Ab c")]);
        assert_eq!(found(&header("x-api-key"), &asked).as_deref(), Some("Ab c"));
        assert_eq!(found(&header("x-other"), &asked), None);
    }

    #[test]
    #[doc = "SE-02"]
    fn a_cookie_that_is_there_twice_is_nobodys() {
        let session = Place::Cookie("s".into());
        let one = asked("/", &[("cookie", "a=1; s=x=y"), ("cookie", "S=2; ss=3")]);
        assert_eq!(found(&session, &one).as_deref(), Some("x=y"));
        for fields in [
            &[("cookie", "s=1; s=2")][..],
            &[("cookie", "s=1"), ("cookie", "s=1")][..],
        ] {
            assert_eq!(find(&session, &asked("/", fields)), Err(Repeated));
        }
    }

    #[test]
    fn a_parameter_is_decoded_once_and_stands_once() {
        let token = Place::Query("to ken".into());
        assert_eq!(
            found(&token, &asked("/?a=1&to%20ken=x%2541&b", &[])).as_deref(),
            Some("x%41")
        );
        assert_eq!(found(&token, &asked("/?token=1", &[])), None);
        assert_eq!(find(&token, &asked("/?to%20ken=1&to%20ken=1", &[])), Err(Repeated));
    }

    #[test]
    #[doc = "HDR-09"]
    fn what_was_presented_is_taken_out_and_nothing_else() {
        let fields = [
            ("authorization", "Bearer t"),
            ("x-api-key", "k"),
            ("cookie", "a=1; s=2; b=3"),
            ("cookie", "c=4; s=5"),
        ];
        let mut asked = asked("/p?x=%41&t=1&y&t=2", &fields);
        strip(&Place::Basic, &mut asked);
        assert!(asked.headers.contains_key("authorization"), "it is a bearer's");
        for place in [
            Place::Bearer,
            header("x-api-key"),
            Place::Cookie("s".into()),
            Place::Query("t".into()),
        ] {
            strip(&place, &mut asked);
        }
        assert!(!asked.headers.contains_key("authorization") && !asked.headers.contains_key("x-api-key"));
        let cookies: Vec<_> = asked.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=3; c=4"]);
        assert_eq!(asked.onward.unwrap().path_and_query(), "/p?x=%41&y");
    }

    #[test]
    fn a_request_without_the_credential_stays_as_it_is() {
        let mut asked = asked("/p?x=1", &[("cookie", "a=1;b=2")]);
        strip(&Place::Cookie("s".into()), &mut asked);
        strip(&Place::Query("t".into()), &mut asked);
        assert_eq!(asked.headers.get(COOKIE).unwrap(), "a=1;b=2");
        assert!(asked.onward.is_none());
    }

    #[test]
    fn a_query_of_nothing_else_goes_with_its_question_mark() {
        let mut asked = asked("/p?t=1", &[]);
        strip(&Place::Query("t".into()), &mut asked);
        assert_eq!(asked.onward.unwrap().path_and_query(), "/p");
    }
}
