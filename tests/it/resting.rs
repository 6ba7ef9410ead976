//! A connection that has been quiet for a while is put to rest, and nobody notices: whatever comes next is served as if
//! it had stayed awake.

use std::time::{Duration, Instant};

use crate::support::process::Process;
use crate::support::upstream::Conn;
use crate::support::{Client, End, Gateway, LIMIT, Request, Setup, Upstream, get, post};

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";

/// Longer than a connection stays awake, and shorter than it is kept.
const REST: Duration = Duration::from_secs(6);

/// A connection that has asked once and rests since.
fn resting(gateway: &Gateway) -> Client {
    let mut client = gateway.client();
    client.get("/first").is(200);
    gateway.clock.advance(REST);
    gateway.settle();
    client
}

#[test]
fn a_request_after_a_rest_is_answered_again_and_again() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    for _ in 0..4 {
        client.get("/x").is(200);
        client.ask(post("/y", vec![b'z'; 100_000])).is(200);
        gateway.clock.advance(REST);
        gateway.settle();
    }
    assert_eq!(upstream.requests().len(), 8);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 1.0);
}

#[test]
#[doc = "RS-01"]
fn a_rest_does_not_make_the_keep_alive_time_longer() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = resting(&gateway);
    let end = |patience| client.end_within(patience);
    let (least, most) = (Duration::from_secs(53), Duration::from_secs(56));
    gateway.clock.until(least, most, "the close", end);
    client.is_closed();
}

#[test]
#[doc = "RS-01"]
fn a_head_that_begins_after_a_rest_has_its_ten_seconds() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = resting(&gateway);
    client.send(*b"GET /second HTT");
    gateway.settle();
    let end = |patience| client.end_within(patience);
    let (least, most) = (Duration::from_secs(10), Duration::from_secs(12));
    gateway.clock.until(least, most, "the close", end);
    assert!(client.read_to_end().starts_with(b"HTTP/1.1 408"));
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
#[doc = "RS-01"]
fn the_beginning_of_a_request_that_came_with_the_one_before_is_not_forgotten() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for finished in [true, false] {
        let mut client = gateway.client();
        let mut bytes = get("/first").bytes();
        bytes.extend_from_slice(b"GET /second HTTP/1.1\r\nHo");
        client.send(bytes);
        client.response().is(200);
        gateway.settle();
        gateway.clock.advance(REST);
        gateway.settle();
        if finished {
            client.send(*b"st: a.example\r\n\r\n").response().is(200);
        } else {
            let end = |patience| client.end_within(patience);
            let (least, most) = (Duration::from_secs(3), Duration::from_secs(12));
            gateway.clock.until(least, most, "the close", end);
        }
    }
    let paths: Vec<_> = upstream.requests().iter().map(|r| r.target().to_owned()).collect();
    assert_eq!(paths, ["/first", "/second", "/first"]);
}

#[test]
fn requests_pipelined_into_a_resting_connection_are_answered_in_their_order() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = resting(&gateway);
    let all: Vec<u8> = (0..20).flat_map(|n| get(&format!("/{n}")).bytes()).collect();
    client.send(all);
    for _ in 0..20 {
        client.response().is(200);
    }
    let paths: Vec<_> = upstream
        .requests()
        .iter()
        .skip(1)
        .map(|r| r.target().to_owned())
        .collect();
    assert_eq!(paths, (0..20).map(|n| format!("/{n}")).collect::<Vec<_>>());
}

#[test]
fn bytes_that_come_one_by_one_wake_a_connection_once_and_are_all_there() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = resting(&gateway);
    client.send_slowly(post("/slowly", "body").bytes()).response().is(200);
    assert_eq!(upstream.requests()[1].body, b"body");
}

