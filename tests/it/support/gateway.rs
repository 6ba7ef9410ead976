//! A running gateway: its configuration put together around the upstreams of the test, and everything it says.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use portcullis::app;
use portcullis::base::net::ListenAddr;
use portcullis::base::random::Random;
use portcullis::upstream::{Resolve, SystemResolver};
use serde_json::Value;

use super::h2::H2;
use super::machine::Machine;
use super::{Client, LIMIT, Request, Response, TestClock, Upstream, get};

pub const H2C: &str = "protocols: [http1, h2c]";

/// What a test wants of its gateway; the rest are defaults.
#[derive(Clone)]
pub struct Setup {
    listen: Vec<String>,
    top: String,
    upstreams: String,
    routes: String,
    workers: usize,
    in_file: bool,
    names: Option<Arc<dyn Resolve>>,
    machine: Machine,
}

impl Setup {
    /// A gateway without upstreams and routes.
    pub fn new() -> Self {
        Self {
            listen: vec!["{ addr: \"127.0.0.1:0\" }".to_owned()],
            top: String::new(),
            upstreams: String::new(),
            routes: String::new(),
            workers: 1,
            in_file: false,
            names: None,
            machine: Machine::default(),
        }
    }

    /// Everything goes to this upstream, whose name is `up`.
    pub fn to(upstream: &Upstream) -> Self {
        Self::new()
            .upstream("up", upstream)
            .route("{ path: /**, upstream: up, auth: public }")
    }

    /// Everything goes to this upstream `up`, whose settings end with these.
    pub fn to_with(upstream: &Upstream, settings: &str) -> Self {
        let settings = format!("{{ urls: [\"{}\"], {settings} }}", upstream.url());
        Self::new()
            .upstream_as("up", &settings)
            .route("{ path: /**, upstream: up, auth: public }")
    }

    pub fn upstream(self, name: &str, upstream: &Upstream) -> Self {
        let settings = format!("{{ urls: [\"{}\"] }}", upstream.url());
        self.upstream_as(name, &settings)
    }

    pub fn upstream_as(mut self, name: &str, settings: &str) -> Self {
        writeln!(self.upstreams, "  {name}: {settings}").unwrap();
        self
    }

    /// One entry of `routes:`.
    pub fn route(mut self, route: &str) -> Self {
        writeln!(self.routes, "  - {route}").unwrap();
        self
    }

    /// Lines of the top level.
    pub fn top(mut self, lines: &str) -> Self {
        writeln!(self.top, "{lines}").unwrap();
        self
    }

    /// The only listener, with these settings beside its address.
    pub fn listen_with(self, settings: &str) -> Self {
        self.listen(&[&format!("{{ addr: \"127.0.0.1:0\", {settings} }}")])
    }

    /// The only listener takes HTTP/2 in clear text beside HTTP/1.
    pub fn h2c(self) -> Self {
        self.listen_with(H2C)
    }

    /// Whether it does.
    pub fn is_h2c(&self) -> bool {
        self.listen[0].contains(H2C)
    }

    /// These listeners and no other.
    pub fn listen(mut self, listeners: &[&str]) -> Self {
        self.listen = listeners.iter().map(|&listener| listener.to_owned()).collect();
        self
    }

    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Host names mean what this says.
    pub fn names(mut self, names: Arc<dyn Resolve>) -> Self {
        self.names = Some(names);
        self
    }

    /// A variable of the environment, for `${env:NAME}`.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.machine = self.machine.with(name, value);
        self
    }

    /// Write the configuration to a file, so that it can be changed.
    pub fn in_file(mut self) -> Self {
        self.in_file = true;
        self
    }

    pub fn yaml(&self) -> String {
        let mut yaml = "version: 1\nlisten:\n".to_owned();
        for listener in &self.listen {
            writeln!(yaml, "  - {listener}").unwrap();
        }
        yaml.push_str(&self.top);
        if !self.top.contains("admin:") {
            yaml.push_str("admin: { addr: \"127.0.0.1:0\" }\n");
        }
        if !self.top.contains("workers:") {
            writeln!(yaml, "workers: {}", self.workers).unwrap();
        }
        if !self.upstreams.is_empty() {
            write!(yaml, "upstreams:\n{}", self.upstreams).unwrap();
        }
        // There is no gateway without a route; this one matches nobody.
        let none = "  - { host: nobody.invalid, path: /, redirect: { to: /none, status: 308 }, auth: public }\n";
        let routes = if self.routes.is_empty() { none } else { &self.routes };
        write!(yaml, "routes:\n{routes}").unwrap();
        yaml
    }

    #[track_caller]
    pub fn start(&self) -> Gateway {
        let log = Log::default();
        self.started(log.clone(), Box::new(log), None)
    }

    /// Why it does not start.
    #[track_caller]
    pub fn faults(&self) -> String {
        let source = app::Source::Text {
            name: "test.yaml".to_owned(),
            text: self.yaml(),
        };
        let options = app::Options {
            environment: Box::new(self.machine.clone()),
            ..app::Options::default()
        };
        match app::Gateway::start(source, options) {
            Ok(running) => {
                running.stop();
                panic!("this was taken:\n{}", self.yaml())
            }
            Err(error) => error.to_string(),
        }
    }

    /// With another place for the access log.
    #[track_caller]
    pub fn start_logging_to(&self, writer: impl Write + Send + 'static) -> Gateway {
        self.started(Log::default(), Box::new(writer), None)
    }

    /// From a file that the test has put somewhere.
    #[track_caller]
    pub fn start_from(&self, file: PathBuf) -> Gateway {
        let log = Log::default();
        self.started(log.clone(), Box::new(log), Some(file))
    }

    #[track_caller]
    fn started(&self, log: Log, access_log: Box<dyn Write + Send>, file: Option<PathBuf>) -> Gateway {
        let yaml = self.yaml();
        let clock = TestClock::new();
        let dir = tempfile::tempdir().unwrap();
        let source = if let Some(file) = &file {
            app::Source::File(file.clone())
        } else if self.in_file {
            let file = dir.path().join("portcullis.yaml");
            std::fs::write(&file, &yaml).unwrap();
            app::Source::File(file)
        } else {
            app::Source::Text {
                name: "test.yaml".to_owned(),
                text: yaml.clone(),
            }
        };
        let options = app::Options {
            clock: clock.clock(),
            random: Random::system,
            access_log,
            environment: Box::new(self.machine.clone()),
            resolve: self.names.clone().unwrap_or_else(|| Arc::new(SystemResolver)),
            ..app::Options::default()
        };
        let running = app::Gateway::start(source, options).unwrap_or_else(|e| panic!("{e}\n{yaml}"));
        let file = file.unwrap_or_else(|| dir.path().join("portcullis.yaml"));
        Gateway {
            running: Some(running),
            clock,
            log,
            dir,
            file,
        }
    }
}

