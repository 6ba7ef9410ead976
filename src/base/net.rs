//! Addresses: one spelling per address, sets of networks that answer fast, and where a gateway listens.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;

/// An address in its one canonical spelling: `::ffff:192.0.2.1` is `192.0.2.1`.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Where clients connect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddr {
    Tcp(SocketAddr),
    /// The file of a unix socket, as written.
    Unix(Arc<Path>),
}

impl ListenAddr {
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for ListenAddr {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// The way a configuration spells it.
impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A set of networks, aggregated once and searched by halving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSet {
    /// First and last address of each range, ascending and disjoint.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl AddressSet {
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let networks: Vec<IpNet> = networks.into_iter().map(unmapped).collect();
        let mut set = Self::default();
        for network in IpNet::aggregate(&networks) {
            match network {
                IpNet::V4(net) => set.v4.push((net.network().into(), net.broadcast().into())),
                IpNet::V6(net) => set.v6.push((net.network().into(), net.broadcast().into())),
            }
        }
        set.v4.sort_unstable();
        set.v6.sort_unstable();
        set
    }

    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match canonical(address) {
            IpAddr::V4(v4) => covers(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => covers(&self.v6, u128::from(v6)),
        }
    }
}

fn covers<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .and_then(|last| ranges.get(last))
        .is_some_and(|(_, end)| address <= *end)
}

/// `::ffff:10.0.0.0/104` means `10.0.0.0/8`.
fn unmapped(network: IpNet) -> IpNet {
    match network {
        IpNet::V6(net) if net.prefix_len() >= 96 => match net.network().to_ipv4_mapped() {
            Some(v4) => ipnet::Ipv4Net::new(v4, net.prefix_len() - 96).map_or(network, IpNet::V4),
            None => network,
        },
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(networks: &[&str]) -> AddressSet {
        AddressSet::new(networks.iter().map(|n| n.parse().unwrap()))
    }

    #[test]
    fn mapped_addresses_are_the_ipv4_address_they_hold() {
        let private = set(&["10.0.0.0/8"]);
        assert!(private.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!private.contains("::ffff:11.1.2.3".parse().unwrap()));
        assert!(set(&["::ffff:10.0.0.0/104"]).contains("10.9.9.9".parse().unwrap()));
    }

    #[test]
    fn edges_belong_to_the_network_and_neighbours_do_not() {
        let nets = set(&["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32", "198.51.100.7/32"]);
        for inside in [
            "192.0.2.0",
            "192.0.2.255",
            "2001:db8::",
            "2001:db8:ffff::1",
            "198.51.100.7",
        ] {
            assert!(nets.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "192.0.1.255",
            "192.0.3.0",
            "2001:db9::",
            "198.51.100.6",
            "198.51.100.8",
            "::1",
        ] {
            assert!(!nets.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(!set(&[]).contains("127.0.0.1".parse().unwrap()));
    }
}
