//! What the gateway adds, keeps and changes on the way.

use crate::support::clock::START;
use crate::support::{HOST, Request, Setup, Upstream, get};

#[test]
fn every_request_has_an_id_that_both_sides_hear() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let answers: Vec<String> = (0..3)
        .map(|_| gateway.get("/x").is(200).field("x-request-id").unwrap().to_owned())
        .collect();
    let arrived: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.field("x-request-id").unwrap().to_owned())
        .collect();
    assert_eq!(answers, arrived);
    assert!(answers[0] != answers[1] && answers[1] != answers[2], "{answers:?}");
    for id in answers {
        assert_eq!((id.len(), &id[14..15]), (36, "7"), "{id} is no UUIDv7");
        let millis = u64::from_str_radix(&id.replace('-', "")[..12], 16).unwrap();
        assert_eq!(millis, START, "{id} is not of the test's clock");
    }
}

#[test]
#[doc = "LG-02"]
fn a_clients_request_id_is_continued_only_when_it_is_harmless() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for id in ["0190163d-8694-739b-aea5-966c26f8ad91", "abc-123_DEF.4"] {
        let answer = gateway.ask(get("/x").field("X-Request-Id", id)).is(200);
        let arrived = upstream
            .requests()
            .last()
            .unwrap()
            .field("x-request-id")
            .unwrap()
            .to_owned();
        assert_eq!(answer.field("x-request-id"), Some(arrived.as_str()));
    }
    for id in [
        "",
        "a b",
        "a\"b",
        "a,b",
        "<script>",
        "\u{e9}",
        &"x".repeat(1000),
        "a\tb",
        "{}",
        "a;b",
    ] {
        let answer = gateway.ask(get("/x").field("X-Request-Id", id)).is(200);
        let arrived = upstream
            .requests()
            .last()
            .unwrap()
            .field("x-request-id")
            .unwrap()
            .to_owned();
        assert_ne!(arrived, id);
        assert_eq!(answer.field("x-request-id"), Some(arrived.as_str()));
    }
    let twice = gateway.ask(get("/x").field("X-Request-Id", "one").field("X-Request-Id", "two"));
    assert!(matches!(twice.status, 200 | 400), "{twice:?}");
    assert!(upstream.requests().last().unwrap().head.all("x-request-id").len() == 1);
}

#[test]
fn refusals_have_an_id_too() {
    let gateway = Setup::new().start();
    let answer = gateway.get("/x").is_problem(404, "route.none");
    let id = answer.field("x-request-id").unwrap();
    assert!(
        answer.json()["instance"].as_str().unwrap().contains(id),
        "{}",
        answer.text()
    );
}

fn parent(value: &str) -> Vec<String> {
    value.split('-').map(str::to_owned).collect()
}

#[test]
fn a_trace_is_continued_or_begun() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    gateway.get("/begun").is(200);
    let begun = parent(upstream.requests()[0].field("traceparent").unwrap());
    assert_eq!(
        begun.iter().map(String::len).collect::<Vec<_>>(),
        [2, 32, 16, 2],
        "{begun:?}"
    );
    assert!(begun[1].bytes().any(|b| b != b'0') && begun.concat().bytes().all(|b| b.is_ascii_hexdigit()));

    let theirs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    gateway
        .ask(
            get("/continued")
                .field("traceparent", theirs)
                .field("tracestate", "a=b"),
        )
        .is(200);
    let request = upstream.requests().remove(1);
    let continued = parent(request.field("traceparent").unwrap());
    assert_eq!(continued[1], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(request.field("tracestate"), Some("a=b"));

    for broken in [
        "",
        "x",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
        "00-4bf9-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
    ] {
        gateway.ask(get("/broken").field("traceparent", broken)).is(200);
        let request = upstream.requests().pop().unwrap();
        let made = request.field("traceparent").unwrap();
        assert_ne!(made, broken);
        assert_eq!(
            parent(made).iter().map(String::len).collect::<Vec<_>>(),
            [2, 32, 16, 2],
            "{broken}: {made}"
        );
        assert_ne!(parent(made)[1], "00000000000000000000000000000000");
    }
}

