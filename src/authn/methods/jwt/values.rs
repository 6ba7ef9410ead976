//! The kinds of values that stand in the settings of `jwt` alone.

use std::sync::Arc;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, HOST};
use serde_json::{Value as Json, json};
use url::Url;

use crate::authn::jose::algorithm::Algorithm;
use crate::authn::method::Place;
use crate::config::faults::Code;
use crate::config::node::{Key, Node, Value};
use crate::config::settings::{Book, Decoding, Name, Setting, Shape, Spell, closest, listed};
use crate::config::values::{List, Written};

/// One text, or a list of some.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMore(pub(in crate::authn::methods) Vec<Arc<str>>);

impl Setting for OneOrMore {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        if !matches!(node.value, Value::List(_)) {
            return Written::decode(node, cx).map(|one| Self(vec![one.text]));
        }
        let list = List::<Written>::decode(node, cx)?;
        if list.is_empty() {
            cx.fault(
                node.span,
                Code::ValueEmpty,
                "the list is empty, which nothing can meet; leave the key out",
            );
            return None;
        }
        list.whole
            .then(|| Self(list.values().map(|text| Arc::clone(&text.text)).collect()))
    }

    fn describe(_: &mut Book) -> Shape {
        one_or_more("text, or list of: text")
    }
}

fn one_or_more(words: &str) -> Shape {
    let text = json!({ "$ref": "#/definitions/text" });
    Shape::new(
        json!({ "anyOf": [text, { "type": "array", "items": text, "minItems": 1 }] }),
        words,
    )
}

/// `any`, or one or more texts.
#[derive(Clone, Debug)]
pub(crate) enum AudienceText {
    Any,
    OneOf(Vec<Arc<str>>),
}

impl Setting for AudienceText {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let OneOrMore(texts) = OneOrMore::decode(node, cx)?;
        let says_any = texts.iter().any(|text| **text == *"any");
        match (says_any, &node.value) {
            (true, Value::Scalar(_)) => Some(Self::Any),
            (true, _) => {
                let message = "`any` stands alone and takes every audience; write `audience: any`, or leave it out";
                cx.fault(node.span, Code::KeyConflict, message);
                None
            }
            (false, _) => Some(Self::OneOf(texts)),
        }
    }

    fn describe(_: &mut Book) -> Shape {
        one_or_more("text, list of: text, or `any`")
    }
}

/// The way to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathText(pub(in crate::authn::methods) Vec<Arc<str>>);

impl PathText {
    pub(in crate::authn::methods) fn dotted(path: &str) -> Self {
        Self(path.split('.').map(Into::into).collect())
    }
}

impl Setting for PathText {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let OneOrMore(texts) = OneOrMore::decode(node, cx)?;
        let path = match (&node.value, texts.as_slice()) {
            (Value::Scalar(_), [path]) => Self::dotted(path),
            _ => Self(texts),
        };
        if path.0.iter().any(|name| name.is_empty()) {
            let message =
                "two dots in a row, or one at an end, lead nowhere; write names with single dots between them";
            cx.fault(node.span, Code::ValueEmpty, message);
            return None;
        }
        Some(path)
    }

    fn describe(_: &mut Book) -> Shape {
        one_or_more("names with dots between them, or list of: name")
    }
}

impl Spell for PathText {
    fn spell(&self) -> Json {
        self.0.join(".").into()
    }
}

impl Setting for Algorithm {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "the name of an algorithm")?;
        let text = given.text.as_str();
        let known = Self::of(text);
        if known.is_none() {
            let way_out = match (
                text.to_ascii_lowercase().as_str(),
                closest(text, Self::NAMES.iter().copied()),
            ) {
                ("none", _) => "a token without a signature says nothing".to_owned(),
                (_, Some(near)) => format!("did you mean `{near}`?"),
                (_, None) => format!("there are {}", listed(Self::NAMES)),
            };
            let message = format!("`{text}` is no algorithm: {way_out}");
            cx.unfit(node, &given, Code::ValueWord, "the name of an algorithm", message);
        }
        known
    }

    fn describe(_: &mut Book) -> Shape {
        let names: Vec<String> = Self::NAMES.iter().map(|name| format!("`{name}`")).collect();
        Shape::scalar(json!({ "enum": Self::NAMES }), names.join(" or "))
    }
}

/// `cache:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remembering {
    On,
    Off,
}

impl Setting for Remembering {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "`on` or `off`")?;
        match given.text.as_str() {
            "on" => Some(Self::On),
            "off" => Some(Self::Off),
            other => {
                let message = format!("`{other}` may not stand here; write `on` or `off`");
                cx.unfit(node, &given, Code::ValueWord, "`on` or `off`", message);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::scalar(json!({ "enum": ["on", "off"] }), "`on` or `off`")
    }
}

