//! Other people's clients and servers with the gateway between them. The programs are those of `tests/peers`; each says
//! what held as lines of JSON and ends by itself, and a test here holds it to that.

mod grpc;
mod h2;
mod identity;
mod keys;
mod provider;
mod signatures;
mod tokens;
mod websocket;

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::LIMIT;

/// Longer than every program takes that ends itself.
const PATIENCE: Duration = Duration::from_secs(200);

/// A server of `tests/peers` at work.
struct Peer {
    running: Running,
    address: SocketAddr,
    /// The first line it said.
    said: Value,
    /// The server ends when this does, also when the test is killed.
    _held: ChildStdin,
}

impl Peer {
    #[track_caller]
    fn python(program: &str, arguments: &[&str]) -> Self {
        Self::start(
            python(program).args(["--while-stdin"]).args(arguments),
            Ipv4Addr::LOCALHOST,
        )
    }

    /// It listens at `host`.
    #[track_caller]
    fn start(command: &mut Command, host: Ipv4Addr) -> Self {
        let mut running = Running::start(command);
        let held = running.0.stdin.take().unwrap();
        let mut said = BufReader::new(running.0.stdout.take().unwrap());
        let (told, first) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _nobody = said.read_line(&mut line).map(|_| told.send(line));
            // Whatever else it says must not fill the pipe.
            let _gone = std::io::copy(&mut said, &mut std::io::sink());
        });
        // Some make keys first.
        let line = first.recv_timeout(LIMIT * 3).unwrap_or_default();
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let port = said["port"].as_u64();
        let port = port.unwrap_or_else(|| panic!("{command:?} does not start; it said {line:?}"));
        Self {
            running,
            address: SocketAddr::from((host, u16::try_from(port).unwrap())),
            said,
            _held: held,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// End it, so that nobody listens there any more.
    fn end(self) -> SocketAddr {
        drop(self.running);
        self.address
    }
}

/// A process that is ended with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(command.spawn().unwrap_or_else(|fault| panic!("{command:?}: {fault}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// What a client found, case by case.
struct Found {
    cases: Vec<Value>,
    whole: Value,
}

impl Found {
    /// Run a client to its end.
    #[track_caller]
    fn by(command: &mut Command) -> Self {
        let mut running = Running::start(command);
        let mut said = running.0.stdout.take().unwrap();
        let (told, all) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            let _gone = said.read_to_string(&mut text);
            let _nobody = told.send(text);
        });
        let text = all
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("{command:?} does not end"));
        let ended = running.0.wait().unwrap();
        let mut cases: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}")))
            .collect();
        let whole = cases
            .pop()
            .unwrap_or_else(|| panic!("{command:?} said nothing and ended with {ended}"));
        let failed = whole["failed"].as_array().is_none_or(|failed| !failed.is_empty());
        assert_eq!(ended.success(), !failed, "{command:?} contradicts itself:\n{text}");
        Self { cases, whole }
    }

    /// Every case held, and there were at least so many.
    #[track_caller]
    fn held(&self, at_least: usize) {
        let failed = || self.cases.iter().filter(|case| case["ok"] != true);
        let lines: Vec<String> = failed().map(Value::to_string).collect();
        assert!(lines.is_empty(), "{} did not hold:\n{}", lines.len(), lines.join("\n"));
        assert!(
            self.cases.len() >= at_least,
            "only {} cases were asked",
            self.cases.len()
        );
    }
}

fn python(program: &str) -> Command {
    let mut command = Command::new(installed("python/bin/python", "scripts/python"));
    command.arg(peers().join(program));
    command
}

fn node(program: &str) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("node/node_modules", "scripts/node"));
    command.arg(peers().join(program));
    command
}

/// Where a script puts what it installs; a test without it fails and says so.
fn installed(what: &str, script: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let path = target.join(what);
    assert!(path.exists(), "{} is not there: run {script}", path.display());
    path
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}
