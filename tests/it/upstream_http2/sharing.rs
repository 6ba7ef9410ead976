//! Connections that requests share: how many there are, who gets room on them, and how they come and go.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, thread};

use portcullis::upstream::Resolve;

use super::{to, to_with};
use crate::support::frames::{self, MAX_CONCURRENT_STREAMS};
use crate::support::http2::{Announced, Door, Http2Upstream, Seen};
use crate::support::process::{free, own_address};
use crate::support::{Client, Gate, Gateway, LIMIT, Setup, Upstream, get, post};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Takes this many streams at a time on a connection and answers when the door opens.
fn holding(streams: u32, door: &Door) -> Http2Upstream {
    let held = door.clone();
    let announced = Announced {
        streams: Some(streams),
        ..Announced::default()
    };
    Http2Upstream::announcing(announced, move |mut stream| {
        let held = held.clone();
        async move {
            held.pass().await;
            stream.answer_with("ok");
        }
    })
}

fn asking(gateway: &Gateway, count: usize) -> Vec<Client> {
    let ask = |_| {
        let mut client = gateway.client();
        client.send(get("/x"));
        client
    };
    (0..count).map(ask).collect()
}

fn by_connection(streams: &[Seen]) -> HashMap<usize, usize> {
    let mut count = HashMap::new();
    for stream in streams {
        *count.entry(stream.connection).or_default() += 1;
    }
    count
}

