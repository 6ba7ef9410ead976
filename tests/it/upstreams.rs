//! Which server of an upstream is asked, over which connection, and when a second one is tried.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use portcullis::upstream::Resolve;

use crate::support::process::{free, own_address};
use crate::support::upstream::{Conn, OK};
use crate::support::{Client, Gate, Gateway, LIMIT, Request, Setup, Upstream, get, post};

fn both(one: &Upstream, other: &Upstream) -> Setup {
    Setup::new()
        .upstream_as("up", &format!("{{ urls: [\"{}\", \"{}\"] }}", one.url(), other.url()))
        .route("{ path: /**, upstream: up, auth: public }")
}

#[test]
fn the_server_with_the_fewest_requests_is_asked() {
    let gate = Gate::closed();
    let held = gate.clone();
    let answers = move |name: &'static str, gate: Gate| {
        Upstream::scripted(move |conn| {
            while let Some(request) = conn.request() {
                if request.target() == "/held" {
                    gate.wait();
                }
                conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{name}"));
            }
        })
    };
    let (one, other) = (answers("a", held.clone()), answers("b", held));
    let gateway = both(&one, &other).start();
    let mut waiting = gateway.client();
    waiting.send(get("/held"));
    let busy = loop {
        if one.requests().len() + other.requests().len() == 1 {
            break if one.requests().len() == 1 { "a" } else { "b" };
        }
        std::thread::yield_now();
    };
    for _ in 0..6 {
        assert_ne!(gateway.get("/x").is(200).text(), busy);
    }
    gate.open();
    waiting.response().is(200);
}

#[test]
fn idle_servers_share_the_work() {
    let (one, other) = (Upstream::named("a"), Upstream::named("b"));
    let gateway = both(&one, &other).start();
    for _ in 0..40 {
        gateway.get("/x").is(200);
    }
    let counts = (one.requests().len(), other.requests().len());
    assert_eq!(counts.0 + counts.1, 40);
    assert!(counts.0 >= 5 && counts.1 >= 5, "{counts:?}");
}

#[test]
#[doc = "RS-05"]
fn a_pooled_connection_that_died_is_replaced_once_for_a_safe_request() {
    let upstream = Upstream::scripted(|conn| {
        if conn.request().is_some() {
            conn.send(OK);
        }
        // The second request of the first connection meets a server that is just going away.
        if conn.number() > 0 {
            while conn.request().is_some() {
                conn.send(OK);
            }
        } else {
            conn.request();
            conn.reset();
        }
    });
    let gateway = Setup::to(&upstream).start();
    gateway.get("/one").is(200);
    // Long enough for a server to have closed it meanwhile.
    gateway.clock.advance_secs(1);
    gateway.get("/two").is(200);
    let targets: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.target().to_owned())
        .collect();
    assert_eq!(
        (targets, upstream.connections()),
        (vec!["/one".into(), "/two".into(), "/two".into()], 2)
    );
}

#[test]
#[doc = "RS-05"]
fn a_request_that_may_have_been_done_is_never_sent_twice() {
    for request in [
        Request::new("POST", "/two"),
        post("/two", "abc"),
        Request::new("PATCH", "/two").body("abc"),
    ] {
        let upstream = Upstream::scripted(|conn| {
            if conn.request().is_some() {
                conn.send(OK);
            }
            conn.request();
            conn.reset();
        });
        let gateway = Setup::to(&upstream).start();
        gateway.get("/one").is(200);
        gateway.clock.advance_secs(1);
        gateway.ask(request).is(502);
        let twos = upstream
            .requests()
            .iter()
            .filter(|request| request.target() == "/two")
            .count();
        assert_eq!(twos, 1);
    }
}

