//! One request and its answer.

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Response};

use super::{field_names, secs, to, to_with};
use crate::support::upstream::http2::{Announced, Door, Http2Upstream};
use crate::support::{End, LIMIT, Request, get, post};

#[test]
#[doc = "HTTP-04"]
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
    let names = field_names(&stream.headers);
    let own = [
        "traceparent",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-request-id",
    ];
    assert_eq!(names, own);
    assert_eq!(stream.headers["x-forwarded-host"], "shop.example:81");
}

#[test]
#[doc = "HTTP-18"]
fn nothing_about_the_clients_connection_is_told_to_the_upstream() {
    let upstream = Http2Upstream::ok();
    let gateway = to(&upstream).start();
    let request = get("/x")
        .field("Connection", "keep-alive, x-mine")
        .field("Keep-Alive", "timeout=5")
        .field("X-Mine", "1")
        .field("Proxy-Connection", "keep-alive")
        .field("Upgrade", "h2c")
        .field("HTTP2-Settings", "AAMAAABkAAQAAP__")
        .field("TE", "gzip")
        .field("X-Passes", "yes");
    gateway.ask(request).is(200);
    let stream = upstream.stream();
    for name in [
        "connection",
        "keep-alive",
        "x-mine",
        "proxy-connection",
        "upgrade",
        "http2-settings",
        "te",
        "host",
    ] {
        assert!(!stream.headers.contains_key(name), "{name}: {:?}", stream.headers);
    }
    assert_eq!(stream.headers["x-passes"], "yes");
}

#[test]
fn a_client_that_takes_trailers_is_known_as_one() {
    let upstream = Http2Upstream::ok();
    let gateway = to(&upstream).start();
    gateway
        .ask(get("/x").field("TE", "gzip, trailers").field("Connection", "te"))
        .is(200);
    let stream = upstream.stream();
    assert_eq!(stream.headers["te"], "trailers");
    assert!(!stream.headers.contains_key("connection"));
}

#[test]
fn the_upstreams_own_host_is_its_authority_where_the_route_says_so() {
    let upstream = Http2Upstream::ok();
    let settings = format!("{{ urls: [\"{}\"], protocol: h2c }}", upstream.url());
    let gateway = crate::support::Setup::new()
        .upstream_as("up", &settings)
        .route("{ path: /**, upstream: up, auth: public, forward: { host: upstream } }")
        .start();
    gateway.get("/x").is(200);
    assert_eq!(upstream.stream().authority, upstream.address().to_string());
}

#[test]
fn a_body_arrives_whole_with_its_length_where_the_client_said_it() {
    let upstream = Http2Upstream::ok();
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client.ask(post("/sized", "hello")).is(200);
    client
        .send(Request::new("PUT", "/chunked").chunked())
        .send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    client.response().is(200);
    client.ask(Request::new("POST", "/none")).is(200);
    let streams = upstream.wait_streams(3);
    assert_eq!((&streams[0].body[..], streams[0].whole), (&b"hello"[..], true));
    assert_eq!(streams[0].headers["content-length"], "5");
    assert_eq!((&streams[1].body[..], streams[1].whole), (&b"abcde"[..], true));
    assert!(!streams[1].headers.contains_key("content-length"));
    assert!(!streams[1].headers.contains_key("transfer-encoding"));
    assert_eq!((streams[2].body.len(), streams[2].whole), (0, true));
    assert_eq!(upstream.connections(), 1);
}

#[test]
#[doc = "HTTP-14"]
fn trailers_of_a_request_never_pass_and_those_of_an_answer_do() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        // Fails on trailers.
        stream.read_all().await;
        let mut answer = stream.begin(Response::builder().header("trailer", "x-sum").body(()).unwrap());
        answer.send_data(Bytes::from_static(b"data"), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "7".parse().unwrap());
        trailers.insert("set-cookie", "a=b".parse().unwrap());
        answer.send_trailers(trailers).unwrap();
    });
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client
        .send(
            Request::new("POST", "/x")
                .field("TE", "trailers")
                .field("Connection", "te")
                .chunked(),
        )
        .send("3\r\nabc\r\n0\r\nX-Mine: 1\r\n\r\n");
    let answer = client.response().is(200);
    assert_eq!(answer.text(), "data");
    assert_eq!(answer.trailers, [("x-sum".to_owned(), "7".to_owned())]);
    assert_eq!(upstream.stream().body, b"abc");
}

