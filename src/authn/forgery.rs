//! Whether a page of another site could have made a browser send a credential: one in a cookie goes along with every
//! request, whoever asks for it (METH-05, SE-04). Browsers say whose page it is; a request without their word comes
//! from no page.

use http::header::{HeaderName, ORIGIN};
use http::{HeaderValue, Method};

use super::method::Place;
use super::refusal::Refusal;
use crate::problem::Code;
use crate::request::Asked;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what another site may have asked for with a credential from `place`.
pub(super) fn check(place: &Place, asked: &Asked) -> Result<(), Refusal> {
    let goes_along = matches!(place, Place::Cookie(_));
    let changes_nothing = matches!(asked.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !goes_along || changes_nothing && asked.upgrade.is_none() {
        return Ok(());
    }
    let foreign = |why: &'static str| Err(Refusal::new(Code::CsrfFailed, why));
    let mut origins = asked.headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(_), Some(_)) => return foreign("the request names two origins"),
        (Some(origin), None) if !is_own(origin, asked) => {
            return foreign("the request comes from a page of another site");
        }
        // A page can read what comes through a tunnel: only one of our own may open it.
        (None, _) if asked.upgrade.is_some() => return foreign("a switch with a cookie needs an Origin"),
        _ => {}
    }
    let mut sites = asked.headers.get_all(SEC_FETCH_SITE).iter();
    if sites.any(|site| site == "cross-site") {
        return foreign("the browser says that another site asks");
    }
    Ok(())
}

/// Scheme, host and port as this request itself came.
fn is_own(origin: &HeaderValue, asked: &Asked) -> bool {
    let Some(host) = asked.host.raw() else { return false };
    let own = asked.forwarding.proto.as_bytes();
    let Some(rest) = origin.as_bytes().split_at_checked(own.len()) else {
        return false;
    };
    let (scheme, rest) = rest;
    let Some(authority) = rest.strip_prefix(b"://") else {
        return false;
    };
    let default_port: &[u8] = if own == b"https" { b":443" } else { b":80" };
    let bare = |authority: &'_ [u8]| {
        authority
            .strip_suffix(default_port)
            .unwrap_or(authority)
            .to_ascii_lowercase()
    };
    scheme.eq_ignore_ascii_case(own) && bare(authority) == bare(host.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: &str, fields: &[(&'static str, &str)]) -> Result<(), Code> {
        let asked = Asked::for_test(method, "/", fields);
        check(&Place::Cookie("s".into()), &asked).map_err(|refusal| refusal.code)
    }

    #[test]
    #[doc = "SE-04"]
    fn a_page_of_another_site_changes_nothing_with_a_cookie() {
        for origin in ["http://h", "HTTP://H:80"] {
            assert_eq!(verdict("POST", &[("origin", origin)]), Ok(()), "{origin}");
        }
        for origin in ["https://h", "http://h.evil", "http://h:8080", "null", "http://", "h"] {
            assert_eq!(
                verdict("POST", &[("origin", origin)]),
                Err(Code::CsrfFailed),
                "{origin}"
            );
        }
        assert_eq!(
            verdict("DELETE", &[("sec-fetch-site", "cross-site")]),
            Err(Code::CsrfFailed)
        );
        assert_eq!(
            verdict("POST", &[("origin", "http://h"), ("origin", "http://evil")]),
            Err(Code::CsrfFailed)
        );
    }

    #[test]
    fn what_comes_from_no_page_or_changes_nothing_passes() {
        assert_eq!(verdict("POST", &[]), Ok(()));
        assert_eq!(verdict("POST", &[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(
            verdict("GET", &[("origin", "http://evil"), ("sec-fetch-site", "cross-site")]),
            Ok(())
        );
        let asked = Asked::for_test("POST", "/", &[("origin", "http://evil")]);
        assert!(check(&Place::Bearer, &asked).is_ok(), "no browser adds it by itself");
    }

    #[test]
    #[doc = "METH-05"]
    fn a_tunnel_with_a_cookie_is_opened_by_a_page_of_ours() {
        let switch = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let with = |origin: Option<&'static str>| {
            let mut fields = switch.to_vec();
            fields.extend(origin.map(|origin| ("origin", origin)));
            verdict("GET", &fields)
        };
        assert_eq!(with(Some("http://h")), Ok(()));
        assert_eq!(with(Some("http://evil")), Err(Code::CsrfFailed));
        assert_eq!(with(None), Err(Code::CsrfFailed));
    }
}