#[test]
#[doc = "RS-05"]
fn a_pooled_connection_that_closed_while_idle_is_not_used() {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    let upstream = Upstream::scripted(move |conn| {
        if conn.request().is_some() {
            conn.send(OK);
            conn.finish();
            count.fetch_add(1, Ordering::Release);
        }
    });
    let gateway = Setup::to(&upstream).start();
    for number in 1..=4 {
        gateway.ask(post("/x", "abc")).is(200);
        while closed.load(Ordering::Acquire) < number {
            std::thread::yield_now();
        }
    }
    assert_eq!(upstream.requests().len(), 4);
}

#[test]
#[doc = "RS-05"]
fn a_safe_request_is_not_retried_for_ever() {
    let upstream = Upstream::scripted(|conn| {
        conn.request();
        conn.reset();
    });
    let gateway = Setup::to(&upstream).start();
    gateway.get("/x").is(502);
    let tries = upstream.requests().len();
    assert!(tries <= 2, "{tries} tries");
}

#[test]
fn a_server_that_is_not_there_does_not_stop_the_others() {
    let there = Upstream::ok();
    let gone = free(own_address());
    let gateway = Setup::new()
        .upstream_as("up", &format!("{{ urls: [\"http://{gone}\", \"{}\"] }}", there.url()))
        .route("{ path: /**, upstream: up, auth: public }")
        .start();
    let statuses: Vec<u16> = (0..6).map(|_| gateway.get("/x").status).collect();
    assert!(
        statuses.contains(&200) && statuses.iter().all(|status| matches!(status, 200 | 502)),
        "{statuses:?}"
    );
}

#[test]
fn a_host_name_is_resolved() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream_as(
            "up",
            &format!("{{ urls: [\"http://localhost:{}\"] }}", upstream.address().port()),
        )
        .route("{ path: /**, upstream: up, auth: public, forward: { host: upstream } }")
        .start();
    gateway.get("/x").is(200);
    let host = format!("localhost:{}", upstream.address().port());
    assert_eq!(upstream.request().field("host"), Some(host.as_str()));
}

#[test]
fn a_host_name_with_two_addresses_is_reached_over_whichever_answers() {
    // `localhost` may mean ::1 and 127.0.0.1; this server listens on one of them only.
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let upstream = Upstream::on(address, |conn| {
            while conn.request().is_some() {
                conn.send(OK);
            }
        });
        let resolved: Vec<SocketAddr> =
            std::net::ToSocketAddrs::to_socket_addrs(&("localhost", upstream.address().port()))
                .unwrap()
                .collect();
        if !resolved.contains(&upstream.address()) {
            continue;
        }
        let gateway = Setup::new()
            .upstream_as(
                "up",
                &format!("{{ urls: [\"http://localhost:{}\"] }}", upstream.address().port()),
            )
            .route("{ path: /**, upstream: up, auth: public }")
            .start();
        for _ in 0..4 {
            gateway.get("/x").is(200);
        }
    }
}

/// A resolver that knows one name, and what it means right now.
#[derive(Default)]
struct Names {
    meaning: Mutex<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    fn meaning(addresses: &[SocketAddr]) -> Arc<Self> {
        let names = Self::default();
        names.change(addresses);
        Arc::new(names)
    }

    fn change(&self, addresses: &[SocketAddr]) {
        *self.meaning.lock().unwrap() = addresses.iter().map(SocketAddr::ip).collect();
    }
}

impl Resolve for Names {
    fn resolve(&self, _: Arc<str>) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let meaning = self.meaning.lock().unwrap().clone();
        self.asked.fetch_add(1, Ordering::Release);
        Box::pin(async move { Ok(meaning) })
    }
}

