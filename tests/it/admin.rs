//! What the gateway says about itself: probes, numbers, and a line for every request.

use std::io::{self, Write};

use crate::support::{Gate, HOST, Request, Setup, Upstream, get, post};

#[test]
#[doc = "AD-01, AD-02"]
fn probes_answer_on_their_own_listener_and_say_nothing_more() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for path in ["/livez", "/readyz", "/startupz", "/healthz"] {
        let answer = gateway.ask_admin(path).is(200);
        let text = answer.text().to_lowercase();
        assert!(
            !text.contains(env!("CARGO_PKG_VERSION")) && !text.contains("portcullis"),
            "{path}: {text}"
        );
        assert!(!answer.has("server"), "{path}");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "AD-01, HDR-07"]
fn nothing_of_the_admin_listener_is_on_the_public_one() {
    let gateway = Setup::new().start();
    for path in [
        "/livez",
        "/readyz",
        "/startupz",
        "/healthz",
        "/metrics",
        "/api/v1/config",
    ] {
        gateway.get(path).is_problem(404, "route.none");
        gateway
            .ask(get(path).field("User-Agent", "kube-probe/1.29"))
            .is_problem(404, "route.none");
    }
}

#[test]
#[doc = "AD-01"]
fn the_admin_listener_has_nothing_else() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for path in [
        "/",
        "/x",
        "/api/v1/config",
        "/metrics/",
        "/metrics/x",
        "/LIVEZ",
        "//livez",
    ] {
        let answer = gateway.ask_admin(path);
        assert!(matches!(answer.status, 400 | 401 | 404), "{path}: {answer:?}");
    }
    for method in ["POST", "PUT", "DELETE", "BREW"] {
        let answer = gateway.admin().ask(Request::new(method, "/metrics").host("localhost"));
        assert!(matches!(answer.status, 400 | 405 | 501), "{method}: {answer:?}");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "AD-02, P-5"]
fn metrics_count_requests_by_route_method_and_status() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: \"/items/{id}\", upstream: up, auth: public }")
        .workers(2)
        .start();
    for number in 0..5 {
        gateway.get(&format!("/items/secret-{number}")).is(200);
    }
    gateway.ask(post("/items/x", "abc")).is(200);
    gateway.get("/nowhere/hidden").is(404);
    gateway.client().send(*b"broken\r\n\r\n").response().is(400);
    gateway.wait_metric("http_server_request_duration_seconds_count", &[], |count| count >= 7.0);
    let metrics = gateway.metrics();
    let count = |labels: &[&str]| {
        metrics
            .sum("http_server_request_duration_seconds_count", labels)
            .unwrap_or(0.0)
    };
    let route = "http_route=\"/items/{id}\"";
    assert_eq!(
        count(&[
            route,
            "http_request_method=\"GET\"",
            "http_response_status_code=\"200\""
        ]),
        5.0
    );
    assert_eq!(
        count(&[
            route,
            "http_request_method=\"POST\"",
            "http_response_status_code=\"200\""
        ]),
        1.0
    );
    assert_eq!(count(&["http_response_status_code=\"404\""]), 1.0);
    assert!(
        metrics.sum("portcullis_upstream_connections", &["up"]).is_some(),
        "{}",
        metrics.0
    );
    for name in [
        "portcullis_config_generation",
        "portcullis_config_last_reload_success",
        "portcullis_open_connections",
        "portcullis_build_info",
    ] {
        assert!(metrics.sum(name, &[]).is_some(), "{name} is missing");
    }
    for raw in ["secret-", "hidden", "nowhere"] {
        assert!(!metrics.0.contains(raw), "a raw path is a label: {raw}");
    }
}

#[test]
#[doc = "AD-02"]
fn strangers_cannot_make_series() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    gateway.get("/x").is(200);
    let before = gateway.metrics().0.lines().count();
    for number in 0..50 {
        gateway
            .ask(get(&format!("/{number}")).host(&format!("h{number}.test")))
            .is(200);
        gateway.ask(Request::new(&format!("BREW{number}"), "/x")).is(501);
    }
    let after = gateway.metrics().0.lines().count();
    assert!(after < before + 60, "{before} lines became {after}");
}

#[test]
fn a_scrape_may_ask_for_openmetrics() {
    let gateway = Setup::new().start();
    let plain = gateway.ask_admin("/metrics").is(200);
    assert!(plain.field("content-type").unwrap().starts_with("text/plain"));
    let open = gateway
        .admin()
        .ask(
            get("/metrics")
                .host("localhost")
                .field("Accept", "application/openmetrics-text; version=1.0.0"),
        )
        .is(200);
    assert!(
        open.field("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(open.text().ends_with("# EOF\n"));
}

#[test]
#[doc = "RS-03"]
fn open_connections_are_counted_up_and_down() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut clients: Vec<_> = (0..4).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/x").is(200);
    }
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 4.0);
    drop(clients);
    gateway.wait_metric("portcullis_open_connections", &[], |open| open == 0.0);
}

