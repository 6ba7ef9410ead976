//! Heads: the framing fields and the shape of field lines.

use super::table::{Row, Want, row, run};
use crate::support::{Request, Setup, Upstream, get, h2};

const DENIED: Want = Want::Refused(&[400]);
const NOT_A_CODING: Want = Want::Refused(&[400, 501]);

/// A POST whose head ends with these field lines; the body follows.
fn with(name: &'static str, lines: &[u8], body: &[u8], want: Want) -> Row {
    let bytes = [b"POST /x HTTP/1.1\r\nHost: example.test\r\n", lines, b"\r\n\r\n", body].concat();
    row(name, bytes, want)
}

/// A GET with one more field line.
fn line(name: &'static str, line: &[u8], want: Want) -> Row {
    row(
        name,
        [b"GET /x HTTP/1.1\r\nHost: example.test\r\n", line, b"\r\n\r\n"].concat(),
        want,
    )
}

const fn posted(body: &'static [u8]) -> Want {
    Want::Forwarded {
        line: "POST /x HTTP/1.1",
        body,
    }
}

const fn got() -> Want {
    Want::Forwarded {
        line: "GET /x HTTP/1.1",
        body: b"",
    }
}

#[test]
#[doc = "HTTP-01, VR-05"]
fn a_request_with_both_framing_fields_is_refused_or_framed_by_the_chunks_alone_and_closed() {
    const CHUNKS: &[u8] = b"3\r\nabc\r\n0\r\n\r\n";
    const ONE: Want = Want::Safe {
        line: "POST /x HTTP/1.1",
        body: b"abc",
    };
    run(&[
        with(
            "length first",
            b"Content-Length: 4\r\nTransfer-Encoding: chunked",
            CHUNKS,
            ONE,
        ),
        with(
            "coding first",
            b"Transfer-Encoding: chunked\r\nContent-Length: 4",
            CHUNKS,
            ONE,
        ),
        with(
            "right length",
            b"Content-Length: 13\r\nTransfer-Encoding: chunked",
            CHUNKS,
            ONE,
        ),
        with(
            "length zero",
            b"Content-Length: 0\r\nTransfer-Encoding: chunked",
            CHUNKS,
            ONE,
        ),
        with(
            "length around",
            b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
            CHUNKS,
            ONE,
        ),
        with(
            "other case",
            b"cOnTeNt-LeNgTh: 4\r\ntRaNsFeR-eNcOdInG: cHuNkEd",
            CHUNKS,
            ONE,
        ),
        with(
            "bad length",
            b"Content-Length: x\r\nTransfer-Encoding: chunked",
            CHUNKS,
            DENIED,
        ),
        with(
            "bad coding",
            b"Content-Length: 4\r\nTransfer-Encoding: gzip",
            b"abcd",
            NOT_A_CODING,
        ),
    ]);
}

#[test]
#[doc = "HTTP-01"]
fn nothing_is_read_after_a_request_with_both_framing_fields() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
    ] {
        let mut client = gateway.client();
        client.send(format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n0\r\n\r\n"));
        client.send(get("/smuggled"));
        client.response();
        client.is_closed();
    }
    assert!(upstream.requests().iter().all(|request| request.target() == "/x"));
}

