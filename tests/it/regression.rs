//! What once went wrong, each named by the fact that holds now.

use crate::support::frames;
use crate::support::raw::Raw;
use crate::support::{Process, Request, Setup, Upstream, get};

#[test]
fn an_answer_with_trailers_is_logged_as_whole_and_its_connection_reused() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).start();
    for _ in 0..2 {
        let answer = gateway.ask(get("/x").field("TE", "trailers")).is(200);
        let line = gateway.log.about(("request_id", answer.field("x-request-id").unwrap()));
        assert_eq!((line["bytes"].as_u64(), line.get("reason")), (Some(3), None), "{line}");
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_request_whose_client_left_is_logged_with_its_route_and_upstream() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/left"));
    upstream.wait_requests(1);
    drop(client);
    let line = gateway.log.wait(|line| line["status"] == 499);
    let known = (
        line["route"].as_str(),
        line["upstream"].as_str(),
        line["decision"].as_str(),
    );
    assert_eq!(known, (Some("/**"), Some("up"), Some("allowed")));
}

#[test]
fn a_signal_is_heard_as_soon_as_a_connection_is_taken() {
    let upstream = Upstream::ok();
    for _ in 0..5 {
        let mut process = Process::spawn(&Setup::to(&upstream).top("drain: { delay: 10ms, timeout: 1s }"), |_| {});
        process.wait_listening();
        process.signal(crate::support::process::Signal::TERM);
        assert_eq!(process.exit_code(), Some(0));
    }
}

#[test]
fn a_reload_is_not_refused_because_of_workers_nobody_changed() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream).top("workers: auto").in_file();
    let gateway = setup.start();
    gateway.reload_as(&setup).unwrap();
    gateway.get("/x").is(200);
}

#[test]
fn who_is_one_too_many_gets_a_refusal_that_can_be_read() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .top("connections: { max: 1, per_address: 1 }")
        .start();
    let mut first = gateway.client();
    first.get("/x").is(200);
    let mut second = gateway.client();
    second.response().is_problem(503, "server.overloaded");
    second.is_closed();
    first.get("/x").is(200);
}

#[test]
#[doc = "PATH-02, PATH-04, P-2"]
fn a_target_that_is_nothing_but_a_fragment_never_becomes_an_empty_one() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).listen_with("protocols: [http1, h2c]").start();
    for target in [
        "http://example.test#",
        "http://example.test/#x",
        "http://example.test#/../x",
    ] {
        let answer = gateway.ask(Request::new("GET", target));
        assert!(matches!(answer.status, 200 | 400), "{target}: {}", answer.status);
    }
    for path in ["#", "#a", "#/../x", "/#"] {
        let mut raw = Raw::to(gateway.address());
        raw.send(frames::headers(
            1,
            frames::END_HEADERS | frames::END_STREAM,
            &frames::pseudo("GET", path),
        ));
        let status = raw.status(1);
        assert!(matches!(status, 200 | 400), "{path}: {status}");
    }
    // Strict as it is, the upstream of the tests has judged every request line; this says that some came.
    assert!(upstream.requests().iter().all(|request| request.target() == "/"));
    assert!(!upstream.requests().is_empty());
}

#[test]
#[doc = "HTTP-06, HTTP-12"]
fn a_body_is_not_complete_before_its_stream_has_ended() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).h2c().start();
    for (what, end) in [
        (
            "more than announced",
            frames::frame(frames::DATA, frames::END_STREAM, 1, "de"),
        ),
        ("a reset", frames::reset(1, 8)),
    ] {
        let known = upstream.connections();
        let mut raw = Raw::to(gateway.address());
        let mut head = frames::pseudo("POST", "/x");
        head.push(("content-length", "3"));
        raw.send(frames::headers(1, frames::END_HEADERS, &head));
        raw.send(frames::frame(frames::DATA, 0, 1, "abc"));
        upstream.wait_head(known);
        raw.settle();
        raw.send(end);
        upstream.wait_end(known);
        assert!(!upstream.seen(known).bytes.ends_with(b"abc"), "{what}");
    }
    // One that ends as announced, in a frame of its own, is whole.
    let mut raw = Raw::to(gateway.address());
    let mut head = frames::pseudo("POST", "/x");
    head.push(("content-length", "3"));
    raw.send(frames::headers(1, frames::END_HEADERS, &head));
    raw.send(frames::frame(frames::DATA, 0, 1, "abc"));
    raw.send(frames::frame(frames::DATA, frames::END_STREAM, 1, ""));
    assert_eq!(raw.status(1), 200);
    assert_eq!(upstream.requests().last().unwrap().body, b"abc");
}
