//! What the head of a request may say in HTTP/2, and what of it reaches an upstream of HTTP/1.1.

use crate::support::frames;
use crate::support::h2::{request, with};
use crate::support::raw::Raw;
use crate::support::{HOST, Setup, Upstream, get};

/// What the gateway makes of a request with these fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The stream is reset.
    Reset,
    /// The connection ends.
    End,
    Refused(u16),
}
type Fields<'t> = Vec<(&'t str, &'t str)>;
use Fate::{End, Refused, Reset};

fn fields<'t>(changes: &[(&'t str, &'t str)]) -> Vec<(&'t str, &'t str)> {
    let mut fields = frames::pseudo("GET", "/x");
    for &(name, value) in changes {
        match fields.iter_mut().find(|field| name.starts_with(':') && field.0 == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

/// Each of these heads meets its fate, and its upstream hears nothing of it.
fn judged(cases: &[(&str, Fields<'_>, Fate)]) {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    for (what, fields, fate) in cases {
        let mut raw = Raw::to(gateway.address());
        raw.send(frames::headers(1, frames::END_STREAM, fields));
        match fate {
            Reset => assert_eq!(raw.reset_of(1), frames::PROTOCOL_ERROR, "{what}"),
            End => assert_eq!(raw.goaway().1, frames::PROTOCOL_ERROR, "{what}"),
            Refused(status) => assert_eq!(raw.status(1), *status, "{what}"),
        }
        match fate {
            End => raw.is_closed(),
            // The other streams go on.
            Reset | Refused(_) => raw.settle(),
        }
    }
    let resets = cases.iter().filter(|case| case.2 == Reset).count();
    gateway.wait_metric(
        "portcullis_connections_refused_total",
        &["reason=\"stream_refused\""],
        |count| count as usize == resets,
    );
    upstream.saw_nothing();
}

fn without<'t>(name: &str) -> Vec<(&'t str, &'t str)> {
    let mut fields = frames::pseudo("GET", "/x");
    fields.retain(|field| field.0 != name);
    fields
}

#[test]
#[doc = "HTTP-12"]
fn connection_specific_fields_reset_the_stream() {
    let cases: Vec<_> = [
        ("connection", "close"),
        ("connection", "x-auth-user"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "websocket"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
    ]
    .into_iter()
    .map(|field| (field.0, fields(&[field]), Reset))
    .collect();
    judged(&cases);
}

#[test]
#[doc = "HTTP-12"]
fn bad_pseudo_fields_reset_the_stream() {
    let twice = |name: &'static str, value: &'static str| {
        let mut fields = frames::pseudo("GET", "/x");
        fields.insert(1, (name, value));
        fields
    };
    let mut late = without(":path");
    late.extend([("x-a", "b"), (":path", "/x")]);
    judged(&[
        ("no method", without(":method"), Reset),
        ("no scheme", without(":scheme"), Reset),
        ("an empty path", fields(&[(":path", "")]), Reset),
        ("two paths", twice(":path", "/y"), Reset),
        ("two methods", twice(":method", "GET"), Reset),
        ("two authorities", twice(":authority", "other.test"), Reset),
        ("a pseudo-field after a field", late, Reset),
        ("the status of an answer", fields(&[(":status", "200")]), Reset),
        ("another protocol", fields(&[(":protocol", "websocket")]), Reset),
        ("a pseudo-field nobody knows", fields(&[(":unknown", "x")]), End),
        ("no path", without(":path"), Reset),
    ]);
}

#[test]
#[doc = "HTTP-12"]
fn names_and_values_that_are_none_end_the_connection() {
    judged(&[
        ("a capital letter", fields(&[("X-Upper", "x")]), End),
        ("a blank in the name", fields(&[("x a", "x")]), End),
        ("a colon in the name", fields(&[("x:a", "x")]), End),
        ("no name", fields(&[("", "x")]), End),
        ("CR in the name", fields(&[("x\r", "x")]), End),
        ("LF in the value", fields(&[("x-a", "b\nhost: c")]), End),
        ("CR LF in the value", fields(&[("x-a", "b\r\nx-admin: 1")]), End),
        ("NUL in the value", fields(&[("x-a", "b\0")]), End),
        ("LF in the path", fields(&[(":path", "/x\n")]), Reset),
        (
            "a blank in the path",
            fields(&[(":path", "/x HTTP/1.1\r\nx: y")]),
            Reset,
        ),
        ("CR LF in the authority", fields(&[(":authority", "a\r\nx: y")]), Reset),
        ("CR LF in the method", fields(&[(":method", "GET / HTTP/1.1\r\n")]), End),
    ]);
}

#[test]
#[doc = "HTTP-07, HTTP-12"]
fn a_name_that_is_none_in_http1_is_refused() {
    judged(&[("a quotation mark", fields(&[("x\"y", "x")]), Refused(400))]);
}

#[test]
#[doc = "HTTP-03, HTTP-12"]
fn a_length_that_is_not_the_bodys_resets_the_stream() {
    judged(&[
        ("no body", fields(&[("content-length", "5")]), Reset),
        ("no number", fields(&[("content-length", "x")]), Reset),
        ("a sign", fields(&[("content-length", "+0")]), Reset),
        (
            "two that differ",
            fields(&[("content-length", "0"), ("content-length", "1")]),
            Reset,
        ),
        (
            "twenty digits",
            fields(&[("content-length", "00000000000000000000")]),
            Reset,
        ),
        ("nothing", fields(&[("content-length", "")]), Refused(400)),
    ]);
}

#[test]
#[doc = "PATH-01, PATH-02, HTTP-13"]
fn the_authority_is_one_valid_host() {
    let host = |authority, host| fields(&[(":authority", authority), ("host", host)]);
    let mut two_hosts = without(":authority");
    two_hosts.extend([("host", HOST), ("host", HOST)]);
    judged(&[
        ("another host", host(HOST, "other.test"), Refused(400)),
        ("another port", host(HOST, "example.test:81"), Refused(400)),
        ("an empty host", host(HOST, ""), Refused(400)),
        ("two hosts", fields(&[("host", HOST), ("host", HOST)]), Refused(400)),
        ("two hosts alone", two_hosts, Refused(400)),
        ("neither", without(":authority"), Refused(400)),
        ("an empty authority", fields(&[(":authority", "")]), Reset),
        (
            "user information",
            fields(&[(":authority", "me@example.test")]),
            Refused(400),
        ),
        ("two names", fields(&[(":authority", "a.test,b.test")]), Refused(400)),
        ("a path", fields(&[(":authority", "a.test/x")]), Reset),
        ("another scheme", fields(&[(":scheme", "ftp")]), Refused(400)),
        (
            "CONNECT",
            {
                let mut fields = without(":path");
                fields.retain(|field| field.0 != ":scheme");
                fields[0].1 = "CONNECT";
                fields
            },
            Refused(405),
        ),
        ("TRACE", fields(&[(":method", "TRACE")]), Refused(405)),
        ("an unknown method", fields(&[(":method", "BREW")]), Refused(501)),
        ("a method in small letters", fields(&[(":method", "get")]), Refused(501)),
    ]);
}

#[test]
#[doc = "PATH-04, PATH-05"]
fn a_path_is_judged_as_in_http1() {
    judged(&[
        ("dot segments", fields(&[(":path", "/a/../b")]), Refused(400)),
        ("an encoded slash", fields(&[(":path", "/a%2fb")]), Refused(400)),
        ("an empty segment", fields(&[(":path", "//x")]), Refused(400)),
        ("a semicolon", fields(&[(":path", "/a;b")]), Refused(400)),
        ("a backslash", fields(&[(":path", "/a\\b")]), Refused(400)),
        ("a bad escape", fields(&[(":path", "/a%zz")]), Refused(400)),
        ("a query alone", fields(&[(":path", "?a")]), Refused(400)),
        ("an asterisk", fields(&[(":path", "*")]), Refused(400)),
        ("a URL", fields(&[(":path", "http://other.test/")]), Reset),
        ("a name", fields(&[(":path", "x")]), Reset),
        (
            "too long",
            fields(&[(":path", &*Box::leak(format!("/{}", "x".repeat(8192)).into_boxed_str()))]),
            Refused(414),
        ),
    ]);
}

#[test]
#[doc = "PATH-02"]
fn an_asterisk_asks_about_the_server_itself() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::to(gateway.address());
    let asterisk = fields(&[(":method", "OPTIONS"), (":path", "*")]);
    raw.send(frames::headers(1, frames::END_STREAM, &asterisk));
    assert_eq!(raw.status(1), 204);
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-13"]
fn a_value_with_blanks_around_it_is_refused() {
    judged(&[
        ("before", fields(&[("x-a", " b")]), Refused(400)),
        ("after", fields(&[("x-a", "b\t")]), Refused(400)),
        ("around the length", fields(&[("content-length", " 0")]), Reset),
        ("a host", fields(&[("host", "example.test ")]), Refused(400)),
    ]);
}

#[test]
#[doc = "HTTP-13"]
fn cookies_arrive_as_one_field() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let mut asked = request("GET", "/x");
    for cookie in ["a=1", "b=2; c=3", "d=4"] {
        asked = with(asked, "cookie", cookie);
    }
    gateway.h2().ask(asked).is(200);
    assert_eq!(upstream.request().field("cookie"), Some("a=1; b=2; c=3; d=4"));
}

#[test]
#[doc = "HTTP-13"]
fn the_host_is_the_authority_as_it_was_sent() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::to(gateway.address());
    let mut host_alone = without(":authority");
    host_alone.push(("host", "Alone.test:8080"));
    for (stream, fields) in [
        (1, fields(&[(":authority", "Example.test:8080")])),
        (
            3,
            fields(&[(":authority", "example.test:80"), ("host", "EXAMPLE.test")]),
        ),
        (5, host_alone),
    ] {
        raw.send(frames::headers(stream, frames::END_STREAM, &fields));
        raw.until("an answer", |frame| {
            frame.kind == frames::HEADERS && frame.stream == stream
        });
    }
    let hosts: Vec<_> = upstream
        .requests()
        .iter()
        .map(|seen| seen.field("host").unwrap().to_owned())
        .collect();
    assert_eq!(hosts, ["Example.test:8080", "example.test:80", "Alone.test:8080"]);
}

#[test]
#[doc = "HDR-01, HDR-02, HDR-05, HDR-06, HTTP-04, HTTP-15, METH-02"]
fn what_a_client_may_not_say_is_removed_as_in_http1() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let claims = [
        ("x-auth-subject", "root"),
        ("x_auth_subject", "root"),
        ("x-portcullis-rule", "x"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("x-original-url", "/admin"),
        ("x-http-method-override", "DELETE"),
        ("x_legacy", "y"),
        ("proxy-authorization", "x"),
        ("proxy", "x"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("trailer", "x-late"),
        ("te", "trailers"),
    ];
    let asked = claims
        .iter()
        .fold(request("GET", "/x"), |asked, (name, value)| with(asked, name, value));
    gateway.h2().ask(with(asked, "x-kept", "1")).is(200);
    let received = upstream.request();
    let mut names = received.head.names();
    names.sort();
    assert_eq!(
        names,
        [
            "connection",
            "host",
            "te",
            "traceparent",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-kept",
            "x-request-id",
        ]
    );
    assert_eq!(received.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.field("x-forwarded-proto"), Some("http"));
    assert_eq!(received.field("connection"), Some("te"));
}

#[test]
#[doc = "HDR-08"]
fn a_single_field_sent_twice_is_refused() {
    judged(&[
        (
            "authorization",
            fields(&[("authorization", "a"), ("authorization", "b")]),
            Refused(400),
        ),
        (
            "content-type",
            fields(&[("content-type", "a/b"), ("content-type", "a/b")]),
            Refused(400),
        ),
    ]);
}

#[test]
#[doc = "HTTP-16, HDR-10"]
fn fields_of_an_answer_that_end_here_do_not_pass() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\n\
         X-Portcullis-Rule: y\r\nSet-Cookie: __Host-portcullis=1\r\nSet-Cookie: a=b\r\nContent-Length: 0002\r\n\r\nok",
    );
    let gateway = Setup::to(&upstream).h2c().start();
    let answer = gateway.h2().get("/x").is(200);
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date", "set-cookie", "x-request-id"]);
    assert_eq!(
        (answer.field("content-length"), answer.field("set-cookie")),
        (Some("2"), Some("a=b"))
    );
}

