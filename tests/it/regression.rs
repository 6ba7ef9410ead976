//! What once went wrong, each named by the fact that holds now.

use crate::support::{Process, Setup, Upstream, get};

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
