//! `from:` of an authenticator: where its credentials stand, `header:X-API-KEY`, `bearer`, `cookie:NAME`, `query:NAME`.

use http::HeaderName;
use serde_json::{Value as Json, json};

use super::method::Place;
use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::reserved;
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell};

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlaceText {
    pub(super) place: Place,
    /// As it was written: header names are known by their capitals to people.
    pub(super) written: Box<str>,
}

const WANTED: &str = "write `header:NAME`, `bearer`, `cookie:NAME` or `query:NAME`";

impl PlaceText {
    /// For a default.
    pub(super) fn header(name: &'static str) -> Self {
        Self {
            place: Place::Header(HeaderName::from_bytes(name.as_bytes()).expect("a default is a header name")),
            written: format!("header:{name}").into(),
        }
    }

    /// The name of the header, where it is one.
    pub(super) fn header_name(&self) -> Option<&str> {
        self.written.strip_prefix("header:")
    }
}

impl Setting for PlaceText {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a place where credentials stand")?;
        match place(&given.text) {
            Ok(place) => Some(Self {
                place,
                written: given.text.into(),
            }),
            Err((code, what)) => {
                let message = format!("`{}` {what}", given.text);
                cx.unfit(node, &given, code, "a place where credentials stand", message);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "string", "pattern": "^(bearer|(header|cookie|query):.+)$" });
        Shape::scalar(schema, "`header:NAME`, `bearer`, `cookie:NAME` or `query:NAME`")
    }
}

impl Spell for PlaceText {
    fn spell(&self) -> Json {
        (*self.written).into()
    }
}

fn place(text: &str) -> Result<Place, (Code, String)> {
    let unknown = || {
        (
            Code::ValuePlace,
            format!("is no place where credentials stand; {WANTED}"),
        )
    };
    if text == "bearer" {
        return Ok(Place::Bearer);
    }
    let (kind, name) = text.split_once(':').ok_or_else(unknown)?;
    match kind {
        "header" => header(name).map(Place::Header),
        "cookie" if is_token(name) => Ok(Place::Cookie(name.into())),
        "cookie" => Err((Code::ValuePlace, "does not hold the name of a cookie".to_owned())),
        "query" if is_plain(name) => Ok(Place::Query(name.into())),
        "query" => Err((
            Code::ValuePlace,
            "does not hold the name of a parameter: letters, digits, `_`, `-` and `.`".to_owned(),
        )),
        _ => Err(unknown()),
    }
}

fn header(name: &str) -> Result<HeaderName, (Code, String)> {
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err((Code::ValueHeader, "does not hold the name of a header".to_owned()));
    };
    if reserved::is_dropped(name) || reserved::is_framing(name) {
        let what = "names a header that belongs to the gateway or to the framing of messages; choose another";
        return Err((Code::HeaderReserved, what.to_owned()));
    }
    if header == http::header::HOST || header == http::header::COOKIE {
        let what = "names a header that holds more than a credential; choose another";
        return Err((Code::HeaderReserved, what.to_owned()));
    }
    Ok(header)
}

/// A token of RFC 9110, as names of cookies are.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// What is spelled the same in a query whether it is encoded or not.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_known_by_their_kind_and_name() {
        assert_eq!(place("bearer"), Ok(Place::Bearer));
        assert_eq!(
            place("header:X-API-KEY"),
            Ok(Place::Header(HeaderName::from_static("x-api-key")))
        );
        assert_eq!(
            place("header:Authorization"),
            Ok(Place::Header(http::header::AUTHORIZATION))
        );
        assert_eq!(place("cookie:session"), Ok(Place::Cookie("session".into())));
        assert_eq!(place("query:api_key"), Ok(Place::Query("api_key".into())));
    }

    #[test]
    fn a_place_that_cannot_hold_a_credential_is_refused() {
        for (text, code) in [
            ("", Code::ValuePlace),
            ("header", Code::ValuePlace),
            ("Header:X", Code::ValuePlace),
            ("body:key", Code::ValuePlace),
            ("bearer:x", Code::ValuePlace),
            ("header:", Code::ValueHeader),
            ("header:X API", Code::ValueHeader),
            ("header:X-Auth-Subject", Code::HeaderReserved),
            ("header:X_Auth_Subject", Code::HeaderReserved),
            ("header:X-Forwarded-For", Code::HeaderReserved),
            ("header:Content-Length", Code::HeaderReserved),
            ("header:Cookie", Code::HeaderReserved),
            ("header:Host", Code::HeaderReserved),
            ("cookie:", Code::ValuePlace),
            ("cookie:a=b", Code::ValuePlace),
            ("query:", Code::ValuePlace),
            ("query:a b", Code::ValuePlace),
            ("query:a%20b", Code::ValuePlace),
        ] {
            assert_eq!(place(text).map_err(|(code, _)| code), Err(code), "{text}");
        }
    }
}
