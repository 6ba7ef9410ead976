//! The admin listener: probes and metrics for whoever reaches it, everything else for who holds the token. It runs on a
//! thread and a runtime of its own, so that it answers when the workers do not, and cannot slow them down.
//!
//! One request per connection: those who probe and scrape connect anew, and a single deadline then bounds everything a
//! slow client could stretch.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::base::id::RequestId;
use crate::base::secret::Secret;
use crate::base::timers::Timers;
use crate::endpoints::admin::{Api, Operation, Undone, Unfit};
use crate::endpoints::health::{self, Probe};
use crate::endpoints::metrics;
use crate::problem::{Code, Problem};
use crate::telemetry::Telemetry;
use crate::telemetry::admin_events::{AdminCalled, AdminRefused};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Figures;

/// What the admin listener tells about.
pub struct AdminParts {
    pub telemetry: Arc<Telemetry>,
    pub health: Arc<Health>,
    pub token: Arc<AdminToken>,
    pub clock: Clock,
    /// Asked at each scrape.
    pub figures: Box<dyn Fn() -> Figures + Send>,
    /// For who holds the token.
    pub api: Api,
}

/// The token of the configuration in force. Without one only probes and metrics exist.
#[derive(Default)]
pub struct AdminToken(ArcSwapOption<Secret>);

impl AdminToken {
    pub fn new(token: Option<Secret>) -> Self {
        Self(ArcSwapOption::from_pointee(token))
    }

    /// From the next request on this one and no other.
    pub fn replace(&self, token: Option<Secret>) {
        self.0.store(token.map(Arc::new));
    }
}

/// From the first byte a connection may take to the last byte of its answer.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// Further connections wait in the backlog. Probes come one at a time, scrapers a few.
const CONNECTIONS_MAX: usize = 128;
const HEAD_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
/// Whoever administers has little to say at a time.
const BODY_MAX: usize = 64 * 1024;
/// After a failed accept: descriptors may be back by then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What has begun when the listener ends gets this long.
const LAST_TIME: Duration = Duration::from_secs(2);

/// Serve on a thread of its own until `stop` is cancelled.
pub fn start(
    listener: std::net::TcpListener,
    parts: AdminParts,
    stop: CancellationToken,
) -> io::Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _entered = runtime.enter();
        TcpListener::from_std(listener)?
    };
    thread::Builder::new()
        .name("admin".into())
        .spawn(move || runtime.block_on(serve(listener, parts, stop)))
}

/// Serve until `stop` is cancelled; then finish what has begun.
pub async fn serve(listener: TcpListener, parts: AdminParts, stop: CancellationToken) {
    let timers = Timers::new(parts.clock.clone());
    let mut wheel = pin!(timers.clone().run());
    let own_address = listener.local_addr().ok().map(|address| address.ip());
    let admin = Rc::new(Admin { parts, own_address });
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = &mut wheel => return,
            () = stop.cancelled() => break,
            Some(_ended) = open.next(), if !open.is_empty() => {}
            stream = accept(&listener, &timers), if open.len() < CONNECTIONS_MAX => {
                let connection = connection(stream, Rc::clone(&admin), stop.clone());
                let limited = { let timers = timers.clone(); async move { timers.within(CONNECTION_TIME, connection).await } };
                // A panic must cost one answer, not the probes.
                open.push(AssertUnwindSafe(limited).catch_unwind());
            }
        }
    }
    drop(listener);
    tokio::select! {
        () = wheel => {}
        _ended = timers.within(LAST_TIME, async { while open.next().await.is_some() {} }) => {}
    }
}