#[test]
fn a_body_goes_on_while_it_comes_and_the_answer_while_it_comes() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        let mut answer = stream.begin(Response::new(()));
        while let Some(data) = stream.read().await {
            answer.send_data(data, false).unwrap();
        }
        answer.send_data(Bytes::new(), true).unwrap();
    });
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/echo").chunked());
    client.read_until(b"\r\n\r\n");
    for part in ["first", "second", "third"] {
        client.send(format!("{:x}\r\n{part}\r\n", part.len()));
        client.read_until(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes());
    }
    client.send(*b"0\r\n\r\n");
    client.read_until(b"0\r\n\r\n");
    assert_eq!(upstream.stream().body, b"firstsecondthird");
}

#[test]
#[doc = "RS-05"]
fn an_upstream_that_gives_no_window_holds_its_client_back() {
    let door = Door::closed();
    let held = door.clone();
    let upstream = Http2Upstream::announcing(
        Announced {
            window: Some(16 * 1024),
            ..Announced::default()
        },
        move |mut stream| {
            let held = held.clone();
            async move {
                held.pass().await;
                stream.read_all().await;
                stream.answer_with("ok");
            }
        },
    );
    let gateway = to(&upstream).top("defaults: { body_max: 1GiB }").start();
    let mut client = gateway.client();
    let total = 256 << 20;
    client.send(Request::new("POST", "/x").announcing(total));
    let taken = client.send_until_stalled(&[b'x'; 64 * 1024], total);
    assert!(
        taken < 64 << 20,
        "{taken} bytes were taken for an upstream that reads nothing"
    );
    assert!(upstream.stream().body.is_empty());
    door.open();
    drop(client);
    upstream.wait("the end", |streams| {
        streams[0].reset.or(streams[0].whole.then_some(Reason::NO_ERROR))
    });
    assert!(!upstream.stream().whole);
}

#[test]
#[doc = "RS-05"]
fn a_client_that_does_not_read_holds_its_upstream_back_and_nobody_else() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        if stream.target() == "/small" {
            stream.answer_with("small");
            return;
        }
        let mut answer = stream.begin(Response::new(()));
        for _ in 0..4096 {
            answer.reserve_capacity(64 * 1024);
            while answer.capacity() < 64 * 1024 {
                if std::future::poll_fn(|cx| answer.poll_capacity(cx)).await.is_none() {
                    return;
                }
            }
            if answer.send_data(Bytes::from(vec![b'x'; 64 * 1024]), false).is_err() {
                return;
            }
        }
        let _gone = answer.send_data(Bytes::new(), true);
    });
    let gateway = to(&upstream).start();
    let mut slow: Vec<_> = (0..20)
        .map(|_| {
            let mut client = crate::support::Client::narrow(gateway.address());
            client.send(get("/large"));
            client
        })
        .collect();
    upstream.wait_streams(20);
    // All of them on one connection, each as far as its window goes; then another client comes.
    for _ in 0..20 {
        assert_eq!(gateway.get("/small").is(200).text(), "small");
    }
    assert_eq!(upstream.connections(), 1);
    let first = slow.remove(0);
    drop(first);
    upstream.wait("nothing", |streams| (streams.len() == 40).then_some(()));
    drop(slow);
    gateway.get("/small").is(200);
}

