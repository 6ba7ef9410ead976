//! How a stream ends before its time, and what either side learns of it.

use std::time::Duration;

use h2::Reason;

use crate::support::frames;
use crate::support::h2::{request, with};
use crate::support::raw::Raw;
use crate::support::{End, Gate, LIMIT, Setup, Upstream};

/// Hears requests and says nothing.
fn silent() -> Upstream {
    Upstream::scripted(|conn| {
        let _head = conn.head();
        conn.wait_end();
    })
}

#[test]
#[doc = "RS-04, RS-05"]
fn a_request_that_is_taken_back_is_taken_back_from_the_upstream() {
    let upstream = silent();
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    let mut before_the_head = client.call(request("GET", "/0"), true);
    upstream.wait_head(0);
    before_the_head.reset(Reason::CANCEL);
    upstream.wait_end(0);

    // `NO_ERROR` and `CANCEL` are resets too: the body has no end.
    for (number, reason) in [(1, Reason::NO_ERROR), (2, Reason::CANCEL), (3, Reason::INTERNAL_ERROR)] {
        let mut in_the_body = client.call(request("POST", "/body"), false);
        in_the_body.send("12345", false);
        upstream.wait_head(number);
        upstream.wait_bytes(b"12345");
        in_the_body.reset(reason);
        upstream.wait_end(number);
        assert!(
            !upstream.seen(number).bytes.ends_with(b"0\r\n\r\n"),
            "{reason}: completed"
        );
    }
    for _ in 0..4 {
        gateway.log.wait(|line| line["status"] == 499 && line["code"].is_null());
    }
    assert!(upstream.requests().iter().all(|request| request.target() == "/0"));
}

