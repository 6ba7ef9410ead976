//! Upstreams that break the rules of HTTP/2, by hand. Each costs one request, and the next one is served.

use super::to;
use crate::support::h2::{H2, request};
use crate::support::upstream::Conn;
use crate::support::upstream::frames::{self, END_HEADERS, END_STREAM, block, frame, headers, settings};
use crate::support::upstream::http2::Http2Upstream;
use crate::support::{Gate, Gateway, LIMIT, Setup, Upstream, get};

const OK: &[(&str, &str)] = &[(":status", "200")];

/// Answers the first request of its first connection with these bytes, and everything else properly.
fn answering(answer: Vec<u8>) -> Upstream {
    Upstream::counting(1 << 20, move |conn| {
        conn.send(settings(&[]));
        let mut first = conn.number() == 0;
        while let Some(stream) = conn.frame_of(frames::HEADERS) {
            if std::mem::take(&mut first) {
                assert_eq!(stream.stream, 1);
                conn.send(&answer);
            } else {
                conn.send(frames::ok(stream.stream));
            }
        }
    })
}

fn to_raw(upstream: &Upstream) -> Gateway {
    Setup::to_with(upstream, "protocol: h2c").start()
}

/// The request gets 502, and the next one is answered.
#[track_caller]
fn is_refused(what: &str, answer: Vec<u8>) {
    let upstream = answering(answer);
    let gateway = to_raw(&upstream);
    let first = gateway.get("/first");
    assert_eq!(first.status, 502, "{what}");
    first.is_problem(502, "upstream.protocol");
    assert_eq!(gateway.get("/second").status, 200, "{what}");
}

#[test]
#[doc = "HTTP-16"]
fn heads_that_are_none_are_502() {
    let head = |fields: &[(&str, &str)]| headers(1, END_STREAM, fields);
    for (what, answer) in [
        ("no status", head(&[("x", "1")])),
        ("two statuses", head(&[(":status", "200"), (":status", "200")])),
        ("a status that is no number", head(&[(":status", "abc")])),
        ("a status of two digits", head(&[(":status", "20")])),
        ("a switch", headers(1, 0, &[(":status", "101")])),
        ("a status behind a field", head(&[("x", "1"), (":status", "200")])),
        (
            "a pseudo field nobody knows",
            head(&[(":status", "200"), (":other", "1")]),
        ),
        ("an upper-case name", head(&[(":status", "200"), ("X-Upper", "1")])),
        ("a name with a blank", head(&[(":status", "200"), ("x y", "1")])),
        (
            "a name with a quotation mark",
            head(&[(":status", "200"), ("x\"y", "1")]),
        ),
        ("an empty name", head(&[(":status", "200"), ("", "1")])),
        ("a line feed in a value", head(&[(":status", "200"), ("x", "a\nb")])),
        (
            "a carriage return in a value",
            head(&[(":status", "200"), ("x", "a\rb")]),
        ),
        ("a NUL in a value", head(&[(":status", "200"), ("x", "a\0b")])),
        (
            "a Connection field",
            head(&[(":status", "200"), ("connection", "close")]),
        ),
        (
            "a transfer coding",
            head(&[(":status", "200"), ("transfer-encoding", "chunked")]),
        ),
        ("an Upgrade field", head(&[(":status", "200"), ("upgrade", "h2c")])),
        (
            "two lengths",
            head(&[(":status", "200"), ("content-length", "1"), ("content-length", "2")]),
        ),
        (
            "a length that is no number",
            head(&[(":status", "200"), ("content-length", "+1")]),
        ),
        (
            "a length beyond all numbers",
            head(&[(":status", "200"), ("content-length", "99999999999999999999")]),
        ),
        (
            "a length and no body",
            head(&[(":status", "200"), ("content-length", "5")]),
        ),
        (
            "a length where no body can be",
            head(&[(":status", "204"), ("content-length", "5")]),
        ),
        ("a reset", frames::reset(1, 1)),
    ] {
        is_refused(what, answer);
    }
}