#[test]
#[doc = "RS-05"]
fn a_client_that_goes_away_resets_its_stream_and_no_other() {
    let door = Door::closed();
    let held = door.clone();
    let upstream = Http2Upstream::scripted(move |mut stream| {
        let held = held.clone();
        async move {
            if stream.target() == "/stays" {
                held.pass().await;
                stream.answer_with("stayed");
            } else {
                stream.wait_reset().await;
            }
        }
    });
    let gateway = to(&upstream).start();
    let (mut stays, mut leaves) = (gateway.client(), gateway.client());
    stays.send(get("/stays"));
    upstream.wait_streams(1);
    leaves.send(get("/leaves"));
    upstream.wait_streams(2);
    drop(leaves);
    assert_eq!(upstream.wait_reset(1), Reason::CANCEL);
    door.open();
    assert_eq!(stays.response().is(200).text(), "stayed");
    assert_eq!(upstream.connections(), 1);
}

#[test]
#[doc = "HTTP-06"]
fn a_body_that_breaks_off_is_never_completed() {
    for broken in ["5\r\nhello\r\nnonsense\r\n", "5\r\nhello\r\n"] {
        let upstream = Http2Upstream::ok();
        let gateway = to(&upstream).start();
        let mut client = gateway.client();
        client.send(Request::new("POST", "/x").chunked()).send(broken);
        upstream.wait("the body", |streams| (streams.first()?.body == b"hello").then_some(()));
        if !broken.contains("nonsense") {
            client.half_close();
        }
        assert_eq!(upstream.wait_reset(0), Reason::CANCEL, "{broken:?}");
        assert!(!upstream.stream().whole);
    }
}

#[test]
#[doc = "HTTP-06"]
fn a_body_that_grows_too_large_is_never_completed() {
    let upstream = Http2Upstream::ok();
    let settings = format!("{{ urls: [\"{}\"], protocol: h2c }}", upstream.url());
    let gateway = crate::support::Setup::new()
        .upstream_as("up", &settings)
        .route("{ path: /**, upstream: up, auth: public, body_max: 8B }")
        .start();
    let mut client = gateway.client();
    client
        .send(Request::new("POST", "/x").chunked())
        .send("8\r\n12345678\r\n1\r\n9\r\n");
    client.response().is_problem(413, "body.too_large");
    assert_eq!(upstream.wait_reset(0), Reason::CANCEL);
    assert!(!upstream.stream().whole);
    gateway.ask(post("/x", "123456789")).is_problem(413, "body.too_large");
    assert_eq!(upstream.streams().len(), 1, "what is announced too large goes nowhere");
}

#[test]
fn an_answer_may_come_before_the_request_has_ended() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        stream.answer_with("enough");
        stream.read_all().await;
    });
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").chunked()).send("5\r\nhello\r\n");
    assert_eq!(client.response().is(200).text(), "enough");
    assert_eq!(upstream.wait_reset(0), Reason::CANCEL);
    // Its connection is none the worse for it.
    gateway.get("/y").is(200);
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn an_answer_that_is_whole_stays_whole_when_its_server_wants_no_more_of_the_request() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        stream.read().await;
        // Dropped with the request unread, the stream is reset with NO_ERROR behind the answer: RFC 9113 section 8.1 asks
        // that of a server that has seen all it needs.
        stream.answer_with("enough");
    });
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").chunked()).send("5\r\nhello\r\n");
    assert_eq!(client.response().is(200).text(), "enough");
}

#[test]
#[doc = "HTTP-16"]
fn an_answer_that_breaks_off_is_never_completed() {
    for reason in [Reason::INTERNAL_ERROR, Reason::NO_ERROR, Reason::CANCEL] {
        let upstream = Http2Upstream::scripted(move |mut stream| async move {
            let mut answer = stream.begin(Response::new(()));
            answer.send_data(Bytes::from_static(b"half"), false).unwrap();
            stream.read_all().await;
            tokio::task::yield_now().await;
            answer.send_reset(reason);
        });
        let gateway = to(&upstream).start();
        let mut client = gateway.client();
        client.send(get("/x"));
        let read = client.read_to_end();
        assert!(!read.ends_with(b"0\r\n\r\n"), "{reason:?}: {}", read.escape_ascii());
        let line = gateway.log.about(("code", "upstream.protocol"));
        assert_eq!(line["status"], 200);
    }
}

