//! What a service manager does for the gateway, and what it wants to hear: sockets opened beforehand, and how it is.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::gateway::Metrics;
use crate::support::process::{Signal, free, own_address};
use crate::support::{Client, LIMIT, Process, Setup, Upstream, get};

/// What every test of this page starts from: an admin address, and no delay at the end.
fn setup(upstream: &Upstream, listeners: &[&str], admin: SocketAddr) -> Setup {
    Setup::to(upstream).listen(listeners).workers(2).top(&format!(
        "admin: {{ addr: \"{admin}\" }}\ndrain: {{ delay: 0s, timeout: 5s }}"
    ))
}

fn at(address: SocketAddr) -> String {
    format!("{{ addr: \"{address}\" }}")
}

fn at_socket(path: &Path) -> String {
    format!("{{ addr: \"unix:{}\" }}", path.display())
}

fn unchanged(_: &mut Command) {}

/// Waits for the admin listener alone: a connection to the others would be one too many.
fn started(setup: &Setup, admin: SocketAddr, sockets: &[BorrowedFd<'_>]) -> Process {
    let process = Process::spawn_with_sockets(&setup.yaml(), (admin, admin), sockets, unchanged);
    process.wait_ready();
    process
}

#[test]
fn sockets_that_were_opened_beforehand_are_used_by_their_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock");
    let upstream = Upstream::ok();
    let (tcp, unix) = (
        TcpListener::bind((own_address(), 0)).unwrap(),
        UnixListener::bind(&path).unwrap(),
    );
    let (address, own, admin) = (tcp.local_addr().unwrap(), free(own_address()), free(own_address()));
    let listeners = [at_socket(&path), at(own), at(address)];
    let setup = setup(&upstream, &listeners.each_ref().map(String::as_str), admin);
    // In another order than in the file, with one that the gateway opens itself in between.
    let process = started(&setup, admin, &[tcp.as_fd(), unix.as_fd()]);
    for _ in 0..8 {
        Client::to(address).get("/x").is(200);
        Client::through(&path).get("/x").is(200);
    }
    Client::to(own).get("/x").is(200);
    let said = process.said().text();
    assert!(!said.contains("WARN") && !said.contains("\"warn\""), "{said}");
}

#[test]
fn a_restart_refuses_nobody_and_leaves_the_sockets_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock");
    let upstream = Upstream::ok();
    let (tcp, unix) = (
        TcpListener::bind((own_address(), 0)).unwrap(),
        UnixListener::bind(&path).unwrap(),
    );
    let (address, admin) = (tcp.local_addr().unwrap(), free(own_address()));
    let listeners = [at(address), at_socket(&path)];
    let setup = setup(&upstream, &listeners.each_ref().map(String::as_str), admin);
    let sockets = [tcp.as_fd(), unix.as_fd()];
    let mut process = started(&setup, admin, &sockets);
    let mut before = Client::to(address);
    before.get("/x").is(200);
    process.signal(Signal::TERM);
    assert_eq!(process.exit_code(), Some(0), "{}", process.said().text());
    assert!(path.exists(), "the file belongs to the service manager");

    // Nobody accepts: they wait.
    let mut waiting = [Client::to(address), Client::through(&path)];
    for client in &mut waiting {
        client.send(get("/x"));
    }
    let _process = started(&setup, admin, &sockets);
    for client in &mut waiting {
        client.response().is(200);
    }
}

#[test]
fn a_socket_no_listener_wants_is_closed_and_said() {
    let upstream = Upstream::ok();
    let (wanted, other) = (
        TcpListener::bind((own_address(), 0)).unwrap(),
        TcpListener::bind((own_address(), 0)).unwrap(),
    );
    let (address, nobodys) = (wanted.local_addr().unwrap(), other.local_addr().unwrap());
    let admin = free(own_address());
    let mute = UnixDatagram::unbound().unwrap();
    let sockets = [other.as_fd(), wanted.as_fd(), mute.as_fd()];
    let process = started(&setup(&upstream, &[&at(address)], admin), admin, &sockets);
    process.said().wait(&nobodys.to_string());
    process.said().wait("no stream socket");
    Client::to(address).get("/x").is(200);
    drop(other);
    assert!(TcpStream::connect(nobodys).is_err(), "the gateway still holds it");
}