#[test]
#[doc = "HTTP-16"]
fn frames_that_break_the_connection_are_502_and_the_next_request_gets_a_new_one() {
    for (what, answer) in [
        ("data before the head", frame(frames::DATA, END_STREAM, 1, "early")),
        ("settings of a strange length", frame(frames::SETTINGS, 0, 0, [0; 5])),
        ("settings on a stream", frame(frames::SETTINGS, 0, 1, [])),
        ("a ping of a strange length", frame(frames::PING, 0, 0, [0; 7])),
        (
            "a window that opens by nothing",
            frame(frames::WINDOW_UPDATE, 0, 0, [0; 4]),
        ),
        (
            "a window beyond all windows",
            frame(frames::WINDOW_UPDATE, 0, 0, [0x7f, 0xff, 0xff, 0xff]),
        ),
        ("a head on a stream nobody began", headers(101, END_STREAM, OK)),
        ("a head on a stream of its own", headers(2, END_STREAM, OK)),
        ("a head on no stream", headers(0, END_STREAM, OK)),
        (
            "a continuation of nothing",
            frame(frames::CONTINUATION, END_HEADERS, 1, block(OK)),
        ),
        (
            "a frame inside a head",
            [
                frame(frames::HEADERS, 0, 1, block(OK)),
                frame(frames::PING, 0, 0, [0; 8]),
            ]
            .concat(),
        ),
        (
            "a promise nobody asked for",
            frame(
                frames::PUSH_PROMISE,
                END_HEADERS,
                1,
                [&2_u32.to_be_bytes()[..], &block(&[(":method", "GET"), (":path", "/")])].concat(),
            ),
        ),
        (
            "fields that cannot be read",
            frame(frames::HEADERS, END_HEADERS | END_STREAM, 1, [0xff; 8]),
        ),
        (
            "a frame larger than any may be",
            frame(frames::DATA, 0, 1, vec![0; 20_000]),
        ),
        (
            "a goodbye with an error",
            [frames::goaway(1, 1), frames::reset(1, 2)].concat(),
        ),
        (
            "another protocol",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
    ] {
        is_refused(what, answer);
    }
}

#[test]
#[doc = "HTTP-16"]
fn an_answers_head_may_have_64_kib_and_no_more() {
    let fields = |size: usize| {
        let mut fields = vec![(":status".to_owned(), "200".to_owned())];
        fields.extend((0..size / 8192).map(|number| (format!("x-{number}"), "v".repeat(8192 - 32 - 4))));
        fields
    };
    let head = |size: usize| {
        let fields = fields(size);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let block = block(&fields);
        let (first, rest) = block.split_at(16_000);
        let mut bytes = frame(frames::HEADERS, END_STREAM, 1, first);
        let mut rest = rest.chunks(16_000).peekable();
        while let Some(part) = rest.next() {
            let flags = if rest.peek().is_none() { END_HEADERS } else { 0 };
            bytes.extend(frame(frames::CONTINUATION, flags, 1, part));
        }
        bytes
    };
    let upstream = answering(head(56 * 1024));
    to_raw(&upstream).get("/x").is(200);
    is_refused("72 KiB", head(72 * 1024));
}

#[test]
#[doc = "HTTP-16"]
fn a_head_that_goes_on_for_ever_ends_its_connection() {
    let upstream = Upstream::counting(1 << 20, |conn| {
        conn.send(settings(&[]));
        if conn.frame_of(frames::HEADERS).is_none() {
            return;
        }
        if conn.number() > 0 {
            conn.send(frames::ok(1));
            conn.wait_end();
            return;
        }
        conn.send(frame(frames::HEADERS, 0, 1, block(OK)));
        while conn.send(frame(frames::CONTINUATION, 0, 1, [])) {}
    });
    let gateway = to_raw(&upstream);
    gateway.get("/x").is_problem(502, "upstream.protocol");
    assert!(upstream.end_within(0, LIMIT).is_some());
    gateway.get("/x").is(200);
}

/// An answer that goes wrong behind its head is cut off, and what was announced is never made up for.
#[track_caller]
fn is_cut_off(what: &str, answer: Vec<u8>) {
    let upstream = answering(answer);
    let gateway = to_raw(&upstream);
    let mut client = gateway.client();
    client.send(get("/first"));
    let answered = client.answer(false);
    assert!(answered.is_err(), "{what}: {answered:?}");
    gateway.log.about(("code", "upstream.protocol"));
    assert_eq!(gateway.get("/second").status, 200, "{what}");
}

#[test]
#[doc = "HTTP-16"]
fn an_answer_whose_body_is_not_as_long_as_it_says_is_cut_off() {
    let sized = headers(1, 0, &[(":status", "200"), ("content-length", "5")]);
    let data = |flags, data: &str| frame(frames::DATA, flags, 1, data);
    for (what, frames) in [
        ("short", data(END_STREAM, "abc")),
        (
            "short before trailers",
            [data(0, "abc"), headers(1, END_STREAM, &[("x-sum", "1")])].concat(),
        ),
        ("long", data(END_STREAM, "abcdefgh")),
        (
            "trailers that do not end it",
            [data(0, "abc"), headers(1, 0, &[("x-sum", "1")])].concat(),
        ),
        (
            "trailers with a status",
            [data(0, "abc"), headers(1, END_STREAM, OK)].concat(),
        ),
    ] {
        is_cut_off(what, [sized.clone(), frames].concat());
    }
}

#[test]
#[doc = "HTTP-16"]
fn what_follows_a_head_that_has_no_body_is_told_as_it_was() {
    let head = headers(1, 0, &[(":status", "204")]);
    for (what, end, told) in [
        ("a body", frame(frames::DATA, END_STREAM, 1, "surplus"), "sent a body"),
        ("a reset", frames::reset(1, 2), "gave no valid answer"),
    ] {
        let upstream = answering([head.clone(), end].concat());
        let gateway = to_raw(&upstream);
        gateway.get("/first").is_problem(502, "upstream.protocol");
        let line = gateway.log.about(("code", "upstream.protocol"));
        assert!(line["reason"].as_str().unwrap().contains(told), "{what}: {line}");
    }
}

#[test]
#[doc = "HTTP-16"]
fn what_follows_the_announced_length_goes_nowhere() {
    let upstream = answering(
        [
            headers(1, 0, &[(":status", "200"), ("content-length", "5")]),
            frame(frames::DATA, 0, 1, "abcde"),
            frame(frames::DATA, END_STREAM, 1, "HTTP/1.1 200 OK\r\n\r\n"),
        ]
        .concat(),
    );
    let gateway = to_raw(&upstream);
    let mut client = gateway.client();
    client.send(get("/first"));
    if let Ok(answer) = client.answer(false) {
        assert_eq!(answer.is(200).body, b"abcde");
        client.heard_nothing();
    }
    gateway.get("/second").is(200);
}

#[test]
fn an_upstream_that_ignores_our_windows_loses_its_stream() {
    let upstream = Upstream::counting(1 << 20, |conn: &mut Conn| {
        conn.send(settings(&[]));
        let mut first = true;
        while let Some(stream) = conn.frame_of(frames::HEADERS) {
            conn.send(headers(stream.stream, 0, OK));
            if std::mem::take(&mut first) {
                let piece = frame(frames::DATA, 0, stream.stream, vec![b'x'; 16_000]);
                // More than all windows together.
                for _ in 0..2_000 {
                    conn.send(&piece);
                }
            } else {
                conn.send(frame(frames::DATA, END_STREAM, stream.stream, "ok"));
            }
        }
    });
    let gateway = to_raw(&upstream);
    let mut client = crate::support::Client::narrow(gateway.address());
    client.send(get("/x"));
    client.read_until(b"\r\n\r\n");
    // It reads no more; what the upstream sends nevertheless is not kept for it, and others get their answers.
    assert_eq!(gateway.get("/y").is(200).text(), "ok");
    let rest = client.read_to_end();
    assert!(!rest.ends_with(b"0\r\n\r\n") && rest.len() < 16 << 20, "{}", rest.len());
    gateway.log.about(("code", "upstream.protocol"));
}

#[test]
#[doc = "RS-05"]
fn many_clients_that_leave_do_not_cost_the_others_their_connection() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        stream.read_all().await;
        stream.answer_with(vec![b'x'; 32 * 1024]);
    });
    let gateway = to(&upstream).start();
    for _ in 0..20 {
        let clients: Vec<_> = (0..50)
            .map(|_| {
                let mut client = gateway.client();
                client.send(get("/leaves"));
                client
            })
            .collect();
        for client in clients {
            client.reset();
        }
        gateway.get("/stays").is(200);
    }
    // Each takes 64 that leave, and nobody else's request is lost when it is given up.
    assert!(upstream.connections() <= 2 + 1000 / 64, "{}", upstream.connections());
    upstream.wait_open(1);
}

