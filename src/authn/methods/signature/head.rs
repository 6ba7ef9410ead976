//! What of a request can be signed besides its body, as it was sent: read from a request that arrived, or put together
//! by who makes one. It knows no scheme.

use http::HeaderMap;
use http::uri::PathAndQuery;

use super::fields::invalid;
use crate::authn::refusal::Refusal;
use crate::request::Asked;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a str,
    /// `http` or `https`.
    pub(crate) scheme: &'a str,
    /// The `Host` field as sent, port included.
    pub(crate) host: &'a str,
    pub(crate) target: &'a PathAndQuery,
    pub(crate) headers: &'a HeaderMap,
    /// Apart from the other fields: it is gone from them by the time anybody is asked who he is.
    pub(crate) content_length: Option<u64>,
}

impl<'a> Head<'a> {
    pub(super) fn of(asked: &'a Asked) -> Result<Self, Refusal> {
        let host = asked.host.raw().and_then(|host| host.to_str().ok());
        Ok(Self {
            method: asked.method.as_str(),
            scheme: asked.forwarding.proto.to_str().unwrap_or_default(),
            host: host.ok_or_else(|| invalid("the request names no host, and the host is signed"))?,
            target: asked.path.path_and_query(),
            headers: &asked.headers,
            content_length: asked.content_length,
        })
    }
}
