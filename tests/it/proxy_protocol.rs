//! The PROXY protocol on a listener: whose word it is, what it changes, and that everything else is closed without a byte
//! to an upstream.

mod http2;
mod lists;

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::support::{Client, Gateway, Setup, Upstream, get};

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header of version 2 with these bytes behind its length.
fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [V2, &[command, family], &length, rest].concat()
}

/// 192.0.2.1:4386 connected to 198.51.100.2:443.
const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x11, 0x22, 0x01, 0xbb];
const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.2 4386 443\r\n";

/// 2001:db8::1 port 1 connected to 2001:db8::2 port 8443.
fn v6() -> [u8; 36] {
    let mut bytes = [0; 36];
    for (at, last) in [(0, 1), (16, 2)] {
        bytes[at..at + 4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        bytes[at + 15] = last;
    }
    bytes[32..].copy_from_slice(&[0, 1, 0x20, 0xfb]);
    bytes
}

/// Only 127.0.0.1 is a trusted proxy, in this mode.
fn setup(upstream: &Upstream, mode: &str) -> Setup {
    Setup::to(upstream).listen_with(&format!("proxy_protocol: {mode}, trusted_proxies: [127.0.0.1]"))
}

fn stranger(gateway: &Gateway) -> Client {
    Client::from_address(Ipv4Addr::new(127, 0, 0, 9), gateway.address())
}

fn refused(gateway: &Gateway, reason: &str) -> f64 {
    let label = format!("reason=\"{reason}\"");
    gateway
        .metrics()
        .sum("portcullis_connections_refused_total", &[&label])
        .unwrap_or(0.0)
}

#[track_caller]
fn wait_refused(gateway: &Gateway, reason: &str, count: f64) {
    let label = format!("reason=\"{reason}\"");
    gateway.wait_metric("portcullis_connections_refused_total", &[&label], |refused| {
        refused >= count
    });
    assert!((refused(gateway, reason) - count).abs() < 0.5, "{reason}");
}

#[test]
#[doc = "HDR-05"]
fn the_client_is_who_the_header_names() {
    let attached = [
        &V4[..],
        &[0x02, 0, 11],
        b"api.example",
        &[0x05, 0, 2, 0, 0xff],
        &[0xea, 0, 3, 1, 2, 3],
        &[0x04, 0, 0],
    ]
    .concat();
    let headers = [
        (LINE.to_vec(), "192.0.2.1", "443"),
        (
            b"PROXY TCP6 2001:db8::1 2001:db8::2 1 8443\r\n".to_vec(),
            "2001:db8::1",
            "8443",
        ),
        (
            b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 1 80\r\n".to_vec(),
            "192.0.2.1",
            "80",
        ),
        (second(0x21, 0x11, &V4), "192.0.2.1", "443"),
        (second(0x21, 0x11, &attached), "192.0.2.1", "443"),
        (second(0x21, 0x21, &v6()), "2001:db8::1", "8443"),
    ];
    for mode in ["accept", "require"] {
        for (header, address, port) in &headers {
            let upstream = Upstream::ok();
            let gateway = setup(&upstream, mode).start();
            let asked = get("/x")
                .field("X-Forwarded-For", "203.0.113.66")
                .field("X-Forwarded-Proto", "https")
                .field("X-Forwarded-Port", "1");
            let mut client = gateway.client();
            client.send(header.clone()).ask(asked.clone()).is(200);
            // The word holds for the whole connection.
            client.ask(asked).is(200);
            for request in upstream.requests() {
                assert_eq!(request.field("x-forwarded-for"), Some(*address));
                assert_eq!(request.field("x-forwarded-port"), Some(*port));
                assert_eq!(request.field("x-forwarded-proto"), Some("http"));
            }
            gateway.log.about(("client_ip", address));
        }
    }
}

#[test]
fn a_header_may_come_in_any_pieces() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "require").start();
    for header in [LINE.to_vec(), second(0x21, 0x11, &V4)] {
        let request = get("/slowly").bytes();
        gateway
            .client()
            .send_slowly([&header[..], &request].concat())
            .response()
            .is(200);

        // Everything at once, and a second request behind the first.
        let mut client = gateway.client();
        client.send([&header[..], &request, &request].concat());
        client.response().is(200);
        client.response().is(200);
    }
    let requests = upstream.requests();
    assert_eq!(requests.len(), 6);
    assert!(
        requests
            .iter()
            .all(|request| request.field("x-forwarded-for") == Some("192.0.2.1"))
    );
}

