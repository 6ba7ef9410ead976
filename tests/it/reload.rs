//! Another configuration while requests run: all of it or nothing, and what did not change lives on.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::process::{Signal, free, own_address};
use crate::support::upstream::OK;
use crate::support::{Client, Gate, LIMIT, Process, Setup, Upstream, get};

#[test]
#[doc = "CF-05"]
fn a_reload_changes_routes_and_upstreams_and_the_connection_goes_on() {
    let (one, other) = (Upstream::named("one"), Upstream::named("other"));
    let setup = Setup::new()
        .upstream("up", &one)
        .route("{ path: /x, upstream: up, auth: public }")
        .in_file();
    let gateway = setup.start();
    let mut client = gateway.client();
    assert_eq!(client.get("/x").is(200).text(), "one");
    client.get("/y").is_problem(404, "route.none");

    let changed = Setup::new()
        .upstream("up", &other)
        .route("{ path: /y, upstream: up, auth: public, forward: { set: { X-New: here } } }");
    gateway.reload_as(&changed).unwrap();
    client.get("/x").is_problem(404, "route.none");
    assert_eq!(client.get("/y").is(200).text(), "other");
    assert_eq!(other.request().field("x-new"), Some("here"));
    assert_eq!(one.requests().len(), 1);
}

#[test]
#[doc = "CF-05"]
fn a_request_keeps_the_configuration_it_began_with() {
    let gate = Gate::closed();
    let held = gate.clone();
    let upstream = Upstream::scripted(move |conn| {
        while conn.request().is_some() {
            held.wait();
            conn.send(b"HTTP/1.1 200 OK\r\nServer: old\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let route = |edits: &str| format!("{{ path: /**, upstream: up, auth: public, response: {{ {edits} }} }}");
    let setup = Setup::new().upstream("up", &upstream).in_file();
    let gateway = setup.clone().route(&route("set: { X-Generation: one }")).start();
    let mut client = gateway.client();
    client.send(get("/x"));
    upstream.wait_requests(1);
    gateway
        .reload_as(&setup.route(&route("set: { X-Generation: two }")))
        .unwrap();
    gate.open();
    assert_eq!(client.response().is(200).field("x-generation"), Some("one"));
    assert_eq!(client.get("/x").is(200).field("x-generation"), Some("two"));
}

#[test]
#[doc = "CF-05"]
fn connections_to_an_upstream_that_did_not_change_are_kept() {
    let (same, changing) = (Upstream::ok(), Upstream::ok());
    let setup = |settings: &str| {
        Setup::new()
            .upstream("same", &same)
            .upstream_as("changing", &format!("{{ urls: [\"{}\"], {settings} }}", changing.url()))
            .route("{ path: /same, upstream: same, auth: public }")
            .route("{ path: /changing, upstream: changing, auth: public }")
            .in_file()
    };
    let gateway = setup("timeouts: { response: 10s }").start();
    gateway.get("/same").is(200);
    gateway.get("/changing").is(200);
    gateway.reload_as(&setup("timeouts: { response: 20s }")).unwrap();
    gateway.get("/same").is(200);
    gateway.get("/changing").is(200);
    assert_eq!(
        same.connections(),
        1,
        "a connection to an upstream that did not change was given up"
    );
    assert!(changing.requests().len() == 2);
}

#[test]
#[doc = "CF-05"]
fn connections_to_an_upstream_that_is_gone_are_closed() {
    let upstream = Upstream::ok();
    let setup = Setup::new().in_file();
    let gateway = setup
        .clone()
        .upstream("up", &upstream)
        .route("{ path: /x, upstream: up, auth: public }")
        .start();
    gateway.get("/x").is(200);
    gateway
        .reload_as(&setup.route("{ path: /x, redirect: { to: /y, status: 308 }, auth: public }"))
        .unwrap();
    gateway.get("/x").is(308);
    gateway.clock.advance_secs(61);
    gateway.settle();
    upstream.wait_end(0);
}

#[test]
#[doc = "CF-05"]
fn a_faulty_file_changes_nothing_and_is_reported() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream).in_file();
    let gateway = setup.start();
    let generation = gateway.metrics().sum("portcullis_config_generation", &[]).unwrap();
    for (text, said) in [
        ("version: 1\nlisten: [", "yaml"),
        ("nonsense: true\n", "nonsense"),
        (
            "version: 1\nroutes:\n  - { path: /x, upstream: nowhere, auth: public }\n",
            "nowhere",
        ),
        ("", ""),
    ] {
        std::fs::write(gateway.file(), text).unwrap();
        let refused = gateway.running().reload().expect_err("it was taken");
        let told = refused.to_string().to_lowercase();
        assert!(told.contains(said), "{told}");
        gateway.get("/x").is(200);
        let metrics = gateway.metrics();
        assert_eq!(metrics.sum("portcullis_config_last_reload_success", &[]), Some(0.0));
        assert_eq!(metrics.sum("portcullis_config_generation", &[]), Some(generation));
    }
    std::fs::remove_file(gateway.file()).unwrap();
    gateway
        .running()
        .reload()
        .expect_err("a file that is not there was taken");
    gateway.get("/x").is(200);
    gateway.reload_as(&setup).unwrap();
    assert_eq!(
        gateway.metrics().sum("portcullis_config_last_reload_success", &[]),
        Some(1.0)
    );
    gateway.get("/x").is(200);
}

#[test]
#[doc = "CF-05"]
fn a_file_that_changes_what_cannot_change_is_refused_by_name() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream).in_file();
    let gateway = setup.clone().top("workers: 1").start();
    let same = setup.clone().top("workers: 1");
    for (changed, key) in [
        (setup.clone().top("workers: 2"), "workers"),
        (
            setup.clone().top("workers: 1\nadmin: { addr: \"127.0.0.3:0\" }"),
            "admin.addr",
        ),
    ] {
        let refused = gateway.reload_as(&changed.route("{ path: /new, upstream: up, auth: public }"));
        let told = refused.expect_err("it was taken").to_string();
        assert!(told.contains(key), "{told}");
        assert_eq!(
            gateway.metrics().sum("portcullis_config_last_reload_success", &[]),
            Some(0.0)
        );
    }
    gateway.reload_as(&same).unwrap();
}

#[test]
#[doc = "CF-05"]
fn listeners_come_and_go_and_one_that_stays_is_not_bound_again() {
    let upstream = Upstream::ok();
    let host = own_address();
    let (stays, goes, comes) = (free(host), free(host), free(host));
    let listening = |addresses: [std::net::SocketAddr; 2]| {
        let listeners = addresses.map(|address| format!("{{ addr: \"{address}\" }}"));
        Setup::to(&upstream)
            .listen(&listeners.each_ref().map(String::as_str))
            .in_file()
    };
    let gateway = listening([stays, goes]).start();
    let (mut of_stays, mut of_goes) = (Client::to(stays), Client::to(goes));
    of_stays.get("/x").is(200);
    of_goes.get("/x").is(200);
    // Connected and not yet heard of when the configuration changes.
    let mut waiting = Client::to(stays);

    gateway.reload_as(&listening([stays, comes])).unwrap();
    assert_eq!(gateway.addresses(), [stays, comes]);
    Client::to(comes).get("/x").is(200);
    of_stays.get("/x").is(200);
    waiting.get("/x").is(200);
    // Refused, or not even heard any more.
    gateway
        .clock
        .soon("the end of the listener that was removed", |patience| {
            std::net::TcpStream::connect_timeout(&goes, patience * 10)
                .is_err()
                .then_some(())
        });
}

#[test]
#[doc = "CF-05"]
fn settings_of_a_listener_that_stays_change() {
    let upstream = Upstream::ok();
    let setup = |trusted: &str| {
        Setup::new()
            .upstream("up", &upstream)
            .route("{ path: /x, upstream: up, auth: public, networks: { allow: [192.0.2.0/24] } }")
            .listen_with(&format!("trusted_proxies: [{trusted}]"))
            .in_file()
    };
    let gateway = setup("127.0.0.0/8").start();
    let asked = get("/x").field("X-Forwarded-For", "192.0.2.1");
    let mut client = gateway.client();
    client.ask(asked.clone()).is(200);
    let address = gateway.address();
    gateway.reload_as(&setup("10.0.0.0/8")).unwrap();
    assert_eq!(gateway.address(), address);
    client.ask(asked.clone()).is_problem(403, "address.denied");
    gateway.ask(asked).is_problem(403, "address.denied");
}

#[test]
#[doc = "CF-05, VR-06"]
fn everything_changes_under_load_and_no_request_is_lost() {
    let answer = |name: &'static str| {
        Upstream::scripted(move |conn| {
            while let Some(request) = conn.request() {
                let secret = request.field("x-secret").unwrap_or("none").to_owned();
                let body = format!("{name} {secret}");
                conn.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ));
            }
        })
    };
    let (one, other) = (answer("one"), answer("other"));
    let secrets = tempfile::tempdir().unwrap();
    let secret = secrets.path().join("secret");
    std::fs::write(&secret, "first\n").unwrap();
    let host = own_address();
    let (stays, comes) = (free(host), free(host));
    let setup = |upstream: &Upstream, route: &str, listeners: &[&str]| {
        Setup::new()
            .listen(listeners)
            .upstream("up", upstream)
            .route(&format!(
                "{{ path: {route}, upstream: up, auth: public, forward: {{ set: {{ X-Secret: \"${{file:{}}}\" }} }} }}",
                secret.display()
            ))
            .workers(2)
            .in_file()
    };
    let (first, second) = (format!("{{ addr: \"{stays}\" }}"), format!("{{ addr: \"{comes}\" }}"));
    let gateway = setup(&one, "/**", &[&first]).start();

    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..6)
        .map(|number| {
            let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
            thread::spawn(move || {
                let mut client = Client::to(stays);
                let mut seen = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    if number % 2 == 0 {
                        client = Client::to(stays);
                    }
                    let answer = client.get("/x").is(200).text();
                    if seen.last() != Some(&answer) {
                        seen.push(answer);
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                }
                seen
            })
        })
        .collect();
    let some_more = |than: usize| {
        let until = std::time::Instant::now() + LIMIT;
        while asked.load(Ordering::Relaxed) < than + 100 {
            assert!(std::time::Instant::now() < until, "the load stands still");
            thread::yield_now();
        }
        asked.load(Ordering::Relaxed)
    };

    let mut done = some_more(0);
    std::fs::write(&secret, "second\n").unwrap();
    gateway.running().reload().unwrap();
    done = some_more(done);
    gateway.reload_as(&setup(&other, "/x", &[&first, &second])).unwrap();
    Client::to(comes).get("/x").is(200);
    done = some_more(done);
    gateway.reload_as(&setup(&other, "\"/{any}\"", &[&first])).unwrap();
    some_more(done);
    over.store(true, Ordering::Relaxed);
    for client in load {
        let seen = client.join().expect("a request was lost");
        let order = ["one first", "one second", "other second"];
        let places: Vec<usize> = seen
            .iter()
            .map(|answer| order.iter().position(|known| known == answer).expect(answer))
            .collect();
        assert!(places.is_sorted(), "{seen:?}");
        assert_eq!(places.last(), Some(&2));
    }
}

#[test]
#[doc = "CF-05"]
fn a_changed_file_is_noticed() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream).in_file();
    let gateway = setup.start();
    let changed = setup.route("{ path: /new, redirect: { to: /x, status: 308 }, auth: public }");
    std::fs::write(gateway.file(), changed.yaml()).unwrap();
    gateway.wait_generation(2.0);
    gateway.get("/new").is(308);
}

#[test]
#[doc = "CF-05"]
fn a_file_replaced_by_renaming_is_noticed() {
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream).in_file();
    let gateway = setup.start();
    let changed = setup
        .clone()
        .route("{ path: /new, redirect: { to: /x, status: 308 }, auth: public }");
    let beside = gateway.dir().join("beside");
    for (generation, setup) in [(2.0, &changed), (3.0, &setup), (4.0, &changed)] {
        std::fs::write(&beside, setup.yaml()).unwrap();
        std::fs::rename(&beside, gateway.file()).unwrap();
        gateway.wait_generation(generation);
    }
    gateway.get("/new").is(308);
}

#[test]
#[doc = "CF-05"]
fn a_changed_secret_file_is_noticed() {
    let upstream = Upstream::ok();
    let secrets = tempfile::tempdir().unwrap();
    let secret = secrets.path().join("secret");
    std::fs::write(&secret, "first").unwrap();
    let gateway = Setup::new()
        .upstream("up", &upstream)
        .route(&format!(
            "{{ path: /**, upstream: up, auth: public, forward: {{ set: {{ X-Secret: \"${{file:{}}}\" }} }} }}",
            secret.display()
        ))
        .in_file()
        .start();
    gateway.get("/x").is(200);
    std::fs::write(&secret, "second").unwrap();
    gateway.wait_generation(2.0);
    gateway.get("/x").is(200);
    let secrets: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.field("x-secret").unwrap().to_owned())
        .collect();
    assert_eq!(secrets, ["first", "second"]);
}

#[test]
#[doc = "CF-05"]
fn a_volume_of_kubernetes_that_swaps_its_link_is_noticed() {
    let upstream = Upstream::ok();
    let volume = tempfile::tempdir().unwrap();
    let setup = Setup::to(&upstream);
    let new = setup
        .clone()
        .route("{ path: /new, redirect: { to: /x, status: 308 }, auth: public }");
    for (name, setup) in [("..v1", &setup), ("..v2", &new)] {
        std::fs::create_dir(volume.path().join(name)).unwrap();
        std::fs::write(volume.path().join(name).join("portcullis.yaml"), setup.yaml()).unwrap();
    }
    let link = |to: &str, name: &str| symlink(to, volume.path().join(name)).unwrap();
    link("..v1", "..data");
    link("..data/portcullis.yaml", "portcullis.yaml");
    let gateway = setup.start_from(volume.path().join("portcullis.yaml"));
    gateway.get("/new").is(200);
    link("..v2", "..data_tmp");
    std::fs::rename(volume.path().join("..data_tmp"), volume.path().join("..data")).unwrap();
    std::fs::remove_dir_all(volume.path().join("..v1")).unwrap();
    gateway.wait_generation(2.0);
    gateway.get("/new").is(308);
}

#[test]
#[doc = "CF-05"]
fn a_hang_up_reloads_the_process() {
    let upstream = Upstream::answering(OK);
    let process = Process::start(&Setup::to(&upstream));
    let generation = || {
        let text = process.ask_admin("/metrics").is(200).text();
        crate::support::gateway::Metrics(text)
            .sum("portcullis_config_generation", &[])
            .unwrap()
    };
    let before = generation();
    process.signal(Signal::HUP);
    let until = std::time::Instant::now() + LIMIT;
    while generation() <= before {
        assert!(std::time::Instant::now() < until, "nothing was loaded");
    }
    std::fs::write(process.file(), "nonsense: true\n").unwrap();
    process.signal(Signal::HUP);
    process.said().wait("nonsense");
    process.client().get("/x").is(200);
}
