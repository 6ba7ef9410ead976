//! One worker's part of the numbers.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::book::{Book, OVERFLOW};
use super::series::{AuthSeries, Durations, Number, RequestSeries, SeriesList, UpstreamSeries};
use crate::problem::Code;
use crate::telemetry::events::{Decision, Finished, Identification, Lookups};

/// Series a worker keeps of requests; at five methods and eight statuses enough for two hundred routes in full use.
const REQUEST_SERIES_MAX: usize = 8192;
const UPSTREAM_SERIES_MAX: usize = 1024;
/// Of authenticators, with a dozen codes that each of them refuses with.
const AUTH_SERIES_MAX: usize = 1024;

/// Stands for the routes, methods, upstreams and authenticators that came after a worker had as many series as it may.
pub(super) const OVERFLOW_LABEL: &str = "_OVERFLOW";

/// The side of a shard that others may read.
#[derive(Debug)]
pub(in crate::telemetry) struct ShardNumbers {
    pub(in crate::telemetry) requests: Arc<SeriesList<RequestSeries>>,
    pub(in crate::telemetry) upstreams: Arc<SeriesList<UpstreamSeries>>,
    pub(in crate::telemetry) auths: Arc<SeriesList<AuthSeries>>,
    pub(super) verdict_hits: Number,
    pub(super) verdict_misses: Number,
    pub(super) open_connections: Number,
}

/// The side of a shard that writes. It stays on its worker's thread: the `RefCell`s see to that.
pub struct Shard {
    numbers: Arc<ShardNumbers>,
    requests: RefCell<Book<RequestSeries>>,
    upstreams: RefCell<Book<UpstreamSeries>>,
    auths: RefCell<Book<AuthSeries>>,
}

/// Where a request was counted; the access log looks the labels up there instead of carrying them.
#[derive(Clone, Copy, Debug)]
pub(in crate::telemetry) struct Counted {
    pub(in crate::telemetry) request: u32,
    /// A series stands for requests of several routes, methods or authenticators.
    pub(in crate::telemetry) with_others: bool,
    pub(in crate::telemetry) upstream: Option<u32>,
    pub(in crate::telemetry) auth: Option<u32>,
}

impl Shard {
    pub(super) fn new() -> Self {
        let numbers = Arc::new(ShardNumbers {
            requests: Arc::new(SeriesList::new()),
            upstreams: Arc::new(SeriesList::new()),
            auths: Arc::new(SeriesList::new()),
            verdict_hits: Number::default(),
            verdict_misses: Number::default(),
            open_connections: Number::default(),
        });
        let overflow = request_series(Some(OVERFLOW_LABEL.into()), OVERFLOW_LABEL, 0);
        let requests = Book::new(overflow, REQUEST_SERIES_MAX, Arc::clone(&numbers.requests));
        let overflow = upstream_series(OVERFLOW_LABEL.into());
        let upstreams = Book::new(overflow, UPSTREAM_SERIES_MAX, Arc::clone(&numbers.upstreams));
        let overflow = AuthSeries {
            authenticator: Some(OVERFLOW_LABEL.into()),
            result: OVERFLOW_LABEL,
            code: OVERFLOW_LABEL,
            count: Number::default(),
        };
        let auths = Book::new(overflow, AUTH_SERIES_MAX, Arc::clone(&numbers.auths));
        Self {
            numbers,
            requests: RefCell::new(requests),
            upstreams: RefCell::new(upstreams),
            auths: RefCell::new(auths),
        }
    }

    pub(in crate::telemetry) fn numbers(&self) -> &Arc<ShardNumbers> {
        &self.numbers
    }

    pub(in crate::telemetry) fn count(&self, event: &Finished<'_>) -> Counted {
        let (request, with_others) = self.count_request(event);
        let auth = event.identification.as_ref().map(|outcome| self.count_auth(outcome));
        Counted {
            request,
            with_others: with_others || auth.is_some_and(|place| place as usize == OVERFLOW),
            auth,
            upstream: event
                .upstream
                .as_ref()
                .map(|upstream| self.count_upstream(upstream.name, upstream.took)),
        }
    }

    fn count_request(&self, event: &Finished<'_>) -> (u32, bool) {
        let (method, number) = method_label(event.method);
        let status = event.status.as_u16();
        let mut book = self.requests.borrow_mut();
        let beside = u32::from(number) << 16 | u32::from(status);
        let place = book.place(event.route, beside, |route| request_series(route, method, status));
        if let Some(series) = book.at(place) {
            series.durations.add(event.duration);
            match event.decision {
                Some(Decision::Allowed) => series.allowed.add(1),
                Some(Decision::Denied) => series.denied.add(1),
                None => {}
            }
        }
        // A book holds a few thousand series.
        (u32::try_from(place).unwrap_or(0), place == OVERFLOW || number == 0)
    }

