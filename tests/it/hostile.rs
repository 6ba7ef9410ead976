//! Everybody at once: slow, malformed, aborting and greedy clients, and one polite client who must not notice.

use std::time::{Duration, Instant};

use crate::support::{Client, Process, Request, Setup, Upstream, get};

/// One of each nuisance, sent and not waited for.
fn nuisances(process: &Process) -> Vec<Client> {
    let abused = Request::new("POST", "/x").announcing(1_000_000).bytes();
    let hostile = [
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n".to_vec(),
        [abused, vec![b'x'; 10_000]].concat(),
        get("/x").field("X-Pad", &"x".repeat(100_000)).bytes(),
        get(&format!("/{}", "%2e%2e%2f;A".repeat(700))).bytes(),
        get(&format!("/{}", "%25%41".repeat(1300))).bytes(),
    ];
    hostile
        .into_iter()
        .map(|bytes| {
            let mut client = process.client();
            client.send(bytes);
            client
        })
        .collect()
}

#[test]
#[doc = "RS-07, P-6"]
fn a_polite_client_notices_nothing_of_hostile_ones() {
    let upstream = Upstream::ok();
    let process = Process::start(&Setup::to(&upstream).top("log: { access: false }"));
    // Held open for the whole time: a head that never ends each.
    let _slow: Vec<Client> = (0..150)
        .map(|_| {
            let mut client = process.client();
            client.send(*b"GET / HTTP/1.1\r\nX-Slow: ");
            client
        })
        .collect();
    let mut polite = process.client();
    let mut took: Vec<Duration> = (0..200)
        .map(|round| {
            let hostile = nuisances(&process);
            let began = Instant::now();
            polite.get("/polite").is(200);
            let took = began.elapsed();
            if round % 2 == 0 {
                hostile.into_iter().for_each(Client::reset);
            }
            took
        })
        .collect();
    took.sort();
    let p99 = took[took.len() * 99 / 100];
    assert!(
        p99 < Duration::from_millis(250),
        "one in a hundred took more than {p99:?}"
    );
}

#[test]
#[doc = "RS-07"]
fn memory_does_not_grow_from_one_hostile_wave_to_the_next() {
    let upstream = Upstream::ok();
    let process = Process::start(
        &Setup::to(&upstream).top("connections: { max: 400, per_address: 400 }\nlog: { access: false }"),
    );
    let wave = || {
        let mut clients: Vec<Client> = (0..150).map(|_| process.client()).collect();
        for client in &mut clients {
            client
                .send(Request::new("POST", "/x").announcing(60_000))
                .send(vec![b'x'; 50_000]);
        }
        drop(clients);
        process.wait_metric("portcullis_open_connections", |open| open == 0.0);
        process.memory().0
    };
    // What the allocator keeps for the next wave varies; what leaks adds up.
    let warm = (0..5).map(|_| wave()).max().unwrap();
    let after = (0..5).map(|_| wave()).min().unwrap();
    assert!(after * 10 <= warm * 12, "{} KiB became {} KiB", warm >> 10, after >> 10);
}
