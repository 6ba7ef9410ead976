//! One request and its answer.

use super::to;
use crate::support::http2::Http2Upstream;
use crate::support::{get, post};

#[test]
fn a_get_becomes_a_stream_with_the_clients_host_as_authority() {
    let upstream = Http2Upstream::ok();
    let gateway = to(&upstream).start();
    let answer = gateway.ask(get("/a?b=c").host("shop.example:81")).is(200);
    assert_eq!(answer.text(), "ok");
    let stream = upstream.stream();
    assert_eq!(
        (
            stream.method.as_str(),
            stream.scheme.as_str(),
            stream.authority.as_str(),
            stream.target.as_str()
        ),
        ("GET", "http", "shop.example:81", "/a?b=c")
    );
    assert!(stream.whole);
    for name in [
        "host",
        "connection",
        "transfer-encoding",
        "content-length",
        "te",
        "keep-alive",
    ] {
        assert!(!stream.headers.contains_key(name), "{name}: {:?}", stream.headers);
    }
    assert_eq!(stream.headers["x-forwarded-host"], "shop.example:81");
}

#[test]
fn a_body_arrives_whole_with_its_length_where_the_client_said_it() {
    let upstream = Http2Upstream::ok();
    let gateway = to(&upstream).start();
    assert_eq!(gateway.ask(post("/x", "hello")).is(200).text(), "ok");
    let stream = upstream.stream();
    assert_eq!((&stream.body[..], stream.whole), (&b"hello"[..], true));
    assert_eq!(stream.headers["content-length"], "5");
}
