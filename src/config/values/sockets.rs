//! Unix sockets: the path of one, where a listener is, and who is trusted behind one.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::addresses::{Address, Network};
use crate::base::net::ListenAddr;
use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell};

/// The address of a unix socket is 108 bytes long and ends with a NUL (unix(7)).
const LONGEST: usize = 107;

/// The path behind `unix:`, as written, or a way out.
pub(crate) fn socket_path(text: &str) -> Result<Arc<Path>, String> {
    let wrong = |way_out: &str| Err(way_out.to_owned());
    if text.is_empty() {
        return wrong("behind `unix:` stands the path of a socket, like `unix:/run/app.sock`");
    }
    if text.starts_with('@') {
        return wrong(
            "a socket without a file lets in every process of this machine; write a path, like `unix:/run/app.sock`",
        );
    }
    if text.starts_with("//") {
        return wrong("it is no URL with `//`; write the path right behind the colon, like `unix:/run/app.sock`");
    }
    if text.contains(char::is_control) {
        return wrong("the path of a socket holds no control characters");
    }
    if text.contains(":/") {
        return wrong("it ends with the socket: nothing is put in front of a request's path");
    }
    if matches!(text.rsplit('/').next(), Some("" | "." | "..")) {
        return wrong("the path leads to a folder; name the socket in it");
    }
    if text.len() > LONGEST {
        return Err(format!(
            "the path has {} bytes, and the system takes {LONGEST}; write a shorter one, perhaps relative to the \
             working directory",
            text.len()
        ));
    }
    Ok(Arc::from(Path::new(text)))
}

/// Where clients connect: an address and a port, or a unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) ListenAddr);

impl Setting for Place {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "an address with a port, or a unix socket")?;
        let Some(path) = given.text.strip_prefix("unix:") else {
            return Address::decode(node, cx).map(|Address(address)| Self(address.into()));
        };
        match socket_path(path) {
            Ok(path) => Some(Self(ListenAddr::Unix(path))),
            Err(way_out) => {
                let message = format!("`{}` is not a unix socket; {way_out}", given.text);
                cx.unfit(node, &given, Code::ValueSocket, "a unix socket", message);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(
            json!({ "type": "string" }),
            "address with port, or `unix:/path/of.sock`",
        )
    }
}

impl Spell for Place {
    fn spell(&self) -> Json {
        self.0.to_string().into()
    }
}

/// Whose word is believed: a network's, or that of whoever comes through a unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrustedPeer {
    Network(Network),
    Unix,
}

impl Setting for TrustedPeer {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        if cx.text(node, "a network, or `unix`")?.text == "unix" {
            return Some(Self::Unix);
        }
        Network::decode(node, cx).map(Self::Network)
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(
            json!({ "type": "string" }),
            "network like `10.0.0.0/8`, or address, or `unix`",
        )
    }
}

impl Spell for TrustedPeer {
    fn spell(&self) -> Json {
        match self {
            Self::Network(network) => network.spell(),
            Self::Unix => "unix".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused, refused_with};

    #[test]
    fn a_listener_is_at_an_address_or_at_a_socket() {
        let unix = |path: &str| ListenAddr::Unix(Path::new(path).into());
        assert_eq!(
            decoded::<Place>("unix:/run/portcullis.sock").0,
            unix("/run/portcullis.sock")
        );
        assert_eq!(decoded::<Place>("unix:run/a.sock").0, unix("run/a.sock"));
        assert_eq!(decoded::<Place>("127.0.0.1:0").0.tcp(), "127.0.0.1:0".parse().ok());
        assert_eq!(refused::<Place>("127.0.0.1"), Code::ValueAddress);
        assert_eq!(decoded::<Place>("unix:run/a.sock").0.to_string(), "unix:run/a.sock");
    }

    #[test]
    fn what_is_no_path_of_a_socket_is_refused() {
        for text in [
            "\"unix:\"",
            "unix:@name",
            "unix:///run/a.sock",
            "unix://run/a.sock",
            "unix:/run/",
            "unix:/run/..",
            "unix:.",
            "unix:/run/a.sock:/path",
            "\"unix:/run/a\\0b\"",
            "\"unix:/run/a\\nb\"",
        ] {
            assert_eq!(refused::<Place>(text), Code::ValueSocket, "{text}");
        }
        let of_length = |length: usize| format!("unix:/{}", "a".repeat(length - 1));
        decoded::<Place>(&of_length(LONGEST));
        assert!(refused_with::<Place>(&of_length(LONGEST + 1)).1.contains("108 bytes"));
    }

    #[test]
    fn unix_is_a_word_among_the_trusted_and_no_network() {
        assert_eq!(decoded::<TrustedPeer>("unix"), TrustedPeer::Unix);
        let TrustedPeer::Network(network) = decoded::<TrustedPeer>("10.0.0.0/8") else {
            panic!("no network")
        };
        assert_eq!(network.0, "10.0.0.0/8".parse().unwrap());
        assert_eq!(refused::<TrustedPeer>("Unix"), Code::ValueNetwork);
        assert!(refused_with::<Network>("unix").1.contains("no address"));
    }
}
