//! Versions: 1.1, 1.0, and nothing else.

use super::table::{Want, row, run};
use crate::support::{Client, Gateway, Setup, Upstream, get};

const DENIED: Want = Want::Refused(&[400, 505]);

#[test]
#[doc = "HTTP-08, HTTP-15, VR-05"]
fn versions_other_than_1_0_and_1_1_are_refused() {
    let one = |name, version: &str| row(name, format!("GET /x {version}\r\nHost: example.test\r\n\r\n"), DENIED);
    run(&[
        one("1.2", "HTTP/1.2"),
        one("1.10", "HTTP/1.10"),
        one("1", "HTTP/1"),
        one("1.", "HTTP/1."),
        one("11", "HTTP/11"),
        one("0.9", "HTTP/0.9"),
        one("01.1", "HTTP/01.1"),
        one("2.0 with fields", "HTTP/2.0"),
        one("3.0", "HTTP/3.0"),
        one("lower case", "http/1.1"),
        one("another protocol", "ICAP/1.0"),
        one("letters after", "HTTP/1.1x"),
        row("HTTP/0.9", b"GET /x\r\n", DENIED),
        row("HTTP/0.9 with a space", b"GET /x \r\n", DENIED),
        row(
            "preface of HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            Want::Refused(&[0, 400, 505]),
        ),
    ]);
}

fn old(gateway: &Gateway, fields: &str) -> Client {
    let mut client = gateway.client();
    client.send(format!("GET /old HTTP/1.0\r\nHost: example.test\r\n{fields}\r\n"));
    client
}

#[test]
#[doc = "HTTP-08"]
fn an_http_1_0_request_goes_on_as_1_1_and_closes() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = old(&gateway, "");
    client.send(get("/never"));
    assert_eq!(client.response().is(200).text(), "ok");
    client.is_closed();
    assert_eq!(upstream.request().line(), "GET /old HTTP/1.1");
}

#[test]
#[doc = "HTTP-08"]
fn an_http_1_0_client_that_asks_keeps_its_connection() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = old(&gateway, "Connection: keep-alive\r\n");
    let answer = client.response().is(200);
    assert_eq!(
        answer.field("connection").map(str::to_ascii_lowercase).as_deref(),
        Some("keep-alive")
    );
    client.get("/second").is(200);
}

#[test]
#[doc = "HTTP-08"]
fn an_http_1_0_client_gets_no_chunks() {
    let upstream =
        Upstream::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    let gateway = Setup::to(&upstream).start();
    let answer = old(&gateway, "Connection: keep-alive\r\n").read_to_end();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "abcde");
    assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
}

#[test]
#[doc = "HTTP-15"]
fn an_upgrade_to_h2c_is_never_followed_and_its_settings_are_removed() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let upgrade = get("/x")
        .field("Connection", "Upgrade, HTTP2-Settings")
        .field("Upgrade", "h2c")
        .field("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA");
    gateway.ask(upgrade).is(200);
    gateway
        .ask(get("/y").field("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"))
        .is(200);
    for request in upstream.wait_requests(2) {
        assert!(!request.has("upgrade") && !request.has("http2-settings") && !request.has("connection"));
    }
}
