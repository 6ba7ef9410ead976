//! Windows: opened in small steps, filled with small frames, and opened too slowly.

use std::time::Duration;

use crate::support::frames::{self, DATA, HEADERS, RST_STREAM};
use crate::support::raw::Raw;
use crate::support::{Gate, Gateway, Setup, Upstream};

#[test]
fn a_long_answer_arrives_whole_at_a_client_that_opens_its_windows_in_small_steps() {
    const LENGTH: usize = 16 << 20;
    const STEP: usize = 4096;
    const WINDOW: u32 = 1 << 20;
    let upstream = Upstream::scripted(|conn| {
        let Some(_request) = conn.request() else { return };
        conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"));
        conn.send(vec![b'x'; LENGTH]);
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let wide = [frames::window_of(WINDOW), frames::window_update(0, WINDOW)].concat();
    let mut raw = Raw::beginning(gateway.address(), &wide);
    raw.send(frames::get(1, "/x"));
    let step = u32::try_from(STEP).unwrap();
    let both = [frames::window_update(1, step), frames::window_update(0, step)].concat();
    let (mut seen, mut given) = (0, 0);
    while seen < LENGTH {
        let data = raw.until("a piece", |frame| frame.kind == DATA);
        seen += data.payload.len();
        let steps = (seen - given) / STEP;
        given += steps * STEP;
        raw.send(both.repeat(steps));
    }
    raw.settle();
}

#[test]
fn small_messages_may_fill_the_whole_window_while_nobody_reads_them() {
    const STREAM_WINDOW: usize = 128 * 1024;
    // A message of gRPC with little in it, and one with nothing in it.
    for size in [30, 5] {
        let gate = Gate::closed();
        let held = gate.clone();
        let upstream = Upstream::scripted(move |conn| {
            while let Some(request) = conn.request() {
                if request.target() == "/first" {
                    held.wait();
                }
                conn.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        let gateway = Setup::to_with(&upstream, "max_connections: 1").h2c().start();
        let mut raw = Raw::to(gateway.address());
        // The windows are as wide as ours say once the client has heard it.
        raw.settle();
        raw.send(frames::frame(frames::SETTINGS, frames::ACK, 0, []));
        raw.send(frames::get(1, "/first"));
        upstream.wait_requests(1);
        let streams: Vec<u32> = (0..8).map(|number| 3 + 2 * number).collect();
        let count = STREAM_WINDOW / size;
        for stream in &streams {
            let length = (count * size).to_string();
            let head = [&frames::pseudo("POST", "/x")[..], &[("content-length", &length)]].concat();
            raw.send(frames::headers(*stream, 0, &head));
            let message = vec![b'x'; size];
            raw.send(frames::frame(DATA, 0, *stream, message).repeat(count));
        }
        raw.settle();
        gate.open();
        for stream in &streams {
            raw.send(frames::frame(DATA, frames::END_STREAM, *stream, b""));
        }
        for stream in &streams {
            raw.until("an answer", |frame| frame.kind == HEADERS && frame.stream == *stream);
        }
        let whole = |length: usize| length == count * size;
        let requests = upstream.wait_requests(9);
        assert!(requests[1..].iter().all(|request| whole(request.body.len())), "{size}");
    }
}

/// A client without room for the answer that it has asked for, and the gateway.
fn without_room() -> (Gateway, Raw) {
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{}",
        "x".repeat(60_000)
    ));
    let gateway = Setup::to(&upstream).h2c().start();
    let mut raw = Raw::beginning(gateway.address(), &frames::window_of(0));
    raw.send(frames::get(1, "/x"));
    raw.until("a head", |frame| frame.kind == HEADERS);
    raw.settle();
    (gateway, raw)
}

/// Ten seconds later there is room for so much, and so much comes.
fn takes(gateway: &Gateway, raw: &mut Raw, length: u32) {
    gateway.clock.advance_secs(10);
    raw.send(frames::window_update(1, length));
    let mut left = length as usize;
    while left > 0 {
        let part = raw.until("a part", |frame| matches!(frame.kind, DATA | RST_STREAM));
        assert_eq!(part.kind, DATA);
        left -= part.payload.len();
    }
    raw.settle();
}

#[test]
#[doc = "RS-01, RS-04"]
fn a_window_that_is_opened_by_a_byte_now_and_then_keeps_no_answer() {
    let (gateway, mut raw) = without_room();
    takes(&gateway, &mut raw, 1);
    takes(&gateway, &mut raw, 1);
    let reset = gateway.clock.until(
        Duration::from_secs(10),
        Duration::from_secs(12),
        "a reset",
        |patience| raw.next_within(patience).filter(|frame| frame.kind == RST_STREAM),
    );
    assert_eq!(reset.payload, frames::CANCEL.to_be_bytes());
    let line = gateway.log.about(("route", "/**"));
    assert_eq!(line["reason"], "the client does not take the answer");
}

#[test]
fn a_window_that_is_opened_slowly_and_steadily_keeps_its_answer() {
    let (gateway, mut raw) = without_room();
    for _ in 0..20 {
        takes(&gateway, &mut raw, 512);
    }
    for _ in 0..20 {
        takes(&gateway, &mut raw, 1024);
    }
}
