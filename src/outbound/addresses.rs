//! Which addresses are everybody's. What is not is where a stranger's word may not send us (KEY-02): the cloud's
//! metadata, the admin ports of neighbours, ourselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

use crate::base::net::{AddressSet, canonical};

/// The special-purpose registries of IANA (RFC 6890), and what once was one.
const NOT_PUBLIC: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    // Unspecified, loopback, and the IPv4 addresses of an older spelling; mapped ones are read as what they hold.
    "::/96",
    // NAT64 of one network, where it leads is that network's affair.
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

static LOCAL: LazyLock<AddressSet> = LazyLock::new(|| {
    let networks = NOT_PUBLIC.iter().filter_map(|network| network.parse::<IpNet>().ok());
    AddressSet::new(networks)
});

/// Whether anybody could call this address.
pub(super) fn is_public(address: IpAddr) -> bool {
    let address = canonical(address);
    let carried = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => carried(address),
    };
    !LOCAL.contains(address) && carried.is_none_or(|inner| !LOCAL.contains(IpAddr::V4(inner)))
}

/// The IPv4 address that a router on the way takes out of an IPv6 address: NAT64 (RFC 6052), 6to4 (RFC 3056).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "KEY-02"]
    fn only_addresses_that_anybody_could_call_are_public() {
        assert_eq!(
            NOT_PUBLIC.iter().filter(|text| text.parse::<IpNet>().is_err()).count(),
            0
        );
        for local in [
            "127.0.0.1",
            "127.255.0.9",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(local.parse().unwrap()), "{local}");
        }
        for public in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "169.253.0.1",
            "::ffff:8.8.8.8",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