pub struct Gateway {
    running: Option<app::Gateway>,
    pub clock: TestClock,
    pub log: Log,
    dir: tempfile::TempDir,
    file: PathBuf,
}

impl Gateway {
    pub fn running(&self) -> &app::Gateway {
        self.running.as_ref().unwrap()
    }

    /// Of the first listener.
    pub fn address(&self) -> SocketAddr {
        self.addresses()[0]
    }

    /// Of all listeners that have one.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.running().addresses().iter().filter_map(ListenAddr::tcp).collect()
    }

    pub fn client(&self) -> Client {
        Client::to(self.address())
    }

    pub fn h2(&self) -> H2 {
        H2::to(self.address())
    }

    /// Ask on a connection of its own.
    #[track_caller]
    pub fn ask(&self, request: Request) -> Response {
        self.client().ask(request)
    }

    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.ask(get(target))
    }

    pub fn admin(&self) -> Client {
        Client::to(self.running().admin_address())
    }

    /// Ask the admin listener, which answers to no name but its own.
    #[track_caller]
    pub fn ask_admin(&self, target: &str) -> Response {
        self.admin().ask(get(target).host("localhost"))
    }

    /// Until the workers have seen everything that was sent to them before: with one worker, what arrived earlier is
    /// read earlier.
    pub fn settle(&self) {
        for _ in 0..3 {
            self.client().ask(Request::new("BREW", "/settle")).is(501);
        }
    }

    pub fn metrics(&self) -> Metrics {
        Metrics(self.ask_admin("/metrics").is(200).text())
    }

    /// Until a metric is what the test waits for.
    #[track_caller]
    pub fn wait_metric(&self, name: &str, labels: &[&str], test: impl Fn(f64) -> bool) {
        let until = Instant::now() + LIMIT;
        loop {
            let metrics = self.metrics();
            if metrics.sum(name, labels).is_some_and(&test) {
                return;
            }
            assert!(
                Instant::now() < until,
                "{name}{labels:?} does not come in\n{}",
                metrics.0
            );
        }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Write another configuration over the file and reload it.
    pub fn reload_as(&self, setup: &Setup) -> Result<u64, app::ReloadError> {
        std::fs::write(&self.file, setup.yaml()).unwrap();
        self.running().reload()
    }

    /// Until the running configuration is of this generation; time moves while it waits, for whoever gathers changes.
    #[track_caller]
    pub fn wait_generation(&self, generation: f64) {
        let until = Instant::now() + LIMIT;
        while self.metrics().sum("portcullis_config_generation", &[]) < Some(generation) {
            assert!(
                Instant::now() < until,
                "generation {generation} does not come\n{}",
                self.metrics().0
            );
            self.clock.advance(Duration::from_millis(200));
        }
    }

    /// Wait for the end of a drain; time moves meanwhile.
    #[track_caller]
    pub fn wait(mut self) -> app::Drained {
        let running = self.running.take().unwrap();
        let (said, ended) = mpsc::channel();
        let waiting = thread::spawn(move || said.send(running.wait()));
        let drained = self.clock.soon("the end", |patience| ended.recv_timeout(patience).ok());
        waiting.join().unwrap().unwrap();
        drained
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

/// The access log, line by line.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Log {
    /// The first line for which `test` holds, once it is there.
    #[track_caller]
    pub fn wait(&self, test: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LIMIT;
        let mut written = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = lines(&written).into_iter().find(&test) {
                return line;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the access log says only\n{}",
                String::from_utf8_lossy(&written)
            );
            written = self
                .0
                .1
                .wait_timeout(written, left.min(Duration::from_secs(1)))
                .unwrap()
                .0;
        }
    }

    /// The line about this path.
    #[track_caller]
    pub fn about(&self, test: (&str, &str)) -> Value {
        self.wait(|line| line[test.0] == test.1)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

fn lines(written: &[u8]) -> Vec<Value> {
    let whole = written
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"));
    whole
        .map(|line| serde_json::from_slice(line).unwrap_or_else(|e| panic!("{e}: {}", line.escape_ascii())))
        .collect()
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One scrape.
pub struct Metrics(pub String);

impl Metrics {
    /// The sum of all series of this name whose labels contain all of these texts.
    pub fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let of_name = self.0.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        let values: Vec<f64> = of_name
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}
