//! One call, its answer, and why there is none. Nothing here prints a body, a header or a query.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::location::Location;
use crate::base::background::CallFailed;
use crate::base::secret::Secret;

/// What is asked, and of whom.
pub struct Call {
    to: Location,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    pub fn get(to: Location) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("portcullis"));
        Self {
            to,
            method: Method::GET,
            headers,
            body: Bytes::new(),
        }
    }

    /// POST of a form.
    pub fn form(to: Location, fields: &[(&str, &str)]) -> Self {
        let mut call = Self::get(to);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        call.headers.insert(CONTENT_TYPE, form);
        call.method = Method::POST;
        call.body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
            .into();
        call
    }

    /// As the client of an authorization server. RFC 6749 section 2.3.1: both are encoded as in a form before they
    /// become a user and a password.
    #[must_use]
    pub fn with_client(mut self, id: &str, secret: &Secret) -> Self {
        let encoded = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
        let secret = Zeroizing::new(encoded(secret.expose()));
        let pair = Zeroizing::new(format!("{}:{}", encoded(id.as_bytes()), *secret));
        let basic = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair)));
        let mut value = HeaderValue::from_str(&basic).expect("Base64 is visible ASCII");
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        self
    }

    pub(super) fn to(&self) -> &Location {
        &self.to
    }

    pub(super) fn into_request(self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.to.into_uri();
        *request.headers_mut() = self.headers;
        request
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {})", self.method, self.to)
    }
}

/// A whole answer, of any status: a redirect is one, too, and nobody follows it.
#[derive(Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("no calls are made here")]
    Closed,
    #[error("it took longer than {0:?}")]
    Late(Duration),
    #[error("the answer is larger than 1 MiB")]
    TooLarge,
    /// Before the answer's head.
    #[error("{}", chain(.0))]
    Request(#[from] hyper_util::client::legacy::Error),
    #[error("the answer broke off: {}", chain(.0))]
    Body(#[source] hyper::Error),
    #[error(transparent)]
    Background(#[from] CallFailed),
}

/// What an error says and what is below it, which the libraries' own text leaves out.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        below = error.source();
    }
    text
}
