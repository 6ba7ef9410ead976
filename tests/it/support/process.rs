//! The real binary, for what only a process shows: signals, exit codes, memory, descriptors.

use std::fmt::Write as _;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
pub use rustix::process::Signal;
use rustix::process::{Pid, Resource, Rlimit, kill_process, prlimit};

use super::gateway::{H2C, Metrics};
use super::{Client, LIMIT, Response, Setup, get};

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis");

pub struct Process {
    child: Child,
    said: Said,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    dir: tempfile::TempDir,
}

/// What a process writes, both streams together.
#[derive(Clone, Default)]
pub struct Said(Arc<(Mutex<String>, Condvar)>);

impl Process {
    /// Start and wait until it answers.
    #[track_caller]
    pub fn start(setup: &Setup) -> Self {
        let process = Self::spawn(setup, |_| {});
        process.wait_ready();
        process
    }

    /// Start, with something changed about the command.
    pub fn spawn(setup: &Setup, change: impl FnOnce(&mut Command)) -> Self {
        let host = own_address();
        let (address, admin) = (free(host), free(host));
        let speaks = if setup.is_h2c() { H2C } else { "protocols: [http1]" };
        let setup = setup
            .clone()
            .listen(&[&format!("{{ addr: \"{address}\", {speaks} }}")])
            .top(&format!("admin: {{ addr: \"{admin}\" }}"));
        Self::spawn_yaml(&setup.yaml(), address, admin, change)
    }

    pub fn spawn_yaml(yaml: &str, address: SocketAddr, admin: SocketAddr, change: impl FnOnce(&mut Command)) -> Self {
        Self::spawned(yaml, address, admin, |file| {
            let mut command = Command::new(BINARY);
            command.args(["run", "-c"]).arg(file);
            change(&mut command);
            command
        })
    }

    /// The way a service manager starts it: with these sockets as its descriptors from 3 on, and told so.
    pub fn spawn_with_sockets(
        yaml: &str,
        (address, admin): (SocketAddr, SocketAddr),
        sockets: &[BorrowedFd<'_>],
        change: impl FnOnce(&mut Command),
    ) -> Self {
        // Far from where they are to be, so that none is put in another's place.
        let passed: Vec<OwnedFd> = sockets.iter().map(|fd| fcntl_dupfd_cloexec(fd, 100).unwrap()).collect();
        let mut script = "export LISTEN_PID=${LISTEN_PID-$$}".to_owned();
        for (number, fd) in passed.iter().enumerate() {
            fcntl_setfd(fd, FdFlags::empty()).unwrap();
            write!(script, "; exec {}<&{} {1}<&-", number + 3, fd.as_raw_fd()).unwrap();
        }
        script.push_str("; exec \"$0\" run -c \"$1\"");
        Self::spawned(yaml, address, admin, |file| {
            let mut command = Command::new("bash");
            command.args(["-c", &script, BINARY]).arg(file);
            command.env("LISTEN_FDS", sockets.len().to_string());
            change(&mut command);
            command
        })
    }

    fn spawned(yaml: &str, address: SocketAddr, admin: SocketAddr, command: impl FnOnce(&Path) -> Command) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("portcullis.yaml");
        std::fs::write(&file, yaml).unwrap();
        let mut command = command(&file);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Said::default();
        said.follow(child.stdout.take().unwrap());
        said.follow(child.stderr.take().unwrap());
        Self {
            child,
            said,
            address,
            admin,
            dir,
        }
    }

    /// Until the first connection is taken.
    #[track_caller]
    pub fn wait_listening(&self) {
        let until = Instant::now() + LIMIT;
        while TcpStream::connect(self.address).is_err() {
            assert!(Instant::now() < until, "it does not start:\n{}", self.said.text());
            thread::yield_now();
        }
    }

    #[track_caller]
    pub fn wait_ready(&self) {
        let until = Instant::now() + LIMIT;
        loop {
            if TcpStream::connect(self.admin).is_ok() && self.ask_admin("/readyz").status == 200 {
                return;
            }
            assert!(Instant::now() < until, "it does not start:\n{}", self.said.text());
            thread::yield_now();
        }
    }

    pub fn client(&self) -> Client {
        Client::to(self.address)
    }

    #[track_caller]
    pub fn ask_admin(&self, target: &str) -> Response {
        Client::to(self.admin).ask(get(target).host("localhost"))
    }

    /// Until a metric is what the test waits for.
    #[track_caller]
    pub fn wait_metric(&self, name: &str, test: impl Fn(f64) -> bool) {
        let until = Instant::now() + LIMIT;
        loop {
            let metrics = Metrics(self.ask_admin("/metrics").is(200).text());
            if metrics.sum(name, &[]).is_some_and(&test) {
                return;
            }
            assert!(Instant::now() < until, "{name} does not come in\n{}", metrics.0);
        }
    }

    pub fn file(&self) -> PathBuf {
        self.dir.path().join("portcullis.yaml")
    }

    pub fn said(&self) -> &Said {
        &self.said
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// The exit code, once it ended by itself.
    #[track_caller]
    pub fn exit_code(&mut self) -> Option<i32> {
        self.exit_within(LIMIT * 2)
            .unwrap_or_else(|| panic!("it does not end:\n{}", self.said.text()))
            .code()
    }

    pub fn exit_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() > until {
                return None;
            }
            thread::yield_now();
        }
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> u64 {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .count() as u64
    }

    /// From now on it may not open more than this.
    pub fn limit_descriptors(&self, most: u64) {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).unwrap();
    }

    /// Resident bytes: now, and at most so far.
    pub fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
        };
        (figure("VmRSS:"), figure("VmHWM:"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        if thread::panicking() {
            let said = self.said.text();
            let end = said.lines().rev().take(20).collect::<Vec<_>>();
            eprintln!("the process said at last, backwards:\n{}", end.join("\n"));
        }
    }
}

impl Said {
    pub fn text(&self) -> String {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Until it said this.
    #[track_caller]
    pub fn wait(&self, wanted: &str) {
        let said = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, late) = self
            .0
            .1
            .wait_timeout_while(said, LIMIT, |said| !said.contains(wanted))
            .unwrap();
        assert!(!late.timed_out(), "it did not say {wanted:?}, only:\n{said}");
    }

    fn follow(&self, mut stream: impl Read + Send + 'static) {
        let said = self.clone();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut chunk) {
                said.0
                    .0
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&chunk[..length]));
                said.0.1.notify_all();
            }
        });
    }
}

/// An address of the loopback network that no other test uses, so that a free port on it stays free.
pub fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let [.., a, b] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, a, b, u8::try_from(number % 250).unwrap() + 3)
}

pub fn free(host: Ipv4Addr) -> SocketAddr {
    TcpListener::bind((host, 0)).unwrap().local_addr().unwrap()
}
