//! Bodies: chunks, their ends, and bodies that never end as announced.

use super::table::{Row, Want, row, run};
use crate::support::{End, Request, Setup, Upstream, get};

/// A chunked POST with these bytes for a body.
fn chunked(name: &'static str, body: impl AsRef<[u8]>, want: Want) -> Row {
    let head = b"POST /x HTTP/1.1\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\n\r\n";
    row(name, [&head[..], body.as_ref()].concat(), want)
}

const ABC: Want = Want::Forwarded {
    line: "POST /x HTTP/1.1",
    body: b"abc",
};
const SAFE: Want = Want::Safe {
    line: "POST /x HTTP/1.1",
    body: b"abc",
};

#[test]
#[doc = "HTTP-05, HTTP-06, VR-05"]
fn chunk_sizes_are_hex_digits_and_crlf_or_the_request_is_never_completed() {
    run(&[
        chunked("plain", "3\r\nabc\r\n0\r\n\r\n", ABC),
        chunked("two chunks", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", ABC),
        chunked(
            "upper-case digits",
            "A\r\n0123456789\r\n0\r\n\r\n",
            Want::Forwarded {
                line: "POST /x HTTP/1.1",
                body: b"0123456789",
            },
        ),
        chunked("several zeros at the end", "3\r\nabc\r\n000\r\n\r\n", ABC),
        chunked("leading zeros", "0003\r\nabc\r\n0\r\n\r\n", SAFE),
        chunked("sixteen zeros before", "00000000000000003\r\nabc\r\n0\r\n\r\n", SAFE),
        chunked("space after the size", "3 \r\nabc\r\n0\r\n\r\n", SAFE),
        chunked("no digit", "\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("a letter", "g\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("plus", "+3\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("minus", "-3\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("0x", "0x3\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("underscore", "0_3\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("space before", " 3\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("two numbers", "3 3\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("NUL after", "3\0\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("LF alone after the size", "3\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("CR alone after the size", "3\rabc\r\n0\r\n\r\n", Want::Cut),
        chunked("CR CR LF after the size", "3\r\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("overflow", "10000000000000003\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked(
            "overflow of all digits",
            "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
            Want::Cut,
        ),
        chunked("a semicolon alone", ";\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("comma", "3,\r\nabc\r\n0\r\n\r\n", Want::Cut),
    ]);
}

#[test]
#[doc = "HTTP-05, HTTP-06, VR-05"]
fn chunk_data_ends_where_its_size_says_or_the_request_is_never_completed() {
    run(&[
        chunked("too long", "3\r\nabcd\r\n0\r\n\r\n", Want::Cut),
        chunked("too short", "3\r\nab\r\n0\r\n\r\n", Want::Cut),
        chunked("LF alone after the data", "3\r\nabc\n0\r\n\r\n", Want::Cut),
        chunked("CR alone after the data", "3\r\nabc\r0\r\n\r\n", Want::Cut),
        chunked("nothing after the data", "3\r\nabc0\r\n\r\n", Want::Cut),
        chunked("space after the data", "3\r\nabc \r\n0\r\n\r\n", Want::Cut),
        chunked("LF alone after the last size", "3\r\nabc\r\n0\n\r\n", Want::Cut),
        chunked("CR and a letter at the end", "3\r\nabc\r\n0\r\n\rX\r\n", Want::Cut),
    ]);
}

#[test]
#[doc = "HTTP-05, VR-05"]
fn a_bare_line_feed_after_the_last_chunk_makes_no_second_request() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").chunked());
    client.send(*b"3\r\nabc\r\n0\r\n\n");
    client.send(get("/smuggled"));
    // What follows can only be a trailer section, and trailers are dropped.
    drop(client.answer(false));
    gateway.settle();
    assert!(
        upstream
            .requests()
            .iter()
            .all(|request| request.target() != "/smuggled")
    );
}

#[test]
#[doc = "HTTP-05, VR-05"]
fn chunk_extensions_are_dropped_and_never_span_lines() {
    let long = format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(17 * 1024));
    let many = format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(1024)).repeat(17));
    run(&[
        chunked("named", "3;a=b\r\nabc\r\n0\r\n\r\n", ABC),
        chunked("quoted", "3;a=\"b;c\"\r\nabc\r\n0\r\n\r\n", ABC),
        chunked("at the end", "3\r\nabc\r\n0;a=b\r\n\r\n", ABC),
        chunked("space before", "3 ;a\r\nabc\r\n0\r\n\r\n", SAFE),
        chunked("LF inside", "3;a\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("LF inside, a size behind", "3;\n3\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("CR inside", "3;a\rb\r\nabc\r\n0\r\n\r\n", Want::Cut),
        chunked("more than 16 KiB", long, Want::Cut),
        chunked("more than 16 KiB together", many, Want::Cut),
    ]);
}

#[test]
#[doc = "HTTP-05, HTTP-14, VR-05"]
fn request_trailers_are_dropped_and_malformed_ones_end_the_request() {
    let long = format!("3\r\nabc\r\n0\r\nX: {}\r\n\r\n", "x".repeat(17 * 1024));
    run(&[
        chunked("one", "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", ABC),
        chunked(
            "identity",
            "3\r\nabc\r\n0\r\nX-Auth-Subject: root\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n",
            ABC,
        ),
        chunked(
            "framing",
            "3\r\nabc\r\n0\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n",
            ABC,
        ),
        chunked("no colon", "3\r\nabc\r\n0\r\nX-Sum\r\n\r\n", Want::Cut),
        chunked(
            "space before the colon",
            "3\r\nabc\r\n0\r\nX-Sum : 1\r\n\r\n",
            Want::Cut,
        ),
        chunked("NUL", "3\r\nabc\r\n0\r\nX-Sum: \0\r\n\r\n", Want::Cut),
        chunked("more than 16 KiB", long, Want::Cut),
    ]);
}

#[test]
#[doc = "HTTP-04, HTTP-07"]
fn a_framing_field_with_an_underscore_frames_nothing() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(*b"POST /x HTTP/1.1\r\nHost: example.test\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n");
    client.send(get("/smuggled"));
    client.response().is(200);
    client.response().is(400);
    client.is_closed();
    let request = upstream.request();
    assert_eq!(request.line(), "POST /x HTTP/1.1");
    assert!(request.body.is_empty() && !request.has("transfer_encoding"));
}

/// Begins a request, sees it begin upstream, ends it in some way; how the upstream's connection ended.
fn broken_off(request: &Request, part: &[u8], end: impl FnOnce(crate::support::Client)) -> End {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(request.bytes()).send(part);
    upstream.wait_bytes(b"abc");
    end(client);
    let ended = upstream.wait_end(0);
    assert!(upstream.requests().is_empty(), "the request was completed");
    // The next request does not go over what is left of that connection.
    gateway.get("/next").is(200);
    assert_eq!(upstream.connections(), 2);
    ended
}

#[test]
#[doc = "HTTP-06"]
fn a_body_shorter_than_announced_is_never_completed_upstream() {
    let announced = Request::new("POST", "/x").announcing(10);
    broken_off(&announced, b"abc", |mut client| {
        client.half_close();
        client.end_within(crate::support::LIMIT).unwrap();
    });
    broken_off(&announced, b"abc", drop);
    broken_off(&announced, b"abc", crate::support::Client::reset);
}

#[test]
#[doc = "HTTP-06"]
fn a_chunked_body_without_an_end_is_never_completed_upstream() {
    let chunked = Request::new("POST", "/x").chunked();
    broken_off(&chunked, b"3\r\nabc\r\n", |mut client| {
        client.half_close();
        client.end_within(crate::support::LIMIT).unwrap();
    });
    broken_off(&chunked, b"3\r\nabc\r\n", drop);
    broken_off(&chunked, b"3\r\nabc\r\n", crate::support::Client::reset);
    broken_off(&chunked, b"3\r\nabc\r\n0\r\n", drop);
}

#[test]
#[doc = "HTTP-06"]
fn a_body_that_turns_out_malformed_aborts_the_request_that_began() {
    let chunked = Request::new("POST", "/x").chunked();
    broken_off(&chunked, b"3\r\nabc\r\n", |mut client| {
        client.send(*b"xyz\r\n").send(get("/smuggled"));
        let answer = client.answer(false);
        assert!(
            answer.as_ref().is_err() || answer.as_ref().is_ok_and(|answer| answer.status == 400),
            "{answer:?}"
        );
        client.end_within(crate::support::LIMIT).unwrap();
    });
}