async fn accept(listener: &TcpListener, timers: &Timers) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer.ip()),
            Err(_) => timers.sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection((stream, peer): (TcpStream, IpAddr), admin: Rc<Admin>, stop: CancellationToken) {
    let service = service_fn(|request: Request<Incoming>| {
        let admin = Rc::clone(&admin);
        async move {
            let (head, body) = request.into_parts();
            Ok::<_, Infallible>(admin.answer(&head, body, peer).await.map(Full::new))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .keep_alive(false)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_MAX)
            .serve_connection(TokioIo::new(stream), service)
    );
    // A connection that fails concerns nobody but its client.
    tokio::select! {
        _ended = &mut connection => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}

struct Admin {
    parts: AdminParts,
    own_address: Option<IpAddr>,
}

impl Admin {
    async fn answer(&self, head: &http::request::Parts, body: Incoming, peer: IpAddr) -> Response<Bytes> {
        if let Err(problem) = self.check_host(head).and_then(|()| check_origin(&head.headers)) {
            return problem.answer(&head.headers);
        }
        let endpoint = match head.uri.path() {
            "/livez" | "/healthz" => Endpoint::Probe(Probe::Live),
            "/readyz" => Endpoint::Probe(Probe::Ready),
            "/startupz" => Endpoint::Probe(Probe::Startup),
            "/metrics" => Endpoint::Metrics,
            _ => return self.elsewhere(head, body, peer).await,
        };
        if head.method != Method::GET && head.method != Method::HEAD {
            let mut answer = Problem::new(Code::MethodNotAllowed).answer(&head.headers);
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match endpoint {
            Endpoint::Probe(probe) => {
                let is_whole = !self.parts.telemetry.metrics().lacks_keys();
                health::answer(probe, &self.parts.health, is_whole)
            }
            Endpoint::Metrics => metrics::answer(&self.parts.telemetry, (self.parts.figures)(), &head.headers),
        }
    }

    /// Whoever does not hold the token does not learn what exists.
    async fn elsewhere(&self, head: &http::request::Parts, body: Incoming, peer: IpAddr) -> Response<Bytes> {
        if let Err(refusal) = self.check_token(&head.headers, peer) {
            return *refusal;
        }
        let operation = match Operation::of(&head.method, head.uri.path(), head.uri.query()) {
            Ok(operation) => operation,
            Err(unfit) => return unfitting(unfit, &head.headers),
        };
        let id = RequestId::new(self.parts.clock.wall(), &mut (self.parts.api.random)());
        let outcome = match read(&operation, &head.headers, body).await {
            Ok(body) => self.parts.api.answer(&operation, &body).await,
            Err(problem) => Err(Undone::from(problem)),
        };
        if operation.changes() {
            self.parts.telemetry.emit(AdminCalled {
                operation: operation.name(),
                target: outcome.as_ref().ok().and_then(|done| done.target.as_deref()),
                refused: outcome.as_ref().err().map(|undone| undone.problem.code),
                why: outcome.as_ref().err().and_then(|undone| undone.why.as_deref()),
                peer,
                request_id: &id,
            });
        }
        match outcome {
            Ok(done) => done.into_response(),
            Err(undone) => undone.problem.for_request(id).json(),
        }
    }

    fn check_token(&self, asked: &HeaderMap, peer: IpAddr) -> Result<(), Box<Response<Bytes>>> {
        let token = self.parts.token.0.load();
        let Some(token) = &*token else {
            return Err(Box::new(Problem::new(Code::RouteNone).answer(asked)));
        };
        let (code, challenge) = match bearer(asked) {
            Some(presented) if token.matches(presented) => return Ok(()),
            Some(_) => {
                self.parts.telemetry.emit(AdminRefused { peer });
                let challenge = r#"Bearer realm="portcullis-admin", error="invalid_token""#;
                (Code::CredentialRefused, challenge)
            }
            None => (Code::CredentialMissing, r#"Bearer realm="portcullis-admin""#),
        };
        let mut answer = Problem::new(code).answer(asked);
        answer
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        Err(Box::new(answer))
    }

    /// A page of another site can point a name of its own at this address and then read what it gets (DNS rebinding).
    /// The browser still sends that name as `Host`. Off loopback the listener has names we do not know.
    fn check_host(&self, head: &http::request::Parts) -> Result<(), Problem> {
        let named = named_host(&head.uri, &head.headers)?;
        let must_be_own = self.own_address.is_none_or(|address| address.is_loopback());
        match named {
            // Before HTTP/1.1 there was no such field; browsers have never left it out.
            None if head.version == Version::HTTP_10 => Ok(()),
            None => Err(Problem::new(Code::RequestMalformed).with_detail("The request names no host.")),
            Some(host) if must_be_own && !self.is_own(host.host()) => {
                let detail = "This listener answers to localhost and to its own address only.";
                Err(Problem::new(Code::HostMismatch).with_detail(detail))
            }
            Some(_) => Ok(()),
        }
    }

    fn is_own(&self, host: &str) -> bool {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback() || Some(address) == self.own_address,
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }
}

enum Endpoint {
    Probe(Probe),
    Metrics,
}

fn unfitting(unfit: Unfit, asked: &HeaderMap) -> Response<Bytes> {
    match unfit {
        Unfit::Path => Problem::new(Code::RouteNone).answer(asked),
        Unfit::Query => {
            let detail = "The query holds something that means nothing here.";
            Problem::new(Code::InputInvalid).with_detail(detail).answer(asked)
        }
        Unfit::Method(allowed) => {
            let mut answer = Problem::new(Code::MethodNotAllowed).answer(asked);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            answer
        }
    }
}

/// The body of an operation. A connection has a deadline, so this has one too.
async fn read(operation: &Operation, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Problem> {
    let most = BODY_MAX as u64;
    if !operation.takes_body() || body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if !is_json(headers) {
        return Err(Problem::new(Code::MediaTypeUnsupported).with_detail("Send `application/json`."));
    }
    let too_large = || Problem::new(Code::BodyTooLarge).with_detail("Bodies may have 64 KiB.");
    if body.size_hint().lower() > most {
        return Err(too_large());
    }
    let whole = Limited::new(body, BODY_MAX).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return too_large();
        }
        Problem::new(Code::RequestMalformed).with_detail("The body did not arrive whole.")
    })?;
    Ok(whole.to_bytes())
}

/// A form or a text is what a page of another site can send without asking (AD-01).
fn is_json(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(CONTENT_TYPE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return false;
    };
    let essence = field.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// The one host a request names, in its target and in `Host`.
fn named_host(uri: &Uri, headers: &HeaderMap) -> Result<Option<Authority>, Problem> {
    let malformed = || Problem::new(Code::RequestMalformed).with_detail("The request does not name one valid host.");
    let mut fields = headers.get_all(HOST).iter();
    let field = fields
        .next()
        .map(|field| Authority::try_from(field.as_bytes()))
        .transpose()
        .map_err(|_| malformed())?;
    let named_twice = uri
        .authority()
        .is_some_and(|target| field.as_ref().is_some_and(|field| field != target));
    let named = field.or_else(|| uri.authority().cloned());
    if named_twice || fields.next().is_some() || named.as_ref().is_some_and(|host| host.as_str().contains('@')) {
        return Err(malformed());
    }
    Ok(named)
}

/// A browser that lets a page of another site ask says whose page it is.
fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let site = origin.as_bytes();
    let site = site.strip_prefix(b"http://").or_else(|| site.strip_prefix(b"https://"));
    match (site, headers.get(HOST)) {
        (Some(site), Some(host)) if site.eq_ignore_ascii_case(host.as_bytes()) => Ok(()),
        _ => Err(Problem::new(Code::CsrfFailed)),
    }
}

/// The token of a single `Authorization: Bearer` field.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (field, None) = (fields.next()?, fields.next()) else {
        return None;
    };
    let (scheme, token) = field.as_bytes().split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii_start())
}

#[cfg(test)]
mod tests;
