//! Requests and answers, whole and in pieces, one and many at a time.

use crate::support::frames;
use crate::support::h2::{H2, request, with};
use crate::support::raw::Raw;
use crate::support::{Gate, Setup, Upstream, get, post};

#[test]
fn a_request_is_answered_and_reaches_an_upstream_of_http1() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    let answer = client.ask(with(request("GET", "/a?b=C"), "accept", "text/x")).is(200);
    assert_eq!(answer.text(), "ok");
    assert_eq!(answer.field("content-length"), Some("2"));
    assert_eq!(answer.field("content-type"), Some("text/plain"));
    let received = upstream.request();
    assert_eq!(received.line(), "GET /a?b=C HTTP/1.1");
    assert_eq!(received.field("host"), Some("example.test"));
    assert_eq!(received.field("accept"), Some("text/x"));
    assert_eq!(received.field("x-request-id"), answer.field("x-request-id"));
    assert_eq!(received.field("x-forwarded-proto"), Some("http"));
    assert!(!received.chunked && received.body.is_empty());
    let line = gateway.log.about(("route", "/**"));
    assert_eq!(
        (&line["status"], &line["bytes"], &line["code"]),
        (&200.into(), &2.into(), &().into())
    );
}

#[test]
fn one_listener_speaks_both_versions() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    gateway.get("/one").is(200);
    gateway.ask(post("/one", "12345")).is(200);
    gateway.h2().get("/two").is(200);
    gateway.client().send_slowly(get("/slowly")).response().is(200);
    // Begins as the preface does, and is another version.
    gateway
        .client()
        .send(*b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n")
        .response()
        .is(501);
    assert_eq!(upstream.requests().len(), 4);
}

#[test]
fn a_body_of_known_length_keeps_it_and_another_is_chunked() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    client.post("/unknown", "12345").is(200);
    let mut call = client.call(with(request("POST", "/known"), "content-length", "5"), false);
    call.send("123", false);
    call.send("45", true);
    call.answer().is(200);
    let requests = upstream.wait_requests(2);
    let seen: Vec<_> = requests.iter().map(|seen| (seen.chunked, &seen.body[..])).collect();
    assert_eq!(seen, [(true, &b"12345"[..]), (false, &b"12345"[..])]);
    assert_eq!(requests[1].field("content-length"), Some("5"));
}

#[test]
fn bodies_stream_both_ways_at_once() {
    let upstream = Upstream::scripted(|conn| {
        let Some(_head) = conn.head() else { return };
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        // Each piece is answered before the next one comes.
        let mut total = conn.read_so_far();
        for piece in 0..5 {
            total += b"5\r\nping0\r\n".len() as u64;
            conn.wait_total(total);
            conn.send(format!("5\r\npong{piece}\r\n"));
        }
        conn.wait_total(total + b"0\r\n\r\n".len() as u64);
        conn.send(b"0\r\n\r\n");
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    let mut call = client.call(request("POST", "/talk"), false);
    let mut begun = None;
    for piece in 0..5 {
        call.send(format!("ping{piece}"), false);
        let begun = begun.get_or_insert_with(|| call.begun().unwrap());
        assert_eq!(begun.piece().unwrap().unwrap(), format!("pong{piece}"));
    }
    call.send("", true);
    assert!(begun.unwrap().rest().unwrap().body.is_empty());
}

#[test]
#[doc = "HTTP-14"]
fn trailers_of_an_answer_pass_and_those_of_a_request_do_not() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\
         connection: x-sum\r\ncontent-length: 3\r\nx-portcullis-rule: y\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    let mut call = client.call(with(request("POST", "/x"), "te", "trailers"), false);
    call.send("12345", false);
    call.body
        .send_trailers(
            [("x-late".parse().unwrap(), "1".parse().unwrap())]
                .into_iter()
                .collect(),
        )
        .unwrap();
    let answer = call.answer().is(200);
    assert_eq!(answer.body, b"abc");
    // `Connection` names what ends here.
    assert!(answer.trailers.is_empty(), "{:?}", answer.trailers);
    let received = upstream.request();
    assert_eq!(received.body, b"12345");
    assert!(!received.has("x-late"));
    assert_eq!(received.field("te"), Some("trailers"));
}

#[test]
fn trailers_end_an_answer() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\ngrpc-status: 0\r\nx-sum: 1\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).h2c().start();
    let answer = gateway.h2().get("/x").is(200);
    assert_eq!(answer.trailers["grpc-status"], "0");
    assert_eq!(answer.trailers["x-sum"], "1");
}