#[test]
#[doc = "HTTP-15, HTTP-08"]
fn http2_is_spoken_only_where_it_is_named() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut raw = Raw::to(gateway.address());
    raw.send(frames::get(1, "/x"));
    raw.is_closed();
    gateway.wait_metric(
        "portcullis_connections_refused_total",
        &["reason=\"malformed\""],
        |count| count == 1.0,
    );
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-15"]
fn a_listener_of_http2_alone_tells_a_client_of_http1_so() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).listen_with("protocols: [h2c]").start();
    let answer = gateway.client().ask(get("/x")).is(505);
    assert_eq!(answer.field("connection"), Some("close"));
    gateway.wait_metric(
        "portcullis_connections_refused_total",
        &["reason=\"malformed\""],
        |count| count == 1.0,
    );
    upstream.saw_nothing();
    gateway.h2().get("/x").is(200);
}

#[test]
#[doc = "HTTP-15"]
fn nobody_is_upgraded_to_http2() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let asked = get("/x")
        .field("Connection", "Upgrade, HTTP2-Settings")
        .field("Upgrade", "h2c")
        .field("HTTP2-Settings", "AAMAAABkAAQAAP__");
    gateway.ask(asked).is(200);
    let received = upstream.request();
    assert!(!received.has("upgrade") && !received.has("http2-settings") && !received.has("connection"));
}