/// Two servers on one port of two addresses, and a gateway that knows them by a name.
fn moving() -> (Upstream, Upstream, Arc<Names>, Gateway) {
    let host = own_address();
    let answer = |name: &'static str| {
        move |conn: &mut Conn| {
            while conn.request().is_some() {
                conn.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}",
                    name.len()
                ));
            }
        }
    };
    let old = Upstream::on(&format!("{host}:0"), answer("old"));
    let new = Upstream::on(&format!("{}:{}", own_address(), old.address().port()), answer("new"));
    let names = Names::meaning(&[old.address()]);
    let setup = Setup::new()
        .upstream_as(
            "up",
            &format!("{{ urls: [\"http://moving.test:{}\"] }}", old.address().port()),
        )
        .route("{ path: /**, upstream: up, auth: public }")
        .names(Arc::clone(&names) as Arc<dyn Resolve>);
    let gateway = setup.start();
    (old, new, names, gateway)
}

/// Until the name has been asked for once more, and the answer is in use.
fn asked_again(names: &Names, gateway: &Gateway) {
    for _ in 0..2 {
        let before = names.asked.load(Ordering::Acquire);
        gateway.clock.soon("the next look at the name", |_| {
            (names.asked.load(Ordering::Acquire) > before).then_some(())
        });
    }
}

#[test]
fn a_host_name_that_moves_takes_new_requests_along() {
    let (old, new, names, gateway) = moving();
    assert_eq!(gateway.get("/x").is(200).text(), "old");
    names.change(&[new.address()]);
    asked_again(&names, &gateway);
    for _ in 0..3 {
        assert_eq!(gateway.get("/x").is(200).text(), "new");
    }
    assert_eq!(old.requests().len(), 1);
}

#[test]
fn a_host_name_that_stops_resolving_keeps_what_was_known() {
    let (old, _new, names, gateway) = moving();
    gateway.get("/x").is(200);
    names.change(&[]);
    asked_again(&names, &gateway);
    assert_eq!(gateway.get("/x").is(200).text(), "old");
    assert_eq!(old.requests().len(), 2);
}

#[test]
fn of_the_addresses_of_a_name_the_next_is_tried_when_one_refuses() {
    let (old, new, names, gateway) = moving();
    let nobody = SocketAddr::new(own_address().into(), 1);
    names.change(&[nobody, new.address()]);
    asked_again(&names, &gateway);
    assert_eq!(gateway.get("/x").is(200).text(), "new");
    old.saw_nothing();
}

#[test]
fn a_host_name_that_means_nothing_is_502_and_the_rest_goes_on() {
    let upstream = Upstream::ok();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .upstream_as("lost", "{ urls: [\"http://nowhere.invalid:80\"] }")
        .route("{ path: /**, upstream: up, auth: public }")
        .route("{ path: /lost, upstream: lost, auth: public }")
        .start();
    let answer = gateway.get("/lost");
    assert!(matches!(answer.status, 502..=504), "{answer:?}");
    gateway.get("/x").is(200);
}

#[test]
fn ipv6_works_on_both_sides() {
    let upstream = Upstream::on("[::1]:0", |conn| {
        while conn.request().is_some() {
            conn.send(OK);
        }
    });
    let gateway = Setup::to(&upstream)
        .listen(&["{ addr: \"[::1]:0\" }", "{ addr: \"127.0.0.1:0\" }"])
        .start();
    let addresses = gateway.addresses();
    assert!(addresses[0].is_ipv6() && addresses[1].is_ipv4(), "{addresses:?}");
    for address in addresses {
        Client::to(address).get("/x").is(200);
    }
    let clients: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.field("x-forwarded-for").unwrap().to_owned())
        .collect();
    assert_eq!(clients, ["::1", "127.0.0.1"]);
}

#[test]
fn a_connection_in_use_is_never_shared() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request().is_some() {
            held.wait();
            conn.send(OK);
        }
    });
    let gateway = Setup::to(&upstream).start();
    let mut clients: Vec<Client> = (0..5).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(get("/x"));
    }
    upstream.wait_requests(5);
    assert_eq!(upstream.connections(), 5);
    gate.open();
    for client in &mut clients {
        client.response().is(200);
    }
    gateway.get("/x").is(200);
    assert_eq!(upstream.connections(), 5);
    assert!(upstream.end_within(0, LIMIT / 1000).is_none());
}
