//! Refusals of calls of gRPC: a status that its callers understand, in a head alone.

use crate::support::frames;
use crate::support::h2::{request, with};
use crate::support::raw::Raw;
use crate::support::upstream::http2::{Http2Upstream, Stream};
use crate::support::{Request, Setup, Upstream};

fn call(target: &str) -> http::Request<()> {
    with(
        with(request("POST", target), "content-type", "application/grpc+proto"),
        "te",
        "trailers",
    )
}

fn refusing() -> (Upstream, Setup) {
    let upstream = Upstream::ok();
    let setup = Setup::new()
        .h2c()
        .upstream("up", &upstream)
        .route("{ path: /pkg.Denied/*, upstream: up, auth: public, networks: { deny: [127.0.0.0/8] } }")
        .route("{ path: /pkg.Small/*, upstream: up, auth: public, body_max: 4B }");
    (upstream, setup)
}

const REFUSALS: &[(&str, &str, &str, u16)] = &[
    ("/pkg.None/Call", "12", "route.none: no route matches", 404),
    ("/pkg.Denied/Call", "7", "address.denied: Ask the operator", 403),
    ("/pkg.Small/Call", "8", "body.too_large: ", 413),
    ("/pkg.None//Call", "3", "path.ambiguous: ", 400),
];

#[test]
fn a_refused_call_gets_a_status_of_grpc_in_a_head_alone() {
    let (upstream, setup) = refusing();
    let gateway = setup.start();
    for (target, status, message, http) in REFUSALS {
        let client = gateway.h2();
        let asked = with(with(call(target), "accept", "text/html"), "content-length", "5");
        let mut call = client.call(asked, false);
        let _taken = call.try_send("12345", true);
        let answer = call.answer().is(200);
        assert!(answer.body.is_empty() && answer.trailers.is_empty());
        assert_eq!(answer.field("content-type"), Some("application/grpc"), "{target}");
        assert_eq!(answer.field("grpc-status"), Some(*status), "{target}");
        let told = answer.field("grpc-message").unwrap();
        assert!(told.starts_with(message) && !told.contains('%'), "{target}: {told}");
        let id = answer.field("x-request-id").unwrap().to_owned();
        let line = gateway.log.about(("request_id", &id));
        // What everything else would have called a success shows as what it was.
        assert_eq!(line["status"], *http, "{line}");
        assert_eq!(line["code"], message.split(':').next().unwrap());
    }
    upstream.saw_nothing();
}

#[test]
fn a_refused_call_is_told_so_in_http1_too() {
    let (upstream, setup) = refusing();
    let gateway = setup.start();
    for (target, status, message, _) in REFUSALS {
        let call = Request::new("POST", target)
            .field("Content-Type", "application/grpc")
            .body("12345");
        let code = message.split(':').next().unwrap();
        gateway.ask(call).is_refused_call(status.parse().unwrap(), code);
    }
    // gRPC-Web reads HTTP.
    let web = Request::new("POST", "/none")
        .field("Content-Type", "application/grpc-web")
        .body("");
    gateway.ask(web).is_problem(404, "route.none");
    upstream.saw_nothing();
}

#[test]
fn the_head_of_a_refused_call_ends_its_stream() {
    let (_upstream, setup) = refusing();
    let gateway = setup.start();
    let mut raw = Raw::to(gateway.address());
    let fields = [
        &frames::pseudo("POST", "/none")[..],
        &[("content-type", "application/grpc")],
    ]
    .concat();
    raw.send(frames::headers(1, frames::END_STREAM, &fields));
    let head = raw.until("a head", |frame| frame.kind == frames::HEADERS);
    assert_eq!(head.flags & frames::END_STREAM, frames::END_STREAM);
}

