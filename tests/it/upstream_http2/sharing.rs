//! Who gets room on the connections that requests share, and how many of them there are.

use std::collections::HashMap;
use std::thread;

use super::{asking, holding, secs, to, to_with};
use crate::support::upstream::frames::{self, MAX_CONCURRENT_STREAMS};
use crate::support::upstream::http2::{Door, Http2Upstream, Seen};
use crate::support::{Client, Gate, Setup, Upstream, get};

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

/// CVE-2023-44487: servers that guard themselves against resets end the connection after some hundred.
#[test]
fn clients_who_leave_do_not_use_up_a_connections_resets() {
    const GIVEN_UP_MAX: usize = 64;
    let door = Door::closed();
    let held = door.clone();
    let upstream = Http2Upstream::scripted(move |mut stream| {
        let held = held.clone();
        async move {
            match stream.target() {
                "/long" => {
                    let mut answer = stream.begin(http::Response::new(()));
                    answer.send_data("begun ".into(), false).unwrap();
                    held.pass().await;
                    answer.send_data("ended".into(), true).unwrap();
                }
                "/left" => stream.wait_reset().await,
                _ => stream.answer_with("ok"),
            }
        }
    });
    let gateway = to(&upstream).start();
    let mut long = gateway.client();
    long.send(get("/long"));
    upstream.wait_streams(1);
    // Those that are answered do not count.
    for _ in 0..2 * GIVEN_UP_MAX {
        gateway.get("/whole").is(200);
    }
    let before = upstream.streams().len();
    for place in before..before + GIVEN_UP_MAX + 6 {
        let mut client = gateway.client();
        client.send(get("/left"));
        upstream.wait_streams(place + 1);
        client.reset();
        upstream.wait_reset(place);
    }
    gateway.get("/next").is(200);
    let seen = upstream.streams();
    let resets = |connection| {
        let on_it = seen.iter().filter(|stream| stream.connection == connection);
        on_it.filter(|stream| stream.reset.is_some()).count()
    };
    assert_eq!((resets(0), resets(1)), (GIVEN_UP_MAX, 6));
    assert_eq!(seen.last().unwrap().connection, 1);
    door.open();
    assert_eq!(long.response().is(200).text(), "begun ended");
    // With its last stream the first connection ends.
    upstream.wait_open(1);
}
