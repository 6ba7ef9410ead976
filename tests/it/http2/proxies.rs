//! A proxy in front passes the requests of many clients over one connection. What would end a single client's is borne.

use crate::support::frames::{self, PING, frame};
use crate::support::raw::Raw;
use crate::support::{Gateway, Setup, Upstream};

/// More than a single client may.
const MANY: u32 = 300;

fn behind_a_proxy() -> (Upstream, Gateway) {
    let upstream = Upstream::scripted(|conn| {
        while let Some(head) = conn.head() {
            if !head.line.contains("/other") {
                return conn.wait_end();
            }
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = Setup::to(&upstream)
        .listen_with("protocols: [h2c], trusted_proxies: [127.0.0.1]")
        .start();
    (upstream, gateway)
}

/// Another client's request is answered.
#[track_caller]
fn still_serves(raw: &mut Raw) {
    let stream = 2 * MANY + 1;
    raw.send(frames::get(stream, "/other"));
    let head = raw.until("an answer", |frame| {
        frame.kind == frames::GOAWAY || frame.kind == frames::HEADERS && frame.stream == stream
    });
    assert_eq!(head.kind, frames::HEADERS, "{head:?}");
    assert_eq!(frames::status(&head.payload), 200);
}

#[test]
fn a_proxy_may_take_back_many_requests() {
    let (_upstream, gateway) = behind_a_proxy();
    let mut raw = Raw::to(gateway.address());
    for number in 0..MANY {
        raw.send(frames::get(number * 2 + 1, "/x"));
        raw.send(frame(PING, 0, 0, b"01234567"));
        let seen = raw.until("an answer to a PING", |frame| {
            frame.kind == PING || frame.kind == frames::GOAWAY
        });
        assert_eq!(seen.kind, PING, "{number}: {seen:?}");
        raw.send(frames::reset(number * 2 + 1, frames::CANCEL));
    }
    still_serves(&mut raw);
}

#[test]
fn a_proxy_may_take_back_many_requests_in_the_same_breath() {
    let (_upstream, gateway) = behind_a_proxy();
    let mut raw = Raw::to(gateway.address());
    let burst: Vec<u8> = (0..MANY)
        .flat_map(|number| {
            let stream = number * 2 + 1;
            [frames::get(stream, "/x"), frames::reset(stream, frames::CANCEL)].concat()
        })
        .collect();
    raw.send(burst);
    still_serves(&mut raw);
}

#[test]
fn a_proxy_may_pass_on_many_requests_that_must_be_reset() {
    let (_upstream, gateway) = behind_a_proxy();
    let mut raw = Raw::to(gateway.address());
    for number in 0..MANY {
        let stream = number * 2 + 1;
        let too_far = frames::window_update(stream, 0x7fff_ffff).repeat(2);
        raw.send([frames::get(stream, "/x"), too_far].concat());
        raw.reset_of(stream);
    }
    still_serves(&mut raw);
}