#[test]
#[doc = "HDR-05"]
fn a_proxy_that_speaks_for_itself_is_itself() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "require").start();
    for local in [second(0x20, 0, &[]), second(0x20, 0x11, &V4)] {
        let mark = upstream.mark();
        gateway.client().send(local).get("/x").is(200);
        assert!(
            String::from_utf8_lossy(&upstream.since(&mark)[0].bytes).contains("x-forwarded-for: 127.0.0.1\r\n"),
            "{:?}",
            upstream.since(&mark)
        );
    }
    // It is trusted, so what it says of others counts.
    let asked = get("/told").field("X-Forwarded-For", "203.0.113.7");
    gateway.client().send(second(0x20, 0, &[])).ask(asked).is(200);
    gateway.log.about(("client_ip", "203.0.113.7"));
}

#[test]
#[doc = "HDR-05"]
fn whom_the_proxy_cannot_name_is_believed_nothing() {
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
        second(0x21, 0, &[]),
        second(0x21, 0x31, &[b'x'; 216]),
    ] {
        let upstream = Upstream::ok();
        let gateway = setup(&upstream, "require").start();
        let asked = get("/x")
            .field("X-Forwarded-For", "203.0.113.7")
            .field("X-Forwarded-Proto", "https");
        gateway.client().send(header).ask(asked).is(200);
        let request = upstream.request();
        assert_eq!(request.field("x-forwarded-for"), Some("unknown"));
        assert_eq!(request.field("x-forwarded-proto"), Some("http"));
        gateway.log.wait(|line| line["client_ip"].is_null());
    }
}

#[test]
#[doc = "HDR-05"]
fn forwarding_headers_count_when_the_one_the_header_names_is_trusted_too() {
    let upstream = Upstream::ok();
    let listener = "proxy_protocol: require, trusted_proxies: [127.0.0.1, 192.0.2.0/24]";
    let gateway = Setup::to(&upstream).listen_with(listener).start();
    let asked = get("/x")
        .field("X-Forwarded-For", "203.0.113.7")
        .field("X-Forwarded-Proto", "https");
    gateway.client().send(LINE).ask(asked).is(200);
    let request = upstream.request();
    assert_eq!(request.field("x-forwarded-for"), Some("203.0.113.7, 192.0.2.1"));
    assert_eq!(request.field("x-forwarded-proto"), Some("https"));
    gateway.log.about(("client_ip", "203.0.113.7"));
}

#[test]
#[doc = "HDR-05"]
fn a_header_of_a_stranger_closes_its_connection() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "accept").start();
    let mut polite = gateway.client();
    let mut count = 0.0;
    for begin in [
        LINE.to_vec(),
        b"PROXY ".to_vec(),
        second(0x21, 0x11, &V4),
        second(0x20, 0, &[]),
        V2.to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
    ] {
        let mut client = stranger(&gateway);
        client.send([&begin[..], &get("/x").bytes()].concat());
        assert!(client.read_to_end().is_empty(), "it was told something");
        count += 1.0;
        wait_refused(&gateway, "proxy_untrusted", count);
    }
    upstream.saw_nothing();
    polite.get("/x").is(200);
    // Without one it is a client like any other.
    stranger(&gateway).get("/x").is(200);
    assert_eq!(
        upstream.requests()[1].field("x-forwarded-for"),
        Some("127.0.0.9"),
        "{:?}",
        upstream.requests()
    );
}