#[test]
fn slow_readers_of_tiny_messages_do_not_cost_the_others_their_connection() {
    const SLOW: usize = 30;
    const STREAM_WINDOW: usize = 64 * 1024;
    let full = Gate::closed();
    let told = full.clone();
    let upstream = Upstream::counting(1 << 20, move |conn| {
        conn.send(settings(&[]));
        let slow: Vec<u32> = (0..SLOW)
            .filter_map(|_| conn.frame_of(frames::HEADERS))
            .map(|head| head.stream)
            .collect();
        for stream in slow {
            conn.send(headers(stream, 0, OK));
            let message = frame(frames::DATA, 0, stream, "12345");
            conn.send(message.repeat(STREAM_WINDOW / 5));
        }
        conn.send(frame(frames::PING, 0, 0, [7; 8]));
        while let Some(ping) = conn.frame_of(frames::PING) {
            if ping.payload == [7; 8] {
                break;
            }
        }
        told.open();
        while let Some(other) = conn.frame_of(frames::HEADERS) {
            conn.send(frames::ok(other.stream));
        }
    });
    let gateway = Setup::to_with(&upstream, "protocol: h2c").h2c().start();
    let slow = H2::with(gateway.address(), h2::client::Builder::new().initial_window_size(0));
    let calls: Vec<_> = (0..SLOW).map(|_| slow.call(request("GET", "/slow"), true)).collect();
    full.wait();
    gateway.h2().get("/other").is(200);
    assert_eq!(upstream.connections(), 1);
    drop(calls);
}
