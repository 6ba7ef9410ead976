//! The end: everybody who was heard is answered, everybody else is sent elsewhere, and the exit code says how it went.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis::app::Drained;

use crate::support::process::{Signal, free, own_address};
use crate::support::upstream::OK;
use crate::support::{Client, Gate, LIMIT, Process, Setup, Upstream, get};

/// Whether nobody takes a connection any more; who does is listened to for this long.
fn nobody_listens(address: SocketAddr, patience: Duration) -> Option<()> {
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) else {
        return Some(());
    };
    Client::over(stream).end_within(patience);
    None
}

#[test]
fn readiness_falls_at_once_and_requests_are_served_until_the_delay_is_over() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).top("drain: { delay: 5s, timeout: 30s }").start();
    let mut idle = gateway.client();
    idle.get("/x").is(200);
    gateway.ask_admin("/readyz").is(200);
    gateway.running().drain();
    let until = Instant::now() + LIMIT;
    while gateway.ask_admin("/readyz").status != 503 {
        assert!(Instant::now() < until, "still ready");
    }
    gateway.ask_admin("/livez").is(200);
    // Who still comes is served, and asked to go elsewhere.
    let answer = gateway.get("/x").is(200);
    assert_eq!(
        answer.field("connection").map(str::to_ascii_lowercase).as_deref(),
        Some("close")
    );
    let address = gateway.address();
    gateway.clock.advance_secs(4);
    gateway.get("/x").is(200);
    gateway
        .clock
        .soon("the end of listening", |patience| nobody_listens(address, patience));
    gateway
        .clock
        .soon("the close of an idle connection", |patience| idle.end_within(patience));
    assert_eq!(gateway.wait(), Drained::Clean);
}

#[test]
fn a_request_that_runs_is_finished_and_then_the_gateway_ends() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
            held.wait();
            conn.send(b"half");
        }
    });
    let gateway = Setup::to(&upstream).top("drain: { delay: 1s, timeout: 30s }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    client.read_until(b"half");
    gateway.running().drain();
    let (clock, address) = (gateway.clock.clone(), gateway.address());
    clock.soon("the end of listening", |patience| nobody_listens(address, patience));
    client.heard_nothing();
    gate.open();
    client.read_until(b"half");
    clock.soon("the close of a connection that has nothing more to do", |patience| {
        client.end_within(patience)
    });
    assert_eq!(gateway.wait(), Drained::Clean);
}

#[test]
fn a_reload_opens_no_new_listener_to_clients_while_the_gateway_ends() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let setup = Setup::to(&upstream).top("drain: { delay: 1s, timeout: 30s }").in_file();
    let gateway = setup.start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    gateway.running().drain();
    let address = gateway.address();
    gateway
        .clock
        .soon("the end of listening", |patience| nobody_listens(address, patience));
    let added = setup.listen(&["{ addr: \"127.0.0.1:0\" }", "{ addr: \"127.0.0.2:0\" }"]);
    gateway.reload_as(&added).unwrap();
    let added = gateway.addresses()[1];
    let until = Instant::now() + LIMIT;
    while nobody_listens(added, Duration::from_millis(20)).is_none() {
        assert!(Instant::now() < until, "a new listener takes clients");
    }
}

#[test]
fn a_request_that_never_ends_is_cut_off_at_the_timeout() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let gateway = Setup::to_with(&upstream, "timeouts: { response: 1h }")
        .top("drain: { delay: 1s, timeout: 10s }")
        .start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    gateway.running().drain();
    let address = gateway.address();
    gateway
        .clock
        .soon("the end of listening", |patience| nobody_listens(address, patience));
    client.heard_nothing();
    gateway.clock.advance_secs(5);
    client.heard_nothing();
    gateway.clock.soon("the cut", |patience| client.end_within(patience));
    upstream.wait_end(0);
    assert_eq!(gateway.wait(), Drained::CutOff);
}