#[test]
fn requests_that_come_together_share_one_connection() {
    let door = Door::closed();
    let upstream = holding(100, &door);
    let gateway = to(&upstream).start();
    let mut clients = asking(&gateway, 60);
    upstream.wait_streams(60);
    assert_eq!(upstream.connections(), 1);
    door.open();
    for client in &mut clients {
        client.response().is(200);
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_server_gets_no_more_streams_at_a_time_than_it_takes() {
    for streams in [1, 3] {
        let door = Door::closed();
        let upstream = holding(streams, &door);
        let gateway = to(&upstream).start();
        let mut clients = asking(&gateway, 9);
        let seen = upstream.wait_streams(9);
        let full = usize::try_from(streams).unwrap();
        assert!(by_connection(&seen).values().all(|count| *count == full), "{seen:#?}");
        assert_eq!(upstream.connections(), 9 / full);
        door.open();
        for client in &mut clients {
            client.response().is(200);
        }
        // And the connections that stand are used again.
        for _ in 0..5 {
            gateway.get("/again").is(200);
        }
        assert_eq!(upstream.connections(), 9 / full);
    }
}

#[test]
fn a_connection_never_carries_more_than_a_hundred_streams() {
    let door = Door::closed();
    let upstream = holding(1000, &door);
    let gateway = to(&upstream).start();
    let mut clients = asking(&gateway, 130);
    let seen = upstream.wait_streams(130);
    let mut counts: Vec<usize> = by_connection(&seen).into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [30, 100]);
    door.open();
    for client in &mut clients {
        client.response().is(200);
    }
}

#[test]
fn a_limit_that_is_lowered_on_the_way_holds_for_the_next_request() {
    let (lowered, done) = (Gate::closed(), Gate::closed());
    let (told, held) = (lowered.clone(), done.clone());
    let upstream = Upstream::counting(1 << 20, move |conn| {
        conn.send(frames::settings(&[(MAX_CONCURRENT_STREAMS, 10)]));
        let Some(first) = conn.frame_of(frames::HEADERS) else {
            return;
        };
        if conn.number() == 0 {
            conn.send(frames::settings(&[(MAX_CONCURRENT_STREAMS, 1)]));
            while let Some(frame) = conn.frame_of(frames::SETTINGS) {
                if frame.flags & frames::ACK != 0 {
                    break;
                }
            }
            told.open();
            held.wait();
        }
        conn.send(frames::ok(first.stream));
        conn.wait_end();
    });
    let gateway = Setup::to_with(&upstream, "protocol: h2c").start();
    let mut first = gateway.client();
    first.send(get("/first"));
    lowered.wait();
    gateway.get("/second").is(200);
    assert_eq!(upstream.connections(), 2);
    done.open();
    first.response().is(200);
}

#[test]
fn a_limit_that_is_raised_lets_those_in_who_wait() {
    let (waiting, done) = (Gate::closed(), Gate::closed());
    let (raise, held) = (waiting.clone(), done.clone());
    let upstream = Upstream::counting(1 << 20, move |conn| {
        conn.send(frames::settings(&[(MAX_CONCURRENT_STREAMS, 1)]));
        let Some(first) = conn.frame_of(frames::HEADERS) else {
            return;
        };
        raise.wait();
        conn.send(frames::settings(&[(MAX_CONCURRENT_STREAMS, 2)]));
        let Some(second) = conn.frame_of(frames::HEADERS) else {
            return;
        };
        conn.send(frames::ok(second.stream));
        held.wait();
        conn.send(frames::ok(first.stream));
        conn.wait_end();
    });
    let gateway = Setup::to_with(&upstream, "protocol: h2c, max_connections: 1").start();
    let mut first = gateway.client();
    first.send(get("/first"));
    gateway.settle();
    let mut second = gateway.client();
    second.send(get("/second"));
    gateway.settle();
    waiting.open();
    second.response().is(200);
    done.open();
    first.response().is(200);
    assert_eq!(upstream.connections(), 1);
}

#[test]
#[doc = "RS-05"]
fn a_server_that_takes_its_leave_under_load_loses_no_request() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        if stream.number == 7 {
            stream.leave();
        }
        stream.read_all().await;
        stream.answer_with("ok");
    });
    let gateway = to(&upstream).start();
    let address = gateway.address();
    let clients: Vec<_> = (0..6)
        .map(|number| {
            thread::spawn(move || {
                let mut client = Client::to(address);
                for _ in 0..50 {
                    if number % 2 == 0 {
                        client.get("/x").is(200);
                    } else {
                        client.ask(post("/x", "some bytes")).is(200);
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert!(upstream.connections() > 10, "{}", upstream.connections());
    let whole = upstream.streams().iter().filter(|stream| stream.whole).count();
    assert!(whole >= 300, "{whole}");
}

#[test]
#[doc = "RS-05"]
fn what_lies_beyond_the_last_stream_of_a_goodbye_goes_to_another_connection() {
    let upstream = Upstream::counting(1 << 20, |conn| {
        conn.send(frames::settings(&[]));
        let Some(first) = conn.frame_of(frames::HEADERS) else {
            return;
        };
        if conn.number() == 0 {
            let Some(_second) = conn.frame_of(frames::HEADERS) else {
                return;
            };
            conn.send(frames::goaway(first.stream, 0));
        }
        conn.send(frames::ok(first.stream));
        conn.wait_end();
    });
    let gateway = Setup::to_with(&upstream, "protocol: h2c").start();
    let mut first = gateway.client();
    first.send(get("/first"));
    gateway.settle();
    // Not a safe method: that it was not looked at is what makes it right.
    gateway.ask(post("/second", "body")).is(200);
    first.response().is(200);
    assert_eq!(upstream.connections(), 2);
}

#[test]
#[doc = "RS-05"]
fn a_refused_stream_is_sent_once_more_and_no_more() {
    for (refusals, status) in [(1, 200), (2, 503)] {
        let upstream = Http2Upstream::scripted(move |mut stream| async move {
            if stream.number < refusals {
                stream.reset(h2::Reason::REFUSED_STREAM);
                return;
            }
            stream.read_all().await;
            stream.answer_with("ok");
        });
        for request in [get("/x"), post("/x", "body")] {
            let gateway = to(&upstream).start();
            let answer = gateway.ask(request.clone());
            if status == 503 {
                answer.is_problem(503, "upstream.unavailable");
            } else {
                answer.is(200);
            }
        }
        let streams = upstream.streams();
        assert_eq!(streams.len(), 4, "{streams:#?}");
        if refusals == 1 {
            assert_eq!(streams[3].body, b"body");
        }
    }
}

#[test]
#[doc = "RS-05"]
fn a_request_whose_body_is_gone_is_not_sent_again() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        let mut read = 0;
        while read < 100_000 {
            read += stream.read().await.map_or(100_000, |data| data.len());
        }
        stream.reset(h2::Reason::REFUSED_STREAM);
    });
    let gateway = to(&upstream).start();
    gateway
        .ask(post("/x", vec![b'x'; 200_000]))
        .is_problem(503, "upstream.unavailable");
    assert_eq!(upstream.streams().len(), 1);
}

#[test]
#[doc = "RS-05"]
fn a_connection_that_dies_takes_its_requests_along_and_nothing_else() {
    let upstream = Http2Upstream::scripted(|mut stream| async move {
        match stream.target() {
            "/cut" => stream.cut().await,
            _ => stream.answer_with("ok"),
        }
    });
    let gateway = to(&upstream).start();
    for request in [get("/cut"), post("/cut", "body")] {
        gateway.get("/x").is(200);
        gateway.ask(request).is_problem(502, "upstream.protocol");
    }
    gateway.get("/x").is(200);
    let cuts = upstream
        .streams()
        .iter()
        .filter(|stream| stream.target == "/cut")
        .count();
    assert_eq!((cuts, upstream.connections()), (2, 3));
}

#[test]
#[doc = "RS-05"]
fn a_safe_request_on_a_connection_that_had_rested_is_sent_once_more_when_it_dies() {
    for (request, status, sent) in [(get("/two"), 200, 2), (post("/two", "b"), 502, 1)] {
        let upstream = Http2Upstream::scripted(|mut stream| async move {
            if stream.connection == 0 && stream.number == 1 {
                stream.cut().await;
            }
            stream.answer_with("ok");
        });
        let gateway = to(&upstream).start();
        gateway.get("/one").is(200);
        gateway.clock.advance_secs(1);
        gateway.settle();
        gateway.ask(request).is(status);
        let twos = upstream
            .streams()
            .iter()
            .filter(|stream| stream.target == "/two")
            .count();
        assert_eq!(twos, sent);
    }
}

#[test]
fn beyond_the_connections_a_target_may_have_a_few_wait_and_the_rest_is_503() {
    let door = Door::closed();
    let upstream = holding(1, &door);
    let gateway = to_with(&upstream, "max_connections: 2, max_pending: 1").start();
    let mut served = asking(&gateway, 2);
    upstream.wait_streams(2);
    let mut waiting = asking(&gateway, 1);
    gateway.settle();
    gateway.get("/x").is_problem(503, "upstream.overloaded");
    assert_eq!(upstream.streams().len(), 2);
    door.open();
    for client in served.iter_mut().chain(&mut waiting) {
        client.response().is(200);
    }
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn who_waits_too_long_for_room_is_503() {
    let door = Door::closed();
    let upstream = holding(1, &door);
    let gateway = to_with(&upstream, "max_connections: 1, timeouts: { connect: 3s }").start();
    let mut served = asking(&gateway, 1);
    upstream.wait_streams(1);
    let mut waiting = asking(&gateway, 1);
    gateway.settle();
    let answer = gateway.clock.until(secs(3), secs(5), "the refusal", |patience| {
        waiting[0].answer_within(patience)
    });
    answer.is_problem(503, "upstream.overloaded");
    door.open();
    served[0].response().is(200);
}

#[test]
fn who_leaves_while_waiting_leaves_the_others_their_turn() {
    let door = Door::closed();
    let upstream = holding(1, &door);
    let gateway = to_with(&upstream, "max_connections: 1").start();
    let mut served = asking(&gateway, 1);
    upstream.wait_streams(1);
    let impatient = asking(&gateway, 3);
    gateway.settle();
    let mut patient = asking(&gateway, 2);
    gateway.settle();
    drop(impatient);
    gateway.settle();
    for _ in 0..3 {
        door.let_one();
    }
    served[0].response().is(200);
    for client in &mut patient {
        client.response().is(200);
    }
    assert_eq!(upstream.streams().len(), 3);
}

#[test]
fn workers_that_share_one_connection_take_turns() {
    let upstream = Http2Upstream::ok();
    let gateway = to_with(&upstream, "max_connections: 1").workers(2).start();
    let address = gateway.address();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                for _ in 0..8 {
                    Client::to(address).get("/x").is(200);
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert!(upstream.open() <= 1 + usize::from(upstream.connections() > 1));
    assert_eq!(upstream.streams().len(), 64);
}

#[test]
fn an_unused_connection_is_closed_after_its_idle_time() {
    let upstream = Http2Upstream::ok();
    let gateway = to_with(&upstream, "timeouts: { idle: 20s }").start();
    gateway.get("/x").is(200);
    gateway.settle();
    gateway.wait_metric("portcullis_upstream_connections", &["state=\"idle\""], |count| {
        count == 1.0
    });
    gateway.clock.until(secs(20), secs(22), "the close", |_| {
        thread::yield_now();
        (upstream.open() == 0).then_some(())
    });
    gateway.wait_metric("portcullis_upstream_connections", &["state=\"idle\""], |count| {
        count == 0.0
    });
    gateway.get("/x").is(200);
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn a_silent_server_is_pinged_and_given_up_when_it_does_not_answer() {
    let (asked, pinged) = (Gate::closed(), Gate::closed());
    let (came, heard) = (asked.clone(), pinged.clone());
    let upstream = Upstream::counting(1 << 20, move |conn| {
        conn.send(frames::settings(&[]));
        conn.frame_of(frames::HEADERS);
        came.open();
        conn.frame_of(frames::PING);
        heard.open();
        conn.wait_end();
    });
    let gateway = Setup::to_with(&upstream, "protocol: h2c, timeouts: { response: 10m }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    asked.wait();
    gateway.settle();
    gateway.clock.advance_secs(61);
    pinged.wait();
    gateway.settle();
    let answer = gateway.clock.until(secs(10), secs(12), "the refusal", |patience| {
        client.answer_within(patience)
    });
    answer.is_problem(502, "upstream.protocol");
    assert!(upstream.end_within(0, LIMIT).is_some());
}

#[test]
fn a_silent_server_that_answers_pings_is_left_in_peace() {
    let door = Door::closed();
    let upstream = holding(10, &door);
    let gateway = to_with(&upstream, "timeouts: { response: 10m }").start();
    let mut clients = asking(&gateway, 1);
    upstream.wait_streams(1);
    for _ in 0..20 {
        gateway.settle();
        gateway.clock.advance_secs(20);
    }
    gateway.settle();
    clients[0].heard_nothing();
    door.open();
    clients[0].response().is(200);
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_server_that_is_not_there_refuses_all_who_wait_and_does_not_stop_the_others() {
    let gone = free(own_address());
    let gateway = Setup::new()
        .upstream_as("up", &format!("{{ urls: [\"http://{gone}\"], protocol: h2c }}"))
        .route("{ path: /**, upstream: up, auth: public }")
        .start();
    let mut clients = asking(&gateway, 10);
    for client in &mut clients {
        client.response().is_problem(502, "upstream.unreachable");
    }
    let there = Http2Upstream::ok();
    let gateway = Setup::new()
        .upstream_as(
            "up",
            &format!("{{ urls: [\"http://{gone}\", \"{}\"], protocol: h2c }}", there.url()),
        )
        .route("{ path: /**, upstream: up, auth: public }")
        .start();
    for _ in 0..6 {
        gateway.get("/x").is(200);
    }
}

#[test]
fn a_server_that_announces_nothing_is_given_up_in_time() {
    let upstream = Upstream::counting(1 << 20, |conn| conn.wait_end());
    let gateway = Setup::to_with(&upstream, "protocol: h2c, timeouts: { connect: 4s }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_bytes(frames::PREFACE);
    gateway.settle();
    let answer = gateway.clock.until(secs(4), secs(6), "the refusal", |patience| {
        client.answer_within(patience)
    });
    answer.is_problem(502, "upstream.unreachable");
    // Not a request was lost on it.
    let seen = upstream.seen(0).bytes;
    assert!(
        !seen.escape_ascii().to_string().contains("example.test"),
        "{}",
        seen.escape_ascii()
    );
    assert!(upstream.end_within(0, LIMIT).is_some());
}

#[derive(Default)]
struct Names(Mutex<Vec<IpAddr>>);

impl Resolve for Names {
    fn resolve(&self, _: Arc<str>) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let meaning = self.0.lock().unwrap().clone();
        Box::pin(async move { Ok(meaning) })
    }
}

#[test]
fn a_host_name_that_moves_takes_new_requests_along_and_lets_the_others_finish() {
    let door = Door::closed();
    let held = door.clone();
    let answer = |name: &'static str, held: Door| {
        move |mut stream: crate::support::http2::Stream| {
            let held = held.clone();
            async move {
                if stream.target() == "/held" {
                    held.pass().await;
                }
                stream.answer_with(name);
            }
        }
    };
    let old = Http2Upstream::on(
        &format!("{}:0", own_address()),
        Announced::default(),
        answer("old", held.clone()),
    );
    let port = old.address().port();
    let new = Http2Upstream::on(
        &format!("{}:{port}", own_address()),
        Announced::default(),
        answer("new", held),
    );
    let names = Arc::<Names>::default();
    let mean = |address: SocketAddr| *names.0.lock().unwrap() = vec![address.ip()];
    mean(old.address());
    let gateway = Setup::new()
        .upstream_as(
            "up",
            &format!("{{ urls: [\"http://moves.test:{port}\"], protocol: h2c }}"),
        )
        .route("{ path: /**, upstream: up, auth: public }")
        .names(names.clone())
        .start();
    let mut client = gateway.client();
    client.send(get("/held"));
    old.wait_streams(1);
    assert_eq!(gateway.get("/x").is(200).text(), "old");
    mean(new.address());
    gateway.clock.soon("the new address", |_| {
        (gateway.get("/x").is(200).text() == "new").then_some(())
    });
    door.open();
    assert_eq!(client.response().is(200).text(), "old");
    old.wait_open(0);
}