#[test]
#[doc = "HTTP-16"]
fn an_answer_to_head_has_its_length_and_no_body() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        stream.answer_empty(Response::builder().header("content-length", "1234").body(()).unwrap());
    });
    let gateway = to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("HEAD", "/x"));
    let answer = client.response_to_head().is(200);
    assert_eq!(answer.field("content-length"), Some("1234"));
    client.send(Request::new("HEAD", "/x"));
    client.response_to_head().is(200);
}

#[test]
#[doc = "HTTP-16"]
fn a_body_where_none_can_be_is_502() {
    for (method, status) in [("GET", 204), ("GET", 304), ("HEAD", 200)] {
        let upstream = Http2Upstream::scripted(move |mut stream| async move {
            let mut answer = stream.begin(Response::builder().status(status).body(()).unwrap());
            let _gone = answer.send_data(Bytes::from_static(b"surplus"), true);
            stream.read_all().await;
        });
        let gateway = to(&upstream).start();
        let mut client = gateway.client();
        client.send(Request::new(method, "/x"));
        let answer = if method == "HEAD" {
            client.response_to_head()
        } else {
            client.response()
        };
        answer.is(502);
        gateway.log.about(("code", "upstream.protocol"));
    }
}

#[test]
fn an_answer_without_a_body_may_end_with_a_frame_of_its_own() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        let mut answer = stream.begin(Response::builder().status(204).body(()).unwrap());
        answer.send_data(Bytes::new(), true).unwrap();
    });
    let gateway = to(&upstream).start();
    let answer = gateway.get("/x").is(204);
    assert!(answer.body.is_empty());
}

#[test]
#[doc = "HTTP-16"]
fn eight_interim_answers_are_taken_and_a_ninth_is_502() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        let count = stream.target().trim_start_matches('/').parse().unwrap();
        for _ in 0..count {
            stream.inform(103);
            tokio::task::yield_now().await;
        }
        if count < 9 {
            stream.answer_with("ok");
        } else {
            stream.wait_reset().await;
        }
    });
    let gateway = to(&upstream).start();
    gateway.get("/8").is(200);
    gateway.get("/9").is_problem(502, "upstream.protocol");
    assert_eq!(upstream.wait_reset(1), Reason::CANCEL);
}

#[test]
fn an_upstream_that_does_not_answer_in_time_is_504_and_its_stream_is_reset() {
    let upstream = Http2Upstream::scripted(|mut stream| async move { stream.wait_reset().await });
    let gateway = to_with(&upstream, "timeouts: { response: 7s }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_streams(1);
    gateway.settle();
    let answer = gateway.clock.until(secs(7), secs(9), "the refusal", |patience| {
        client.answer_within(patience)
    });
    answer.is_problem(504, "upstream.timeout");
    assert_eq!(upstream.wait_reset(0), Reason::CANCEL);
    assert_eq!(upstream.open(), 1, "the connection is none the worse for it");
}

#[test]
fn an_upstream_that_pauses_too_long_inside_its_answer_is_cut_off() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        let mut answer = stream.begin(Response::new(()));
        answer.send_data(Bytes::from_static(b"half"), false).unwrap();
        stream.wait_reset_of(&mut answer).await;
    });
    let gateway = to_with(&upstream, "timeouts: { idle: 9s }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    client.read_until(b"half\r\n");
    gateway.settle();
    let end = gateway
        .clock
        .until(secs(9), secs(11), "the end", |patience| client.end_within(patience));
    assert!(matches!(end, End::Closed | End::Reset));
    assert_eq!(upstream.wait_reset(0), Reason::CANCEL);
}

#[test]
fn the_connection_to_an_upstream_that_speaks_no_http2_is_502() {
    let upstream = crate::support::Upstream::counting(1 << 16, |conn| {
        conn.wait_total(24);
        conn.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        conn.wait_end();
    });
    let gateway = crate::support::Setup::to_with(&upstream, "protocol: h2c").start();
    gateway.get("/x").is_problem(502, "upstream.unreachable");
    let line = gateway.log.about(("code", "upstream.unreachable"));
    assert!(line["reason"].as_str().unwrap().contains("HTTP/2"), "{line}");
    assert!(upstream.end_within(0, LIMIT).is_some());
}
