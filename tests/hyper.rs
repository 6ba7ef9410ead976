//! What hyper does with hostile heads, and that what it lets through is refused by the checks behind it. When an update of
//! hyper changes a line of these tables, look at the checks before the table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response, Version, header};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use portcullis::request::framing;
use portcullis::request::host::Host;
use portcullis::request::target::{self, Target};

/// A connection whose client has sent everything and reads nothing.
struct Sent {
    bytes: Vec<u8>,
    answer: Vec<u8>,
}

impl Read for Sent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let some = buffer.remaining().min(self.bytes.len());
        buffer.put_slice(&self.bytes[..some]);
        self.bytes.drain(..some);
        Poll::Ready(Ok(()))
    }
}

impl Write for Sent {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.answer.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The heads that reach a service, and what the connection answers.
fn serve(raw: &str) -> (Vec<Parts>, String) {
    let heads = RefCell::new(Vec::new());
    let service = service_fn(|request: Request<Incoming>| {
        heads.borrow_mut().push(request.into_parts().0);
        std::future::ready(Ok::<_, Infallible>(Response::new(String::new())))
    });
    let mut connection = http1::Builder::new().serve_connection(
        Sent {
            bytes: raw.as_bytes().to_vec(),
            answer: Vec::new(),
        },
        service,
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _ = runtime.block_on(std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)));
    let answer = String::from_utf8(connection.into_parts().io.answer).unwrap();
    (heads.into_inner(), answer)
}

/// What becomes of one request: refused by hyper, refused by us, or let through as this.
fn fate(raw: &str) -> String {
    let (heads, answer) = serve(raw);
    let Some(head) = heads.first() else {
        return format!("hyper: {}", answer.split(' ').nth(1).unwrap_or("closed"));
    };
    match judge(head) {
        Ok(passed) => passed,
        Err(fault) => format!("we: {fault}"),
    }
}

fn judge(head: &Parts) -> Result<String, String> {
    let framing = framing::of_request(head.version, &head.headers).map_err(|fault| fault.to_string())?;
    let host = Host::read(&head.headers, head.version).map_err(|fault| fault.to_string())?;
    let target = target::read(&head.method, &head.uri, &host, 8192).map_err(|fault| fault.to_string())?;
    let body = match framing.content_length {
        Some(length) => format!(" {length} bytes"),
        None if framing.chunked => " chunked".into(),
        None => String::new(),
    };
    Ok(match target {
        Target::Path(path) => format!("{}{body}", path.path_and_query()),
        Target::Asterisk => "*".into(),
    })
}