#[test]
#[doc = "P-3, HTTP-02, VR-05"]
fn transfer_encoding_is_chunked_once_or_the_request_is_refused() {
    const CHUNKS: &[u8] = b"3\r\nabc\r\n0\r\n\r\n";
    let one = |name, value: &[u8], want| with(name, &[b"Transfer-Encoding: ", value].concat(), CHUNKS, want);
    run(&[
        one("plain", b"chunked", posted(b"abc")),
        one("upper case", b"CHUNKED", posted(b"abc")),
        one("mixed case", b"Chunked", posted(b"abc")),
        one("spaces around", b"  chunked \t", posted(b"abc")),
        one("identity", b"identity", NOT_A_CODING),
        one("gzip before", b"gzip, chunked", NOT_A_CODING),
        one("identity before", b"identity, chunked", NOT_A_CODING),
        one("identity after", b"chunked, identity", NOT_A_CODING),
        one("twice in a list", b"chunked, chunked", NOT_A_CODING),
        one("comma before", b", chunked", NOT_A_CODING),
        one("comma after", b"chunked,", NOT_A_CODING),
        one("parameter", b"chunked;q=1", NOT_A_CODING),
        one("quoted", b"\"chunked\"", NOT_A_CODING),
        one("letter before", b"xchunked", NOT_A_CODING),
        one("letter after", b"chunkedx", NOT_A_CODING),
        one("split by a space", b"chun ked", NOT_A_CODING),
        one("empty", b"", NOT_A_CODING),
        one("vertical tab before", b"\x0bchunked", NOT_A_CODING),
        one("NUL after", b"chunked\0", NOT_A_CODING),
        one("no-break space after", b"chunked\xa0", NOT_A_CODING),
        with(
            "two equal fields",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            CHUNKS,
            NOT_A_CODING,
        ),
        with(
            "identity field first",
            b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
            CHUNKS,
            NOT_A_CODING,
        ),
        with(
            "identity field last",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            CHUNKS,
            NOT_A_CODING,
        ),
        with(
            "empty field first",
            b"Transfer-Encoding:\r\nTransfer-Encoding: chunked",
            CHUNKS,
            NOT_A_CODING,
        ),
        with("folded", b"Transfer-Encoding:\r\n chunked", CHUNKS, NOT_A_CODING),
        with(
            "space before the colon",
            b"Transfer-Encoding : chunked",
            CHUNKS,
            NOT_A_CODING,
        ),
        row(
            "in HTTP/1.0",
            [
                b"POST /x HTTP/1.0\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\n\r\n",
                CHUNKS,
            ]
            .concat(),
            NOT_A_CODING,
        ),
    ]);
}

#[test]
#[doc = "HTTP-03, VR-05"]
fn content_length_is_digits_in_one_field_or_the_request_is_refused() {
    let one = |name, value: &str, want| with(name, format!("Content-Length: {value}").as_bytes(), b"abcde", want);
    run(&[
        one("plain", "5", posted(b"abcde")),
        one("leading zeros", "0005", posted(b"abcde")),
        one("nineteen digits", "0000000000000000005", posted(b"abcde")),
        one("spaces around", "  5 ", posted(b"abcde")),
        one("twenty digits", "00000000000000000005", DENIED),
        one("plus", "+5", DENIED),
        one("minus", "-5", DENIED),
        one("minus zero", "-0", DENIED),
        one("hexadecimal", "0x5", DENIED),
        one("hexadecimal digit", "a", DENIED),
        one("empty", "", DENIED),
        one("list of equals", "5, 5", DENIED),
        one("list", "5,6", DENIED),
        one("two numbers", "5 5", DENIED),
        one("fraction", "5.0", DENIED),
        one("exponent", "5e0", DENIED),
        one("semicolon", "5;", DENIED),
        one("letters after", "5abc", DENIED),
        one("underscore", "1_0", DENIED),
        one("quoted", "\"5\"", DENIED),
        one("other digits", "\u{665}", DENIED),
        one("overflow", "18446744073709551616", DENIED),
        one("largest", "18446744073709551615", Want::Refused(&[400, 413, 431])),
        one("wraps to five", "18446744073709551621", DENIED),
        one("many nines", "99999999999999999999999999999999", DENIED),
        one("too large a body", "9999999999999999999", Want::Refused(&[413])),
        with(
            "differing repeat",
            b"Content-Length: 5\r\nContent-Length: 6",
            b"abcde",
            DENIED,
        ),
        with(
            "differing spelling",
            b"Content-Length: 5\r\nContent-Length: +5",
            b"abcde",
            DENIED,
        ),
        with(
            "empty repeat",
            b"Content-Length: 5\r\nContent-Length:",
            b"abcde",
            DENIED,
        ),
        with("space before the colon", b"Content-Length : 5", b"abcde", DENIED),
        with("tab before the colon", b"Content-Length\t: 5", b"abcde", DENIED),
        with(
            "equal repeat",
            b"Content-Length: 5\r\nContent-Length: 5",
            b"abcde",
            Want::Safe {
                line: "POST /x HTTP/1.1",
                body: b"abcde",
            },
        ),
        line("on a GET", b"Content-Length: 0", got()),
    ]);
}

