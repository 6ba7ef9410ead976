//! Hosts: one, valid, and compared as everybody compares them.

use super::{all_refused, hosts};
use crate::support::{Setup, Upstream, get};

#[test]
#[doc = "PATH-01"]
fn a_request_without_exactly_one_valid_host_is_refused() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream);
    let mut requests = hosts(&[
        "",
        " ",
        "a b",
        "a,b",
        "a, b",
        "user@a",
        "user:pass@a",
        "a/b",
        "a/",
        "/",
        "http://a",
        "a?b",
        "a#b",
        "a\\b",
        "a:",
        "a:b",
        "a:80b",
        "a:-1",
        "a:+80",
        "a:65536",
        "a:99999",
        "a:80:80",
        ":80",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]:x",
        "[zz]",
        "[]",
        "a%00b",
        "a<b",
        "a\"b",
        "a;b",
        "a|b",
        "a^b",
        "\u{e9}xample.test",
        ".",
        "..",
        "a..b",
    ]);
    requests.push(("none", b"GET /x HTTP/1.1\r\n\r\n".to_vec()));
    requests.push(("two", b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_vec()));
    requests.push(("two equal", b"GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_vec()));
    requests.push((
        "two in HTTP/1.0",
        b"GET /x HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n".to_vec(),
    ));
    requests.push(("high bytes", b"GET /x HTTP/1.1\r\nHost: \xe9\xff\r\n\r\n".to_vec()));
    all_refused(&setup, &upstream, &[400], &requests);
}

#[test]
#[doc = "PATH-01"]
fn valid_hosts_pass_as_they_are() {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let hosts = [
        "a",
        "example.test",
        "EXAMPLE.test",
        "a:80",
        "127.0.0.1",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:80",
        "a-b.c",
    ];
    for host in hosts {
        gateway.ask(get("/x").host(host)).is(200);
    }
    let arrived: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.field("host").unwrap().to_owned())
        .collect();
    assert_eq!(arrived, hosts);
}

#[test]
#[doc = "PATH-03"]
fn hosts_match_without_regard_to_case_final_dot_and_port() {
    let (api, other) = (Upstream::named("api"), Upstream::named("other"));
    let gateway = Setup::new()
        .upstream("api", &api)
        .upstream("other", &other)
        .route("{ host: api.example.test, path: /**, upstream: api, auth: public }")
        .route("{ host: \"*.wild.test\", path: /**, upstream: api, auth: public }")
        .route("{ path: /**, upstream: other, auth: public }")
        .start();
    let port = gateway.address().port();
    let asked = |host: &str| gateway.ask(get("/x").host(host)).is(200).text();
    for host in [
        "api.example.test",
        "API.Example.TEST",
        "api.example.test.",
        "a.wild.test",
        "a.b.WILD.test.",
    ] {
        assert_eq!(asked(host), "api", "{host}");
        assert_eq!(asked(&format!("{host}:{port}")), "api", "{host}");
    }
    for host in [
        "example.test",
        "xapi.example.test",
        "api.example.test.x",
        "wild.test",
        "xwild.test",
    ] {
        assert_eq!(asked(host), "other", "{host}");
    }
}
