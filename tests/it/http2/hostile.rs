//! Clients that ask for work and let none of it be done, one kind at a time, and a polite one beside each who must not
//! notice.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::frames::{
    self, CONTINUATION, DATA, END_STREAM, ENHANCE_YOUR_CALM, Frame, HEADERS, PING, PRIORITY, PROTOCOL_ERROR,
    RST_STREAM, SETTINGS, frame,
};
use crate::support::raw::Raw;
use crate::support::{Gateway, Process, Setup, Upstream, h2::H2};

/// An upstream that answers the polite and leaves the others waiting.
fn upstream() -> Upstream {
    Upstream::scripted(|conn| {
        while let Some(head) = conn.head() {
            if !head.line.contains("/polite") {
                return conn.wait_end();
            }
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

/// RS-07's bound for the polite one: no error, and 99 of 100 answers within 250 ms.
fn beside_a_polite_client<T: Send>(gateway: &Gateway, hostile: impl FnOnce(Raw) -> T + Send) -> T {
    let (polite, raw) = (gateway.h2(), Raw::to(gateway.address()));
    thread::scope(|scope| {
        let attack = scope.spawn(|| hostile(raw));
        let mut took = Vec::new();
        while took.len() < 50 || !attack.is_finished() {
            let began = Instant::now();
            polite.get("/polite").is(200);
            took.push(began.elapsed());
        }
        took.sort();
        let p99 = took[took.len() * 99 / 100];
        assert!(
            p99 < Duration::from_millis(250),
            "one in a hundred took more than {p99:?}"
        );
        attack.join().unwrap()
    })
}

fn flooding(gateway: &Gateway) {
    gateway.wait_metric(
        "portcullis_connections_refused_total",
        &["reason=\"flooding\""],
        |count| count == 1.0,
    );
}

/// How many requests of the hostile one came to the upstream.
fn reached(upstream: &Upstream) -> usize {
    (0..upstream.connections())
        .filter(|number| !upstream.seen(*number).bytes.is_empty())
        .filter(|number| !upstream.seen(*number).bytes.starts_with(b"GET /polite"))
        .count()
}

#[test]
#[doc = "RS-04"]
fn control_frames_in_masses_end_the_connection() {
    let ping = frame(PING, 0, 0, b"01234567");
    for (what, one) in [
        ("PING", ping.clone()),
        ("PING that answers none", frame(PING, frames::ACK, 0, b"01234567")),
        ("SETTINGS", frame(SETTINGS, 0, 0, [])),
        ("WINDOW_UPDATE", frames::window_update(0, 1)),
        ("PRIORITY", frame(PRIORITY, 0, 5, [0, 0, 0, 0, 1])),
        ("a frame of no known type", frame(0xfa, 0, 0, b"x")),
    ] {
        let upstream = upstream();
        let gateway = Setup::to(&upstream).h2c().start();
        let reason = beside_a_polite_client(&gateway, |mut raw| {
            raw.flood(&one.repeat(100), 30);
            let reason = raw.goaway().1;
            raw.is_closed();
            reason
        });
        assert_eq!(reason, ENHANCE_YOUR_CALM, "{what}");
        flooding(&gateway);
        assert_eq!(reached(&upstream), 0, "{what}");
    }
}

#[test]
#[doc = "RS-04"]
fn requests_taken_back_in_the_same_breath_end_the_connection_and_reach_nobody() {
    let upstream = upstream();
    let gateway = Setup::to(&upstream).h2c().start();
    let reason = beside_a_polite_client(&gateway, |mut raw| {
        let burst: Vec<u8> = (0..500)
            .flat_map(|number| {
                [
                    frames::get(number * 2 + 1, "/x"),
                    frames::reset(number * 2 + 1, frames::CANCEL),
                ]
                .concat()
            })
            .collect();
        raw.send(burst);
        raw.goaway().1
    });
    assert_eq!(reason, ENHANCE_YOUR_CALM);
    flooding(&gateway);
    assert_eq!(reached(&upstream), 0);
}

#[test]
#[doc = "RS-04, RS-05"]
fn requests_taken_back_a_little_later_end_the_connection_and_leave_nothing_behind() {
    let upstream = upstream();
    let gateway = Setup::to(&upstream).h2c().start();
    let taken = beside_a_polite_client(&gateway, |mut raw| {
        for number in 0..1000 {
            raw.send(frames::get(number * 2 + 1, "/x"));
            raw.send(frame(PING, 0, 0, b"01234567"));
            let seen = raw.until("an answer to a PING", |frame| {
                frame.kind == PING || frame.kind == frames::GOAWAY
            });
            if seen.kind == frames::GOAWAY {
                return number;
            }
            raw.send(frames::reset(number * 2 + 1, frames::CANCEL));
        }
        panic!("a thousand requests were taken back");
    });
    assert!((150..=210).contains(&taken), "{taken}");
    flooding(&gateway);
    for number in 0..upstream.connections() {
        if !upstream.seen(number).bytes.starts_with(b"GET /polite") {
            upstream.wait_end(number);
        }
    }
}

#[test]
#[doc = "RS-04"]
fn a_client_that_makes_us_reset_its_streams_is_ended() {
    let upstream = upstream();
    let gateway = Setup::to(&upstream).h2c().start();
    for (what, wrong) in [
        (
            "a window opened by nothing",
            frames::window_update as fn(u32, u32) -> Vec<u8>,
        ),
        ("a window opened too far", |stream, _| {
            [
                frames::window_update(stream, 0x7fff_ffff),
                frames::window_update(stream, 0x7fff_ffff),
            ]
            .concat()
        }),
        ("a stream that depends on itself", |stream, _| {
            frame(PRIORITY, 0, stream, stream_and_weight(stream))
        }),
    ] {
        let reason = beside_a_polite_client(&gateway, |mut raw| {
            for number in 0..2000 {
                let stream = number * 2 + 1;
                raw.send([frames::get(stream, "/x"), wrong(stream, 0)].concat());
            }
            raw.goaway().1
        });
        assert!(
            [ENHANCE_YOUR_CALM, PROTOCOL_ERROR].contains(&reason),
            "{what}: {reason}"
        );
    }
}

fn stream_and_weight(stream: u32) -> Vec<u8> {
    [&stream.to_be_bytes()[..], &[1]].concat()
}

#[test]
#[doc = "RS-04"]
fn empty_and_tiny_pieces_of_a_body_end_the_connection() {
    for (what, piece, times) in [("empty", &b""[..], 30), ("a byte", &b"x"[..], 1060)] {
        let (slow, upstream) = (upstream(), upstream());
        let gateway = Setup::new()
            .h2c()
            .upstream_as("slow", &format!("{{ urls: [\"{}\"], max_connections: 1 }}", slow.url()))
            .upstream("up", &upstream)
            .route("{ path: /x, upstream: slow, auth: public }")
            .route("{ path: /polite, upstream: up, auth: public }")
            .start();
        let reason = beside_a_polite_client(&gateway, |mut raw| {
            raw.settle();
            raw.send(frame(SETTINGS, frames::ACK, 0, []));
            // One holds the only connection there is; the bodies of those behind it wait here.
            for stream in [1, 3, 5] {
                raw.send(frames::headers(stream, 0, &frames::pseudo("POST", "/x")));
            }
            // Within the windows of both: what ends it is that there are so many.
            let both = [frame(DATA, 0, 3, piece), frame(DATA, 0, 5, piece)].concat();
            raw.flood(&both.repeat(100), times);
            raw.goaway().1
        });
        assert_eq!(reason, ENHANCE_YOUR_CALM, "{what}");
        flooding(&gateway);
    }
}

#[test]
#[doc = "RS-04"]
fn header_blocks_without_end_end_the_connection() {
    let upstream = upstream();
    let block = frames::block(&frames::pseudo("GET", "/x"));
    for (what, more) in [
        ("empty CONTINUATION", frame(CONTINUATION, 0, 1, []).repeat(1000)),
        (
            "fields without end",
            (0..1000)
                .flat_map(|_| frame(CONTINUATION, 0, 1, frames::block(&[("x-pad", &"x".repeat(1000))])))
                .collect(),
        ),
        (
            "a field without end",
            frame(CONTINUATION, 0, 1, vec![b'x'; 16_000]).repeat(100),
        ),
    ] {
        let gateway = Setup::to(&upstream).h2c().start();
        let start = match what {
            // A literal whose value is said to be a gigabyte.
            "a field without end" => [&block[..], &[0, 1, b'x', 0x7f, 0xff, 0xff, 0xff, 0xff, 0x03]].concat(),
            _ => block.clone(),
        };
        let reason = beside_a_polite_client(&gateway, |mut raw| {
            raw.send(frame(HEADERS, END_STREAM, 1, &start));
            raw.flood(&more, 1);
            raw.goaway().1
        });
        assert_ne!(reason, 0, "{what}");
    }
    assert_eq!(reached(&upstream), 0);
}

#[test]
#[doc = "RS-04"]
fn a_head_that_unfolds_to_many_times_its_size_ends_the_connection() {
    let upstream = upstream();
    let gateway = Setup::to(&upstream).h2c().start();
    let reason = beside_a_polite_client(&gateway, |mut raw| {
        // Remembered once, named two thousand times.
        let mut block = frames::block(&frames::pseudo("GET", "/x"));
        block.extend([0x40, 1, b'x', 0x7f]);
        block.extend([0x81, 0x1e]);
        block.extend([b'y'; 127 + 1 + 30 * 128]);
        block.extend([0xbe; 2000]);
        raw.send(frame(HEADERS, END_STREAM | frames::END_HEADERS, 1, &block));
        raw.goaway().1
    });
    assert_eq!(reason, ENHANCE_YOUR_CALM);
    flooding(&gateway);
    assert_eq!(reached(&upstream), 0);
}

#[test]
#[doc = "RS-02, RS-04"]
fn a_head_with_too_many_or_too_long_fields_is_refused_alone() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    let pad = "x".repeat(6000);
    let names: Vec<String> = (0..101).map(|number| format!("x-{number}")).collect();
    let cases: [(&str, Vec<(&str, &str)>); 4] = [
        ("fields", names.iter().map(|name| (name.as_str(), "1")).collect()),
        ("cookies as fields", vec![("cookie", "a=1"); 101]),
        ("cookies in fields", vec![("cookie", "a=1; b=2; c=3"); 40]),
        ("bytes", vec![("x-pad", &*pad); 3]),
    ];
    for (what, more) in cases {
        let mut raw = Raw::to(gateway.address());
        let fields = [&frames::pseudo("GET", "/x")[..], &more].concat();
        let block = frames::block(&fields);
        let (first, rest) = block.split_at(block.len().min(16_000));
        raw.send(frame(HEADERS, END_STREAM, 1, first));
        raw.send(frame(CONTINUATION, frames::END_HEADERS, 1, rest));
        assert_eq!(raw.status(1), 431, "{what}");
        raw.send(frames::get(3, "/fine"));
        raw.until("an answer", |frame| frame.kind == HEADERS && frame.stream == 3);
    }
    assert_eq!(upstream.requests().len(), 4);
}

#[test]
#[doc = "RS-04"]
fn the_hundred_and_first_request_at_a_time_is_refused_and_the_others_are_not() {
    let upstream = upstream();
    let gateway = Setup::to(&upstream).h2c().start();
    beside_a_polite_client(&gateway, |mut raw| {
        for number in 0..100 {
            raw.send(frames::get(number * 2 + 1, "/x"));
        }
        raw.send(frames::get(201, "/too-many"));
        let frame = raw.until("a reset", |frame| frame.kind == RST_STREAM);
        assert_eq!((frame.stream, &frame.payload[..]), (201, &7_u32.to_be_bytes()[..]));
        raw.settle();
    });
    assert!(
        upstream
            .requests()
            .iter()
            .all(|request| request.target() != "/too-many")
    );
}

#[test]
#[doc = "RS-04"]
fn a_client_that_opens_no_window_holds_its_answers_for_half_a_minute_and_is_ended() {
    let body = "x".repeat(60_000);
    let upstream = Upstream::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{body}"));
    let gateway = Setup::to(&upstream).h2c().start();
    let polite = H2::to(gateway.address());
    let mut raw = Raw::beginning(gateway.address(), &frames::window_of(0));
    for number in 0..100 {
        raw.send(frames::get(number * 2 + 1, "/x"));
    }
    for _ in 0..100 {
        raw.until("a head", |frame| frame.kind == HEADERS);
    }
    raw.settle();
    polite.get("/polite").is(200);
    let goaway = gateway.clock.until(
        Duration::from_secs(30),
        Duration::from_secs(32),
        "the end",
        |patience| raw.next_within(patience).filter(|frame| frame.kind == frames::GOAWAY),
    );
    assert_eq!(goaway.payload[4..8], ENHANCE_YOUR_CALM.to_be_bytes());
    flooding(&gateway);
    polite.get("/polite").is(200);
}

#[test]
#[doc = "HTTP-12"]
fn what_is_no_http2_ends_the_connection() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    for (what, first, reason) in [
        ("no SETTINGS", frames::get(1, "/x"), PROTOCOL_ERROR),
        (
            "a frame beyond the size",
            [settings(), frame(PING, 0, 0, vec![0; 20_000])].concat(),
            frames::FRAME_SIZE_ERROR,
        ),
        (
            "a promise",
            [settings(), frame(frames::PUSH_PROMISE, 4, 1, [0, 0, 0, 2])].concat(),
            PROTOCOL_ERROR,
        ),
        (
            "a body without a head",
            [settings(), frame(DATA, 0, 1, b"x")].concat(),
            PROTOCOL_ERROR,
        ),
        (
            "a stream of ours",
            [settings(), frames::get(2, "/x")].concat(),
            PROTOCOL_ERROR,
        ),
        (
            "a stream twice",
            [settings(), frames::get(3, "/a"), frames::get(1, "/x")].concat(),
            PROTOCOL_ERROR,
        ),
        (
            "a block that is interrupted",
            [
                settings(),
                frame(HEADERS, END_STREAM, 1, frames::block(&frames::pseudo("GET", "/x"))),
                frame(PING, 0, 0, b"01234567"),
            ]
            .concat(),
            PROTOCOL_ERROR,
        ),
        (
            "a block that cannot be unpacked",
            [settings(), frame(HEADERS, 5, 1, [0xff, 0xff, 0xff])].concat(),
            PROTOCOL_ERROR,
        ),
    ] {
        let mut raw = Raw::beginning(gateway.address(), &first);
        assert_eq!(raw.goaway().1, reason, "{what}");
        raw.is_closed();
    }
    assert!(upstream.requests().iter().all(|request| request.target() == "/a"));
}

fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, [])
}

