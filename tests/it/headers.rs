//! Fields: what a client may say, what only the gateway says, and what ends at each hop.

use crate::support::{HOST, Request, Setup, Upstream, get};

/// Names only the gateway may speak, in the spellings a service might fold into them.
const RESERVED: &[&str] = &[
    "X-Auth-Subject",
    "x-auth-subject",
    "X_Auth_Subject",
    "X-Auth_Subject",
    "X-AUTH-ROLES",
    "X-Auth-Scopes",
    "X-Auth-Method",
    "X-Auth-Email",
    "X-Auth-Anything",
    "X-Portcullis-Trace",
    "X_Portcullis_Route",
    "X-Real-IP",
    "X_Real_IP",
    "Forwarded",
    "X-Client-Cert",
    "X-Forwarded-Client-Cert",
    "X-SSL-Client-Cert",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Original-Method",
    "X-Original-URI",
    "X-Forwarded-Uri",
    "X-Forwarded-Prefix",
    "X-Forwarded-Method",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X_Forwarded_For",
    "X-HTTP-Method-Override",
];

const LIE: &str = "a-lie-of-the-client";

#[test]
#[doc = "HDR-01, HDR-06, P-4, VR-04"]
fn a_field_of_a_reserved_name_never_comes_from_the_client() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for name in RESERVED.iter().chain(&[
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
    ]) {
        gateway.ask(get("/x").field(name, LIE)).is(200);
        gateway
            .ask(get("/x").field(name, LIE).field("Connection", name))
            .is(200);
    }
    for request in upstream.requests() {
        let lies: Vec<&(String, String)> = request
            .head
            .fields
            .iter()
            .filter(|(_, value)| value.contains(LIE))
            .collect();
        assert!(lies.is_empty(), "{lies:?}");
    }
}

#[test]
#[doc = "HDR-01"]
fn a_route_cannot_be_chosen_by_a_reserved_name() {
    let upstream = Upstream::ok();
    let faults = Setup::to(&upstream)
        .route("{ path: /**, headers: { X-Auth-Subject: present }, upstream: up, auth: public }")
        .faults();
    assert!(
        faults.contains("header.reserved") && faults.contains("x-auth-subject"),
        "{faults}"
    );
}

#[test]
#[doc = "HDR-02"]
fn names_with_underscores_are_dropped_unless_listed() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .listen_with("underscore_headers: [X_Legacy]")
        .start();
    gateway
        .ask(
            get("/x")
                .field("X_Other", "1")
                .field("a_b", "1")
                .field("_", "1")
                .field("X_Legacy", "yes"),
        )
        .is(200);
    let request = upstream.request();
    assert_eq!(request.field("x_legacy"), Some("yes"));
    assert!(
        request
            .head
            .names()
            .iter()
            .all(|name| !name.contains('_') || name == "x_legacy"),
        "{request:?}"
    );
}

#[test]
#[doc = "HDR-02"]
fn a_listed_name_sent_twice_is_dropped() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .listen_with("underscore_headers: [X_Legacy]")
        .start();
    gateway
        .ask(get("/x").field("X_Legacy", "a").field("x_legacy", "b"))
        .is(200);
    assert!(!upstream.request().has("x_legacy"));
}

#[test]
#[doc = "HDR-02"]
fn without_a_list_no_underscore_passes() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    gateway
        .ask(
            get("/x")
                .field("X_Legacy", "a")
                .field("Content_Length", "9")
                .field("_x", "1"),
        )
        .is(200);
    assert!(upstream.request().head.names().iter().all(|name| !name.contains('_')));
}

#[test]
#[doc = "HDR-05"]
fn the_gateway_says_who_the_client_is() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let host = format!("{HOST}:{}", gateway.address().port());
    gateway
        .ask(
            get("/x")
                .host(&host)
                .field("X-Forwarded-For", "1.2.3.4")
                .field("X-Forwarded-Proto", "https")
                .field("X-Forwarded-Host", "evil.test")
                .field("X-Forwarded-Port", "1")
                .field("Forwarded", "for=1.2.3.4"),
        )
        .is(200);
    let request = upstream.request();
    assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.field("x-forwarded-proto"), Some("http"));
    assert_eq!(request.field("x-forwarded-host"), Some(host.as_str()));
    assert_eq!(
        request.field("x-forwarded-port"),
        Some(gateway.address().port().to_string().as_str())
    );
    assert!(!request.has("forwarded"));
}