#[test]
#[doc = "HDR-05"]
fn where_a_header_must_come_it_must_come_from_a_trusted_peer() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "require").start();
    // Before it has said a word.
    assert!(stranger(&gateway).read_to_end().is_empty());
    wait_refused(&gateway, "proxy_untrusted", 1.0);

    let mut client = gateway.client();
    client.send(get("/x"));
    assert!(client.read_to_end().is_empty(), "it was told something");
    wait_refused(&gateway, "proxy_header", 1.0);
    upstream.saw_nothing();
    gateway.client().send(LINE).get("/x").is(200);
}

#[test]
fn where_a_header_may_come_a_trusted_peer_may_do_without() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "accept").start();
    let asked = get("/x").field("X-Forwarded-For", "203.0.113.7");
    gateway.client().send_slowly(asked).response().is(200);
    assert_eq!(
        upstream.request().field("x-forwarded-for"),
        Some("203.0.113.7, 127.0.0.1")
    );
    // Its first letter is that of a header.
    gateway
        .client()
        .send_slowly(crate::support::post("/x", "body"))
        .response()
        .is(200);
}

#[test]
#[doc = "P-3"]
fn a_malformed_header_closes_its_connection_and_disturbs_nobody() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "accept").start();
    let mut polite = gateway.client();
    polite.send(LINE).get("/x").is(200);
    let mark = upstream.mark();
    let mut count = 0.0;
    for header in [
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4386 443\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4386 443 \r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 198.51.100.2 04386 443\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4386\r\n".to_vec(),
        b"PROXY TCP6 192.0.2.1 198.51.100.2 4386 443\r\n".to_vec(),
        b"PROXY UDP4 192.0.2.1 198.51.100.2 4386 443\r\n".to_vec(),
        b"PROXY / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        [&b"PROXY UNKNOWN "[..], &[b'x'; 200], b"\r\n"].concat(),
        second(0x11, 0x11, &V4),
        second(0x22, 0x11, &V4),
        second(0x21, 0x12, &V4),
        second(0x21, 0x41, &V4),
        second(0x21, 0x11, &V4[..11]),
        second(0x21, 0x11, &[&V4[..], &[1, 0xff, 0xff]].concat()),
        second(0x21, 0x11, &[&V4[..], &[4, 0x10, 0x00], &[0; 4096]].concat()),
    ] {
        let mut client = gateway.client();
        client.send([&header[..], &get("/evil").bytes()].concat());
        assert!(client.read_to_end().is_empty(), "{}", header.escape_ascii());
        count += 1.0;
        wait_refused(&gateway, "proxy_header", count);
        polite.get("/x").is(200);
    }
    let seen: Vec<u8> = upstream.since(&mark).into_iter().flat_map(|seen| seen.bytes).collect();
    assert!(!String::from_utf8_lossy(&seen).contains("evil"));
}

#[test]
#[doc = "P-3"]
fn what_follows_a_header_is_http_and_never_another_header() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "accept").start();
    for again in [
        b"PROXY TCP4 203.0.113.66 198.51.100.2 1 2\r\n".to_vec(),
        second(0x21, 0x11, &[203, 0, 113, 66, 198, 51, 100, 2, 0, 1, 0, 2]),
    ] {
        let mut client = gateway.client();
        client.send([LINE, &again, &get("/x").bytes()].concat());
        client.response().is(400);
        client.is_closed();
    }
    upstream.saw_nothing();
    assert!(refused(&gateway, "malformed") > 1.0);
}

#[test]
#[doc = "RS-01"]
fn a_header_that_trickles_in_has_ten_seconds_in_all() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "require").start();
    let mut client = gateway.client();
    let mut header = LINE.iter();
    let patience = Duration::from_secs;
    gateway
        .clock
        .until(patience(10), patience(12), "the end of a slow header", |step| {
            client.send([*header.next().unwrap_or(&b'x')]);
            client.end_within(step)
        });
    wait_refused(&gateway, "head_timeout", 1.0);

    let mut silent = gateway.client();
    gateway
        .clock
        .until(patience(10), patience(12), "the end of a silent connection", |step| {
            silent.end_within(step)
        });
    wait_refused(&gateway, "first_byte_timeout", 1.0);
    upstream.saw_nothing();
}

