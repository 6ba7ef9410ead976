//! What else a client wants to speak on its connection (RFC 9110 section 7.8). Its head goes in, before it is cleaned; a
//! wish comes out, or nothing: where anything about it is out of the ordinary, the request goes on as a plain one. A
//! WebSocket handshake without a proper key is refused: no answer to it could be told from a wrong one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http::{Method, Version};

use crate::config::protocol::ProtocolName;

const SEC_WEBSOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");

/// The protocols a client offers to switch to, in the order of its liking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    pub protocols: Vec<ProtocolName>,
    /// What the answer to a WebSocket handshake must be made from.
    pub websocket_key: Option<HeaderValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeFault {
    #[error("Sec-WebSocket-Key is not 16 bytes in base64, sent once")]
    Key,
}

/// The wish of a request that has no body.
pub fn wished(method: &Method, version: Version, headers: &HeaderMap) -> Result<Option<Upgrade>, UpgradeFault> {
    if version != Version::HTTP_11
        || !tokens(headers, &CONNECTION).any(|option| option.eq_ignore_ascii_case(b"upgrade"))
    {
        return Ok(None);
    }
    let offered = tokens(headers, &UPGRADE).filter_map(|token| std::str::from_utf8(token).ok());
    let mut protocols: Vec<_> = offered.filter_map(ProtocolName::parse).collect();
    let mut websocket_key = None;
    if protocols.iter().any(ProtocolName::is_websocket) {
        if *method == Method::GET {
            websocket_key = Some(key(headers)?);
        } else {
            protocols.retain(|name| !name.is_websocket());
        }
    }
    Ok((!protocols.is_empty()).then_some(Upgrade {
        protocols,
        websocket_key,
    }))
}

/// RFC 6455 section 4.2.1: 16 bytes, which base64 writes in 24 characters.
fn key(headers: &HeaderMap) -> Result<HeaderValue, UpgradeFault> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let key = keys.next().ok_or(UpgradeFault::Key)?;
    let is_nonce = STANDARD.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16);
    if keys.next().is_some() || !is_nonce {
        return Err(UpgradeFault::Key);
    }
    Ok(key.clone())
}

fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn head(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |&(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            headers.append(name, value);
        }
        headers
    }

    fn get(fields: &[(&'static str, &'static str)]) -> Result<Option<Upgrade>, UpgradeFault> {
        wished(&Method::GET, Version::HTTP_11, &head(fields))
    }

    #[test]
    fn a_websocket_handshake_is_a_wish_in_every_spelling() {
        for connection in ["Upgrade", "keep-alive, upgrade", "UPGRADE ,x"] {
            let wish = get(&[
                ("connection", connection),
                ("upgrade", "WebSocket"),
                ("sec-websocket-key", KEY),
            ]);
            let wish = wish.unwrap().unwrap();
            assert!(wish.protocols[0].is_websocket());
            assert_eq!(wish.websocket_key.unwrap(), KEY);
        }
    }

    #[test]
    #[doc = "METH-03, HTTP-15"]
    fn what_is_out_of_the_ordinary_is_no_wish() {
        let websocket = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", KEY),
        ];
        assert_eq!(
            get(&[("upgrade", "websocket"), ("sec-websocket-key", KEY)]),
            Ok(None),
            "not named in Connection"
        );
        assert_eq!(get(&[("connection", "upgrade")]), Ok(None), "no protocol");
        assert_eq!(
            get(&[("connection", "upgrade, http2-settings"), ("upgrade", "h2c")]),
            Ok(None)
        );
        assert_eq!(
            get(&[("connection", "upgrade"), ("upgrade", "a b, /, x/")]),
            Ok(None),
            "no tokens"
        );
        assert_eq!(wished(&Method::GET, Version::HTTP_10, &head(&websocket)), Ok(None));
        assert_eq!(wished(&Method::POST, Version::HTTP_11, &head(&websocket)), Ok(None));
    }

    #[test]
    fn a_websocket_key_that_is_none_is_refused() {
        for key in ["", "dGhlIHNhbXBsZQ==", "!", "dGhlIHNhbXBsZSBub25jZQ"] {
            let wish = get(&[
                ("connection", "upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-key", key),
            ]);
            assert_eq!(wish, Err(UpgradeFault::Key), "{key}");
        }
        assert_eq!(
            get(&[("connection", "upgrade"), ("upgrade", "websocket")]),
            Err(UpgradeFault::Key)
        );
        let twice = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", KEY),
            ("sec-websocket-key", KEY),
        ];
        assert_eq!(get(&twice), Err(UpgradeFault::Key));
    }

    #[test]
    fn several_protocols_keep_their_order() {
        let wish = get(&[
            ("connection", "upgrade"),
            ("upgrade", "h2c, spdy/3.1"),
            ("upgrade", "tls/1.0"),
        ]);
        let names: Vec<_> = wish.unwrap().unwrap().protocols;
        assert_eq!(
            names.iter().map(ProtocolName::as_str).collect::<Vec<_>>(),
            ["spdy/3.1", "tls/1.0"]
        );
    }
}