#[test]
#[doc = "HTTP-04"]
fn the_framing_upstream_is_the_gateways_own() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let framing = "Content-Length: 0005\r\nTE: gzip\r\nTrailer: X-Sum\r\nExpect: 100-continue";
    gateway
        .client()
        .ask(format!("POST /a HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\nabcde"))
        .is(200);
    let chunked = "Transfer-Encoding: Chunked\r\nTrailer: X-Sum";
    let body = "5;x=y\r\nabcde\r\n0\r\nX-Sum: 1\r\n\r\n";
    gateway
        .client()
        .ask(format!("POST /b HTTP/1.1\r\nHost: a\r\n{chunked}\r\n\r\n{body}"))
        .is(200);
    for request in upstream.wait_requests(2) {
        assert_eq!(request.body, b"abcde");
        for name in ["trailer", "expect"] {
            assert!(!request.has(name), "{request:?}");
        }
        let framing = (request.field("content-length"), request.field("transfer-encoding"));
        let wanted = if request.target() == "/a" {
            (Some("5"), None)
        } else {
            (None, Some("chunked"))
        };
        assert_eq!(framing, wanted);
    }
}

#[test]
#[doc = "HTTP-04"]
fn where_a_body_could_have_been_its_length_is_written() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    for method in ["POST", "PUT", "PATCH"] {
        gateway.ask(Request::new(method, "/x")).is(200);
        gateway.ask(Request::new(method, "/x").announcing(0)).is(200);
        gateway.h2().ask(h2::request(method, "/x")).is(200);
    }
    gateway.ask(Request::new("DELETE", "/x")).is(200);
    for request in upstream.wait_requests(10) {
        let wanted = (request.method() != "DELETE").then_some("0");
        assert_eq!(request.field("content-length"), wanted, "{request:?}");
    }
}

#[test]
#[doc = "HTTP-04"]
fn a_request_without_a_body_gets_no_framing_field() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    gateway.get("/x").is(200);
    let request = upstream.request();
    assert!(
        !request.has("content-length") && !request.has("transfer-encoding"),
        "{request:?}"
    );
}

#[test]
#[doc = "P-3, HTTP-07, VR-05"]
fn field_lines_that_two_parsers_read_differently_are_refused() {
    run(&[
        line("folded by a space", b"X-A: 1\r\n 2", DENIED),
        line("folded by a tab", b"X-A: 1\r\n\t2", DENIED),
        line("empty folded line", b"X-A: 1\r\n ", DENIED),
        row(
            "space before the first name",
            b"GET /x HTTP/1.1\r\n Host: example.test\r\n\r\n",
            DENIED,
        ),
        row(
            "tab before the first name",
            b"GET /x HTTP/1.1\r\n\tHost: example.test\r\n\r\n",
            DENIED,
        ),
        line("space before the colon", b"X-A : 1", DENIED),
        line("tab before the colon", b"X-A\t: 1", DENIED),
        line("empty name", b": 1", DENIED),
        line("a colon alone", b":", DENIED),
        line("no colon", b"X-A", DENIED),
        line("space inside the name", b"X A: 1", DENIED),
        line("parenthesis in the name", b"X(A): 1", DENIED),
        line("quote in the name", b"X\"A: 1", DENIED),
        line("slash in the name", b"X/A: 1", DENIED),
        line("at in the name", b"X@A: 1", DENIED),
        line("bracket in the name", b"X[A]: 1", DENIED),
        line("NUL in the name", b"X\0A: 1", DENIED),
        line("control in the name", b"X\x01A: 1", DENIED),
        line("DEL in the name", b"X\x7fA: 1", DENIED),
        line("high byte in the name", b"X\xe9A: 1", DENIED),
        line("CR in the name", b"X\rA: 1", DENIED),
        line("NUL in the value", b"X-A: 1\x002", DENIED),
        line("bell in the value", b"X-A: 1\x072", DENIED),
        line("escape in the value", b"X-A: 1\x1b2", DENIED),
        line("vertical tab in the value", b"X-A: 1\x0b2", DENIED),
        line("form feed in the value", b"X-A: 1\x0c2", DENIED),
        line("DEL in the value", b"X-A: 1\x7f2", DENIED),
        line("CR in the value", b"X-A: 1\r2", DENIED),
        line("CR before a field in the value", b"X-A: 1\rContent-Length: 5", DENIED),
        line("CR CR LF", b"X-A: 1\r", DENIED),
        line("tab in the value", b"X-A: 1\t2", got()),
        line("high byte in the value", b"X-A: \xe9", got()),
        line("empty value", b"X-A:", got()),
    ]);
}

