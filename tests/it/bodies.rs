//! Bodies flow both ways as they come: nothing waits for the whole, and nothing is kept that the other side does not take.

use std::thread;

use crate::support::{Client, End, Gate, HOST, LIMIT, Process, Request, Setup, Upstream, get, post};

const GIB: u64 = 1 << 30;

#[test]
#[doc = "P-2"]
fn a_request_body_goes_on_while_it_comes() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").announcing(9));
    for part in [&b"abc"[..], b"def", b"ghi"] {
        client.send(part);
        upstream.wait_bytes(part);
    }
    client.response().is(200);
    assert_eq!(upstream.request().body, b"abcdefghi");
}

#[test]
#[doc = "P-2"]
fn a_chunked_request_body_goes_on_while_it_comes() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").chunked());
    for part in ["first", "second", "third"] {
        client.send(format!("{:x}\r\n{part}\r\n", part.len()));
        upstream.wait_bytes(part.as_bytes());
    }
    client.send(*b"0\r\n\r\n");
    client.response().is(200);
    let request = upstream.request();
    assert_eq!((&request.body[..], request.chunked), (&b"firstsecondthird"[..], true));
}

#[test]
#[doc = "HTTP-17"]
fn each_event_of_a_stream_arrives_before_the_next_is_sent() {
    let gates: Vec<Gate> = (0..3).map(|_| Gate::closed()).collect();
    let held = gates.clone();
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_none() {
            return;
        }
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (number, gate) in held.iter().enumerate() {
            gate.wait();
            let event = format!("data: {number}\n\n");
            conn.send(format!("{:x}\r\n{event}\r\n", event.len()));
        }
        conn.send(b"0\r\n\r\n");
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/events"));
    client.read_until(b"text/event-stream");
    client.read_until(b"\r\n\r\n");
    for (number, gate) in gates.iter().enumerate() {
        gate.open();
        client.read_until(format!("data: {number}\n\n").as_bytes());
    }
    client.read_until(b"0\r\n\r\n");
}

#[test]
#[doc = "HTTP-17"]
fn the_head_of_an_answer_does_not_wait_for_its_body() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Head: here\r\n\r\n");
            held.wait();
            conn.send(b"body");
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    client.read_until(b"\r\n\r\n");
    gate.open();
    client.read_until(b"body");
}

#[test]
#[doc = "HTTP-14"]
fn response_trailers_pass_to_who_asks_for_them() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    let answer = client.ask(get("/x").field("TE", "trailers")).is(200);
    assert_eq!(answer.body, b"abc");
    assert_eq!(answer.trailers.len(), 1, "{answer:?}");
    assert!(answer.trailers[0].0.eq_ignore_ascii_case("x-sum") && answer.trailers[0].1 == "7");
    // And the connection goes on after them.
    client.ask(get("/x").field("TE", "trailers")).is(200);
    assert_eq!(upstream.connections(), 1);
}

#[test]
#[doc = "HTTP-14, HTTP-04"]
fn a_trailer_that_names_a_framing_field_never_passes() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length, X-Sum\r\n\r\n3\r\nabc\r\n0\r\n\
         Content-Length: 9\r\nTransfer-Encoding: gzip\r\nConnection: close\r\nX-Sum: 7\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).start();
    match gateway.client().send(get("/x").field("TE", "trailers")).answer(false) {
        Ok(answer) => {
            let names: Vec<String> = answer.trailers.iter().map(|(name, _)| name.to_lowercase()).collect();
            assert!(names.iter().all(|name| name == "x-sum"), "{names:?}");
        }
        Err(why) => assert!(why.contains("Closed") || why.contains("Reset"), "{why}"),
    }
}

#[test]
#[doc = "HTTP-08"]
fn an_answer_to_an_http_1_0_client_is_framed_for_it() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(format!("GET /x HTTP/1.0\r\nHost: {HOST}\r\n\r\n"));
    let bytes = client.read_to_end();
    assert!(bytes.ends_with(b"\r\n\r\nabc"), "{}", bytes.escape_ascii());
}

#[test]
#[doc = "RS-05"]
fn a_client_that_goes_away_takes_its_request_with_it() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    for (number, leave) in [drop as fn(Client), Client::reset].into_iter().enumerate() {
        let mut client = gateway.client();
        client.send(get("/slow"));
        upstream.wait_requests(number + 1);
        leave(client);
        upstream.wait_end(number);
    }
}

#[test]
#[doc = "RS-05"]
fn a_client_that_goes_away_in_the_middle_of_an_answer_ends_it_upstream() {
    let upstream = Upstream::scripted(|conn| {
        if conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            conn.send(vec![b'x'; 100_000]);
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    client.skip(50_000);
    client.reset();
    upstream.wait_end(0);
}

#[test]
#[doc = "RS-05"]
fn many_aborts_leave_nothing_behind() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    for number in 0..300 {
        let mut client = gateway.client();
        client.send(get("/slow"));
        upstream.wait_head(number);
        client.reset();
    }
    for number in 0..300 {
        upstream.wait_end(number);
    }
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 0.0);
    assert_eq!(upstream.open(), 0);
}

