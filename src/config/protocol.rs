//! The name of a protocol that an HTTP/1.1 connection can be switched to (RFC 9110 section 7.8).

use std::sync::Arc;

/// RFC 6455.
pub const WEBSOCKET: &str = "websocket";

/// Cleartext HTTP/2: what follows such a switch would be requests that nobody judges (HTTP-15).
const NEVER: &str = "h2c";

/// `name` or `name/version`. Names are the same in any case.
#[derive(Clone, Debug)]
pub struct ProtocolName(Arc<str>);

impl ProtocolName {
    /// `None` for what is no name, and for what nobody may switch to.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = match text.split_once('/') {
            Some((name, version)) => is_token(name) && is_token(version),
            None => is_token(text),
        };
        (is_name && !text.eq_ignore_ascii_case(NEVER)).then(|| Self(text.into()))
    }

    pub fn websocket() -> Self {
        Self(WEBSOCKET.into())
    }

    pub fn is_websocket(&self) -> bool {
        self.0.eq_ignore_ascii_case(WEBSOCKET)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for ProtocolName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ProtocolName {}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "HTTP-15"]
    fn h2c_is_no_protocol_to_switch_to() {
        for text in ["h2c", "H2C", "", "/", "a/", "/1", "a b", "a,b", "websocket;q=1"] {
            assert!(ProtocolName::parse(text).is_none(), "{text}");
        }
        assert_eq!(ProtocolName::parse("WebSocket"), Some(ProtocolName::websocket()));
        assert!(ProtocolName::parse("spdy/3.1") != ProtocolName::parse("spdy/3"));
    }
}
