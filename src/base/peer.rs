//! Who is at the other end of a connection, and whose word about others is believed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::net::{AddressSet, canonical};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Canonical: never an IPv4 address inside an IPv6 one.
    Ip(IpAddr),
    /// A process on this machine that came through a unix socket: it has no address.
    Unix,
    /// Somebody whom a trusted proxy passes on without saying who it is: nothing is known, and nothing is the proxy's own
    /// word.
    Unnamed,
}

impl Peer {
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address),
            Self::Unix | Self::Unnamed => None,
        }
    }
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self::Ip(canonical(address))
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        address.ip().into()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
            Self::Unnamed => f.write_str("unknown"),
        }
    }
}

/// The peers that are believed when they speak for others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted {
    networks: AddressSet,
    unix: bool,
}

impl Trusted {
    pub fn new(networks: AddressSet, unix: bool) -> Self {
        Self { networks, unix }
    }

    pub fn contains(&self, peer: Peer) -> bool {
        match peer {
            Peer::Ip(address) => self.networks.contains(address),
            Peer::Unix => self.unix,
            Peer::Unnamed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_one_spelling() {
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:80".parse().unwrap();
        assert_eq!(Peer::from(mapped), Peer::Ip("192.0.2.1".parse().unwrap()));
        assert_eq!((Peer::Unix.ip(), Peer::Unix.to_string().as_str()), (None, "unix"));
    }

    #[test]
    #[doc = "HDR-05"]
    fn a_unix_peer_is_trusted_by_its_own_word_and_never_by_a_network() {
        let everybody = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap());
        let networks = Trusted::new(AddressSet::new(everybody), false);
        assert!(!networks.contains(Peer::Unix));
        let unix = Trusted::new(AddressSet::default(), true);
        assert!(unix.contains(Peer::Unix));
        assert!(!unix.contains(Peer::Ip("127.0.0.1".parse().unwrap())));
    }
}