#[test]
fn what_polite_clients_do_is_no_flood() {
    const EVENTS: u32 = 3000;
    let upstream = Upstream::scripted(|conn| {
        let Some(_request) = conn.request() else { return };
        conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..EVENTS {
            conn.send("5\r\nevent\r\n");
        }
        conn.wait_end();
    });
    let gateway = Setup::to_with(&upstream, "timeouts: { idle: 24h }").h2c().start();
    let mut raw = Raw::to(gateway.address());
    raw.send(frames::get(1, "/x"));
    let mut left = EVENTS * 5;
    while left > 0 {
        let Frame { payload, .. } = raw.until("a piece", |frame| frame.kind == DATA);
        let length = u32::try_from(payload.len()).unwrap();
        left -= length;
        // Room for each piece at once, on both levels, as simple clients give it.
        raw.send([frames::window_update(1, length), frames::window_update(0, length)].concat());
    }
    // And a ping every ten seconds, for six hours of silence.
    for _ in 0..2160 {
        raw.settle();
        gateway.clock.advance_secs(10);
    }
    raw.settle();
}

#[test]
#[doc = "RS-04, RS-07"]
fn memory_does_not_grow_from_one_hostile_wave_of_http2_to_the_next() {
    let body = "x".repeat(200_000);
    let upstream = Upstream::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n{body}"));
    let setup = Setup::to(&upstream)
        .h2c()
        .top("connections: { max: 400, per_address: 400 }\nlog: { access: false }");
    let process = Process::start(&setup);
    let wave = || {
        let mut clients: Vec<Raw> = (0..20)
            .map(|_| Raw::beginning(process.address, &frames::window_of(0)))
            .collect();
        for raw in &mut clients {
            // The window is as wide as it gets once we have said so.
            raw.settle();
            for number in 0..100 {
                let mut fields = frames::pseudo("POST", "/x");
                let pad = "x".repeat(4000);
                fields.push(("x-pad", &pad));
                raw.send(frames::headers(number * 2 + 1, 0, &fields));
                raw.send(frame(DATA, 0, number * 2 + 1, [b'x'; 5000]));
            }
            raw.settle();
        }
        drop(clients);
        process.wait_metric("portcullis_open_connections", |open| open == 0.0);
        process.memory().0
    };
    let warm = (0..4).map(|_| wave()).max().unwrap();
    let after = (0..4).map(|_| wave()).min().unwrap();
    assert!(after * 10 <= warm * 12, "{} KiB became {} KiB", warm >> 10, after >> 10);
    // Two thousand requests at a time, their heads, bodies and answers.
    assert!(
        process.memory().1 < 250 << 20,
        "{} KiB at most",
        process.memory().1 >> 10
    );
}