#[track_caller]
fn assert_fates(of: impl Fn(&str) -> String, cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(case, expected)| (case, expected, fate(&of(case))))
        .filter(|(_, expected, fate)| fate != *expected)
        .map(|(case, expected, fate)| format!("{case:?}: {fate}, not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
#[doc = "PATH-02, PATH-04, PATH-05"]
fn targets() {
    assert_fates(
        |target| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"),
        &[
            ("/a?b", "/a?b"),
            ("/a#b", "/a"),
            ("http://h/a", "/a"),
            ("h:443", "we: the target is no path"),
            ("h", "we: the target is no path"),
            ("!", "we: the target is no path"),
            ("*", "we: an asterisk is a target for OPTIONS only"),
            ("a/b", "hyper: 400"),
            ("?a", "hyper: 400"),
            ("#", "hyper: 400"),
            ("http:/a", "hyper: 400"),
            ("http://", "hyper: 400"),
            ("http://h?a", "we: the target does not start with a slash"),
            ("http://h#a", "/"),
            ("http://u@h/a", "we: the target has user information"),
            ("ws://h/a", "we: the target's scheme is neither http nor https"),
            (
                "http://other/a",
                "we: the target and the Host field name different hosts",
            ),
            ("/a/../b", "we: a dot segment"),
            ("/a\\b", "we: a backslash"),
            ("/a{b}", "we: a byte that must be percent-encoded"),
            ("/a\"b", "we: a byte that must be percent-encoded"),
            ("/a|b", "we: a byte that must be percent-encoded"),
            ("/a^b", "we: a byte that must be percent-encoded"),
            ("/a[b]", "we: a byte that must be percent-encoded"),
            ("/\u{e9}", "we: a byte that must be percent-encoded"),
            ("/?a=\u{e9}", "we: a byte that must be percent-encoded"),
            ("/?a=`\\", "we: a byte that must be percent-encoded"),
            ("/%zz", "we: a percent sign without two hexadecimal digits"),
            ("/%00", "we: a NUL"),
            ("/a<b>", "hyper: 400"),
            ("/a`b", "hyper: 400"),
            ("/a\u{7f}", "hyper: 400"),
            ("/a\u{1}", "hyper: 400"),
            ("/a b", "hyper: 400"),
            ("/a\tb", "hyper: 400"),
        ],
    );
    assert_eq!(fate("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "*");
    assert_eq!(
        fate("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
        "we: CONNECT is refused"
    );
    assert_eq!(fate("CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n"), "we: CONNECT is refused");
}

#[test]
#[doc = "PATH-01"]
fn hosts() {
    assert_fates(
        |fields| format!("GET / HTTP/1.1\r\n{fields}\r\n"),
        &[
            ("Host: h\r\n", "/"),
            ("", "we: no Host field"),
            ("Host: a\r\nHost: a\r\n", "we: more than one Host field"),
            ("Host:\r\n", "we: the Host field is no host[:port]"),
            ("Host: a, b\r\n", "we: the Host field is no host[:port]"),
            ("Host: u@h\r\n", "we: the Host field is no host[:port]"),
            ("Host: h/x\r\n", "we: the Host field is no host[:port]"),
            ("Host: \u{e9}\r\n", "we: the Host field is no host[:port]"),
            ("Host: h\u{1}\r\n", "hyper: 400"),
            ("Host : h\r\n", "hyper: 400"),
        ],
    );
    assert_eq!(fate("GET / HTTP/1.0\r\n\r\n"), "/");
}

#[test]
#[doc = "HTTP-01, HTTP-02, HTTP-03, HTTP-11"]
fn lengths() {
    assert_fates(
        |fields| format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n0\r\n\r\n"),
        &[
            ("Content-Length: 5\r\n", "/ 5 bytes"),
            ("Content-Length: 0005\r\n", "/ 5 bytes"),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", "/ 5 bytes"),
            ("Content-Length: 5\r\nContent-Length: 05\r\n", "/ 5 bytes"),
            (
                "Content-Length: 00000000000000000005\r\n",
                "we: Content-Length is no number of 1 to 19 digits, sent once",
            ),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", "hyper: 400"),
            ("Content-Length: +5\r\n", "hyper: 400"),
            ("Content-Length: -5\r\n", "hyper: 400"),
            ("Content-Length: 5, 5\r\n", "hyper: 400"),
            ("Content-Length: 5 5\r\n", "hyper: 400"),
            ("Content-Length: 0x5\r\n", "hyper: 400"),
            ("Content-Length:\r\n", "hyper: 400"),
            ("Content-Length: 99999999999999999999\r\n", "hyper: 400"),
            ("Transfer-Encoding: chunked\r\n", "/ chunked"),
            ("Transfer-Encoding: CHUNKED\r\n", "/ chunked"),
            (
                "Transfer-Encoding: gzip, chunked\r\n",
                "we: Transfer-Encoding is not chunked and nothing else",
            ),
            (
                "Transfer-Encoding: , chunked\r\n",
                "we: Transfer-Encoding is not chunked and nothing else",
            ),
            (
                "Transfer-Encoding: chunked, chunked\r\n",
                "we: Transfer-Encoding is not chunked and nothing else",
            ),
            (
                "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
                "we: Transfer-Encoding is not chunked and nothing else",
            ),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                "we: Transfer-Encoding is not chunked and nothing else",
            ),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "hyper: 400"),
            ("Transfer-Encoding: identity\r\n", "hyper: 400"),
            ("Transfer-Encoding: chunked,\r\n", "hyper: 400"),
            ("Transfer-Encoding:\r\n", "hyper: 400"),
            ("Transfer-Encoding : chunked\r\n", "hyper: 400"),
            ("Transfer-Encoding:\u{b}chunked\r\n", "hyper: 400"),
            ("Expect: 100-continue\r\nContent-Length: 5\r\n", "/ 5 bytes"),
            (
                "Expect: other\r\n",
                "we: Expect asks for something other than 100-continue",
            ),
            (
                "Expect: 100-continue\r\nExpect: x\r\n",
                "we: Expect asks for something other than 100-continue",
            ),
        ],
    );
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(fate(old), "hyper: 400");
}

/// hyper hides one of the two, frames by the other, and closes: the safe minimum of HTTP-01.
#[test]
#[doc = "HTTP-01"]
fn a_length_beside_a_coding_is_hidden_and_the_connection_closes() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        let raw =
            format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
        let (heads, answer) = serve(&raw);
        assert_eq!(heads.len(), 1, "{fields:?}");
        assert!(!heads[0].headers.contains_key(header::CONTENT_LENGTH));
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    }
}

#[test]
#[doc = "HTTP-07, HTTP-08"]
fn lines() {
    assert_fates(
        str::to_owned,
        &[
            ("GET / HTTP/1.1\r\nHost: h\r\n X: y\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/1.1\r\nHost: h\r\nX Y: z\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/1.1\r\nHost: h\r\n: z\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/1.1\r\nHost: h\r\nX: a\u{1}b\r\n\r\n", "hyper: 400"),
            // Bare line feeds end lines here; what goes upstream is written anew, with CRLF.
            ("GET / HTTP/1.1\nHost: h\n\n", "/"),
            ("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "/"),
            ("GET /\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/1.2\r\nHost: h\r\n\r\n", "hyper: 400"),
            ("GET / HTTP/0.9\r\nHost: h\r\n\r\n", "hyper: 400"),
            ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "hyper: 400"),
            ("GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "hyper: 400"),
            (" GET / HTTP/1.1\r\nHost: h\r\n\r\n", "hyper: 400"),
            ("G\u{e9}T / HTTP/1.1\r\nHost: h\r\n\r\n", "hyper: 400"),
        ],
    );
    let (heads, _) = serve("GET / HTTP/1.0\r\nHost: h\r\n\r\nGET /second HTTP/1.0\r\nHost: h\r\n\r\n");
    assert_eq!(heads.len(), 1, "HTTP/1.0 is not kept alive unless asked");
    assert_eq!(heads[0].version, Version::HTTP_10);
}
