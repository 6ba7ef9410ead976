//! Servers that are reached through a unix socket.

use std::fs;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use super::{answering, place};
use crate::support::client::as_tcp;
use crate::support::upstream::OK;
use crate::support::upstream::http2::Http2Upstream;
use crate::support::{Client, Gate, LIMIT, Setup, Upstream, get, post};

#[test]
fn an_upstream_behind_a_unix_socket_is_an_upstream_like_any_other() {
    let (_dir, path) = place();
    let upstream = answering(&path);
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.get("/x?y=1").is(200);
    client.ask(post("/y", "12345")).is(200);
    let requests = upstream.requests();
    assert_eq!(
        (requests[0].line(), requests[1].body.as_slice()),
        ("GET /x?y=1 HTTP/1.1", &b"12345"[..])
    );
    assert_eq!(requests[0].field("host"), Some(crate::support::HOST));
    assert_eq!(requests[0].field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(upstream.connections(), 1, "its connection was not used again");
}

#[test]
fn a_socket_has_no_name_of_its_own() {
    let (_dir, path) = place();
    let upstream = answering(&path);
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, forward: { host: upstream } }")
        .start();
    gateway.get("/x").is(200);
    assert_eq!(upstream.request().field("host"), Some("localhost"));
}

#[test]
fn connections_through_a_socket_are_counted_and_waited_for() {
    let (_dir, path) = place();
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::at_socket(&path, move |conn| {
        while conn.request().is_some() {
            held.wait();
            conn.send(OK);
        }
    });
    let gateway = Setup::to_with(&upstream, "max_connections: 1, max_pending: 1").start();
    let (mut first, mut second) = (gateway.client(), gateway.client());
    first.send(get("/first"));
    upstream.wait_requests(1);
    second.send(get("/second"));
    gateway.settle();
    gateway.get("/third").is_problem(503, "upstream.overloaded");
    gate.open();
    first.response().is(200);
    second.response().is(200);
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_socket_nobody_listens_on_is_502_with_the_reason_in_the_log() {
    let (dir, path) = place();
    let dead = dir.path().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for (path, reason) in [
        (&path, "No such file"),
        (&dead, "Connection refused"),
        (&file, "Connection refused"),
    ] {
        let gateway = Setup::new()
            .upstream_as("up", &format!("{{ urls: [\"unix:{}\"] }}", path.display()))
            .route("{ path: /**, upstream: up, auth: public }")
            .start();
        gateway.get("/x").is_problem(502, "upstream.unreachable");
        let line = gateway.log.about(("code", "upstream.unreachable"));
        let said = line["reason"].as_str().unwrap();
        assert!(said.contains(reason) && said.contains(path.to_str().unwrap()), "{said}");
    }
}

#[test]
fn where_one_socket_is_dead_the_next_server_is_asked() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let urls = format!("{{ urls: [\"unix:{}\", \"{}\"] }}", path.display(), upstream.url());
    let gateway = Setup::new()
        .upstream_as("up", &urls)
        .route("{ path: /**, upstream: up, auth: public }")
        .start();
    for _ in 0..4 {
        gateway.get("/x").is(200);
    }
}

#[test]
fn a_server_whose_queue_is_full_is_waited_for() {
    let (_dir, path) = place();
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let listener = UnixListener::from(socket);
    let _waiting = UnixStream::connect(&path).unwrap();
    let gateway = Setup::new()
        .upstream_as("up", &format!("{{ urls: [\"unix:{}\"] }}", path.display()))
        .route("{ path: /**, upstream: up, auth: public }")
        .start();
    let mut client = gateway.client();
    client.send(get("/x"));
    gateway.settle();
    client.heard_nothing();
    let (said, accepted) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            said.send(Client::over(as_tcp(stream.unwrap()))).unwrap();
        }
    });
    let _first = accepted.recv_timeout(LIMIT).unwrap();
    let mut asked = gateway
        .clock
        .soon("the connection", |patience| accepted.recv_timeout(patience).ok());
    asked.read_until(b"\r\n\r\n");
    asked.send(OK);
    client.response().is(200);

    // For ever is too long.
    let (_dir, path) = place();
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    let gateway = Setup::new()
        .upstream_as("up", &format!("{{ urls: [\"unix:{}\"] }}", path.display()))
        .route("{ path: /**, upstream: up, auth: public }")
        .start();
    let mut client = gateway.client();
    client.send(get("/x"));
    let answer = gateway
        .clock
        .soon("the end of the wait", |patience| client.answer_within(patience));
    answer.is_problem(502, "upstream.unreachable");
}

/// Passes bytes on from a socket at `path` to `server`.
fn relay(path: &Path, server: SocketAddr) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (as_tcp(client.unwrap()), TcpStream::connect(server).unwrap());
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ] {
                thread::spawn(move || {
                    let _gone = std::io::copy(&mut from, &mut to);
                    let _said = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
}

#[test]
fn http2_goes_through_a_socket_too() {
    let (_dir, path) = place();
    let upstream = Http2Upstream::ok();
    relay(&path, upstream.address());
    let gateway = Setup::new()
        .upstream_as(
            "up",
            &format!("{{ urls: [\"unix:{}\"], protocol: h2c }}", path.display()),
        )
        .route("{ path: /**, upstream: up, auth: public, forward: { host: upstream } }")
        .start();
    for _ in 0..3 {
        gateway.get("/x").is(200);
    }
    let streams = upstream.streams();
    assert_eq!((streams.len(), upstream.connections()), (3, 1));
    assert_eq!(streams[0].authority, "localhost");
}
