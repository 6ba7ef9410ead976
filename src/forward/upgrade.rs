//! Switching to another protocol: what of a client's wish goes on, and whether the upstream's answer to it is valid
//! (METH-03, METH-04).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONNECTION, HeaderName, HeaderValue, TE, UPGRADE};

use crate::config::protocol::ProtocolName;
use crate::request::upgrade::Upgrade;

const SEC_WEBSOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const SEC_WEBSOCKET_ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");

/// RFC 6455 section 1.3.
const WEBSOCKET_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The switch that the upstream is asked for.
pub(super) struct Offer<'a> {
    protocols: Vec<&'a ProtocolName>,
    websocket_key: Option<&'a HeaderValue>,
}

/// Why a `101 Switching Protocols` is no answer to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwitchFault {
    /// METH-03.
    #[error("the upstream switched to a protocol nobody asked for")]
    Unasked,
    #[error("the upstream switched without naming one protocol in Upgrade and Connection")]
    Unnamed,
    #[error("the Sec-WebSocket-Accept of the upstream does not belong to the key")]
    Accept,
    #[error("the upstream switched and did not leave the connection in a usable state")]
    Stuck,
}

impl<'a> Offer<'a> {
    /// What the route allows of the wish, or `None` when nothing is left of it.
    pub(super) fn of(wish: Option<&'a Upgrade>, allowed: &[ProtocolName]) -> Option<Self> {
        let wish = wish?;
        let protocols: Vec<_> = wish.protocols.iter().filter(|name| allowed.contains(name)).collect();
        (!protocols.is_empty()).then_some(Self {
            protocols,
            websocket_key: wish.websocket_key.as_ref(),
        })
    }

    /// Put the offer into the head of the request, which had its own removed.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let names: Vec<&str> = self.protocols.iter().map(|name| name.as_str()).collect();
        if let Ok(names) = HeaderValue::try_from(names.join(", ")) {
            headers.insert(UPGRADE, names);
            // One wish at a time: who switches reads no trailers.
            headers.remove(TE);
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        // Also where the client names it in `Connection`, which takes it away.
        if let Some(key) = self.websocket_key {
            headers.insert(SEC_WEBSOCKET_KEY, key.clone());
        }
    }

    /// Which protocol the head of a 101 switches to.
    pub(super) fn accepted(&self, headers: &HeaderMap) -> Result<&'a ProtocolName, SwitchFault> {
        let named_in_connection = headers.get_all(CONNECTION).iter().any(|value| {
            let mut options = value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            options.any(|option| option.eq_ignore_ascii_case(b"upgrade"))
        });
        let mut named = headers.get_all(UPGRADE).iter();
        let (Some(name), None, true) = (named.next(), named.next(), named_in_connection) else {
            return Err(SwitchFault::Unnamed);
        };
        let name = name
            .to_str()
            .ok()
            .and_then(ProtocolName::parse)
            .ok_or(SwitchFault::Unnamed)?;
        let protocol = self.protocols.iter().find(|offered| ***offered == name);
        let protocol = *protocol.ok_or(SwitchFault::Unasked)?;
        if protocol.is_websocket() {
            let expected = self.websocket_key.map(accept).ok_or(SwitchFault::Accept)?;
            let mut said = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
            if said.next().is_none_or(|said| said.as_bytes() != expected.as_bytes()) || said.next().is_some() {
                return Err(SwitchFault::Accept);
            }
        }
        Ok(protocol)
    }
}

/// What the client is told of the switch; the upstream's own words belong to its connection.
pub(super) fn announce(headers: &mut HeaderMap, protocol: &ProtocolName) {
    if let Ok(name) = HeaderValue::from_str(protocol.as_str()) {
        headers.insert(UPGRADE, name);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// RFC 6455 section 4.2.2. SHA-1 proves here that the server has read the key, and keeps nothing secret.
fn accept(key: &HeaderValue) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(WEBSOCKET_GUID);
    STANDARD.encode(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> Upgrade {
        Upgrade {
            protocols: vec![ProtocolName::parse("other/1").unwrap(), ProtocolName::websocket()],
            websocket_key: Some(HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")),
        }
    }

    fn head(connection: &'static str, upgrade: &'static str, accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([
            (CONNECTION, HeaderValue::from_static(connection)),
            (UPGRADE, HeaderValue::from_static(upgrade)),
            (SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(accept)),
        ])
    }

    /// Of the example in RFC 6455 section 1.3.
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    #[test]
    #[doc = "METH-03"]
    fn only_what_the_route_allows_is_offered() {
        let wish = wish();
        let offered = |allowed: &[&str]| {
            let allowed: Vec<_> = allowed.iter().map(|name| ProtocolName::parse(name).unwrap()).collect();
            let mut headers = HeaderMap::new();
            Offer::of(Some(&wish), &allowed)?.write(&mut headers);
            Some(headers[UPGRADE].to_str().unwrap().to_owned())
        };
        assert_eq!(offered(&["WebSocket"]).as_deref(), Some("websocket"));
        assert_eq!(
            offered(&["websocket", "OTHER/1"]).as_deref(),
            Some("other/1, websocket")
        );
        assert_eq!(offered(&[]), None);
        assert_eq!(offered(&["another"]), None);
        assert!(Offer::of(None, &[ProtocolName::websocket()]).is_none());
    }

    #[test]
    #[doc = "METH-04"]
    fn a_switch_must_answer_the_offer() {
        let wish = wish();
        let allowed = [ProtocolName::websocket()];
        let offer = Offer::of(Some(&wish), &allowed).unwrap();
        assert!(
            offer
                .accepted(&head("Upgrade", "WebSocket", ACCEPT))
                .unwrap()
                .is_websocket()
        );
        for (connection, upgrade, accept, fault) in [
            ("keep-alive", "websocket", ACCEPT, SwitchFault::Unnamed),
            ("upgrade", "websocket, other/1", ACCEPT, SwitchFault::Unnamed),
            ("upgrade", "", ACCEPT, SwitchFault::Unnamed),
            ("upgrade", "other/1", ACCEPT, SwitchFault::Unasked),
            ("upgrade", "websocket", "", SwitchFault::Accept),
            (
                "upgrade",
                "websocket",
                "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                SwitchFault::Accept,
            ),
        ] {
            let said = offer.accepted(&head(connection, upgrade, accept));
            assert_eq!(said.unwrap_err(), fault, "{connection} {upgrade} {accept}");
        }
        let mut twice = head("upgrade", "websocket", ACCEPT);
        twice.append(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(ACCEPT));
        assert_eq!(offer.accepted(&twice).unwrap_err(), SwitchFault::Accept);
        let mut twice = head("upgrade", "websocket", ACCEPT);
        twice.append(UPGRADE, HeaderValue::from_static("websocket"));
        assert_eq!(offer.accepted(&twice).unwrap_err(), SwitchFault::Unnamed);
    }
}