#[test]
#[doc = "RS-05"]
fn an_upstream_that_does_not_read_holds_its_client_back() {
    let gate = Gate::closed();
    let upstream = Upstream::reading_after(&gate, 64 * 1024, |conn| {
        conn.wait_total(96 << 20);
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        conn.wait_end();
    });
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, body_max: 1GiB }")
        .start();
    let mut client = gateway.client();
    let most = 96 << 20;
    client.send(Request::new("POST", "/x").announcing(most));
    let sent = client.send_until_stalled(&[b'x'; 64 * 1024], most);
    assert!(sent < most / 2, "{sent} bytes were taken although nobody reads them");
    gate.open();
    client.send(vec![b'x'; usize::try_from(most - sent).unwrap()]);
    client.response().is(200);
}

#[test]
#[doc = "RS-05"]
fn a_client_that_does_not_read_holds_its_upstream_back() {
    let (stalled, sent_at) = (Gate::closed(), std::sync::Arc::new(std::sync::Mutex::new(0)));
    let (told, sent) = (stalled.clone(), sent_at.clone());
    let most = 96 << 20;
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_some() {
            conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {most}\r\n\r\n"));
            let before = conn.send_until_stalled(&[b'x'; 64 * 1024], most);
            *sent.lock().unwrap() = before;
            told.open();
            conn.send(vec![b'x'; usize::try_from(most - before).unwrap()]);
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    stalled.wait();
    assert!(
        *sent_at.lock().unwrap() < most / 2,
        "{} bytes were taken although nobody reads them",
        sent_at.lock().unwrap()
    );
    client.read_until(b"\r\n\r\n");
    client.skip(most);
}

#[test]
#[doc = "RS-07, P-6"]
fn a_gibibyte_streams_through_in_constant_memory() {
    let upstream = Upstream::counting(4096, |conn| {
        while let Some(head) = conn.head() {
            if head.line.starts_with("POST") {
                conn.wait_total(GIB);
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
                return;
            }
            conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n"));
            let chunk = vec![b'x'; 1 << 20];
            for _ in 0..GIB / (1 << 20) {
                conn.send(&chunk);
            }
        }
    });
    let process = Process::start(
        &Setup::new()
            .upstream("up", &upstream)
            .route("{ path: /**, upstream: up, auth: public, body_max: 2GiB }"),
    );
    let mut client = process.client();
    client.send(get("/warm"));
    client.skip(16 << 20);
    drop(client);
    let (before, _) = process.memory();

    let mut client = process.client();
    client.send(get("/down"));
    client.read_until(b"\r\n\r\n");
    client.skip(GIB);
    let mut client = process.client();
    client.send(Request::new("POST", "/up").announcing(GIB));
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..GIB / (1 << 20) {
        client.send(chunk.as_slice());
    }
    client.response().is(200);

    let (_, most) = process.memory();
    assert!(
        most < before + (32 << 20),
        "{} MiB before, {} MiB at most",
        before >> 20,
        most >> 20
    );
}

#[test]
#[doc = "P-2"]
fn large_bodies_arrive_unchanged_both_ways() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request() {
            conn.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                request.body.len()
            ));
            conn.send(&request.body);
        }
    });
    let gateway = Setup::to(&upstream).workers(2).start();
    let address = gateway.address();
    let threads: Vec<_> = (0..4_u32)
        .map(|seed| {
            thread::spawn(move || {
                let body: Vec<u8> = (0..3_000_000_u32)
                    .map(|n| (n.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8)
                    .collect();
                let mut client = Client::to(address);
                let answer = client.ask(post("/echo", &body)).is(200);
                assert!(answer.body == body, "the body came back changed");
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
#[doc = "RS-05"]
fn an_upstream_that_resets_in_the_middle_of_an_answer_breaks_it_off() {
    let upstream = Upstream::scripted(|conn| {
        if conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
            conn.reset();
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    match client.answer(false) {
        Ok(answer) => assert_eq!(answer.status, 502),
        Err(why) => assert!(why.contains("Closed") || why.contains("Reset"), "{why}"),
    }
}

#[test]
#[doc = "RS-05"]
fn a_client_that_has_said_everything_still_hears_the_answer_or_is_told_nothing() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_some() {
            held.wait();
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            conn.wait_end();
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    client.half_close();
    gateway.settle();
    gate.open();
    match client.answer(false) {
        Ok(answer) => assert_eq!(answer.is(200).text(), "ok"),
        Err(why) => assert!(why.starts_with(&format!("{:?}", End::Closed)), "{why}"),
    }
    client.end_within(LIMIT).expect("the connection stays open for nobody");
}

#[test]
#[doc = "HTTP-04"]
fn a_chunked_body_goes_on_whatever_the_method() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    for method in ["GET", "OPTIONS", "DELETE", "POST"] {
        client
            .send(Request::new(method, "/x").chunked())
            .send(*b"4\r\nbody\r\n0\r\n\r\n");
        client.response().is(200);
    }
    let bodies: Vec<_> = upstream
        .wait_requests(4)
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert_eq!(bodies, [b"body"; 4]);
}