#[test]
fn everybody_who_was_accepted_under_load_is_answered() {
    let upstream = Upstream::answering(OK);
    let setup = Setup::to(&upstream).top("drain: { delay: 1s, timeout: 20s }\nworkers: 2");
    let mut process = Process::start(&setup);
    let address = process.address;
    let asked = Arc::new(AtomicUsize::new(0));
    let load: Vec<_> = (0..8)
        .map(|number| {
            let asked = Arc::clone(&asked);
            thread::spawn(move || until_refused(address, number % 2 == 0, &asked))
        })
        .collect();
    let until = Instant::now() + LIMIT;
    while asked.load(Ordering::Relaxed) < 400 {
        assert!(Instant::now() < until, "the load does not begin");
        thread::yield_now();
    }
    let before = asked.load(Ordering::Relaxed);
    process.signal(Signal::TERM);
    for client in load {
        client.join().expect("a request that was accepted was not answered");
    }
    assert!(
        asked.load(Ordering::Relaxed) > before,
        "nobody was served while it drained"
    );
    assert_eq!(process.exit_code(), Some(0));
}

/// Ask over and over, on kept or on new connections, until nobody listens any more.
fn until_refused(address: SocketAddr, keep: bool, asked: &AtomicUsize) {
    loop {
        let Ok(stream) = TcpStream::connect(address) else {
            return;
        };
        drop(stream.set_nodelay(true));
        let mut client = Client::over(stream);
        loop {
            if !client.sent_whole(&get("/x").bytes()) {
                break;
            }
            let answer = client.answer(false).unwrap_or_else(|why| panic!("{why}")).is(200);
            assert_eq!(answer.text(), "ok");
            asked.fetch_add(1, Ordering::Relaxed);
            let close = answer
                .field("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
            if close || !keep {
                break;
            }
        }
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let mut process = Process::start(&Setup::to(&upstream).top("drain: { delay: 1h, timeout: 1h }"));
    let mut client = process.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    process.signal(Signal::TERM);
    let until = Instant::now() + LIMIT;
    while process.ask_admin("/readyz").status != 503 {
        assert!(Instant::now() < until, "the first signal was not heard");
    }
    process.signal(Signal::INT);
    process.exit_code();
}

#[test]
fn an_interrupt_ends_in_order_too() {
    let upstream = Upstream::ok();
    let mut process = Process::start(&Setup::to(&upstream).top("drain: { delay: 10ms, timeout: 1s }"));
    process.client().get("/x").is(200);
    process.signal(Signal::INT);
    assert_eq!(process.exit_code(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_exit_code_1() {
    let upstream = Upstream::ok();
    let taken = TcpListener::bind((own_address(), 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let admin = free(own_address());
    let setup = |listen: SocketAddr, admin: SocketAddr| {
        Setup::to(&upstream)
            .listen(&[&format!("{{ addr: \"{listen}\" }}")])
            .top(&format!("admin: {{ addr: \"{admin}\" }}"))
    };
    let mut process = Process::spawn_yaml(&setup(address, admin).yaml(), address, admin, |_| {});
    assert_eq!(process.exit_code(), Some(1));
    process.said().wait(&address.to_string());
    let mut process = Process::spawn_yaml(&setup(admin, address).yaml(), admin, address, |_| {});
    assert_eq!(process.exit_code(), Some(1));
}

#[test]
fn a_second_process_does_not_join_the_first_silently() {
    let upstream = Upstream::ok();
    let first = Process::start(&Setup::to(&upstream));
    let admin = free(own_address());
    let setup = Setup::to(&upstream)
        .listen(&[&format!("{{ addr: \"{}\" }}", first.address)])
        .top(&format!("admin: {{ addr: \"{admin}\" }}"));
    let mut second = Process::spawn_yaml(&setup.yaml(), first.address, admin, |_| {});
    assert_eq!(second.exit_code(), Some(1));
    first.client().get("/x").is(200);
}

#[test]
#[doc = "CF-01"]
fn a_faulty_configuration_is_exit_code_78_and_wrong_usage_2() {
    let address = free(own_address());
    let mut process = Process::spawn_yaml("version: 1\nnonsense: true\n", address, address, |_| {});
    assert_eq!(process.exit_code(), Some(78));
    process.said().wait("nonsense");
    for arguments in [&["--nonsense"][..], &["nonsense"], &["run", "--nonsense"]] {
        let status = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .output()
            .unwrap()
            .status;
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
    let missing = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["run", "-c", "/nowhere.yaml"])
        .output()
        .unwrap();
    assert_eq!(
        missing.status.code(),
        Some(78),
        "{}",
        String::from_utf8_lossy(&missing.stderr)
    );
}