#[test]
#[doc = "HDR-05"]
fn a_trusted_proxy_is_believed_and_the_first_untrusted_address_from_the_right_is_the_client() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .listen_with("trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]")
        .start();
    let cases = [
        ("192.0.2.7", "192.0.2.7"),
        ("1.1.1.1, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.1.2.3", "192.0.2.7"),
        ("1.1.1.1, 192.0.2.7, 10.1.2.3, 10.9.9.9", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, nonsense", "127.0.0.1"),
        ("nonsense", "127.0.0.1"),
    ];
    for (number, (chain, client)) in cases.iter().enumerate() {
        let target = format!("/{number}");
        gateway.ask(get(&target).field("X-Forwarded-For", chain)).is(200);
        let requests = upstream.requests();
        let id = requests.last().unwrap().field("x-request-id").unwrap();
        let line = gateway.log.about(("request_id", id));
        assert_eq!(line["client_ip"], *client, "{chain}");
    }
}

#[test]
#[doc = "HDR-05"]
fn behind_a_trusted_proxy_the_chain_is_appended_to() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream)
        .listen_with("trusted_proxies: [127.0.0.0/8]")
        .start();
    gateway
        .ask(
            get("/x")
                .field("X-Forwarded-For", "192.0.2.7")
                .field("X-Forwarded-Proto", "https")
                .field("X-Forwarded-Host", "public.test")
                .field("X-Forwarded-Port", "443"),
        )
        .is(200);
    let request = upstream.request();
    assert_eq!(request.field("x-forwarded-for"), Some("192.0.2.7, 127.0.0.1"));
    assert_eq!(request.field("x-forwarded-proto"), Some("https"));
    assert_eq!(request.field("x-forwarded-host"), Some("public.test"));
    assert_eq!(request.field("x-forwarded-port"), Some("443"));
}

#[test]
#[doc = "HDR-05"]
fn trust_is_the_peers_and_not_the_words() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .listen_with("trusted_proxies: [127.0.0.9/32]")
        .route("{ path: /x, upstream: up, auth: public, networks: { allow: [192.0.2.0/24] } }")
        .start();
    let asked = get("/x").field("X-Forwarded-For", "192.0.2.7");
    gateway.ask(asked.clone()).is_problem(403, "address.denied");
    upstream.saw_nothing();
    let mut proxy = crate::support::Client::from_address([127, 0, 0, 9].into(), gateway.address());
    proxy.ask(asked).is(200);
}

#[test]
#[doc = "HDR-06"]
fn fields_that_name_another_url_decide_nothing() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /open, upstream: up, auth: public }")
        .listen_with("trusted_proxies: [127.0.0.0/8]")
        .start();
    for name in [
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-URI",
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
    ] {
        gateway
            .ask(get("/closed").field(name, "/open"))
            .is_problem(404, "route.none");
        gateway.ask(get("/open").field(name, "/closed")).is(200);
    }
    for request in upstream.requests() {
        assert_eq!(request.target(), "/open");
        assert!(
            request.head.fields.iter().all(|(_, value)| value != "/closed"),
            "{request:?}"
        );
    }
}

#[test]
#[doc = "P-3, HDR-08"]
fn a_singleton_sent_twice_is_refused() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    for (name, one, two) in [
        ("Authorization", "Bearer a", "Bearer b"),
        ("Authorization", "Bearer a", "Bearer a"),
        ("Content-Type", "text/plain", "application/json"),
        ("Content-Type", "text/plain", "text/plain"),
    ] {
        gateway
            .ask(get("/x").field(name, one).field(name, two))
            .is_problem(400, "header.invalid");
        let apart = get("/x")
            .field(name, one)
            .field("X-Between", "1")
            .field(&name.to_lowercase(), two);
        gateway.ask(apart).is_problem(400, "header.invalid");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "HDR-08"]
fn a_route_condition_looks_at_every_value_of_a_field() {
    let (plain, special) = (Upstream::named("plain"), Upstream::named("special"));
    let gateway = Setup::new()
        .upstream("plain", &plain)
        .upstream("special", &special)
        .route("{ path: /x, upstream: plain, auth: public }")
        .route("{ path: /x, headers: { X-Kind: special }, upstream: special, auth: public }")
        .start();
    assert_eq!(
        gateway.ask(get("/x").field("X-Kind", "special")).is(200).text(),
        "special"
    );
    let mixed = gateway.ask(get("/x").field("X-Kind", "special").field("X-Kind", "other"));
    let answer = (mixed.status, mixed.text());
    assert!(
        matches!((answer.0, answer.1.as_str()), (200, "plain") | (400, _)),
        "{answer:?}"
    );
}

