//! Windows: opened in small steps, filled with small frames, and opened too slowly.

use crate::support::frames::{self, DATA, HEADERS};
use crate::support::raw::Raw;
use crate::support::{Gate, Setup, Upstream};

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