#[test]
#[doc = "METH-04"]
fn a_switch_right_after_waking_becomes_a_tunnel_with_both_its_ends() {
    let upstream = Upstream::switching(|conn: &mut Conn| {
        while let Some(head) = conn.head() {
            if head.has("upgrade") {
                conn.send(SWITCHED);
                conn.wait_bytes(b"early, ");
                conn.send("heard ");
                conn.wait_end();
                conn.send("and answered");
                return;
            }
            conn.send(crate::support::upstream::OK);
        }
    });
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, upgrade: [other] }")
        .start();
    let mut client = resting(&gateway);
    let mut bytes = get("/x")
        .field("Connection", "upgrade")
        .field("Upgrade", "other")
        .bytes();
    bytes.extend_from_slice(b"early, ");
    client.send(bytes);
    client.read_until(b"\r\n\r\n");
    client.read_until(b"heard ");
    client.send(*b"then the end").half_close();
    assert_eq!(client.read_to_end(), b"and answered");
    upstream.wait_bytes(b"early, then the end");
}

#[test]
#[doc = "RS-05"]
fn a_client_that_ends_its_side_while_it_rests_is_let_go() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = resting(&gateway);
    client.half_close();
    assert_eq!(client.end_within(LIMIT), Some(End::Closed));
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 0.0);
}

#[test]
#[doc = "RS-05"]
fn a_client_that_asks_and_ends_its_side_right_after_waking_counts_as_one_that_left() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request() {
            if request.target() == "/first" {
                conn.send(crate::support::upstream::OK);
            } else {
                conn.wait_end();
            }
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = resting(&gateway);
    client.send(get("/second"));
    upstream.wait_requests(2);
    client.half_close();
    upstream.wait_end(0);
    client.is_closed();
}

#[test]
fn a_drain_closes_resting_connections_and_loses_no_request() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).top("drain: { delay: 2s, timeout: 10s }").start();
    let mut quiet = resting(&gateway);
    let mut busy = resting(&gateway);
    gateway.running().drain();
    assert_eq!(busy.get("/last").is(200).field("connection"), Some("close"));
    assert_eq!(gateway.wait(), portcullis::app::Drained::Clean);
    quiet.is_closed();
}

#[test]
#[doc = "HTTP-09"]
fn what_is_no_request_is_refused_after_a_rest_too() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = resting(&gateway);
    let answer = client.send(*b"\x16\x03\x01 no http\r\n\r\n").answer(false);
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 400));
    assert_eq!(upstream.requests().len(), 1);
    let mut client = resting(&gateway);
    client
        .ask(Request::new("GET", "/a/../b"))
        .is_problem(400, "path.ambiguous");
}

#[test]
fn a_new_configuration_is_obeyed_after_a_rest() {
    let (one, two) = (Upstream::named("one"), Upstream::named("two"));
    let setup = Setup::to(&one).in_file();
    let gateway = setup.start();
    let mut client = gateway.client();
    assert_eq!(client.get("/x").is(200).text(), "one");
    gateway.clock.advance(REST);
    gateway.settle();
    gateway.reload_as(&Setup::to(&two)).unwrap();
    assert_eq!(client.get("/x").is(200).text(), "two");
}

#[test]
#[doc = "RS-03"]
fn a_thousand_resting_connections_hold_little_memory_after_a_burst_too() {
    const COUNT: u64 = 1000;
    let setup = Setup::new()
        .top("connections: { max: 2000, per_address: 2000 }")
        .upstream_as("up", "{ builtin: echo }")
        .route("{ path: /**, upstream: up, auth: public }");
    let process = Process::start(&setup);
    process.client().get("/warm").is(200);
    let before = process.memory().0;
    let mut clients: Vec<Client> = (0..COUNT).map(|_| process.client()).collect();
    // All at once, so that every connection is awake at the same time.
    for client in &mut clients {
        client.send(get("/x"));
    }
    for client in &mut clients {
        client.response().is(200);
    }
    // Awake they hold five times as much. The process has the machine's clock: they rest after five seconds of it.
    let until = Instant::now() + LIMIT * 3;
    let per_connection = || process.memory().0.saturating_sub(before) / COUNT;
    while per_connection() > 6_000 {
        let now = per_connection();
        assert!(Instant::now() < until, "each connection holds {now} bytes");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    for client in &mut clients {
        client.get("/again").is(200);
    }
}
