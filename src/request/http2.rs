//! A head of HTTP/2 in the form that HTTP/1.1 gives it, so that everything behind reads one form only: the authority is
//! the `Host` field, cookies are one field. In goes what h2 has parsed; what two readers could take in two ways is
//! refused. h2 itself resets streams with connection-specific fields, bad pseudo-fields or capital letters in names.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Scheme, Uri};

use super::host::Host;
use crate::base::field::are_tokens;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Http2Fault {
    #[error("more than {max} fields")]
    TooManyFields { max: usize },
    #[error("the name of a field is no token")]
    Name,
    /// Not allowed by RFC 9113 section 8.2.1, and cut off by some readers only.
    #[error("{0} begins or ends with a blank")]
    Blank(HeaderName),
    #[error("`:authority` and the Host field name different hosts")]
    OtherHost,
}

/// Bring the fields of a request to `uri` into that form. `known` is the host of the request before on the same
/// connection: most name it again.
pub fn level(
    uri: &Uri,
    headers: &mut HeaderMap,
    max_fields: usize,
    known: Option<&HeaderValue>,
) -> Result<(), Http2Fault> {
    if headers.len() > max_fields {
        return Err(Http2Fault::TooManyFields { max: max_fields });
    }
    if !are_tokens(headers) {
        return Err(Http2Fault::Name);
    }
    for (name, value) in &*headers {
        let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        if is_blank(value.as_bytes().first()) || is_blank(value.as_bytes().last()) {
            return Err(Http2Fault::Blank(name.clone()));
        }
    }
    name_host(uri, headers, known)?;
    join_cookies(headers);
    Ok(())
}

/// RFC 9113 section 8.3.1. Without an authority the `Host` field stands for it; of several the next stage tells.
fn name_host(uri: &Uri, headers: &mut HeaderMap, known: Option<&HeaderValue>) -> Result<(), Http2Fault> {
    let Some(authority) = uri.authority().map(|authority| authority.as_str()) else {
        return Ok(());
    };
    let mut fields = headers.get_all(header::HOST).iter();
    match (fields.next(), fields.next()) {
        (None, _) => {}
        (Some(_), Some(_)) => return Ok(()),
        (Some(field), None) => {
            let default_port = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
            let is_same = Host::from_value(field).is_ok_and(|host| host.is_same(authority, default_port));
            if !is_same {
                return Err(Http2Fault::OtherHost);
            }
        }
    }
    let host = match known.filter(|known| known.as_bytes() == authority.as_bytes()) {
        Some(known) => known.clone(),
        // An authority holds nothing that a field may not.
        None => HeaderValue::from_str(authority).map_err(|_| Http2Fault::OtherHost)?,
    };
    headers.insert(header::HOST, host);
    Ok(())
}

/// RFC 9113 section 8.2.3: clients split the field for the sake of compression; HTTP/1.1 allows one only.
fn join_cookies(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(_)) = (fields.next(), fields.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for field in headers.get_all(header::COOKIE).iter().skip(1) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(field.as_bytes());
    }
    // Made of field values and a separator, so one itself.
    if let Ok(joined) = HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)) {
        headers.insert(header::COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let named = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        list.iter().map(named).collect()
    }

    fn leveled(uri: &'static str, list: &[(&'static str, &'static str)]) -> Result<HeaderMap, Http2Fault> {
        let mut headers = fields(list);
        level(&Uri::from_static(uri), &mut headers, 100, None).map(|()| headers)
    }

    #[test]
    #[doc = "HTTP-13, PATH-01"]
    fn the_host_is_the_authority() {
        let host = |uri, list: &[(&'static str, &'static str)]| {
            let headers = leveled(uri, list)?;
            Ok(headers.get_all(header::HOST).iter().cloned().collect::<Vec<_>>())
        };
        assert_eq!(host("http://a.test/x", &[]).unwrap(), ["a.test"]);
        assert_eq!(host("http://a.test/x", &[("host", "a.test")]).unwrap(), ["a.test"]);
        assert_eq!(
            host("http://a.test:80/x", &[("host", "A.test")]).unwrap(),
            ["a.test:80"]
        );
        assert_eq!(host("https://a.test/x", &[("host", "a.test:443")]).unwrap(), ["a.test"]);
        assert_eq!(host("/x", &[("host", "a.test")]).unwrap(), ["a.test"]);
        assert_eq!(host("/x", &[]).unwrap(), [] as [&str; 0]);
        // Which of two holds nobody decides here: the next stage refuses both.
        let both = host("http://a.test/x", &[("host", "a.test"), ("host", "a.test")]).unwrap();
        assert_eq!(both, ["a.test", "a.test"]);
        for other in ["b.test", "a.test:81", "a.test, b.test", "", "u@a.test"] {
            let list = [("host", other)];
            assert_eq!(host("http://a.test/x", &list), Err(Http2Fault::OtherHost), "{other}");
        }
    }

    #[test]
    #[doc = "HTTP-13"]
    fn cookies_become_one_field_in_their_order() {
        let headers = leveled(
            "/",
            &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3; d=4")],
        )
        .unwrap();
        let cookies: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3; d=4"]);
        let headers = leveled("/", &[("cookie", "a=1;b=2")]).unwrap();
        assert_eq!(headers[header::COOKIE], "a=1;b=2");
    }

    #[test]
    #[doc = "HTTP-13"]
    fn a_value_with_a_blank_at_either_end_is_refused() {
        for value in [" a", "a ", "\ta", "a\t", " "] {
            assert!(
                matches!(leveled("/", &[("x-a", value)]), Err(Http2Fault::Blank(_))),
                "{value:?}"
            );
        }
        assert!(leveled("/", &[("x-a", ""), ("x-b", "a b")]).is_ok());
    }

    #[test]
    #[doc = "RS-04"]
    fn every_field_counts_the_cookies_too() {
        let mut headers: HeaderMap = (0..100)
            .map(|_| (header::COOKIE, HeaderValue::from_static("a=1")))
            .collect();
        let uri = Uri::from_static("/");
        assert!(level(&uri, &mut headers.clone(), 100, None).is_ok());
        headers.insert("x-one-more", HeaderValue::from_static("x"));
        let fault = level(&uri, &mut headers, 100, None);
        assert_eq!(fault, Err(Http2Fault::TooManyFields { max: 100 }));
    }
}
