//! Sizes and numbers: what is just within passes, what is just beyond is refused, and the upstream sees neither of it.

use std::net::Ipv4Addr;
use std::time::Instant;

use crate::support::{Client, Gate, HOST, LIMIT, Process, Request, Setup, Upstream, get, post};

#[test]
#[doc = "RS-02"]
fn a_head_may_have_32_kib_and_no_more() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let with = |fields: usize| (0..fields).fold(get("/x"), |asked, _| asked.field("X-Pad", &"x".repeat(1015)));
    gateway.ask(with(31)).is(200);
    let arrived = upstream.requests().len();
    for fields in [33, 40, 90] {
        let mut client = gateway.client();
        client.send(with(fields));
        client.response().is(431);
        client.is_closed();
    }
    assert_eq!(upstream.requests().len(), arrived);
}

#[test]
#[doc = "RS-02"]
fn a_head_that_never_ends_is_refused_at_its_limit() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\nX-Pad: "));
    let taken = client.send_until_stalled(&[b'x'; 4096], 64 << 20);
    assert!(taken < 64 << 20, "a head of {taken} bytes was taken");
    if let Ok(answer) = client.answer(false) {
        answer.is(431);
    }
    client.end_within(LIMIT).expect("the connection stays open");
    upstream.saw_nothing();
}

#[test]
#[doc = "RS-02"]
fn a_request_may_have_a_hundred_fields_and_no_more() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    // The Host counts.
    let with = |fields: usize| (1..fields).fold(get("/x"), |asked, number| asked.field(&format!("X-{number}"), "1"));
    gateway.ask(with(100)).is(200);
    let arrived = upstream.requests().len();
    gateway.ask(with(101)).is(431);
    gateway.ask(with(500)).is(431);
    assert_eq!(upstream.requests().len(), arrived);
}

#[test]
#[doc = "RS-02"]
fn a_field_may_have_16_kib_and_no_more() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    gateway
        .ask(get("/x").field("X-Pad", &"x".repeat(16 * 1024 - 16)))
        .is(200);
    let arrived = upstream.requests().len();
    gateway
        .ask(get("/x").field("X-Pad", &"x".repeat(16 * 1024 + 1)))
        .is(431);
    gateway.ask(get("/x").field(&"x".repeat(16 * 1024 + 1), "1")).is(431);
    assert_eq!(upstream.requests().len(), arrived);
}

#[test]
#[doc = "RS-02"]
fn the_sizes_are_the_files() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .top("sizes: { head: 8KiB, headers: 5, target: 1KiB }")
        .start();
    gateway.get("/x").is(200);
    let arrived = upstream.requests().len();
    gateway.get(&format!("/{}", "x".repeat(1024))).is(414);
    gateway.ask(get("/x").field("X-Pad", &"x".repeat(9000))).is(431);
    gateway
        .ask((0..5).fold(get("/x"), |asked, number| asked.field(&format!("X-{number}"), "1")))
        .is(431);
    assert_eq!(upstream.requests().len(), arrived);
}

#[test]
#[doc = "RS-02"]
fn a_cookie_header_may_have_a_hundred_cookies_and_no_more() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let cookies = |count: usize| {
        (0..count)
            .map(|number| format!("c{number}=1"))
            .collect::<Vec<_>>()
            .join("; ")
    };
    gateway.ask(get("/x").field("Cookie", &cookies(100))).is(200);
    let arrived = upstream.requests().len();
    let answer = gateway.ask(get("/x").field("Cookie", &cookies(101)));
    assert!(matches!(answer.status, 400 | 431), "{answer:?}");
    let answer = gateway.ask(get("/x").field("Cookie", &cookies(60)).field("Cookie", &cookies(60)));
    assert!(matches!(answer.status, 400 | 431), "{answer:?}");
    assert_eq!(upstream.requests().len(), arrived);
}

#[test]
#[doc = "RS-02"]
fn a_body_announced_as_too_large_is_refused_unread() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, body_max: 1KiB }")
        .start();
    gateway.ask(post("/x", [b'x'; 1024])).is(200);
    let arrived = upstream.requests().len();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").announcing(1025));
    client.response().is_problem(413, "body.too_large");
    assert_eq!(upstream.requests().len(), arrived);
}

#[test]
#[doc = "RS-02, HTTP-06"]
fn a_chunked_body_that_grows_too_large_is_never_completed() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, body_max: 1KiB }")
        .start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").chunked());
    for _ in 0..5 {
        client.send(format!("ff\r\n{}\r\n", "x".repeat(255)));
    }
    client.send(*b"0\r\n\r\n");
    match client.answer(false) {
        Ok(answer) => drop(answer.is_problem(413, "body.too_large")),
        Err(why) => assert!(why.contains("Closed") || why.contains("Reset"), "{why}"),
    }
    client
        .end_within(LIMIT)
        .expect("the connection goes on after half a body");
    assert!(upstream.requests().is_empty());
    if upstream.connections() > 0 {
        upstream.wait_end(0);
    }
}

