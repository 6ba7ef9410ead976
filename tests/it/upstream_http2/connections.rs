//! How shared connections come and go: good-byes, refusals, deaths, silence, names that move.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::{io, thread};

use portcullis::upstream::Resolve;

use super::{asking, secs, to, to_with};
use crate::support::process::{free, own_address};
use crate::support::upstream::http2::{Announced, Door, Http2Upstream};
use crate::support::upstream::{Conn, frames};
use crate::support::{Client, Gate, LIMIT, Setup, Upstream, get, post};

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

/// Takes each connection and ends it by this, before any request.
fn ending(end: impl Fn(&mut Conn) + Send + Sync + 'static) -> Upstream {
    Upstream::counting(1 << 20, move |conn| {
        end(conn);
        conn.wait_end();
    })
}

#[test]
fn why_a_connection_cannot_be_used_is_told_as_it_was() {
    let saying = |bytes: Vec<u8>| {
        ending(move |conn| {
            conn.send(&bytes);
        })
    };
    let leaving = |code| saying([frames::settings(&[]), frames::goaway(0, code)].concat());
    let left = "ended the connection before it took a request";
    for (upstream, told) in [
        (leaving(0), left),
        (leaving(11), left),
        (
            ending(|conn| {
                conn.wait_total(frames::PREFACE.len() as u64);
                conn.reset();
            }),
            "connection refused or failed",
        ),
        (
            saying(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec()),
            "does not speak HTTP/2",
        ),
    ] {
        let gateway = Setup::to_with(&upstream, "protocol: h2c").start();
        gateway.get("/x").is_problem(502, "upstream.unreachable");
        let line = gateway.log.about(("code", "upstream.unreachable"));
        assert!(line["reason"].as_str().unwrap().contains(told), "{told}: {line}");
    }
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
    let (asked, answered, done) = (Gate::closed(), Gate::closed(), Gate::closed());
    let (came, ponged, held) = (asked.clone(), answered.clone(), done.clone());
    let upstream = Upstream::counting(1 << 20, move |conn| {
        conn.send(frames::settings(&[]));
        let Some(stream) = conn.frame_of(frames::HEADERS) else {
            return;
        };
        came.open();
        let Some(ping) = conn.frame_of(frames::PING) else {
            return;
        };
        conn.send(frames::frame(frames::PING, frames::ACK, 0, ping.payload));
        ponged.open();
        held.wait();
        conn.send(frames::ok(stream.stream));
        conn.wait_end();
    });
    let gateway = Setup::to_with(&upstream, "protocol: h2c, timeouts: { response: 10m }").start();
    let mut client = gateway.client();
    client.send(get("/x"));
    asked.wait();
    gateway.settle();
    gateway.clock.advance_secs(61);
    answered.wait();
    gateway.settle();
    // Longer than a ping may go unanswered, and than the next one waits for: servers of gRPC count them.
    gateway.clock.advance_secs(200);
    gateway.settle();
    client.heard_nothing();
    done.open();
    client.response().is(200);
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
        move |mut stream: crate::support::upstream::http2::Stream| {
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