#[test]
fn an_answer_without_a_body_is_a_head_alone() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
    let upstream = Upstream::scripted(move |conn| {
        while let Some(request) = conn.request() {
            match request.target() {
                "/head" => conn.send(head),
                "/204" => conn.send("HTTP/1.1 204 No Content\r\n\r\n"),
                "/304" => conn.send("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
                _ => conn.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            };
        }
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::to(gateway.address());
    for (number, (method, target, status)) in [
        ("HEAD", "/head", 200),
        ("GET", "/204", 204),
        ("GET", "/304", 304),
        ("GET", "/0", 200),
    ]
    .into_iter()
    .enumerate()
    {
        let stream = u32::try_from(number).unwrap() * 2 + 1;
        raw.send(frames::headers(
            stream,
            frames::END_STREAM,
            &frames::pseudo(method, target),
        ));
        let head = raw.until("a head", |frame| {
            frame.kind == frames::HEADERS && frame.stream == stream
        });
        assert_eq!(head.flags & frames::END_STREAM, frames::END_STREAM, "{target}");
        assert_eq!(frames::status(&head.payload), status, "{target}");
    }
    let client = gateway.h2();
    let answer = client.ask(request("HEAD", "/head")).is(200);
    assert_eq!((answer.field("content-length"), answer.body.len()), (Some("12"), 0));
    // A refusal says how long it would be.
    let refused = client.ask(request("HEAD", "/a//b")).is(400);
    assert!(refused.field("content-length").is_some() && refused.body.is_empty());
}

#[test]
fn large_bodies_pass_whole_whatever_the_windows() {
    const LENGTH: usize = 8 << 20;
    let upstream = Upstream::counting(1024, |conn| {
        let Some(_head) = conn.head() else { return };
        conn.wait_total(LENGTH as u64);
        conn.send(format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n"
        ));
        let piece: Vec<u8> = (0..=250).cycle().take(LENGTH).collect();
        conn.send(piece);
    });
    let gateway = Setup::to(&upstream).h2c().start();
    for window in [16_384, 65_535, 1 << 20] {
        let mut builder = h2::client::Builder::new();
        let client = H2::with(gateway.address(), builder.initial_window_size(window));
        let announced = with(request("POST", "/x"), "content-length", &LENGTH.to_string());
        let mut call = client.call(announced, false);
        call.send(vec![b'x'; LENGTH], true);
        let answer = call.answer().is(200);
        assert!(
            answer.body.iter().copied().eq((0..=250).cycle().take(LENGTH)),
            "{window}"
        );
    }
}

#[test]
fn a_hundred_requests_are_answered_side_by_side_in_any_order() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        while let Some(request) = conn.request() {
            if request.target() != "/last" {
                held.wait();
            }
            let body = request.target().to_owned();
            conn.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    let mut calls: Vec<_> = (0..99)
        .map(|number| client.call(request("GET", &format!("/{number}")), true))
        .collect();
    upstream.wait_requests(99);
    assert_eq!(client.get("/last").is(200).text(), "/last");
    gate.open();
    for (number, call) in calls.iter_mut().enumerate() {
        assert_eq!(call.answer().is(200).text(), format!("/{number}"));
    }
}

#[test]
#[doc = "HTTP-11"]
fn a_permitted_client_is_told_to_continue_when_its_body_is_wanted() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::to(gateway.address());
    let fields = [
        &frames::pseudo("POST", "/x")[..],
        &[("expect", "100-continue"), ("content-length", "5")],
    ]
    .concat();
    raw.send(frames::headers(1, 0, &fields));
    assert_eq!(raw.status(1), 100);
    raw.send(frames::frame(frames::DATA, frames::END_STREAM, 1, b"abcde"));
    assert_eq!(raw.status(1), 200);
    let received = upstream.request();
    assert_eq!(received.body, b"abcde");
    assert!(!received.has("expect"));
    // Who sends at once needs no word.
    let mut raw = Raw::to(gateway.address());
    raw.send(
        [
            frames::headers(1, 0, &fields),
            frames::frame(frames::DATA, frames::END_STREAM, 1, b"abcde"),
        ]
        .concat(),
    );
    assert_eq!(raw.status(1), 200);
}

#[test]
#[doc = "HTTP-11"]
fn a_refused_client_is_not_told_to_continue() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .h2c()
        .upstream("up", &upstream)
        .route("{ path: /x, upstream: up, auth: public, networks: { deny: [127.0.0.0/8] } }")
        .route("{ path: /small, upstream: up, auth: public, body_max: 4B }")
        .start();
    for (target, expect, status) in [
        ("/x", "100-continue", 403),
        ("/none", "100-continue", 404),
        ("/a//b", "100-continue", 400),
        ("/small", "100-continue", 413),
        ("/small", "200-ok", 417),
    ] {
        let mut raw = Raw::to(gateway.address());
        let fields = [
            &frames::pseudo("POST", target)[..],
            &[("expect", expect), ("content-length", "5")],
        ]
        .concat();
        raw.send(frames::headers(1, 0, &fields));
        assert_eq!(raw.status(1), status, "{target}");
        assert_eq!(raw.reset_of(1), frames::NO_ERROR, "{target}");
    }
    upstream.saw_nothing();
}

#[test]
fn an_answer_has_a_date_whoever_gave_it() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    assert_eq!(client.get("/x").field("date"), Some("Wed, 18 May 2033 03:33:20 GMT"));
    gateway.clock.advance_secs(2);
    assert_eq!(client.get("/a//b").field("date"), Some("Wed, 18 May 2033 03:33:22 GMT"));
}
