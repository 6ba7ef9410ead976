//! Headers of both versions, whole, broken, and byte by byte.

use proptest::prelude::*;
use proxy_header::{ProxiedAddress, Tlv};

use super::*;

fn named(length: usize, source: &str, destination: &str) -> Reading {
    Reading::Header(Header {
        length,
        speaker: Speaker::Client {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        },
    })
}

fn said(length: usize, speaker: Speaker) -> Reading {
    Reading::Header(Header { length, speaker })
}

/// A header of version 2 with these bytes behind its length.
fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [V2_BEGIN, &[command, family], &length, rest].concat()
}

const V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 2, 0x11, 0x22, 0x01, 0xbb];

#[track_caller]
fn is_malformed(bytes: &[u8]) {
    assert!(
        matches!(read(bytes), Reading::Malformed(_)),
        "{:?}: {}",
        read(bytes),
        bytes.escape_ascii()
    );
    fuzz(bytes);
}

#[test]
fn a_line_of_version_1_names_who_speaks() {
    let line = b"PROXY TCP4 192.0.2.1 10.0.0.2 4386 443\r\nGET / HTTP/1.1\r\n";
    assert_eq!(read(line), named(40, "192.0.2.1:4386", "10.0.0.2:443"));
    let line = b"PROXY TCP6 2001:DB8::1 ::ffff:10.0.0.2 65535 0\r\n";
    assert_eq!(
        read(line),
        named(line.len(), "[2001:db8::1]:65535", "[::ffff:10.0.0.2]:0")
    );
    let longest = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n";
    assert_eq!(read(longest), said(longest.len(), Speaker::Unnamed));
    assert_eq!(read(b"PROXY UNKNOWN\r\n"), said(15, Speaker::Unnamed));
    for line in [&line[..], longest, b"PROXY UNKNOWN\r\n"] {
        fuzz(line);
    }
}

#[test]
fn a_line_that_two_programs_could_read_differently_is_malformed() {
    for line in [
        "PROXY TCP4 192.0.2.1 10.0.0.2 4386 443\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 4386 443\r\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 4386 443 \r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 4386 443 1\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 4386\r\n",
        "PROXY TCP4 192.0.2.1  10.0.0.2 4386 443\r\n",
        "PROXY  TCP4 192.0.2.1 10.0.0.2 4386 443\r\n",
        "PROXY TCP4\t192.0.2.1 10.0.0.2 4386 443\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 +4386 443\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 04386 443\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 4386 65536\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 4386 -1\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.2 4386 4x\r\n",
        "PROXY TCP4 192.0.2 10.0.0.2 4386 443\r\n",
        "PROXY TCP4 192.0.2.01 10.0.0.2 4386 443\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 4386 443\r\n",
        "PROXY TCP6 192.0.2.1 10.0.0.2 4386 443\r\n",
        "PROXY TCP6 fe80::1%eth0 2001:db8::2 4386 443\r\n",
        "PROXY TCP6 [2001:db8::1] 2001:db8::2 4386 443\r\n",
        "PROXY tcp4 192.0.2.1 10.0.0.2 4386 443\r\n",
        "PROXY UDP4 192.0.2.1 10.0.0.2 4386 443\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "PROXY / HTTP/1.1\r\n",
        "PROXY UNKNOWN \u{e9}\r\n",
    ] {
        is_malformed(line.as_bytes());
    }
}

#[test]
fn a_line_of_version_1_has_107_bytes_and_no_more() {
    let of_length = |length: usize| format!("PROXY UNKNOWN{}\r\n", " ".repeat(length - 15)).into_bytes();
    assert_eq!(read(&of_length(V1_MAX)), said(V1_MAX, Speaker::Unnamed));
    is_malformed(&of_length(V1_MAX + 1));
    let endless = [V1_BEGIN, &[b'x'; 200]].concat();
    assert_eq!(read(&endless[..V1_MAX - 1]), Reading::Unsure);
    is_malformed(&endless[..V1_MAX]);
    is_malformed(&endless);
}

