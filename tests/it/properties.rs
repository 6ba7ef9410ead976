//! What holds for requests nobody wrote down: put together from good and bad pieces, by chance.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::upstream::split;
use crate::support::{HOST, Setup, Upstream, shown};

/// Marks everything a client says under a name that is not its own.
const LIE: &str = "lie";

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just("GET"),
        3 => Just("POST"),
        1 => prop::sample::select(vec!["HEAD", "get", "TRACE", "CONNECT", "BREW", "G\0T", "OPTIONS", ""]),
    ]
}

fn target() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "B", "open", "secret", "%41", "%2f", "%2e", "..", ".", ";", "//", "\\", "%00", "%zz", "%252e", "é", "*",
        " ", "#", "?", "&", "=", "@", ":", "%c3%a9", "%ff", "~",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("/{}", pieces.join("/")))
}

fn field() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "X-Auth-Subject: lie",
        "x_auth_roles: lie",
        "X-Forwarded-For: lie",
        "Forwarded: for=lie",
        "X-Real-IP: lie",
        "X-Portcullis-Route: lie",
        "X-Original-URL: /lie",
        "X-HTTP-Method-Override: lie",
        "Connection: X-Forwarded-For",
        "Connection: close, X-Request-Id",
        "TE: lie",
        "Trailer: lie",
        "Upgrade: lie",
        "Keep-Alive: lie",
        "Proxy-Authorization: lie",
        "Transfer-Encoding: lie",
        "Content-Length: lie",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        "Expect: lie",
        "Host: lie",
        "Authorization: a",
        "Authorization: b",
        "X-Fine: yes",
        "Cookie: a=b",
        " X-Folded: lie",
        "X-Space : lie",
        ": lie",
        "lie",
        "X-Nul: \0",
        "X-Cr: a\rb",
    ]);
    line.prop_map(str::to_owned)
}

fn request() -> impl Strategy<Value = String> {
    let version = prop_oneof![
        12 => Just("HTTP/1.1"),
        1 => prop::sample::select(vec!["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "http/1.1", ""]),
    ];
    (method(), target(), version, prop::collection::vec(field(), 0..4)).prop_map(|(method, target, version, fields)| {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        format!("{method} {target} {version}\r\nHost: {HOST}\r\n{fields}\r\n")
    })
}

#[test]
#[doc = "P-1, P-3, HDR-01, VR-04"]
fn a_denied_request_sends_no_byte_upstream_and_a_permitted_one_no_lie() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public }")
        .route("{ path: /secret/**, upstream: up, auth: public, networks: { deny: [0.0.0.0/0] } }")
        .start();
    let mut runner = TestRunner::new(Config {
        cases: 600,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&request(), |request| {
        let mark = upstream.mark();
        let mut client = gateway.client();
        // Ends a chunked body where there is one, and is no request where there is none.
        client.send(request.as_bytes()).send(*b"0\r\n\r\n");
        let head = request.starts_with("HEAD ");
        let status = client.answer(head).map(|answer| answer.status);
        let seen = upstream.since(&mark);
        let raw: String = seen.iter().map(|seen| shown(&seen.bytes)).collect();
        if status != Ok(200) {
            prop_assert!(seen.is_empty(), "{status:?}, and the upstream saw {raw}");
            return Ok(());
        }
        for seen in seen {
            let (requests, rest) = split(&seen.bytes).map_err(TestCaseError::fail)?;
            prop_assert_eq!((requests.len(), rest), (1, 0), "{}", raw);
            let lies = requests[0].head.fields.iter().any(|(_, value)| value.contains(LIE));
            prop_assert!(
                !lies && !requests[0].target().to_lowercase().starts_with("/secret"),
                "{raw}"
            );
        }
        Ok(())
    });
    outcome.unwrap_or_else(|why| panic!("{why}"));
}