#[test]
#[doc = "HDR-10"]
fn an_upstream_cannot_speak_for_the_gateway() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nX-Request-Id: forged\r\nX-Portcullis-Verdict: forged\r\nX_Portcullis_Verdict: forged\r\n\
         Set-Cookie: __Host-portcullis=forged\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Portcullis-Verdict, X-Sum\r\n\r\n0\r\nX-Portcullis-Verdict: forged\r\nX-Request-Id: forged\r\n\
         Set-Cookie: __Host-portcullis=forged\r\nX-Sum: 1\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).start();
    let answer = gateway.ask(get("/x").field("TE", "trailers")).is(200);
    let said = answer.head.fields.iter().chain(&answer.trailers);
    let forged: Vec<_> = said.filter(|(_, value)| value.contains("forged")).collect();
    assert!(forged.is_empty(), "{forged:?}");
    assert_eq!(answer.head.all("set-cookie"), ["a=b"]);
}

#[test]
#[doc = "HTTP-18"]
fn fields_of_one_hop_end_here_in_both_directions() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Connection: keep-alive\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-End: 1\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).start();
    let answer = gateway
        .ask(
            get("/x")
                .field("Connection", "X-Hop, keep-alive")
                .field("Connection", "x-other")
                .field("X-Hop", "1")
                .field("X-Other", "1")
                .field("Keep-Alive", "timeout=5")
                .field("Proxy-Connection", "keep-alive")
                .field("Proxy-Authorization", "Basic eDp5")
                .field("TE", "trailers")
                .field("X-End", "1"),
        )
        .is(200);
    let request = upstream.request();
    for gone in [
        "x-hop",
        "x-other",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
    ] {
        assert!(!request.has(gone), "{gone} was passed on");
    }
    for gone in ["x-hop", "keep-alive", "proxy-connection", "upgrade"] {
        assert!(!answer.has(gone), "{gone} was passed back");
    }
    assert_eq!((request.field("x-end"), answer.field("x-end")), (Some("1"), Some("1")));
}

#[test]
#[doc = "HTTP-18"]
fn a_client_cannot_remove_what_the_gateway_sets() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, forward: { set: { X-Env: prod } } }")
        .start();
    let names = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Request-Id, traceparent, X-Env, Host, close";
    gateway.ask(get("/x").field("Connection", names)).is(200);
    let request = upstream.request();
    for name in [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-request-id",
        "traceparent",
        "host",
    ] {
        assert!(request.has(name), "{name} is gone");
    }
    assert_eq!(request.field("x-env"), Some("prod"));
}

#[test]
#[doc = "HTTP-18"]
fn a_client_cannot_use_connection_to_remove_end_to_end_credentials_unnoticed() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let asked = get("/x")
        .field("Connection", "Content-Length, Transfer-Encoding")
        .body("abc");
    let answer = gateway.ask(asked);
    if answer.status == 200 {
        assert_eq!(upstream.request().body, b"abc");
    } else {
        assert_eq!(answer.status, 400);
        upstream.saw_nothing();
    }
}

#[test]
#[doc = "HTTP-07"]
fn values_pass_as_they_are() {
    let upstream = Upstream::answering(
        b"HTTP/1.1 200 OK\r\nX-Odd: \xe9\xff \"'<>\r\nX-Empty:\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = Setup::to(&upstream).start();
    let bytes =
        b"GET /x HTTP/1.1\r\nHost: example.test\r\nX-Odd: \xe9\xff \"'<>\r\nX-Empty:\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n";
    let answer = gateway.client().send(*bytes).response().is(200);
    for head in [&upstream.request().head, &answer.head] {
        assert_eq!(head.field("x-odd"), Some("\u{e9}\u{ff} \"'<>"));
        assert_eq!(head.field("x-empty"), Some(""));
        assert_eq!(head.all("x-two"), ["1", "2"]);
    }
}

#[test]
#[doc = "P-4"]
fn nothing_of_one_request_shows_in_the_next_of_its_connection() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut client = gateway.client();
    client
        .ask(
            get("/a")
                .field("Authorization", "Bearer a")
                .field("Cookie", "a=b")
                .field("X-A", "1"),
        )
        .is(200);
    client.ask(Request::new("GET", "/b")).is(200);
    let second = &upstream.wait_requests(2)[1];
    for name in ["authorization", "cookie", "x-a"] {
        assert!(!second.has(name), "{name}");
    }
}