#[test]
fn after_the_header_the_times_of_a_head_hold() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "require").start();
    let mut client = gateway.client();
    client.send(LINE);
    // Its header is read once that of a later one is.
    gateway.client().send(LINE).get("/x").is(200);
    gateway.clock.until(
        Duration::from_secs(10),
        Duration::from_secs(12),
        "the end of a connection without a request",
        |step| client.end_within(step),
    );
    wait_refused(&gateway, "first_byte_timeout", 1.0);
}

#[test]
fn a_balancer_that_only_looks_is_no_refusal() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "require").start();
    drop(TcpStream::connect(gateway.address()).unwrap());
    let mut looks = TcpStream::connect(gateway.address()).unwrap();
    looks.write_all(&second(0x20, 0, &[])).unwrap();
    drop(looks);
    gateway.client().send(LINE).get("/x").is(200);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open < 1.0);
    let counted = gateway.metrics().sum("portcullis_connections_refused_total", &[]);
    assert!(counted.is_none_or(|count| count < 1.0), "{counted:?}");
}

#[test]
#[doc = "HDR-05"]
fn a_proxy_behind_a_unix_socket_may_name_clients_where_unix_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::ok();
    for (name, trusted) in [("a.sock", "unix"), ("b.sock", "127.0.0.0/8")] {
        let path = dir.path().join(name);
        let listener = format!(
            "{{ addr: \"unix:{}\", proxy_protocol: accept, trusted_proxies: [{trusted}] }}",
            path.display()
        );
        let gateway = Setup::to(&upstream)
            .listen(&["{ addr: \"127.0.0.1:0\" }", &listener])
            .start();
        let mut client = Client::through(&path);
        client.send([LINE, &get("/x").bytes()].concat());
        if trusted == "unix" {
            client.response().is(200);
            gateway.log.about(("client_ip", "192.0.2.1"));
        } else {
            assert!(client.read_to_end().is_empty());
            wait_refused(&gateway, "proxy_untrusted", 1.0);
        }
    }
    let request = upstream.request();
    assert_eq!(request.field("x-forwarded-for"), Some("192.0.2.1"));
    assert_eq!(request.field("x-forwarded-port"), Some("443"));
}

#[test]
#[doc = "CF-05"]
fn a_reload_switches_it_on_for_the_next_connection() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "off").in_file().start();
    let mut before = gateway.client();
    before.get("/x").is(200);
    gateway.reload_as(&setup(&upstream, "require")).unwrap();
    let mut bare = gateway.client();
    bare.send(get("/x"));
    assert!(bare.read_to_end().is_empty());
    gateway.client().send(LINE).get("/x").is(200);
    // What was open goes on as it began.
    before.get("/x").is(200);
    let trusts_nobody = Setup::to(&upstream).listen_with("proxy_protocol: require");
    gateway.reload_as(&trusts_nobody).expect_err("it was taken");
}

#[test]
fn a_drain_does_not_wait_for_a_header() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "require")
        .top("drain: { delay: 0s, timeout: 30s }")
        .start();
    let mut silent = gateway.client();
    gateway.wait_metric("portcullis_open_connections", &[], |open| open > 0.0);
    gateway.running().drain();
    gateway
        .clock
        .soon("its end", |patience: Duration| silent.end_within(patience));
    assert_eq!(gateway.wait(), portcullis::app::Drained::Clean);
}

#[test]
fn without_it_a_header_is_not_http() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).listen_with("trusted_proxies: [127.0.0.1]").start();
    for header in [LINE.to_vec(), second(0x21, 0x11, &V4)] {
        let mut client = gateway.client();
        client.send([&header[..], &get("/x").bytes()].concat());
        client.response().is(400);
    }
    upstream.saw_nothing();
}
