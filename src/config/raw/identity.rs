//! `cache:`, and the headers that tell an upstream who is asking.

use http::HeaderName;
use serde_json::json;

use crate::config::defaults;
use crate::config::faults::Code;
use crate::config::node::{Node, Value};
use crate::config::settings::{Book, Decoding, Field, Setting, Shape, closest, listed, settings};
use crate::config::values::{Size, Time};

settings! {
    /// What is remembered of verified credentials, in memory. A verdict is never kept beyond the end of its credential,
    /// and what a route makes of it is decided anew for each request.
    struct RawCache as "cache" {
        /// The memory that verdicts may take.
        default size: Size<{ 1024 * 1024 }, { 16 << 30 }> = Size(defaults::CACHE_SIZE),
        /// How long a good credential is not looked at again.
        default ttl: Time<1, 86_400_000> = Time(defaults::CACHE_TTL),
        /// How long a bad one is refused without another look: at most 5s.
        default negative_ttl: Time<1, 5_000> = Time(defaults::CACHE_NEGATIVE_TTL),
    }
}

settings! {
    /// Names of headers for the upstream. Only those named here are sent.
    struct RawIdentityNames as "identity headers" {
        /// The id of the principal.
        optional subject: HeaderName,
        /// The name of the authenticator.
        optional method: HeaderName,
        /// Its roles, separated by commas.
        optional roles: HeaderName,
        /// Its scopes, separated by commas.
        optional scopes: HeaderName,
        /// Its address, where somebody verified it.
        optional email: HeaderName,
    }
}

/// `forward.headers:`.
#[derive(Clone, Debug)]
pub(crate) enum RawIdentityHeaders {
    Oauth2Proxy,
    Authelia,
    None,
    Named(Box<RawIdentityNames>),
}

const WORDS: &[&str] = &["oauth2-proxy", "authelia", "none"];

impl Setting for RawIdentityHeaders {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        if let Value::Map(_) = node.value {
            return RawIdentityNames::decode(node, cx).map(|names| Self::Named(Box::new(names)));
        }
        let given = cx.text(node, "the name of a preset, or a map of names")?;
        match given.text.as_str() {
            "oauth2-proxy" => Some(Self::Oauth2Proxy),
            "authelia" => Some(Self::Authelia),
            "none" => Some(Self::None),
            text => {
                let way_out = match closest(text, WORDS.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}, or a map like `{{ subject: X-User }}`", listed(WORDS)),
                };
                let message = format!("`{text}` is no preset of headers; {way_out}");
                cx.unfit(node, &given, Code::ValueWord, "a preset of headers", message);
                None
            }
        }
    }

    fn describe(book: &mut Book) -> Shape {
        let names = RawIdentityNames::describe(book);
        Shape::new(
            json!({ "anyOf": [{ "enum": WORDS }, names.schema] }),
            format!("`oauth2-proxy`, `authelia`, `none`, or {}", names.words),
        )
    }
}

impl RawIdentityNames {
    pub(crate) fn all(&self) -> [&Field<HeaderName>; 5] {
        [&self.subject, &self.method, &self.roles, &self.scopes, &self.email]
    }
}
