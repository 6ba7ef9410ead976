//! Unix sockets on both sides: clients that come through one and have no address, servers that are reached through one,
//! and the file that stands for it.

mod upstreams;

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use portcullis::app::Drained;

use crate::support::process::{Signal, free, own_address};
use crate::support::upstream::OK;
use crate::support::{Client, Gateway, Process, Setup, Upstream, get};

/// A folder with a path for a socket in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock");
    (dir, path)
}

fn answering(path: &Path) -> Upstream {
    Upstream::at_socket(path, |conn| {
        while conn.request().is_some() {
            conn.send(OK);
        }
    })
}

/// A listener at `path` beside the usual one, with these settings.
fn listeners(path: &Path, settings: &str) -> [String; 2] {
    [
        "{ addr: \"127.0.0.1:0\" }".to_owned(),
        format!("{{ addr: \"unix:{}\", {settings} }}", path.display()),
    ]
}

fn listening(setup: &Setup, path: &Path, settings: &str) -> Setup {
    let both = listeners(path, settings);
    setup.clone().listen(&both.each_ref().map(String::as_str))
}

#[track_caller]
fn is_removed(path: &Path) {
    assert!(fs::symlink_metadata(path).is_err(), "the socket's file is still there");
}

#[test]
fn a_tunnel_goes_through_sockets_on_both_sides() {
    let (dir, path) = place();
    let own = dir.path().join("own.sock");
    let upstream = Upstream::at_socket(&path, |conn| {
        if conn.head().is_some() {
            conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nhello ");
            conn.wait_end();
        }
    });
    let setup = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /**, upstream: up, auth: public, upgrade: [chat] }");
    let _gateway = listening(&setup, &own, "").start();
    let mut client = Client::through(&own);
    client.send(get("/x").field("Connection", "Upgrade").field("Upgrade", "chat"));
    client.read_until(b"\r\n\r\nhello ");
    client.send(*b"and back");
    upstream.wait_bytes(b"and back");
}

#[test]
#[doc = "HDR-05"]
fn a_client_of_a_unix_listener_has_no_address() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let gateway = listening(&Setup::to(&upstream), &path, "").start();
    let asked = get("/x")
        .field("X-Forwarded-For", "192.0.2.1")
        .field("X-Forwarded-Port", "1")
        .field("Forwarded", "for=192.0.2.1");
    Client::through(&path).ask(asked).is(200);
    let request = upstream.request();
    assert_eq!(request.field("x-forwarded-for"), Some("unknown"));
    assert_eq!(request.field("x-forwarded-proto"), Some("http"));
    assert_eq!(request.field("x-forwarded-host"), Some(crate::support::HOST));
    assert!(
        !request.has("x-forwarded-port") && !request.has("forwarded"),
        "{request:?}"
    );
    let line = gateway.log.about(("route", "/**"));
    assert!(line["client_ip"].is_null() && line.get("client_ip").is_some(), "{line}");
}

#[test]
#[doc = "HDR-05"]
fn a_unix_peer_is_believed_where_unix_is_trusted_and_nowhere_else() {
    let (dir, path) = place();
    let upstream = Upstream::ok();
    let setup = Setup::new()
        .upstream("up", &upstream)
        .route("{ path: /x, upstream: up, auth: public, networks: { allow: [192.0.2.0/24] } }");
    let asked = get("/x")
        .field("X-Forwarded-For", "192.0.2.1")
        .field("X-Forwarded-Proto", "https")
        .field("X-Forwarded-Port", "443");

    let gateway = listening(&setup, &path, "trusted_proxies: [\"0.0.0.0/0\", \"::/0\"]").start();
    Client::through(&path)
        .ask(asked.clone())
        .is_problem(403, "address.denied");
    upstream.saw_nothing();
    drop(gateway);

    let other = dir.path().join("b.sock");
    let gateway = listening(&setup, &other, "trusted_proxies: [unix]").start();
    let mut client = Client::through(&other);
    client.ask(asked.clone()).is(200);
    let request = upstream.request();
    assert_eq!(request.field("x-forwarded-for"), Some("192.0.2.1"));
    assert_eq!(request.field("x-forwarded-proto"), Some("https"));
    assert_eq!(request.field("x-forwarded-port"), Some("443"));
    gateway.log.about(("client_ip", "192.0.2.1"));
    // The word is about unix peers: who comes over the network stays a stranger.
    gateway.ask(asked).is_problem(403, "address.denied");
    client.get("/x").is_problem(403, "address.denied");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
#[doc = "HDR-05"]
fn no_list_of_networks_holds_a_client_without_an_address() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let route = |path: &str, networks: &str| {
        format!("{{ path: {path}, upstream: up, auth: public, networks: {{ {networks} }} }}")
    };
    let setup = Setup::new()
        .upstream("up", &upstream)
        .route(&route("/allowed", "allow: [\"0.0.0.0/0\", \"::/0\"]"))
        .route(&route("/denied", "deny: [\"0.0.0.0/0\", \"::/0\"]"));
    let _gateway = listening(&setup, &path, "").start();
    let mut client = Client::through(&path);
    client.get("/allowed").is_problem(403, "address.denied");
    upstream.saw_nothing();
    client.get("/denied").is(200);
}

#[test]
#[doc = "RS-03"]
fn unix_peers_are_spared_the_limit_per_address_and_count_in_the_total() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream).top("connections: { max: 4, per_address: 1 }");
    let gateway = listening(&setup, &path, "").start();
    let mut held: Vec<Client> = (0..4).map(|_| Client::through(&path)).collect();
    for client in &mut held {
        client.get("/x").is(200);
    }
    Client::through(&path).response().is(503);
    gateway.client().response().is(503);
    held.pop();
    gateway.wait_metric("portcullis_open_connections", &[], |open| open < 4.0);
    Client::through(&path).get("/x").is(200);
}

#[test]
fn all_workers_accept_on_one_socket() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let _gateway = listening(&Setup::to(&upstream).workers(3), &path, "").start();
    let mut clients: Vec<Client> = (0..30).map(|_| Client::through(&path)).collect();
    for _ in 0..2 {
        for client in &mut clients {
            client.send(get("/x"));
        }
        for client in &mut clients {
            client.response().is(200);
        }
    }
}

#[test]
fn a_second_gateway_on_the_same_socket_is_refused_and_the_first_goes_on() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream);
    let _gateway = listening(&setup, &path, "").start();
    let refused = listening(&setup, &path, "").faults();
    assert!(
        refused.contains(path.to_str().unwrap()) && refused.contains("in use"),
        "{refused}"
    );
    Client::through(&path).get("/x").is(200);

    let yaml = listening(&setup, &path, "").yaml();
    let mut process = Process::spawn_yaml(&yaml, free(own_address()), free(own_address()), |_| {});
    assert_eq!(process.exit_code(), Some(1));
    Client::through(&path).get("/x").is(200);
}

#[test]
fn a_socket_left_behind_is_taken_over_and_another_file_is_not_touched() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let setup = listening(&Setup::to(&upstream), &path, "");
    drop(UnixListener::bind(&path).unwrap());
    let gateway = setup.start();
    Client::through(&path).get("/x").is(200);
    let mode = fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o660);
    drop(gateway);
    is_removed(&path);

    fs::write(&path, "precious").unwrap();
    let refused = setup.faults();
    assert!(refused.contains("no socket"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_socket_that_another_process_has_put_in_place_of_ours_stays() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let gateway = listening(&Setup::to(&upstream), &path, "").start();
    fs::remove_file(&path).unwrap();
    let _theirs = UnixListener::bind(&path).unwrap();
    drop(gateway);
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    UnixStream::connect(&path).unwrap();
}

#[test]
#[doc = "CF-05"]
fn unix_listeners_come_and_go_with_a_reload_and_nobody_who_waits_is_lost() {
    let (dir, path) = place();
    let (stays, comes) = (path, dir.path().join("b.sock"));
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream).workers(2).in_file();
    let both = |one: &str, other: &Path| listening(&setup, other, one);
    let gateway = both("", &stays).start();
    let mut kept = Client::through(&stays);
    kept.get("/x").is(200);

    let mut waiting = Client::through(&stays);
    gateway.reload_as(&both("trusted_proxies: [unix]", &stays)).unwrap();
    waiting.get("/x").is(200);
    kept.ask(get("/changed").field("X-Forwarded-For", "192.0.2.7")).is(200);
    let requests = upstream.requests();
    let changed = requests.iter().find(|request| request.target() == "/changed");
    assert_eq!(
        changed.unwrap().field("x-forwarded-for"),
        Some("192.0.2.7"),
        "the settings of a listener that stays did not change"
    );

    let mut waiting: Vec<Client> = (0..8).map(|_| Client::through(&stays)).collect();
    gateway.reload_as(&both("", &comes)).unwrap();
    Client::through(&comes).get("/x").is(200);
    for client in &mut waiting {
        client.get("/x").is(200);
    }
    drop((kept, waiting));
    gone(&gateway, &stays);

    // And back, at the same place.
    gateway.reload_as(&both("", &stays)).unwrap();
    Client::through(&stays).get("/x").is(200);
}

#[track_caller]
fn gone(gateway: &Gateway, path: &Path) {
    gateway.clock.soon("the end of the socket's file", |patience| {
        let until = Instant::now() + patience;
        while fs::symlink_metadata(path).is_ok() {
            if Instant::now() > until {
                return None;
            }
            thread::yield_now();
        }
        Some(())
    });
}

#[test]
fn a_drain_lets_in_who_waits_and_removes_the_file() {
    let (_dir, path) = place();
    let upstream = Upstream::ok();
    let setup = Setup::to(&upstream)
        .workers(2)
        .top("drain: { delay: 1s, timeout: 30s }");
    let gateway = listening(&setup, &path, "").start();
    gateway.running().drain();
    let mut waiting: Vec<Client> = (0..8).map(|_| Client::through(&path)).collect();
    for client in &mut waiting {
        client.send(get("/x"));
    }
    gone(&gateway, &path);
    for client in &mut waiting {
        client.response().is(200);
    }
    assert_eq!(gateway.wait(), Drained::Clean);
}

#[test]
fn paths_may_be_relative_to_the_working_directory() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = answering(&dir.path().join("app.sock"));
    let (address, admin) = (free(own_address()), free(own_address()));
    let setup = Setup::new()
        .upstream_as("up", "{ urls: [\"unix:app.sock\"] }")
        .route("{ path: /**, upstream: up, auth: public }")
        .listen(&["{ addr: \"unix:own.sock\" }"])
        .top(&format!("admin: {{ addr: \"{admin}\" }}"));
    let mut process = Process::spawn_yaml(&setup.yaml(), address, admin, |command| {
        command.current_dir(dir.path());
    });
    process.wait_ready();
    process.said().wait("unix:own.sock");
    Client::through(&dir.path().join("own.sock")).get("/x").is(200);
    assert_eq!(upstream.request().field("x-forwarded-for"), Some("unknown"));
    process.signal(Signal::TERM);
    process.said().wait("stopping");
    process.signal(Signal::TERM);
    assert_eq!(process.exit_code(), Some(0));
    is_removed(&dir.path().join("own.sock"));
}
