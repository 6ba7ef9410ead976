//! Networks and limits go by the address the header names.

use super::{LINE, second, setup, stranger, wait_refused};
use crate::support::{Client, Setup, Upstream, get};

#[test]
#[doc = "HDR-05, P-1"]
fn whom_the_proxy_cannot_name_is_in_no_list_of_those_who_may_come() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .listen_with("proxy_protocol: require, trusted_proxies: [127.0.0.1]")
        .route("{ path: /**, upstream: up, auth: public, networks: { allow: [127.0.0.0/8, 0.0.0.0/1] } }")
        .start();
    let mut client = gateway.client();
    client
        .send(*b"PROXY UNKNOWN\r\n")
        .ask(get("/x"))
        .is_problem(403, "address.denied");
    upstream.saw_nothing();
    // What the proxy asks for itself is the proxy's.
    gateway.client().send(second(0x20, 0, &[])).ask(get("/x")).is(200);
}

#[test]
fn networks_ask_about_the_one_the_header_names() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /a, upstream: up, auth: public, networks: { allow: [192.0.2.0/24] } }")
        .route("{ path: /b, upstream: up, auth: public, networks: { deny: [192.0.2.0/24] } }")
        .listen_with("proxy_protocol: accept, trusted_proxies: [127.0.0.1]")
        .start();
    gateway.client().get("/a").is_problem(403, "address.denied");
    gateway.client().send(LINE).get("/b").is_problem(403, "address.denied");
    upstream.saw_nothing();
    gateway.client().send(LINE).get("/a").is(200);
    gateway.client().get("/b").is(200);
}

#[test]
#[doc = "RS-03"]
fn connections_are_counted_by_the_address_the_header_names() {
    let upstream = Upstream::ok();
    let gateway = setup(&upstream, "accept")
        .top("connections: { max: 100, per_address: 2 }")
        .start();
    let of = |last: u8| {
        let mut client = gateway.client();
        client.send(format!("PROXY TCP4 192.0.2.{last} 198.51.100.2 1 2\r\n"));
        client
    };
    let (mut one, mut two) = (of(1), of(1));
    one.get("/x").is(200);
    two.get("/x").is(200);
    of(1).response().is(503);
    wait_refused(&gateway, "over_address_limit", 1.0);
    of(2).get("/x").is(200);
    // The proxies themselves are spared, strangers are not, header or no header.
    let mut proxies: Vec<Client> = (0..5).map(|_| gateway.client()).collect();
    proxies.iter_mut().for_each(|proxy| drop(proxy.get("/x").is(200)));
    let _strangers = [stranger(&gateway), stranger(&gateway)].map(|mut client| {
        client.get("/x").is(200);
        client
    });
    stranger(&gateway).response().is(503);
    drop(one);
    gateway.clock.soon("a place", |_| {
        let mut again = of(1);
        again.send(get("/x"));
        (again.response().status == 200).then_some(())
    });
}