#[test]
#[doc = "RS-05"]
fn an_answer_that_is_no_longer_wanted_is_given_up() {
    let upstream = Upstream::scripted(|conn| {
        if conn.head().is_some() {
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345");
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let client = gateway.h2();
    let mut call = client.call(request("GET", "/x"), true);
    let mut begun = call.begun().unwrap();
    assert_eq!(begun.piece().unwrap().unwrap(), "12345");
    call.reset(Reason::CANCEL);
    upstream.wait_end(0);
    let line = gateway.log.about(("route", "/**"));
    assert_eq!(line["status"], 200);
    assert_eq!(line["reason"], "the client left before the end of the answer");
}

#[test]
fn a_connection_that_breaks_takes_all_its_requests_along() {
    let upstream = silent();
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::to(gateway.address());
    for number in 0..5 {
        raw.send(frames::get(number * 2 + 1, "/x"));
    }
    for number in 0..5 {
        upstream.wait_head(number);
    }
    drop(raw);
    for number in 0..5 {
        upstream.wait_end(number);
    }
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 0.0);
}

#[test]
fn an_answer_that_breaks_off_behind_us_is_reset_and_not_ended() {
    for (number, answer) in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nx\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let upstream = Upstream::answering_once(answer);
        let gateway = Setup::to(&upstream).h2c().start();
        let client = gateway.h2();
        assert_eq!(
            client.call(request("GET", "/x"), true).reset_reason(),
            Reason::INTERNAL_ERROR,
            "{number}"
        );
        let line = gateway.log.about(("route", "/**"));
        assert_eq!(line["code"], "upstream.protocol");
        // The stream alone is gone.
        client.get("/a//b").is_problem(400, "path.ambiguous");
    }
}

#[test]
#[doc = "HTTP-10, HTTP-17"]
fn an_early_answer_is_whole_and_asks_for_no_more_of_the_body() {
    let upstream = Upstream::scripted(|conn| {
        if conn.head().is_some() {
            conn.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::to(gateway.address());
    let fields = [&frames::pseudo("POST", "/x")[..], &[("content-length", "100000")]].concat();
    raw.send(frames::headers(1, 0, &fields));
    raw.send(frames::frame(frames::DATA, 0, 1, [b'x'; 100]));
    assert_eq!(raw.status(1), 403);
    let data = raw.until("the body", |frame| frame.kind == frames::DATA && frame.stream == 1);
    assert_eq!((data.payload, data.flags), (b"no".to_vec(), frames::END_STREAM));
    assert_eq!(raw.reset_of(1), frames::NO_ERROR);
    // What was on its way meanwhile hurts nobody.
    raw.send(frames::frame(frames::DATA, 0, 1, [b'x'; 1000]));
    raw.settle();
    upstream.wait_end(0);
    let line = gateway.log.about(("route", "/**"));
    assert!(line["reason"].is_null(), "{line}");
}

#[test]
#[doc = "HTTP-10"]
fn many_refused_uploads_do_not_cost_the_connection() {
    let gateway = Setup::new().h2c().start();
    let client = gateway.h2();
    for _ in 0..300 {
        let mut call = client.call(request("POST", "/nowhere"), false);
        let _taken = call.try_send(vec![b'x'; 20_000], true);
        call.answer().is_problem(404, "route.none");
    }
    assert!(client.ends_within(Duration::ZERO).is_none());
}

#[test]
#[doc = "RS-01, RS-04"]
fn an_answer_that_finds_no_room_is_given_up_after_half_a_minute() {
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        "x".repeat(100)
    ));
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::beginning(gateway.address(), &frames::window_of(50));
    raw.send(frames::get(1, "/x"));
    let data = raw.until("what there is room for", |frame| frame.kind == frames::DATA);
    assert_eq!((data.payload.len(), data.flags), (50, 0));
    raw.settle();
    gateway.clock.until(
        Duration::from_secs(30),
        Duration::from_secs(32),
        "a reset",
        |patience| {
            raw.next_within(patience)
                .filter(|frame| frame.kind == frames::RST_STREAM)
        },
    );
    let line = gateway.log.about(("route", "/**"));
    assert_eq!(line["reason"], "the client does not take the answer");
    // The connection goes on, and a window that opens in time lets an answer out.
    raw.send(frames::get(3, "/x"));
    raw.until("what there is room for", |frame| {
        frame.kind == frames::DATA && frame.stream == 3
    });
    gateway.clock.advance_secs(20);
    raw.send(frames::window_update(3, 20));
    let data = raw.until("more", |frame| frame.kind == frames::DATA && frame.stream == 3);
    assert_eq!(data.payload.len(), 20);
    // A little room is not enough to begin anew.
    gateway.clock.advance_secs(9);
    raw.send(frames::window_update(3, 1000));
    let data = raw.until("the rest", |frame| frame.kind == frames::DATA && frame.stream == 3);
    assert_eq!((data.payload.len(), data.flags), (30, frames::END_STREAM));
}

#[test]
fn an_upload_goes_on_while_the_client_has_no_room_for_the_answer() {
    let upstream = Upstream::scripted(|conn| {
        if conn.head().is_some() {
            conn.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}",
                "x".repeat(100)
            ));
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::beginning(gateway.address(), &frames::window_of(50));
    raw.send(frames::headers(1, frames::END_HEADERS, &frames::pseudo("POST", "/x")));
    raw.until("what there is room for", |frame| frame.kind == frames::DATA);
    raw.settle();
    for piece in ["first", "second", "third"] {
        raw.send(frames::frame(frames::DATA, 0, 1, piece));
        upstream.wait_bytes(piece.as_bytes());
    }
    raw.send(frames::frame(frames::DATA, frames::END_STREAM, 1, "last"));
    upstream.wait_bytes(b"4\r\nlast\r\n0\r\n\r\n");
}

#[test]
#[doc = "RS-01"]
fn a_body_that_falls_silent_is_refused_on_its_stream_alone() {
    let upstream = silent();
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::to(gateway.address());
    raw.send(frames::headers(1, 0, &frames::pseudo("POST", "/x")));
    raw.send(frames::frame(frames::DATA, 0, 1, [b'x'; 16_384]));
    upstream.wait_head(0);
    raw.settle();
    let frame = gateway.clock.until(
        Duration::from_secs(26),
        Duration::from_secs(31),
        "a refusal",
        |patience| raw.next_within(patience).filter(|frame| frame.kind == frames::HEADERS),
    );
    assert_eq!(frames::status(&frame.payload), 408);
    assert_eq!(raw.reset_of(1), frames::NO_ERROR);
    raw.settle();
    upstream.wait_end(0);
}

#[test]
#[doc = "HTTP-06, HTTP-12"]
fn a_body_of_another_length_than_announced_is_never_completed_upstream() {
    let announced = |length: &'static str| [&frames::pseudo("POST", "/x")[..], &[("content-length", length)]].concat();
    let data = |flags: u8, bytes: &[u8]| frames::frame(frames::DATA, flags, 1, bytes);
    let trailers = frames::headers(1, frames::END_STREAM, &[("x-late", "1")]);
    for (what, frames_sent) in [
        (
            "too short",
            [data(0, b"12345"), data(frames::END_STREAM, b"678")].concat(),
        ),
        (
            "too short, ended by an empty frame",
            [data(0, b"12345"), data(frames::END_STREAM, b"")].concat(),
        ),
        (
            "too short, ended by trailers",
            [data(0, b"12345"), trailers.clone()].concat(),
        ),
        (
            "too long",
            [data(0, b"12345"), data(0, b"678901"), data(frames::END_STREAM, b"")].concat(),
        ),
        (
            "too long in one",
            [data(0, b"12345"), data(frames::END_STREAM, b"67890123")].concat(),
        ),
        (
            "trailers that do not end it",
            [data(0, b"12345"), frames::headers(1, 0, &[("x-late", "1")])].concat(),
        ),
    ] {
        let upstream = silent();
        let gateway = Setup::to(&upstream).h2c().start();
        let mut raw = Raw::to(gateway.address());
        let first = data(0, b"12345").len();
        raw.send(frames::headers(1, 0, &announced("10")))
            .send(&frames_sent[..first]);
        upstream.wait_bytes(b"12345");
        raw.send(&frames_sent[first..]);
        assert_eq!(raw.reset_of(1), frames::PROTOCOL_ERROR, "{what}");
        upstream.wait_end(0);
        assert!(upstream.requests().is_empty(), "{what}: completed");
        // The other streams go on.
        raw.settle();
    }
}

#[test]
#[doc = "HTTP-06, HTTP-12"]
fn a_pseudo_field_among_trailers_ends_the_connection_and_completes_nothing() {
    for field in [(":status", "200"), (":path", "/"), (":x", "y")] {
        let upstream = silent();
        let gateway = Setup::to(&upstream).h2c().start();
        let mut raw = Raw::to(gateway.address());
        raw.send(frames::headers(1, 0, &frames::pseudo("POST", "/x")));
        raw.send(frames::frame(frames::DATA, 0, 1, b"12345"));
        upstream.wait_bytes(b"12345");
        raw.send(frames::headers(1, frames::END_STREAM, &[("x-late", "1"), field]));
        assert_eq!(raw.goaway().1, frames::PROTOCOL_ERROR);
        upstream.wait_end(0);
        assert!(upstream.requests().is_empty(), "{field:?}: completed");
    }
}

#[test]
fn a_connection_carries_on_while_one_of_its_uploads_is_not_taken() {
    let gate = Gate::closed();
    let slow = Upstream::reading_after(&gate, 1024, |conn| conn.wait_end());
    let quick = Upstream::ok();
    let gateway = Setup::new()
        .h2c()
        .upstream("slow", &slow)
        .upstream("quick", &quick)
        .route("{ path: /slow, upstream: slow, auth: public, body_max: 1GiB }")
        .route("{ path: /quick, upstream: quick, auth: public }")
        .start();
    let client = gateway.h2();
    let mut stuck = client.call(with(request("POST", "/slow"), "content-length", "100000000"), false);
    stuck.body.reserve_capacity(100_000_000);
    for _ in 0..600 {
        if stuck.body.capacity() > 0 {
            let length = stuck.body.capacity();
            stuck.body.send_data(vec![b'x'; length].into(), false).unwrap();
        }
        client.post("/quick", vec![b'x'; 10_000]).is(200);
    }
    gate.open();
    drop(stuck);
    slow.end_within(0, LIMIT).unwrap_or(End::Reset);
}