#[test]
fn an_upstream_that_cannot_be_reached_is_unavailable() {
    // Bound and not listening: nobody else gets the port meanwhile.
    let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    held.bind(&any.into()).unwrap();
    let gone = held.local_addr().unwrap().as_socket().unwrap();
    let setup = Setup::new()
        .h2c()
        .upstream_as("gone", &format!("{{ urls: [\"http://{gone}\"] }}"))
        .route("{ path: /**, upstream: gone, auth: public }");
    let gateway = setup.start();
    let answer = gateway.h2().ask(call("/x")).is(200);
    assert_eq!(answer.field("grpc-status"), Some("14"));
    let line = gateway.log.about(("route", "/**"));
    assert_eq!(
        (&line["status"], &line["code"]),
        (&502.into(), &"upstream.unreachable".into())
    );
    gateway.wait_metric(
        "http_server_request_duration_seconds_count",
        &["http_response_status_code=\"502\""],
        |count| count == 1.0,
    );
}

#[test]
fn a_call_whose_answer_breaks_off_is_reset() {
    let upstream = Upstream::answering_once(
        "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    );
    let gateway = Setup::to(&upstream).h2c().start();
    let reason = gateway.h2().call(call("/pkg.A/B"), true).reset_reason();
    assert_eq!(reason, h2::Reason::INTERNAL_ERROR);
}

/// Sends every message back, and ends well when its caller has said everything.
async fn echo(mut stream: Stream) {
    let head = http::Response::builder().header("content-type", "application/grpc+proto");
    let mut answer = stream.begin(head.body(()).unwrap());
    while let Some(message) = stream.read().await {
        if answer.send_data(message, false).is_err() {
            return;
        }
    }
    let status = [("grpc-status".parse().unwrap(), "0".parse().unwrap())];
    let _gone = answer.send_trailers(status.into_iter().collect());
}

fn to_http2(upstream: &Http2Upstream) -> Setup {
    let settings = format!("{{ urls: [\"{}\"], protocol: h2c }}", upstream.url());
    Setup::new()
        .h2c()
        .upstream_as("up", &settings)
        .route("{ path: /**, upstream: up, auth: public }")
}

#[test]
fn a_call_passes_turn_by_turn_and_ends_with_its_status() {
    let upstream = Http2Upstream::scripted(echo);
    let gateway = to_http2(&upstream).start();
    let client = gateway.h2();
    let mut asked = client.call(call("/pkg.Talk/Turns"), false);
    asked.send("turn 0", false);
    let mut begun = asked.begun().unwrap();
    assert_eq!(begun.headers["content-type"], "application/grpc+proto");
    for turn in 1..20 {
        assert_eq!(begun.piece().unwrap().unwrap(), format!("turn {}", turn - 1));
        asked.send(format!("turn {turn}"), false);
    }
    asked.send("", true);
    let answer = begun.rest().unwrap();
    assert_eq!(answer.text(), "turn 19");
    assert_eq!(answer.trailers["grpc-status"], "0");
}

#[test]
fn a_call_that_fails_at_once_has_its_status_in_the_head() {
    let upstream = Http2Upstream::scripted(|mut stream: Stream| async move {
        let head = http::Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", "5");
        stream.answer_empty(head.body(()).unwrap());
    });
    let gateway = to_http2(&upstream).start();
    let answer = gateway.h2().ask(call("/pkg.A/B")).is(200);
    assert_eq!((answer.field("grpc-status"), answer.body.len()), (Some("5"), 0));
    assert!(answer.trailers.is_empty());
}

#[test]
#[doc = "RS-04, RS-05"]
fn a_call_that_is_cancelled_is_cancelled_behind_us() {
    let upstream = Http2Upstream::scripted(|mut stream: Stream| async move {
        while stream.read().await.is_some() {}
        stream.wait_reset().await;
    });
    let gateway = to_http2(&upstream).start();
    let client = gateway.h2();
    let mut asked = client.call(call("/pkg.A/B"), false);
    asked.send("12345", false);
    upstream.wait_streams(1);
    asked.reset(h2::Reason::CANCEL);
    assert_eq!(upstream.wait_reset(0), h2::Reason::CANCEL);
    // The connection behind us carries on with the others.
    assert_eq!(upstream.connections(), 1);
}