#[test]
fn every_request_has_a_line_with_everything_in_it() {
    let upstream = Upstream::answering("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello");
    let gateway = Setup::to(&upstream).start();
    let answer = gateway
        .ask(post("/x?secret=hunter2", "abc").field("Authorization", "Bearer hunter2"))
        .is(201);
    let line = gateway.log.about(("request_id", answer.field("x-request-id").unwrap()));
    let members: Vec<&String> = line.as_object().unwrap().keys().collect();
    for member in [
        "ts",
        "request_id",
        "trace_id",
        "client_ip",
        "method",
        "host",
        "route",
        "status",
        "bytes",
        "duration_ms",
        "upstream",
        "principal",
        "authenticator",
        "decision",
        "code",
    ] {
        assert!(line.get(member).is_some(), "{member} is not among {members:?}");
    }
    assert_eq!(line["ts"], "2033-05-18T03:33:20.000Z");
    assert_eq!(
        (line["method"].as_str(), line["host"].as_str()),
        (Some("POST"), Some(HOST))
    );
    assert_eq!(
        (line["route"].as_str(), line["upstream"].as_str()),
        (Some("/**"), Some("up"))
    );
    assert_eq!((line["status"].as_u64(), line["bytes"].as_u64()), (Some(201), Some(5)));
    assert_eq!(
        (line["client_ip"].as_str(), line["decision"].as_str()),
        (Some("127.0.0.1"), Some("allowed"))
    );
    let trace = upstream.request().field("traceparent").unwrap().to_owned();
    assert_eq!(line["trace_id"], trace.split('-').nth(1).unwrap());
    assert!(line["code"].is_null());
    assert!(!gateway.log.text().contains("hunter2"), "{}", gateway.log.text());
}

#[test]
#[doc = "LG-01"]
fn refused_requests_have_a_line_with_their_code_and_no_secret() {
    let gateway = Setup::new().start();
    let answer = gateway
        .ask(get("/hunter2?password=hunter2").field("Cookie", "session=hunter2"))
        .is(404);
    let line = gateway.log.about(("request_id", answer.field("x-request-id").unwrap()));
    assert_eq!(
        (line["status"].as_u64(), line["code"].as_str()),
        (Some(404), Some("route.none"))
    );
    assert_eq!(line["decision"], "denied");
    assert!(!gateway.log.text().contains("hunter2"), "{}", gateway.log.text());
}

#[test]
#[doc = "LG-02"]
fn what_a_client_says_cannot_forge_a_line() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let asked = Request::new("GET", "/x")
        .field("X-Request-Id", "a\\u0022,\\u0022status\\u0022:200")
        .field("User-Agent", "\u{e9}");
    let answer = gateway.ask(asked).is(200);
    gateway.log.about(("request_id", answer.field("x-request-id").unwrap()));
    gateway.get("/second").is(200);
    gateway.log.wait(|line| line["status"] == 200);
    for line in gateway.log.text().lines() {
        assert!(
            line.is_ascii() && line.bytes().all(|byte| byte >= b' ') && line.len() < 8192,
            "{line}"
        );
    }
}

#[test]
fn a_request_whose_client_left_has_a_line_too() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/left"));
    upstream.wait_requests(1);
    client.reset();
    let line = gateway.log.wait(|line| line["route"] == "/**");
    assert_eq!(line["status"], 499);
}

#[test]
fn a_line_tells_who_broke_an_answer_off() {
    let upstream = Upstream::scripted(|conn| {
        if conn.request().is_some() {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        }
    });
    let gateway = Setup::to(&upstream).start();
    drop(gateway.client().send(get("/x")).answer(false));
    let line = gateway.log.wait(|line| line["route"] == "/**");
    assert_eq!(line["code"], "upstream.protocol", "{line}");
}

#[test]
#[doc = "LG-04"]
fn a_log_that_blocks_holds_no_request_up() {
    struct Blocked(Gate);
    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.wait();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let upstream = Upstream::ok();
    let gate = Gate::closed();
    let gateway = Setup::to(&upstream).start_logging_to(Blocked(gate.clone()));
    let mut client = gateway.client();
    for _ in 0..2000 {
        client.get("/x").is(200);
    }
    gate.open();
}

#[test]
#[doc = "LG-04"]
fn a_log_that_fails_holds_no_request_up_and_is_counted() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start_logging_to(Broken);
    for _ in 0..20 {
        gateway.get("/x").is(200);
    }
    gateway.wait_metric("portcullis_log_lines_dropped_total", &["access"], |dropped| {
        dropped > 0.0
    });
}

#[test]
fn the_access_log_can_be_switched_off() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).top("log: { access: false }").start();
    for _ in 0..5 {
        gateway.get("/x").is(200);
    }
    let log = gateway.log.clone();
    drop(gateway);
    assert!(log.text().is_empty(), "{}", log.text());
}

#[test]
fn connections_to_an_upstream_are_counted_at_work_and_at_rest() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request().is_some() {
            held.wait();
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    let name = "portcullis_upstream_connections";
    gateway.wait_metric(name, &["upstream=\"up\"", "state=\"active\""], |open| open == 1.0);
    gate.open();
    client.response().is(200);
    gateway.wait_metric(name, &["upstream=\"up\"", "state=\"idle\""], |open| open == 1.0);
    gateway.wait_metric(name, &["upstream=\"up\"", "state=\"active\""], |open| open == 0.0);
}