#[test]
#[doc = "CF-05"]
fn a_reload_keeps_an_inherited_socket_and_finds_it_again() {
    let upstream = Upstream::ok();
    let socket = TcpListener::bind((own_address(), 0)).unwrap();
    let (address, other, admin) = (socket.local_addr().unwrap(), free(own_address()), free(own_address()));
    let process = started(&setup(&upstream, &[&at(address)], admin), admin, &[socket.as_fd()]);
    let mut kept = Client::to(address);
    kept.get("/x").is(200);
    let reload = |listeners: &[&str]| {
        let metrics = Metrics(process.ask_admin("/metrics").is(200).text());
        let before = metrics.sum("portcullis_config_generation", &[]).unwrap();
        std::fs::write(process.file(), setup(&upstream, listeners, admin).yaml()).unwrap();
        process.signal(Signal::HUP);
        process.wait_metric("portcullis_config_generation", |now| now > before);
    };
    reload(&[&at(address), &at(other)]);
    kept.get("/x").is(200);
    Client::to(other).get("/x").is(200);
    Client::to(address).get("/x").is(200);
    reload(&[&at(other)]);
    reload(&[&at(other), &at(address)]);
    Client::to(address).get("/x").is(200);
}

#[test]
fn variables_that_are_meant_for_another_process_mean_nothing() {
    let upstream = Upstream::ok();
    let socket = TcpListener::bind((own_address(), 0)).unwrap();
    let (address, admin) = (socket.local_addr().unwrap(), free(own_address()));
    let yaml = setup(&upstream, &[&at(address)], admin).yaml();
    for other in ["1", ""] {
        let mut process = Process::spawn_with_sockets(&yaml, (admin, admin), &[socket.as_fd()], |command| {
            command.env("LISTEN_PID", other);
        });
        // So it binds the address itself, which is taken.
        assert_eq!(process.exit_code(), Some(1), "{other:?}");
        process.said().wait(&address.to_string());
    }
}

/// A service manager that listens.
struct Manager {
    socket: UnixDatagram,
    _dir: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Self {
            socket,
            _dir: dir,
            path,
        }
    }

    /// The next message.
    #[track_caller]
    fn hears(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("nothing is said");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    /// The next message, which has this line.
    #[track_caller]
    fn hears_line(&self, wanted: &str) -> String {
        let message = self.hears();
        assert!(message.lines().any(|line| line == wanted), "{wanted}: {message}");
        message
    }
}

#[test]
fn a_service_manager_hears_of_the_start_of_reloads_and_of_the_end() {
    let manager = Manager::new();
    let upstream = Upstream::ok();
    let (address, admin) = (free(own_address()), free(own_address()));
    let setup = setup(&upstream, &[&at(address)], admin);
    let mut process = Process::spawn_yaml(&setup.yaml(), address, admin, |command| {
        command.env("NOTIFY_SOCKET", &manager.path);
    });
    let message = manager.hears_line("READY=1");
    assert!(message.contains(&format!("STATUS=Serving on {address}")), "{message}");
    // Ready means that clients are served.
    process.client().get("/x").is(200);

    process.signal(Signal::HUP);
    let message = manager.hears_line("RELOADING=1");
    assert!(message.contains("\nMONOTONIC_USEC="), "{message}");
    let message = manager.hears_line("READY=1");
    assert!(message.ends_with(&format!("Serving on {address}")), "{message}");

    std::fs::write(process.file(), "nonsense").unwrap();
    process.signal(Signal::HUP);
    manager.hears_line("RELOADING=1");
    let message = manager.hears_line("READY=1");
    assert!(message.contains("was not reloaded"), "{message}");
    process.client().get("/x").is(200);

    process.signal(Signal::TERM);
    while !manager.hears().lines().any(|line| line == "STOPPING=1") {}
    assert_eq!(process.exit_code(), Some(0));
}

#[test]
fn a_watchdog_hears_that_the_gateway_lives_again_and_again() {
    let manager = Manager::new();
    let upstream = Upstream::ok();
    let (address, admin) = (free(own_address()), free(own_address()));
    let yaml = setup(&upstream, &[&at(address)], admin).yaml();
    let process = Process::spawn_yaml(&yaml, address, admin, |command| {
        command
            .env("NOTIFY_SOCKET", &manager.path)
            .env("WATCHDOG_USEC", "200000");
    });
    manager.hears_line("READY=1");
    let begun = Instant::now();
    for _ in 0..5 {
        manager.hears_line("WATCHDOG=1");
    }
    assert!(begun.elapsed() > Duration::from_millis(300), "more often than it must");
    process.client().get("/x").is(200);
}