    fn count_upstream(&self, name: &Arc<str>, took: Option<Duration>) -> u32 {
        let mut book = self.upstreams.borrow_mut();
        let place = book.place(Some(name), 0, |_| upstream_series(Arc::clone(name)));
        if let (Some(series), Some(took)) = (book.at(place), took) {
            series.durations.add(took);
        }
        u32::try_from(place).unwrap_or(0)
    }

    fn count_auth(&self, outcome: &Identification<'_>) -> u32 {
        let code = outcome.code();
        let beside = code.map_or(0, |code| code as u32 + 1);
        let mut book = self.auths.borrow_mut();
        let place = book.place(outcome.authenticator(), beside, |name| auth_series(name, code));
        if let Some(series) = book.at(place) {
            series.count.add(1);
        }
        u32::try_from(place).unwrap_or(0)
    }

    pub(in crate::telemetry) fn looked_up(&self, lookups: Lookups) {
        self.numbers.verdict_hits.add(lookups.hits.into());
        self.numbers.verdict_misses.add(lookups.misses.into());
    }

    /// A client's connection, counted as open until the guard is dropped.
    pub fn open_connection(&self) -> OpenConnection {
        self.numbers.open_connections.add(1);
        OpenConnection {
            numbers: Arc::clone(&self.numbers),
            on_its_thread: PhantomData,
        }
    }

    /// A connection to an upstream, counted until the guard is dropped; it begins as active.
    pub fn upstream_connection(&self, name: &Arc<str>) -> UpstreamConnection {
        let mut book = self.upstreams.borrow_mut();
        let place = book.place(Some(name), 0, |_| upstream_series(Arc::clone(name)));
        let series = book
            .at(place)
            .cloned()
            .unwrap_or_else(|| Arc::new(upstream_series(Arc::clone(name))));
        series.active.add(1);
        UpstreamConnection {
            series,
            idle: false,
            on_its_thread: PhantomData,
        }
    }
}

fn request_series(route: Option<Arc<str>>, method: &'static str, status: u16) -> RequestSeries {
    RequestSeries {
        route,
        method,
        status,
        durations: Durations::default(),
        allowed: Number::default(),
        denied: Number::default(),
    }
}

fn upstream_series(name: Arc<str>) -> UpstreamSeries {
    UpstreamSeries {
        name,
        durations: Durations::default(),
        active: Number::default(),
        idle: Number::default(),
    }
}

fn auth_series(authenticator: Option<Arc<str>>, code: Option<Code>) -> AuthSeries {
    let result = match code {
        None => "accepted",
        // Not the credential's fault.
        Some(code) if code.status().is_server_error() => "unavailable",
        Some(_) => "refused",
    };
    AuthSeries {
        authenticator,
        result,
        code: code.map_or("", Code::as_str),
        count: Number::default(),
    }
}

/// A method strangers make up is no label.
fn method_label(method: &Method) -> (&'static str, u8) {
    match *method {
        Method::GET => ("GET", 1),
        Method::POST => ("POST", 2),
        Method::HEAD => ("HEAD", 3),
        Method::PUT => ("PUT", 4),
        Method::PATCH => ("PATCH", 5),
        Method::DELETE => ("DELETE", 6),
        Method::OPTIONS => ("OPTIONS", 7),
        Method::TRACE => ("TRACE", 8),
        Method::CONNECT => ("CONNECT", 9),
        _ => ("_OTHER", 0),
    }
}

/// Counts one client connection as open.
pub struct OpenConnection {
    numbers: Arc<ShardNumbers>,
    on_its_thread: PhantomData<Rc<()>>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.numbers.open_connections.subtract(1);
    }
}

/// Counts one connection to an upstream, as active or as idle.
pub struct UpstreamConnection {
    series: Arc<UpstreamSeries>,
    idle: bool,
    on_its_thread: PhantomData<Rc<()>>,
}

impl UpstreamConnection {
    /// It waits in the pool.
    pub fn rest(&mut self) {
        if !std::mem::replace(&mut self.idle, true) {
            self.series.active.subtract(1);
            self.series.idle.add(1);
        }
    }

    /// It carries a request.
    pub fn work(&mut self) {
        if std::mem::replace(&mut self.idle, false) {
            self.series.idle.subtract(1);
            self.series.active.add(1);
        }
    }
}

impl Drop for UpstreamConnection {
    fn drop(&mut self) {
        if self.idle {
            &self.series.idle
        } else {
            &self.series.active
        }
        .subtract(1);
    }
}

/// The status a request is counted under when its client left before there was an answer.
pub fn client_left() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}