#[test]
#[doc = "HTTP-07, VR-05"]
fn bare_line_feeds_are_refused_or_become_crlf() {
    const ONE: Want = Want::Safe {
        line: "GET /x HTTP/1.1",
        body: b"",
    };
    run(&[
        row("everywhere", b"GET /x HTTP/1.1\nHost: example.test\n\n", ONE),
        row(
            "after the request line",
            b"GET /x HTTP/1.1\nHost: example.test\r\n\r\n",
            ONE,
        ),
        row(
            "after a field",
            b"GET /x HTTP/1.1\r\nHost: example.test\nX-A: 1\r\n\r\n",
            ONE,
        ),
        row("as the empty line", b"GET /x HTTP/1.1\r\nHost: example.test\r\n\n", ONE),
        row("LF, CR LF", b"GET /x HTTP/1.1\r\nHost: example.test\n\r\n", ONE),
        row(
            "empty lines before the request",
            b"\r\n\r\nGET /x HTTP/1.1\r\nHost: example.test\r\n\r\n",
            ONE,
        ),
        row(
            "LF before the request",
            b"\nGET /x HTTP/1.1\r\nHost: example.test\r\n\r\n",
            ONE,
        ),
    ]);
}

#[test]
#[doc = "HTTP-07, PATH-02, VR-05"]
fn request_lines_that_two_parsers_read_differently_are_refused() {
    let one = |name, line: &[u8]| row(name, [line, b"\r\nHost: example.test\r\n\r\n"].concat(), DENIED);
    run(&[
        one("two spaces after the method", b"GET  /x HTTP/1.1"),
        one("two spaces before the version", b"GET /x  HTTP/1.1"),
        one("tabs between", b"GET\t/x\tHTTP/1.1"),
        one("vertical tab between", b"GET\x0b/x HTTP/1.1"),
        one("form feed between", b"GET /x\x0cHTTP/1.1"),
        one("space inside the target", b"GET /x /y HTTP/1.1"),
        one("space at the end", b"GET /x HTTP/1.1 "),
        one("word after the version", b"GET /x HTTP/1.1 x"),
        one("space before the method", b" GET /x HTTP/1.1"),
        one("no target", b"GET HTTP/1.1"),
        one("no method", b"/x HTTP/1.1"),
        one("CR inside", b"GET /x\rHTTP/1.1"),
        one("NUL in the target", b"GET /x\0 HTTP/1.1"),
        one("NUL in the method", b"G\0T /x HTTP/1.1"),
        one("brackets in the method", b"G[T] /x HTTP/1.1"),
        one("colon in the method", b"GET: /x HTTP/1.1"),
        row(
            "nothing but CRLF and a field",
            b"\r\nHost: example.test\r\n\r\n",
            DENIED,
        ),
    ]);
}

#[test]
#[doc = "HTTP-09"]
fn after_a_parse_error_the_connection_ends_and_no_byte_of_it_is_parsed() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    let mut bytes = get("/first").bytes();
    bytes.extend_from_slice(b"GET /bad HTTP/1.1\r\nHost : example.test\r\n\r\n");
    bytes.extend_from_slice(&get("/smuggled").bytes());
    client.send(bytes);
    client.response().is(200);
    client.response().is(400);
    client.is_closed();
    assert_eq!(upstream.request().target(), "/first");
}

#[test]
#[doc = "HTTP-09"]
fn a_parse_error_after_a_byte_by_byte_head_closes_too() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send_slowly(*b"GET /x HTTP/1.1\r\nHost: example.test\r\nX : 1\r\n\r\n");
    client.send(get("/smuggled"));
    client.response().is(400);
    client.is_closed();
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-04"]
fn a_head_that_comes_byte_by_byte_is_the_same_request() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send_slowly(*b"POST /x?y=z HTTP/1.1\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_slowly(*b"3\r\nabc\r\n2;x\r\nde\r\n0\r\nX: y\r\n\r\n");
    client.response().is(200);
    let request = upstream.request();
    assert_eq!(
        (request.line(), &request.body[..]),
        ("POST /x?y=z HTTP/1.1", &b"abcde"[..])
    );
}

#[test]
#[doc = "HTTP-03"]
fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request() {
            let target = request.target().to_owned();
            conn.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}",
                target.len()
            ));
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    let targets: Vec<String> = (0..20).map(|number| format!("/{number}")).collect();
    client.send(
        targets
            .iter()
            .flat_map(|target| get(target).bytes())
            .collect::<Vec<u8>>(),
    );
    for target in &targets {
        assert_eq!(client.response().is(200).text(), *target);
    }
}
