//! WebSocket through the gateway: two libraries, a browser, and a conformance client.

use super::{Found, Peer, node, python};
use crate::support::{Gateway, Setup, Upstream};

fn server() -> Peer {
    Peer::python("websocket_server.py", &[])
}

/// Everything to the server, but for `page`.
fn before(server: &Peer, page: &Upstream) -> Gateway {
    Setup::new()
        .upstream_as("server", &format!("{{ urls: [\"{}\"] }}", server.url()))
        .upstream("page", page)
        .route("{ path: /page, upstream: page, auth: public }")
        .route("{ path: /**, upstream: server, auth: public }")
        .workers(2)
        .start()
}

#[test]
#[doc = "METH-03, METH-04"]
fn websockets_of_pypi_talk_through_the_gateway() {
    let (server, page) = (server(), Upstream::ok());
    let gateway = before(&server, &page);
    Found::by(python("websocket_client.py").arg(gateway.address().to_string())).held(22);
}

#[test]
fn ws_of_npm_talks_through_the_gateway() {
    let (server, page) = (server(), Upstream::ok());
    let gateway = before(&server, &page);
    Found::by(node("ws_client.js").arg(gateway.address().to_string())).held(16);
}

#[test]
fn a_browser_talks_through_the_gateway() {
    let (server, page) = (server(), Upstream::ok());
    let gateway = before(&server, &page);
    let address = format!("http://{}", gateway.address());
    Found::by(node("browser.js").args([&address, "--page", "/page"])).held(10);
}

#[test]
#[doc = "METH-03"]
fn a_conformance_client_finds_the_same_behind_the_gateway_as_directly() {
    let (server, page) = (server(), Upstream::ok());
    let gateway = before(&server, &page);
    let (through, directly) = (gateway.address().to_string(), server.address.to_string());
    let found = Found::by(python("websocket_conformance.py").args([&through, "--beside", &directly]));
    found.held(271);
    assert_eq!(found.whole["verdicts"]["wrong"], 0);
}

#[test]
#[doc = "METH-03, METH-04"]
fn an_opening_that_is_refused_gets_an_answer_of_http() {
    let (server, unasked) = (server(), Upstream::ok());
    let gateway = Setup::new()
        .upstream_as("server", &format!("{{ urls: [\"{}\"] }}", server.url()))
        .upstream("unasked", &unasked)
        .route("{ path: /denied, upstream: unasked, auth: public, networks: { deny: [127.0.0.0/8] } }")
        .route("{ path: /closed, upstream: server, auth: public, upgrade: [] }")
        .start();
    let mut client = python("websocket_client.py");
    client.arg(gateway.address().to_string());
    // 426 is the server's own word: it would like to be asked for an upgrade, so the wish did not arrive.
    Found::by(client.args(["--refused", "/denied=403", "/none=404", "/closed=426"])).held(3);
    unasked.saw_nothing();
}
