//! The gateway as a server of HTTP/2, asked what RFC 9113 and RFC 7541 ask of one.

use super::{Found, python};
use crate::support::{HOST, Setup, Upstream};

/// More than every window of a client that does not open one.
const LARGE: usize = 300_000;

/// Reads each request whole, then answers: little, or much at `/large`.
fn upstream() -> Upstream {
    Upstream::scripted(|conn| {
        while let Some(request) = conn.request() {
            let length = if request.target() == "/large" { LARGE } else { 12 };
            let body = vec![b'x'; if request.method() == "HEAD" { 0 } else { length }];
            conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
            conn.send(body);
        }
    })
}

/// The library ends the connection with PROTOCOL_ERROR where a frame has a wrong length or a block does not decode.
const VAGUE: u64 = 41;

#[test]
#[doc = "HTTP-12, HTTP-13"]
fn no_requirement_of_http2_that_the_suite_asks_fails() {
    let upstream = upstream();
    let gateway = Setup::to(&upstream).listen_with("protocols: [h2c]").workers(2).start();
    let mut suite = python("h2_conformance.py");
    suite.args([&gateway.address().to_string(), "--authority", HOST, "--large", "/large"]);
    let found = Found::by(&mut suite);
    found.held(289);
    let verdicts = &found.whole["verdicts"];
    assert!(verdicts["vague"].as_u64().unwrap() <= VAGUE, "{verdicts}");
    // Nothing was left out because the gateway has no such limit.
    assert_eq!(verdicts["not asked"], 0);
}
