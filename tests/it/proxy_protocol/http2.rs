//! Where a listener speaks HTTP/2, too: first whose connection it is, then what it speaks.

use std::time::Duration;

use h2::client::Builder;

use super::{LINE, V4, second, wait_refused};
use crate::support::frames;
use crate::support::h2::{H2, request, with};
use crate::support::raw::Raw;
use crate::support::{Client, Gateway, Setup, Upstream, get};

fn setup(upstream: &Upstream) -> Setup {
    Setup::to(upstream).listen_with("protocols: [http1, h2c], proxy_protocol: require, trusted_proxies: [127.0.0.1]")
}

#[test]
#[doc = "HDR-05"]
fn both_protocols_follow_a_header() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).start();
    for header in [LINE.to_vec(), second(0x21, 0x11, &V4)] {
        let client = H2::after(&header, gateway.address(), &Builder::new());
        client
            .ask(with(request("GET", "/x"), "x-forwarded-for", "203.0.113.66"))
            .is(200);
        client.get("/x").is(200);
        let asked = [&header[..], &get("/x").bytes()].concat();
        gateway.client().send_slowly(asked).response().is(200);
    }
    let requests = upstream.requests();
    assert_eq!(requests.len(), 6);
    for request in requests {
        assert_eq!(request.field("x-forwarded-for"), Some("192.0.2.1"));
        assert_eq!(request.field("x-forwarded-port"), Some("443"));
    }
}

#[test]
#[doc = "RS-03"]
fn a_connection_is_counted_by_its_address_before_it_says_what_it_speaks() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream)
        .top("connections: { max: 100, per_address: 1 }")
        .start();
    let (mut holds, mut second) = (gateway.client(), gateway.client());
    holds.send([LINE, b"PRI"].concat());
    gateway.wait_metric("portcullis_open_connections", &[], |open| open > 0.0);
    // Each is read when its bytes come, and these come later.
    gateway
        .client()
        .send(b"PROXY TCP4 192.0.2.2 198.51.100.2 1 2\r\n".as_slice())
        .get("/x")
        .is(200);
    second.send(LINE).response().is(503);
    wait_refused(&gateway, "over_address_limit", 1.0);
}

#[test]
#[doc = "RS-01"]
fn header_and_preface_have_the_time_of_one_head_together() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream).start();
    let mut client = gateway.client();
    let mut bytes = LINE.iter().chain(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r").copied();
    let seconds = Duration::from_secs;
    gateway.clock.until(seconds(10), seconds(12), "its end", |step| {
        let piece: Vec<u8> = bytes.by_ref().take(6).collect();
        client.send(piece).end_within(step)
    });
    wait_refused(&gateway, "head_timeout", 1.0);
    upstream.saw_nothing();
}

#[test]
#[doc = "HDR-05, HTTP-15"]
fn http2_may_follow_the_header() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .listen_with("proxy_protocol: accept, trusted_proxies: [127.0.0.1], protocols: [http1, h2c]")
        .start();
    for (slowly, header) in [(false, LINE), (true, LINE), (false, &b""[..])] {
        let mut client = Client::to(gateway.address());
        let beginning = [header, frames::PREFACE, &frames::settings(&[]), &frames::get(1, "/x")].concat();
        if slowly {
            client.send_slowly(beginning);
        } else {
            client.send(beginning);
        }
        assert_eq!(Raw::over(client.into_stream()).status(1), 200);
    }
    let clients: Vec<_> = upstream
        .requests()
        .iter()
        .map(|request| request.field("x-forwarded-for").unwrap().to_owned())
        .collect();
    assert_eq!(clients, ["192.0.2.1", "192.0.2.1", "127.0.0.1"]);
    client_of_http1(&gateway);
}

/// Told apart behind the header, too.
fn client_of_http1(gateway: &Gateway) {
    let mut client = Client::to(gateway.address());
    client.send([LINE, &get("/y").bytes()].concat());
    client.response().is(200);
}