impl Spell for Remembering {
    fn spell(&self) -> Json {
        match self {
            Self::On => "on".into(),
            Self::Off => "off".into(),
        }
    }
}

/// The name of a claim in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequiredClaim(pub(super) Arc<str>);

impl RequiredClaim {
    /// What every access token has (RFC 9068 section 2.2).
    pub(super) fn all() -> List<Self> {
        List::of(["exp", "iss", "aud", "sub"].map(|name| Self(name.into())))
    }
}

impl Setting for RequiredClaim {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        Written::decode(node, cx).map(|written| Self(written.text))
    }

    fn describe(book: &mut Book) -> Shape {
        let text = Written::describe(book);
        Shape::new(text.schema, "name of a claim")
    }
}

impl Spell for RequiredClaim {
    fn spell(&self) -> Json {
        (*self.0).into()
    }
}

/// The name of a claim as a key: issuers write URLs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimName(pub(super) Arc<str>);

impl Name for ClaimName {
    const WORDS: &'static str = "CLAIM";
    const PATTERN: &'static str = "^.+$";

    fn decode(key: &Key, cx: &mut Decoding<'_>) -> Option<Self> {
        if key.text.is_empty() || key.text.contains("${") {
            let message = "the name of a claim is written out, and a `${…}` is replaced in values only";
            cx.fault(key.span, Code::NameInvalid, message);
            return None;
        }
        Some(Self((&*key.text).into()))
    }
}

/// Where something can be fetched. Whether plain `http` may be is the settings' of `outbound`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebUrl(pub(in crate::authn::methods) Url);

impl Setting for WebUrl {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a URL")?;
        let url = web_url(&given.text);
        if url.is_none() {
            let message = format!(
                "`{}` is not a URL to fetch something from; write one like `https://login.example.com/keys`",
                given.text
            );
            cx.unfit(node, &given, Code::ValueUrl, "a URL to fetch something from", message);
        }
        url.map(Self)
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::scalar(json!({ "type": "string", "pattern": "^https?://" }), "URL")
    }
}

/// A URL that can be asked: a host, no user and nothing behind `#`.
pub(super) fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let plain = matches!(url.scheme(), "https" | "http") && url.has_host() && !has_user;
    (plain && url.fragment().is_none() && !text.contains(char::is_whitespace)).then_some(url)
}

/// An entry of `from:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct From(pub(super) Place);

impl From {
    pub(super) fn bearer() -> List<Self> {
        List::of([Self(Place::Bearer)])
    }
}

impl Setting for From {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a place in a request")?;
        match place(&given.text) {
            Ok(place) => Some(Self(place)),
            Err(way_out) => {
                let message = format!("`{}` is no place for a token: {way_out}", given.text);
                cx.unfit(node, &given, Code::ValueWord, "a place in a request", message);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "string", "pattern": "^(bearer|(cookie|query|header):.+)$" });
        Shape::scalar(schema, "`bearer`, `cookie:NAME`, `query:NAME` or `header:NAME`")
    }
}

impl Spell for From {
    fn spell(&self) -> Json {
        match &self.0 {
            Place::Bearer => "bearer".into(),
            Place::Basic => "basic".into(),
            Place::Header(name) => format!("header:{name}").into(),
            Place::Cookie(name) => format!("cookie:{name}").into(),
            Place::Query(name) => format!("query:{name}").into(),
        }
    }
}

fn place(text: &str) -> Result<Place, &'static str> {
    const PLACES: &str = "there are `bearer`, `cookie:NAME`, `query:NAME` and `header:NAME`";
    if text == "bearer" {
        return Ok(Place::Bearer);
    }
    match text.split_once(':') {
        Some((_, "")) => Err("behind the colon stands a name"),
        Some(("cookie", name)) if HeaderName::from_bytes(name.as_bytes()).is_ok() => Ok(Place::Cookie(name.into())),
        Some(("cookie", _)) => Err("the name of a cookie is made of letters, digits, `-` and `_`"),
        Some(("query", name)) => Ok(Place::Query(name.into())),
        Some(("header", name)) => match HeaderName::from_bytes(name.as_bytes()) {
            Ok(AUTHORIZATION) => Err("write `bearer` for what stands in `Authorization`"),
            Ok(COOKIE) => Err("write `cookie:NAME` for a cookie"),
            Ok(HOST) => Err("that header has another meaning"),
            Ok(name) => Ok(Place::Header(name)),
            Err(_) => Err("the name of a header is made of letters, digits and `-`"),
        },
        _ => Err(PLACES),
    }
}
