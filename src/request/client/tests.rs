use proptest::prelude::*;

use super::*;
use crate::base::net::AddressSet;

const PROXY: &str = "10.0.0.1";

fn trusted() -> Trusted {
    let networks = AddressSet::new(["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()));
    Trusted::new(networks, true)
}

fn ip(address: &str) -> Peer {
    address.parse::<IpAddr>().unwrap().into()
}

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&str, &str)| {
        (
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    fields.iter().map(field).collect()
}

fn from(peer: &str, fields: &[(&str, &str)]) -> Client {
    resolve(ip(peer), &trusted(), &map(fields))
}

#[track_caller]
fn assert_is(fields: &[(&str, &str)], expected: &str) {
    assert_eq!(from(PROXY, fields).peer.to_string(), expected, "{fields:?}");
}

#[test]
#[doc = "HDR-05"]
fn a_stranger_tells_nothing() {
    let fields = [
        ("x-forwarded-for", "198.51.100.1"),
        ("forwarded", "for=198.51.100.1"),
        ("x-forwarded-proto", "https"),
    ];
    let client = from("192.0.2.9", &fields);
    assert_eq!(client.peer.to_string(), "192.0.2.9");
    assert!(!client.through_proxy());
    assert_eq!(client.candidates().count(), 1);
}

#[test]
#[doc = "HDR-05, RL-01"]
fn the_client_is_the_first_untrusted_address_from_the_right() {
    let cases = [
        ("192.0.2.1", "192.0.2.1"),
        ("203.0.113.66, 192.0.2.1", "192.0.2.1"),
        ("203.0.113.66, 192.0.2.1, 10.0.0.9", "192.0.2.1"),
        ("203.0.113.66,192.0.2.1 ,10.0.0.9,, 10.1.1.1, ", "192.0.2.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, ::ffff:10.0.0.7", "192.0.2.1"),
        ("192.0.2.1, fd00::5", "192.0.2.1"),
    ];
    for (list, expected) in cases {
        assert_is(&[("x-forwarded-for", list)], expected);
    }
    assert_is(
        &[
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.2, 10.0.0.2"),
        ],
        "192.0.2.2",
    );
    assert_eq!(
        from("::ffff:10.0.0.1", &[("x-forwarded-for", "192.0.2.1")])
            .peer
            .to_string(),
        "192.0.2.1"
    );
}

#[test]
#[doc = "RL-01"]
fn what_cannot_be_read_ends_at_the_last_good_address() {
    for list in [
        "",
        ",",
        "unknown",
        "_hidden",
        "192.0.2.1, unknown",
        "192.0.2.1.5",
        "192.0.2.01",
        "0x7f.1",
        "192.0.2.1:",
        "192.0.2.1:123456",
        "192.0.2.1:x",
        "[192.0.2.1]",
        "[::1",
        "::1]",
        "[::1]80",
        "\"192.0.2.1\"",
        "192.0.2.1 192.0.2.2",
        "1",
        ":",
        "%",
        "host.example",
    ] {
        assert_is(&[("x-forwarded-for", list)], PROXY);
    }
    assert_is(&[("x-forwarded-for", "192.0.2.1, junk, 10.0.0.4")], "10.0.0.4");
    assert_is(&[], PROXY);
}

#[test]
#[doc = "HDR-05"]
fn a_list_is_read_so_far_and_no_further() {
    let far = format!("192.0.2.1{}", ", 10.0.0.2".repeat(31));
    assert_is(&[("x-forwarded-for", &far)], "192.0.2.1");
    let too_far = format!("192.0.2.1{}", ", 10.0.0.2".repeat(32));
    assert_is(&[("x-forwarded-for", &too_far)], "10.0.0.2");
    let forwarded = format!("for=192.0.2.1{}", ", for=10.0.0.2".repeat(31));
    assert_is(&[("forwarded", &forwarded)], "192.0.2.1");
    assert_is(
        &[("forwarded", &format!("for=192.0.2.1{}", ", for=10.0.0.2".repeat(32)))],
        "10.0.0.2",
    );
}

#[test]
#[doc = "HDR-05"]
fn forwarded_is_read_like_the_list() {
    let cases = [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=\"192.0.2.1:80\";proto=https;by=10.0.0.1", "192.0.2.1"),
        ("for=192.0.2.1:80", "192.0.2.1"),
        ("for=\"[2001:db8::1]:_port\"", "2001:db8::1"),
        ("for=[2001:db8::1]:80", "2001:db8::1"),
        (
            "for=203.0.113.66, for=192.0.2.1;host=\"a,b\", for=10.0.0.9",
            "192.0.2.1",
        ),
        (" ;; for=192.0.2.1 ; , ,", "192.0.2.1"),
        ("for=unknown", PROXY),
        ("for=_hidden, for=10.0.0.5", "10.0.0.5"),
        ("proto=https", PROXY),
        ("for=203.0.113.66, proto=http", PROXY),
    ];
    for (value, expected) in cases {
        assert_is(&[("forwarded", value)], expected);
    }
    assert_is(
        &[("forwarded", "for=203.0.113.66"), ("forwarded", "for=192.0.2.1")],
        "192.0.2.1",
    );
}

#[test]
#[doc = "HDR-05"]
fn a_quote_left_open_hides_nothing() {
    for value in [
        "for=203.0.113.66;x=\", for=192.0.2.1",
        "for=203.0.113.66;x=\", for=\"192.0.2.1\"",
        "for=\"203.0.113.66, for=192.0.2.1",
        "for=\"203.0.113.66\\\", for=192.0.2.1\"",
        "for=203.0.113.66 for=192.0.2.1",
        "for=203.0.113.66;for=192.0.2.1",
        "for=",
        "=203.0.113.66",
        "for",
        "for = 203.0.113.66",
    ] {
        assert_is(&[("forwarded", value)], PROXY);
    }
}

#[test]
#[doc = "HDR-05"]
fn two_stories_make_the_peer_the_client() {
    let client = from(
        PROXY,
        &[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=198.51.100.1")],
    );
    assert_eq!(client.peer.to_string(), PROXY);
    let all: Vec<String> = client.candidates().map(|address| address.to_string()).collect();
    assert_eq!(all, [PROXY, "192.0.2.1", "198.51.100.1"]);
    assert_is(
        &[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=\"192.0.2.1:99\"")],
        "192.0.2.1",
    );
}

#[test]
#[doc = "SE-06"]
fn https_is_told_only_where_everybody_tells_it() {
    let proto = |fields: &[(&str, &str)]| from(PROXY, fields).told.unwrap().proto;
    assert_eq!(proto(&[]), None);
    assert_eq!(proto(&[("x-forwarded-proto", "HTTPS")]), Some(Proto::Https));
    assert_eq!(proto(&[("x-forwarded-proto", "https, https")]), Some(Proto::Https));
    assert_eq!(proto(&[("x-forwarded-proto", "wss")]), Some(Proto::Https));
    assert_eq!(proto(&[("forwarded", "proto=https")]), Some(Proto::Https));
    let doubtful: &[&[(&str, &str)]] = &[
        &[("x-forwarded-proto", "https, http")],
        &[("x-forwarded-proto", "http, https")],
        &[("x-forwarded-proto", "")],
        &[("x-forwarded-proto", "https;")],
        &[("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")],
        &[("x-forwarded-proto", "https"), ("forwarded", "proto=http")],
        &[("x-forwarded-proto", "http"), ("forwarded", "proto=https")],
        &[("forwarded", "proto=https, proto=http, proto=https")],
    ];
    for fields in doubtful {
        assert_eq!(proto(fields), Some(Proto::Http), "{fields:?}");
    }
}

#[test]
fn a_host_and_a_port_are_told_by_one_valid_value() {
    let told = |fields: &[(&str, &str)]| {
        let told = from(PROXY, fields).told.unwrap();
        (told.host.and_then(|host| host.name().map(str::to_owned)), told.port)
    };
    assert_eq!(
        told(&[("x-forwarded-host", "A.example:81"), ("x-forwarded-port", "81")]),
        (Some("a.example".into()), Some(81))
    );
    assert_eq!(
        told(&[("forwarded", "for=1.2.3.4;host=\"b.example\"")]),
        (Some("b.example".into()), None)
    );
    assert_eq!(
        told(&[("x-forwarded-host", "a, b"), ("x-forwarded-port", "81, 82")]),
        (None, None)
    );
    assert_eq!(
        told(&[
            ("x-forwarded-host", "a"),
            ("x-forwarded-host", "b"),
            ("forwarded", "host=c")
        ]),
        (None, None)
    );
    for port in ["0", "+1", "65536", "", "x"] {
        assert_eq!(told(&[("x-forwarded-port", port)]).1, None, "{port}");
    }
}

#[test]
fn the_list_grows_by_the_peer() {
    let append = |fields: &[(&str, &str)]| {
        append_forwarded_for(&map(fields), ip("::ffff:10.0.0.1"))
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(append(&[]), "10.0.0.1");
    assert_eq!(
        append(&[("x-forwarded-for", "a , 192.0.2.1")]),
        "a, 192.0.2.1, 10.0.0.1"
    );
    assert_eq!(
        append(&[("x-forwarded-for", "a"), ("x-forwarded-for", ", b")]),
        "a, b, 10.0.0.1"
    );
    assert_eq!(
        append(&[("x-forwarded-for", &"x,".repeat(1000))]).matches('x').count(),
        MOST_HOPS
    );
}

#[test]
#[doc = "HDR-05"]
fn a_unix_peer_is_believed_only_by_name_and_adds_no_address() {
    let fields = map(&[("x-forwarded-for", "203.0.113.66, 192.0.2.1, 10.0.0.9")]);
    assert_eq!(resolve(Peer::Unix, &trusted(), &fields).peer, ip("192.0.2.1"));
    let networks = AddressSet::new(["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap()));
    let stranger = resolve(Peer::Unix, &Trusted::new(networks, false), &fields);
    assert_eq!((stranger.peer, stranger.through_proxy()), (Peer::Unix, false));
    assert_eq!(
        append_forwarded_for(&fields, Peer::Unix),
        "203.0.113.66, 192.0.2.1, 10.0.0.9"
    );
    for nothing in [&[][..], &[("x-forwarded-for", "")], &[("x-forwarded-for", " ,, ")]] {
        let fields = map(nothing);
        assert_eq!(resolve(Peer::Unix, &trusted(), &fields).peer, Peer::Unix);
        assert_eq!(append_forwarded_for(&fields, Peer::Unix), "unknown");
    }
}

proptest! {
    /// Whatever a client writes to the left, the address that its proxy appended is the one that counts.
    #[test]
    #[doc = "HDR-05"]
    fn what_the_client_writes_never_outweighs_its_proxy(junk in "[ -~]{0,60}") {
        let list = format!("{junk}, 192.0.2.1");
        let client = from(PROXY, &[("x-forwarded-for", &list)]);
        prop_assert_eq!(client.peer.to_string(), "192.0.2.1");
        let client = from(PROXY, &[("forwarded", &junk), ("forwarded", "for=192.0.2.1")]);
        prop_assert_eq!(client.peer.to_string(), "192.0.2.1");
        let client = from(PROXY, &[("forwarded", &format!("{junk}, for=192.0.2.1"))]);
        prop_assert!(["192.0.2.1", PROXY].contains(&&*client.peer.to_string()), "{}", client.peer);
    }
}
