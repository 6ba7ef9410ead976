//! A configuration at work with nobody to serve: compiled as for a gateway, without sockets, and with calls of our own
//! that all fail. For whoever wants to walk a request through the stages, to explain it or to measure them.

use std::future::Future;
use std::io;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use tokio::runtime::Runtime;

use super::carry::Carry;
use super::compile::compile;
use super::ground::{Calls, Ground, World};
use crate::base::clock::Clock;
use crate::base::peer::Peer;
use crate::base::random::Random;
use crate::base::task::TaskHandle;
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::{Config, Environment, Process};
use crate::pipeline::{Rejection, Snapshot};
use crate::request::body::Payload;
use crate::request::headers::Survey;
use crate::request::{Arrival, ArrivalRules, Arrived, Connection, Names};
use crate::telemetry::{Sink, Telemetry};

pub struct Rehearsal {
    runtime: Runtime,
    ground: Ground,
    snapshot: Snapshot,
    pub(super) timers: Timers,
    tasks: Tasks,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    pub method: Method,
    /// With a host, which becomes `Host` where `headers` have none.
    pub url: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where it comes from.
    pub from: IpAddr,
}

impl Rehearsal {
    pub fn of(config: &Config) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let (clock, tasks) = (Clock::system(), Tasks::default());
        let timers = Timers::new(clock.clone());
        {
            let _entered = runtime.enter();
            tasks.spawn("timers", timers.clone().run());
        }
        let world = World {
            random: Random::system,
            cores: Process.cores(),
            calls: Calls::Nobody,
            runtime: &runtime,
            timers: timers.clone(),
            tasks: tasks.clone(),
            telemetry: Telemetry::start(clock.clone(), Sink::new(io::sink()))?,
            clock,
        };
        let ground = Ground::lay(config, world)?;
        let (snapshot, _carry) = compile(config, 1, &Carry::default(), &ground);
        Ok(Self {
            runtime,
            ground,
            snapshot,
            timers,
            tasks,
        })
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The task that a request is served in.
    pub fn task(&self) -> TaskHandle {
        TaskHandle::new(&self.timers)
    }

    /// The request as its first listener reads it; `None` for one that is about the server itself.
    pub fn arrive(&self, question: Question, task: &TaskHandle) -> Result<Option<Arrived>, Rejection> {
        let mut request = Request::builder().method(question.method).uri(question.url).body(());
        if let Ok(request) = &mut request {
            *request.headers_mut() = question.headers;
        }
        // Method and target are parsed already: there is nothing left to fail.
        let (parts, ()) = request.unwrap_or_default().into_parts();
        let mut random = (self.ground.random)();
        let survey = Survey::of(&parts.headers);
        let wall = self.ground.supplies.clock.wall();
        let names = Names::read(&parts.headers, &survey, wall, &mut random);
        let payload = Payload::of(question.body, &self.ground.held).map_err(Rejection::Body)?;
        let connection = Connection::new(Peer::Ip(question.from), None);
        let Some(listener) = self.snapshot.listeners.first() else {
            return Ok(None);
        };
        let rules = ArrivalRules {
            trusted: &listener.trusted,
            headers: &listener.headers,
            max_target: self.snapshot.sizes.target,
            max_fields: self.snapshot.sizes.headers,
        };
        match Arrival::read((parts, payload), &connection, &rules, &survey, names, task.now())? {
            Arrival::AboutServer => Ok(None),
            Arrival::Request(arrived) => Ok(Some(arrived)),
        }
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Nothing of it works on in the background after that.
    pub fn end(self) {
        self.runtime.block_on(self.tasks.stop());
    }
}
