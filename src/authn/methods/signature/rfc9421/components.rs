//! The components that a signature can cover (RFC 9421 section 2) and their values. An identifier and the head of a
//! message go in. What could be read in two ways, and what only an answer has, has no value here.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use http::HeaderName;
use http::header::CONTENT_LENGTH;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sfv::{BareItem, Item};
use url::form_urlencoded;

use crate::authn::methods::signature::head::Head;

pub(super) const QUERY_PARAMETER: &str = "@query-param";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Component<'i> {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
    /// By the encoded name of the parameter.
    QueryParam(&'i str),
    Field(HeaderName),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::authn::methods::signature) enum ComponentFault {
    #[error("a component is a text in quotes")]
    NoText,
    #[error("no such component of a request is known")]
    Unknown,
    #[error("a parameter of it is not known here")]
    Parameter,
    #[error("the request does not have it")]
    Absent,
    #[error("the request has it more than once")]
    Repeated,
    #[error("its value holds something else than printable ASCII")]
    Bytes,
    #[error("a question mark with nothing behind it cannot be told from none; cover `@target-uri`")]
    EmptyQuery,
}

impl<'i> Component<'i> {
    pub(super) fn read(item: &'i Item) -> Result<Self, ComponentFault> {
        let BareItem::String(name) = &item.bare_item else {
            return Err(ComponentFault::NoText);
        };
        let name = name.as_str();
        if name == QUERY_PARAMETER {
            let mut parameters = item.params.iter();
            return match (parameters.next(), parameters.next()) {
                (Some((key, BareItem::String(name))), None) if key.as_str() == "name" => {
                    Ok(Self::QueryParam(name.as_str()))
                }
                _ => Err(ComponentFault::Parameter),
            };
        }
        // `sf`, `key`, `bs`, `tr` and `req` each give a field another value, or that of another message.
        if !item.params.is_empty() {
            return Err(ComponentFault::Parameter);
        }
        Self::named(name).ok_or(ComponentFault::Unknown)
    }

    /// A component without parameters.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "@method" => Self::Method,
            "@target-uri" => Self::TargetUri,
            "@authority" => Self::Authority,
            "@scheme" => Self::Scheme,
            "@request-target" => Self::RequestTarget,
            "@path" => Self::Path,
            "@query" => Self::Query,
            // `@status` among them, which only an answer has. Capital letters are not allowed either.
            _ => Self::Field(HeaderName::from_lowercase(name.as_bytes()).ok()?),
        })
    }
}

/// What the components of one request are. The query is read once, however many of its parameters are asked for.
pub(super) struct Values<'h> {
    head: Head<'h>,
    parameters: OnceCell<Result<Parameters<'h>, ComponentFault>>,
}

impl<'h> Values<'h> {
    pub(super) fn of(head: &Head<'h>) -> Self {
        Self {
            head: *head,
            parameters: OnceCell::new(),
        }
    }

    /// One line, whatever the message holds.
    pub(super) fn value(&self, component: &Component<'_>) -> Result<Cow<'h, str>, ComponentFault> {
        let head = &self.head;
        let target = head.target;
        Ok(match component {
            Component::Method => head.method.into(),
            Component::TargetUri => format!("{}://{}{target}", head.scheme, authority(head)).into(),
            Component::Authority => authority(head),
            Component::Scheme => head.scheme.into(),
            Component::RequestTarget => target.as_str().into(),
            Component::Path => target.path().into(),
            Component::Query => match target.query() {
                None => "?".into(),
                Some("") => return Err(ComponentFault::EmptyQuery),
                Some(query) => format!("?{query}").into(),
            },
            Component::QueryParam(name) => self.parameters()?.value(name)?.into(),
            Component::Field(name) => field(head, name)?,
        })
    }

    pub(super) fn parameters(&self) -> Result<&Parameters<'h>, ComponentFault> {
        let read = || Parameters::read(self.head.target.query().unwrap_or_default());
        self.parameters.get_or_init(read).as_ref().map_err(|fault| *fault)
    }
}

/// RFC 9421 section 2.2.3: lower-case, without the port that the scheme has anyway.
fn authority<'h>(head: &Head<'h>) -> Cow<'h, str> {
    let port = match head.scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let host = head.host.strip_suffix(port).unwrap_or(head.host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return host.to_ascii_lowercase().into();
    }
    host.into()
}

/// RFC 9421 section 2.1: the values in their order, joined.
fn field<'h>(head: &Head<'h>, name: &HeaderName) -> Result<Cow<'h, str>, ComponentFault> {
    if *name == CONTENT_LENGTH && !head.headers.contains_key(name) {
        let length = head.content_length.ok_or(ComponentFault::Absent)?;
        return Ok(length.to_string().into());
    }
    let mut values = head.headers.get_all(name).iter().map(|value| {
        let value = value.to_str().map_err(|_| ComponentFault::Bytes)?;
        Ok(value.trim_matches([' ', '\t']))
    });
    let first = values.next().ok_or(ComponentFault::Absent)??;
    let mut joined = Cow::Borrowed(first);
    for value in values {
        let joined = joined.to_mut();
        joined.push_str(", ");
        joined.push_str(value?);
    }
    Ok(joined)
}

/// The set that the URL standard escapes in forms; a space is `%20` here (RFC 9421 section 2.2.8).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string()
}

/// The parameters of a query by their encoded names (RFC 9421 section 2.2.8). A name that is there twice has no value:
/// which one counts, each server decides for itself.
pub(super) struct Parameters<'h>(HashMap<String, Option<Cow<'h, str>>>);

impl<'h> Parameters<'h> {
    fn read(query: &'h str) -> Result<Self, ComponentFault> {
        // What is not UTF-8 would be read as the character that stands for what cannot be read.
        if percent_decode_str(query).decode_utf8().is_err() {
            return Err(ComponentFault::Bytes);
        }
        let mut values = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match values.entry(encoded(&name)) {
                Entry::Vacant(place) => _ = place.insert(Some(value)),
                Entry::Occupied(mut place) => *place.get_mut() = None,
            }
        }
        Ok(Self(values))
    }

    fn value(&self, name: &str) -> Result<String, ComponentFault> {
        let value = self.0.get(name).ok_or(ComponentFault::Absent)?;
        value.as_deref().map(encoded).ok_or(ComponentFault::Repeated)
    }
}