#[test]
fn the_clients_host_is_kept_unless_the_route_says_otherwise() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /kept, upstream: up, auth: public }")
        .route("{ path: /changed, upstream: up, auth: public, forward: { host: upstream } }")
        .start();
    gateway.get("/kept").is(200);
    gateway.get("/changed").is(200);
    let requests = upstream.requests();
    assert_eq!(requests[0].field("host"), Some(HOST));
    assert_eq!(requests[1].field("host"), Some(upstream.address().to_string().as_str()));
    assert_eq!(requests[1].field("x-forwarded-host"), Some(HOST));
}

#[test]
fn a_route_edits_what_goes_up_and_what_comes_back() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nServer: secret/1.0\r\nX-Kept: 1\r\nX-Set: old\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route(
            "{ path: /**, upstream: up, auth: public, \
             forward: { set: { X-Env: prod, X-Client: ours }, remove: [X-Debug, User-Agent] }, \
             response: { set: { Strict-Transport-Security: max-age=31536000, X-Set: new }, remove: [Server] } }",
        )
        .start();
    let answer = gateway
        .ask(
            get("/x")
                .field("X-Client", "theirs")
                .field("x-client", "again")
                .field("X-Debug", "1")
                .field("User-Agent", "curl")
                .field("X-Kept", "1"),
        )
        .is(200);
    let request = upstream.request();
    assert_eq!(
        (request.field("x-env"), request.field("x-client")),
        (Some("prod"), Some("ours"))
    );
    assert!(!request.has("x-debug") && !request.has("user-agent"));
    assert_eq!(request.field("x-kept"), Some("1"));
    assert_eq!(answer.field("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(
        (answer.field("x-set"), answer.field("x-kept")),
        (Some("new"), Some("1"))
    );
    assert!(!answer.has("server"));
}

#[test]
fn the_echo_answers_with_what_it_received() {
    let gateway = Setup::new()
        .upstream_as("demo", "{ builtin: echo }")
        .route("{ path: /**, upstream: demo, auth: public, forward: { set: { X-Env: demo } } }")
        .start();
    let mut client = gateway.client();
    let asked = Request::new("POST", "/x?y=z")
        .field("X-Auth-Subject", "root")
        .field("X-Mine", "1")
        .body("hello");
    let answer = client.ask(asked).is(200);
    assert!(answer.field("content-type").unwrap().starts_with("application/json"));
    let text = answer.text();
    let echo = answer.json();
    let asked_for = (&echo["method"], &echo["path"], &echo["query"]);
    assert_eq!(asked_for, (&"POST".into(), &"/x".into(), &"y=z".into()), "{text}");
    assert!(
        text.contains("x-env") && text.contains("x-mine") && text.contains("hello"),
        "{text}"
    );
    assert!(!text.contains("root"), "{text}");
    client.get("/again").is(200);
}

#[test]
#[doc = "HTTP-10"]
fn the_echo_keeps_to_its_own_limit_of_a_body() {
    let gateway = Setup::new()
        .upstream_as("demo", "{ builtin: echo }")
        .route("{ path: /**, upstream: demo, auth: public, body_max: 1KiB }")
        .start();
    gateway.ask(Request::new("POST", "/x").body([b'x'; 1025])).is(413);
    let mut client = gateway.client();
    client.send(Request::new("POST", "/x").chunked());
    client.send(format!("1000\r\n{}\r\n0\r\n\r\n", "x".repeat(4096)));
    client.response().is(413);
}

#[test]
fn the_date_and_status_of_the_upstream_pass() {
    let upstream = Upstream::answering(
        "HTTP/1.1 299 Fine By Me\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).start();
    let answer = gateway.get("/x").is(299);
    assert_eq!(answer.field("date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}
