//! Refusals: their codes, their wording and their shape, and that nothing of a refused request goes upstream.

use crate::support::process::{free, own_address};
use crate::support::{Client, Setup, Upstream, get, post};

#[test]
#[doc = "LG-04"]
fn a_refusal_is_a_problem_that_names_its_code_and_request() {
    let gateway = Setup::new().start();
    let answer = gateway.get("/nowhere?secret=hunter2").is_problem(404, "route.none");
    let problem = answer.json();
    let members: Vec<&String> = problem.as_object().unwrap().keys().collect();
    for member in ["type", "title", "status", "detail", "instance", "code"] {
        assert!(
            problem[member].is_string() || problem[member].is_number(),
            "{member} of {members:?}"
        );
    }
    assert!(
        !answer.text().contains("hunter2") && !answer.text().contains("/nowhere"),
        "{}",
        answer.text()
    );
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    assert!(answer.field("cache-control").unwrap().contains("no-store"));
}

#[test]
fn a_browser_gets_a_page_instead() {
    let gateway = Setup::new().start();
    for accept in [
        "text/html",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json;q=0.5, text/html",
    ] {
        let answer = gateway.ask(get("/x").field("Accept", accept)).is(404);
        assert!(
            answer.field("content-type").unwrap().starts_with("text/html"),
            "{accept}"
        );
        assert!(answer.text().contains("route.none"), "{}", answer.text());
    }
    for accept in [
        "*/*",
        "application/json",
        "application/problem+json, text/html;q=0.1",
        "",
        "text/*;q=0",
        "garbage;;;",
    ] {
        gateway
            .ask(get("/x").field("Accept", accept))
            .is_problem(404, "route.none");
    }
}

#[test]
#[doc = "LG-02"]
fn nothing_a_client_says_stands_in_the_page() {
    let gateway = Setup::new().start();
    let asked = get("/%3Cscript%3Ealert(1)%3C/script%3E")
        .host("xss.test")
        .field("Accept", "text/html")
        .field("X-Request-Id", "<script>");
    let answer = gateway.ask(asked).is(404);
    assert!(!answer.text().to_lowercase().contains("<script"), "{}", answer.text());
    assert!(!answer.text().contains("xss.test"));
}

#[test]
#[doc = "AZ-03, P-1"]
fn networks_keep_out_who_is_denied_or_not_allowed() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /allow, upstream: up, auth: public, networks: { allow: [127.0.0.2/32] } }")
        .route("{ path: /deny, upstream: up, auth: public, networks: { deny: [127.0.0.2/32] } }")
        .route("{ path: /both, upstream: up, auth: public, networks: { allow: [127.0.0.0/8], deny: [127.0.0.2/32] } }")
        .start();
    let from =
        |number: u8, target: &str| Client::from_address([127, 0, 0, number].into(), gateway.address()).get(target);
    from(3, "/allow").is_problem(403, "address.denied");
    from(2, "/deny").is_problem(403, "address.denied");
    from(2, "/both").is_problem(403, "address.denied");
    upstream.saw_nothing();
    from(2, "/allow").is(200);
    from(3, "/deny").is(200);
    from(3, "/both").is(200);
}

#[test]
#[doc = "AZ-03"]
fn a_denied_client_cannot_talk_itself_into_another_network() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /x, upstream: up, auth: public, networks: { allow: [10.0.0.0/8] } }")
        .start();
    for name in [
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "X-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
    ] {
        let value = if name == "Forwarded" {
            "for=10.0.0.1"
        } else {
            "10.0.0.1"
        };
        gateway
            .ask(get("/x").field(name, value))
            .is_problem(403, "address.denied");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-16, P-1"]
fn an_upstream_that_is_not_there_is_502() {
    let gone = free(own_address());
    let gateway = Setup::new()
        .upstream_as("up", &format!("{{ urls: [\"http://{gone}\"] }}"))
        .route("{ path: /**, upstream: up, auth: public }")
        .start();
    let mut client = gateway.client();
    client.get("/x").is_problem(502, "upstream.unreachable");
    client.ask(post("/x", "abc")).is_problem(502, "upstream.unreachable");
}

#[test]
#[doc = "AZ-04"]
fn a_method_no_route_knows_comes_before_everything_about_the_client() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /x, upstream: up, auth: public, networks: { deny: [0.0.0.0/0] } }")
        .start();
    gateway.get("/none").is_problem(404, "route.none");
    gateway.get("/x").is_problem(403, "address.denied");
    upstream.saw_nothing();
}

#[test]
#[doc = "HTTP-09"]
fn a_refusal_that_leaves_the_framing_intact_keeps_the_connection() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /x, upstream: up, auth: public }")
        .start();
    let mut client = gateway.client();
    for _ in 0..3 {
        client.get("/none").is_problem(404, "route.none");
        client.get("/x").is(200);
    }
}