#[test]
fn a_header_of_version_2_names_who_speaks() {
    let header = second(0x21, 0x11, &V4);
    assert_eq!(read(&header), named(28, "192.0.2.1:4386", "10.0.0.2:443"));
    let with_more = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
    assert_eq!(read(&with_more), read(&header));
    let mut v6 = [0; 36];
    v6[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
    v6[15] = 1;
    v6[31] = 1;
    v6[35] = 80;
    assert_eq!(read(&second(0x21, 0x21, &v6)), named(52, "[2001:db8::1]:0", "[::1]:80"));
    // Whom the proxy cannot name: no address at all, or a unix socket.
    assert_eq!(read(&second(0x21, 0x00, &[])), said(16, Speaker::Unnamed));
    assert_eq!(read(&second(0x21, 0x31, &[b'/'; 216])), said(232, Speaker::Unnamed));
    // Its own bytes, whatever it says about addresses.
    for (family, rest) in [(0, &[][..]), (0x11, &V4), (0x11, &[1]), (0xff, &[7; 100])] {
        assert_eq!(read(&second(0x20, family, rest)), said(16 + rest.len(), Speaker::Proxy));
    }
    for header in [&header, &with_more, &second(0x20, 0, &[]), &second(0x21, 0, &[])] {
        fuzz(header);
    }
}

#[test]
fn what_is_attached_is_read_over_when_it_can_be_read() {
    let mut header = ProxyHeader::with_address(ProxiedAddress::stream(
        "192.0.2.1:1".parse().unwrap(),
        "10.0.0.2:2".parse().unwrap(),
    ));
    header.append_tlv(Tlv::Authority("api.example.com".into()));
    header.append_tlv(Tlv::UniqueId(b"\x00\xff"[..].into()));
    header.append_tlv(Tlv::Noop(3000));
    header.append_tlv(Tlv::Custom(0xea, b"\x01vpce-1"[..].into()));
    let mut bytes = [0; V2_MAX];
    let length = header.encode_to_slice_v2(&mut bytes).unwrap();
    assert_eq!(read(&bytes[..length]), named(length, "192.0.2.1:1", "10.0.0.2:2"));
    assert_eq!(read(&bytes[..length - 1]), Reading::Unsure);

    for attached in [
        &[0x01][..],
        &[0x01, 0],
        &[0x01, 0, 1],
        &[0x02, 0, 1, 0xff],
        &[0x03, 0, 1, 0],
    ] {
        is_malformed(&second(0x21, 0x11, &[&V4[..], attached].concat()));
    }
}

#[test]
fn a_header_of_version_2_has_4_kib_and_no_more() {
    let padding = |length: usize| {
        let noop = u16::try_from(length - 16 - V4.len() - 3).unwrap().to_be_bytes();
        [&V4[..], &[0x04], &noop, &vec![0; length - 16 - V4.len() - 3]].concat()
    };
    let largest = second(0x21, 0x11, &padding(V2_MAX));
    assert_eq!(read(&largest), named(V2_MAX, "192.0.2.1:4386", "10.0.0.2:443"));
    let larger = second(0x21, 0x11, &padding(V2_MAX + 1));
    is_malformed(&larger);
    // Seen by its length, before the rest is waited for.
    is_malformed(&larger[..16]);
    is_malformed(&second(0x20, 0, &[0; 5000])[..16]);
}

#[test]
fn a_broken_header_of_version_2_is_malformed() {
    is_malformed(&second(0x11, 0x11, &V4));
    is_malformed(&second(0x31, 0x11, &V4));
    is_malformed(&second(0x22, 0x11, &V4));
    is_malformed(&second(0x2f, 0x11, &V4));
    is_malformed(&second(0x21, 0x11, &V4[..11]));
    is_malformed(&[&second(0x21, 0x11, &V4[..11])[..], b"GET / HTTP/1.1\r\n"].concat());
    is_malformed(&second(0x21, 0x21, &V4));
    is_malformed(&second(0x21, 0x12, &V4));
    is_malformed(&second(0x21, 0x41, &V4));
    is_malformed(&second(0x21, 0x13, &V4));
    is_malformed(&second(0x21, 0x31, &V4));
}

#[test]
fn other_beginnings_are_told_apart_at_the_first_byte_that_differs() {
    for other in [
        "GET ",
        "POST",
        "PUT",
        "PRI * HTTP/2.0",
        "PROXYS ",
        "PROX ",
        "proxy ",
        "\r\nGET",
        "\n",
        "\u{16}",
    ] {
        assert_eq!(read(other.as_bytes()), Reading::Other, "{other}");
        fuzz(other.as_bytes());
    }
    for part in [
        &b""[..],
        b"P",
        b"PR",
        b"PROXY",
        b"\r",
        b"\r\n\r\n\0\r\nQUIT",
        b"\r\n\r\n\0\r\nQUIT\n!",
    ] {
        assert_eq!(read(part), Reading::Unsure, "{}", part.escape_ascii());
    }
    assert_eq!(read(b"\r\n\r\nG"), Reading::Other);
}

proptest! {
    #[test]
    fn any_bytes_have_one_reading_however_they_come(
        begin in prop_oneof![Just(&b"PROXY "[..]), Just(V2_BEGIN), Just(&b"PROXY TCP4 1.2.3.4 "[..]), Just(&b""[..])],
        rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        fuzz(&[begin, &rest].concat());
    }

    #[test]
    fn what_others_encode_is_read(source: SocketAddr, port: u16, follows in prop::collection::vec(any::<u8>(), 0..8)) {
        let source = SocketAddr::new(source.ip(), source.port());
        let destination = SocketAddr::new(source.ip(), port);
        let header = ProxyHeader::with_address(ProxiedAddress::stream(source, destination));
        let expected = |length| Reading::Header(Header { length, speaker: Speaker::Client { source, destination } });
        let mut bytes = [0; 256];
        for second in [false, true] {
            let encode = if second { ProxyHeader::encode_to_slice_v2 } else { ProxyHeader::encode_to_slice_v1 };
            let length = encode(&header, &mut bytes).unwrap();
            let sent = [&bytes[..length], &follows].concat();
            prop_assert_eq!(read(&sent), expected(length));
            fuzz(&sent);
        }
    }
}