#[test]
#[doc = "RS-02"]
fn ten_mebibytes_are_the_default_of_a_body() {
    let upstream = Upstream::counting(1 << 20, |conn| {
        if conn.head().is_some() {
            conn.wait_total(10 << 20);
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).start();
    gateway.ask(post("/x", vec![b'x'; 10 << 20])).is(200);
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").announcing((10 << 20) + 1));
    client.response().is_problem(413, "body.too_large");
}

/// How a connection fares: whether its request is answered by the upstream.
fn served(client: &mut Client) -> bool {
    client
        .send(get("/x"))
        .answer(false)
        .is_ok_and(|answer| answer.status == 200)
}

#[test]
#[doc = "RS-03"]
fn connections_beyond_the_total_are_turned_away_until_one_ends() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .workers(2)
        .top("connections: { max: 3, per_address: 3 }")
        .start();
    let mut clients: Vec<Client> = (0..3).map(|_| gateway.client()).collect();
    assert!(clients.iter_mut().all(served));
    let arrived = upstream.requests().len();
    let mut one_more = Client::from_address(Ipv4Addr::new(127, 0, 0, 2), gateway.address());
    assert!(!served(&mut one_more));
    assert_eq!(upstream.requests().len(), arrived);
    clients.pop();
    gateway.wait_metric("portcullis_open_connections", &[], |open| open <= 2.0);
    assert!(served(&mut gateway.client()));
}

#[test]
#[doc = "RS-03"]
fn connections_of_one_address_are_limited_and_no_other_address_suffers() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .workers(2)
        .top("connections: { max: 100, per_address: 2 }")
        .start();
    let mut clients: Vec<Client> = (0..2).map(|_| gateway.client()).collect();
    assert!(clients.iter_mut().all(served));
    assert!(!served(&mut gateway.client()));
    let mut other = Client::from_address(Ipv4Addr::new(127, 0, 0, 2), gateway.address());
    assert!(served(&mut other));
    drop(clients);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open <= 1.0);
    assert!(served(&mut gateway.client()));
}

#[test]
#[doc = "RS-03"]
fn trusted_proxies_are_spared_the_limit_per_address() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .listen_with("trusted_proxies: [127.0.0.1/32]")
        .top("connections: { max: 100, per_address: 2 }")
        .start();
    let mut clients: Vec<Client> = (0..10).map(|_| gateway.client()).collect();
    assert!(clients.iter_mut().all(served));
    let from = |number| Client::from_address(Ipv4Addr::new(127, 0, 0, number), gateway.address());
    let mut strangers: Vec<Client> = (0..2).map(|_| from(2)).collect();
    assert!(strangers.iter_mut().all(served));
    assert!(!served(&mut from(2)));
}

#[test]
#[doc = "RS-03"]
fn a_connection_limit_that_does_not_fit_is_a_fault_and_the_default_shrinks() {
    let upstream = Upstream::ok();
    let limited = |command: &mut std::process::Command| {
        let program = command.get_program().to_owned();
        let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
        *command = std::process::Command::new("sh");
        command
            .arg("-c")
            .arg("ulimit -n 700 && exec \"$0\" \"$@\"")
            .arg(program)
            .args(arguments);
    };
    let mut written = Process::spawn(&Setup::to(&upstream).top("connections: { max: 10000 }"), limited);
    assert_eq!(written.exit_code(), Some(78));
    let shrunk = Process::spawn(&Setup::to(&upstream), limited);
    shrunk.wait_ready();
    shrunk.client().get("/x").is(200);
}

#[test]
#[doc = "RS-03"]
fn accepting_survives_a_lack_of_descriptors() {
    let upstream = Upstream::ok();
    let process = Process::start(&Setup::to(&upstream));
    assert!(served(&mut process.client()));
    process.limit_descriptors(process.descriptors() + 5);
    let mut clients: Vec<Client> = (0..20).map(|_| process.client()).collect();
    for client in &mut clients {
        client.send(get("/x"));
    }
    process.said().wait("accept");
    drop(clients);
    let until = Instant::now() + LIMIT;
    while !served(&mut process.client()) {
        assert!(Instant::now() < until, "it does not accept again");
    }
}

#[test]
#[doc = "P-5"]
fn requests_beyond_an_upstreams_connections_wait_and_beyond_the_queue_are_503() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request().is_some() {
            held.wait();
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = Setup::to_with(&upstream, "max_connections: 2, max_pending: 1").start();
    let mut clients: Vec<Client> = (0..3).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(get("/x"));
    }
    gateway.settle();
    upstream.wait_requests(2);
    gateway.get("/beyond").is_problem(503, "upstream.overloaded");
    assert_eq!(upstream.connections(), 2);
    gate.open();
    for client in &mut clients {
        client.response().is(200);
    }
    assert!(upstream.requests().iter().all(|request| request.target() == "/x"));
}
