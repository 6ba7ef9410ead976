//! Addresses to listen on, and networks.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell};

/// An address and a port of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) SocketAddr);

impl Setting for Address {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "an address with a port")?;
        let text = given.text.as_str();
        if text.starts_with("unix:") {
            cx.fault(
                node.span,
                Code::ValueAddress,
                "it is no unix socket that is wanted here; write an address and a port",
            );
            return None;
        }
        if let Ok(address) = text.parse() {
            return Some(Self(address));
        }
        let way_out = match text.rsplit_once(':') {
            Some(("", port)) if port.parse::<u16>().is_ok() => {
                format!("write `0.0.0.0:{port}` for every IPv4 address, or `\"[::]:{port}\"` for every IPv6 address")
            }
            Some(("localhost", port)) => format!("names are not looked up here; write `127.0.0.1:{port}`"),
            _ if text.parse::<IpAddr>().is_ok() => "add the port, like `127.0.0.1:8080` or `\"[::1]:8080\"`".to_owned(),
            _ => "write it like `127.0.0.1:8080` or `\"[::1]:8080\"`".to_owned(),
        };
        cx.unfit(
            node,
            &given,
            Code::ValueAddress,
            "an address with a port",
            format!("`{text}` is not an address with a port; {way_out}"),
        );
        None
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(json!({ "type": "string" }), "address with port")
    }
}

impl Spell for Address {
    fn spell(&self) -> Json {
        self.0.to_string().into()
    }
}

/// An address or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network(pub(crate) IpNet);

impl Setting for Network {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a network")?;
        let text = given.text.as_str();
        if text == "unix" {
            cx.fault(
                node.span,
                Code::ValueNetwork,
                "`unix` is no network: who comes through a unix socket has no address, and is in no list of them",
            );
            return None;
        }
        match network(text) {
            Ok(network) => Some(Self(network)),
            Err(way_out) => {
                cx.unfit(
                    node,
                    &given,
                    Code::ValueNetwork,
                    "a network or an address",
                    format!("`{text}` is not a network; {way_out}"),
                );
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(json!({ "type": "string" }), "network like `10.0.0.0/8`, or address")
    }
}

impl Spell for Network {
    fn spell(&self) -> Json {
        self.0.to_string().into()
    }
}

/// A network, or what to write instead.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let general = || "write it like `10.0.0.0/8`, `2001:db8::/32` or `192.0.2.7`".to_owned();
    let (address, prefix) = text.split_once('/').ok_or_else(general)?;
    if prefix.len() > 1 && prefix.starts_with('0') {
        return Err("leave out the zero in front of the prefix".to_owned());
    }
    let address: IpAddr = address.parse().map_err(|_| general())?;
    let prefix: u8 = prefix.parse().map_err(|_| general())?;
    let Ok(network) = IpNet::new(address, prefix) else {
        let most = if address.is_ipv4() { 32 } else { 128 };
        return Err(format!("a prefix here is at most /{most}"));
    };
    // `10.1.2.3/8` may mean the host or the network; a guess would open too much or too little.
    if network.addr() != network.network() {
        let whole = network.trunc();
        return Err(format!("it has bits beyond its prefix; write `{whole}` or `{address}`"));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused, refused_with};

    #[test]
    fn addresses_need_a_port_and_are_not_names() {
        assert_eq!(decoded::<Address>("127.0.0.1:0").0, "127.0.0.1:0".parse().unwrap());
        assert_eq!(decoded::<Address>("\"[::1]:80\"").0, "[::1]:80".parse().unwrap());
        for text in [
            "127.0.0.1",
            "localhost:80",
            "\":8080\"",
            "8080",
            "0.0.0.0:99999",
            "example.com:80",
            "127.1:80",
        ] {
            assert_eq!(refused::<Address>(text), Code::ValueAddress, "{text}");
        }
        assert_eq!(refused::<Address>("unix:/run/a.sock"), Code::ValueAddress);
        assert!(refused_with::<Address>("\":8080\"").1.contains("0.0.0.0:8080"));
    }

    #[test]
    fn networks_have_no_bits_beyond_their_prefix() {
        assert_eq!(decoded::<Network>("10.0.0.0/8").0, "10.0.0.0/8".parse().unwrap());
        assert_eq!(decoded::<Network>("192.0.2.7").0, "192.0.2.7/32".parse().unwrap());
        assert_eq!(decoded::<Network>("\"::/0\"").0, "::/0".parse().unwrap());
        for text in [
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10/8",
            "10.0.0.0/-1",
            "010.0.0.0/8",
            "any",
            "\"::1/x\"",
        ] {
            assert_eq!(refused::<Network>(text), Code::ValueNetwork, "{text}");
        }
        assert_eq!(refused::<Network>("unix"), Code::ValueNetwork);
        assert!(
            refused_with::<Network>("10.0.0.1/8")
                .1
                .contains("`10.0.0.0/8` or `10.0.0.1`")
        );
    }
}
