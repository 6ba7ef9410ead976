//! What arrived, read once: the one path, the true client, the names and the limits of a request.
//!
//! Comes in: what hyper or h2 parsed. Goes out: an [`Arrived`], whose headers hold nothing of ours that a client wrote. It
//! refuses to know which routes there are.

pub mod body;
pub mod client;
pub mod forwarding;
pub mod framing;
pub mod fuzz;
pub mod grpc;
pub mod headers;
pub mod host;
pub mod http2;
pub mod path;
pub mod readings;
pub mod target;
pub mod upgrade;

use std::cell::RefCell;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::base::clock::{Moment, Timestamp};
use crate::base::id::{RequestId, TraceParent};
use crate::base::peer::{Peer, Trusted};
use crate::base::random::Random;
use crate::problem::Code;
use body::{BodyFault, Pace, Payload, Room};
use client::Client;
use forwarding::Forwarding;
use framing::FramingFault;
use grpc::{Grpc, TimeoutFault};
use headers::{HeaderFault, HeaderPolicy, Sender, Survey};
use host::{Host, HostFault};
use http2::Http2Fault;
use path::NormalPath;
use target::{Target, TargetFault};
use upgrade::{Upgrade, UpgradeFault};

/// The methods a request may have (METH-01), as an `Allow` field says it.
pub const KNOWN_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// A request that can be read in one way only.
#[derive(Debug)]
pub struct Arrived {
    /// Boxed: it moves through every stage.
    asked: Box<Asked>,
    payload: Payload,
}

/// Everything of a request but its body.
#[derive(Debug)]
pub struct Asked {
    pub method: Method,
    pub path: NormalPath,
    /// What the upstream is asked for, where that is not `path`.
    pub onward: Option<NormalPath>,
    pub host: Host,
    pub headers: HeaderMap,
    /// The client: the peer, or the one a trusted proxy tells of.
    pub client: Client,
    /// What the upstream is told about where the request came from.
    pub forwarding: Forwarding,
    pub id: RequestId,
    pub trace: TraceParent,
    /// Set for calls of gRPC, which come over HTTP/2.
    pub grpc: Option<Grpc>,
    /// The client reads trailers.
    pub wants_trailers: bool,
    pub content_length: Option<u64>,
    /// Asks for the connection itself to be authenticated.
    pub binds_connection: bool,
    /// What else the client wants to speak from here on.
    pub upgrade: Option<Box<Upgrade>>,
    pub received: Moment,
}

/// What arrived at the door.
#[derive(Debug)]
pub enum Arrival {
    Request(Arrived),
    /// `OPTIONS *`: about the server itself.
    AboutServer,
}

/// Why a request cannot be read in one way only.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalFault {
    #[error("the method is not known here")]
    UnknownMethod,
    #[error("the method is refused")]
    RefusedMethod,
    #[error("the protocol version is not supported")]
    Version,
    #[error(transparent)]
    Host(#[from] HostFault),
    #[error(transparent)]
    Target(#[from] TargetFault),
    #[error(transparent)]
    Header(#[from] HeaderFault),
    #[error(transparent)]
    Framing(#[from] FramingFault),
    #[error(transparent)]
    Upgrade(#[from] UpgradeFault),
    #[error(transparent)]
    GrpcTimeout(#[from] TimeoutFault),
    #[error(transparent)]
    Http2(#[from] Http2Fault),
}

impl ArrivalFault {
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownMethod => Code::MethodUnknown,
            Self::RefusedMethod | Self::Target(TargetFault::Connect) => Code::MethodNotAllowed,
            Self::Version => Code::VersionUnsupported,
            Self::Host(_) => Code::RequestMalformed,
            Self::Target(TargetFault::TooLong { .. }) => Code::UriTooLong,
            Self::Target(TargetFault::OtherHost) => Code::HostMismatch,
            Self::Target(TargetFault::Path(fault)) if fault.is_ambiguous() => Code::PathAmbiguous,
            Self::Target(_) => Code::RequestMalformed,
            Self::Header(HeaderFault::Repeated(_)) | Self::Upgrade(_) | Self::GrpcTimeout(_) => Code::HeaderInvalid,
            Self::Header(HeaderFault::TooLong | HeaderFault::NameTooLong | HeaderFault::TooManyCookies) => {
                Code::HeadersTooLarge
            }
            Self::Http2(Http2Fault::TooManyFields { .. }) => Code::HeadersTooLarge,
            Self::Http2(Http2Fault::Blank(_) | Http2Fault::Name) => Code::HeaderInvalid,
            Self::Http2(Http2Fault::OtherHost) => Code::RequestMalformed,
            Self::Framing(FramingFault::Expectation) => Code::ExpectationFailed,
            Self::Framing(_) => Code::RequestMalformed,
        }
    }
}

/// What stays the same for all requests of a connection.
#[derive(Debug)]
pub struct Connection {
    peer: Peer,
    /// Of the request before: clients name the same host again and again.
    host: RefCell<Host>,
    /// `X-Forwarded-For` and `-Port` as an untrusted peer's requests get them: made once.
    forwarding: Forwarding,
}

impl Connection {
    /// `local` is the address the client connected to, if it has one.
    pub fn new(peer: Peer, local: Option<SocketAddr>) -> Self {
        Self {
            peer,
            host: RefCell::default(),
            forwarding: Forwarding::direct(peer, local.map(|local| local.port())),
        }
    }

    pub fn peer(&self) -> Peer {
        self.peer
    }

    fn host(&self, headers: &HeaderMap, version: Version) -> Result<Host, HostFault> {
        let none_repeated = headers.len() == headers.keys_len();
        let mut last = self.host.borrow_mut();
        if !(none_repeated && last.raw().is_some() && headers.get(HOST) == last.raw()) {
            *last = Host::read(headers, version)?;
        }
        Ok(last.clone())
    }
}

/// The id of a request and its place in a trace, continued or made; and when that was.
#[derive(Debug)]
pub struct Names {
    pub id: RequestId,
    pub trace: TraceParent,
    pub at: Timestamp,
}

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

impl Names {
    pub fn read(headers: &HeaderMap, survey: &Survey, now: Timestamp, random: &mut Random) -> Self {
        let id = if survey.is_named {
            single(headers, &X_REQUEST_ID)
        } else {
            None
        };
        let trace = if survey.traces {
            single(headers, &TRACEPARENT)
        } else {
            None
        };
        let (id, trace) = (id.and_then(RequestId::given), trace.and_then(TraceParent::given));
        Self {
            id: id.unwrap_or_else(|| RequestId::new(now, random)),
            trace: trace.unwrap_or_else(|| TraceParent::new(random)),
            at: now,
        }
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    headers
        .get(name)
        .filter(|_| headers.get_all(name).iter().nth(1).is_none())
}

/// What a listener believes, lets pass and takes.
#[derive(Clone, Copy, Debug)]
pub struct ArrivalRules<'r> {
    pub trusted: &'r Trusted,
    pub headers: &'r HeaderPolicy,
    pub max_target: usize,
    /// Fields of a head. Of HTTP/1 hyper has counted them already.
    pub max_fields: usize,
}

impl Arrival {
    pub fn read(
        (parts, payload): (Parts, Payload),
        connection: &Connection,
        rules: &ArrivalRules<'_>,
        survey: &Survey,
        names: Names,
        received: Moment,
    ) -> Result<Self, ArrivalFault> {
        let (method, mut headers) = (parts.method, parts.headers);
        check_method(&method)?;
        survey.permit()?;
        match parts.version {
            Version::HTTP_11 | Version::HTTP_10 => {}
            Version::HTTP_2 => {
                let last = connection.host.borrow();
                http2::level(&parts.uri, &mut headers, rules.max_fields, last.raw())?;
            }
            _ => return Err(ArrivalFault::Version),
        }
        let framing = if survey.frames {
            framing::of_request(parts.version, &headers)?
        } else {
            framing::Framing::default()
        };
        let host = connection.host(&headers, parts.version)?;
        let path = match target::read(&method, &parts.uri, &host, rules.max_target)? {
            Target::Path(path) => path,
            Target::Asterisk => return Ok(Self::AboutServer),
        };
        let client = client::resolve(connection.peer, rules.trusted, &headers);
        let forwarding = connection.forwarding.tell(&client, connection.peer, &headers, &host);
        let sender = if client.through_proxy() {
            Sender::TrustedProxy
        } else {
            Sender::Stranger
        };
        // A body before the switch would leave unclear where the other protocol begins: then there is no switch.
        let upgrade = if survey.upgrades && payload.is_empty() {
            upgrade::wished(&method, parts.version, &headers)?.map(Box::new)
        } else {
            None
        };
        let grpc = Grpc::read(&method, parts.version, &headers, survey.is_grpc)?;
        let cleaned = rules.headers.clean(&mut headers, sender)?;
        if survey.traces && headers.get(&TRACEPARENT) != Some(names.trace.as_header()) {
            // The state of a trace that does not go on.
            headers.remove("tracestate");
        }
        let asked = Asked {
            method,
            path,
            onward: None,
            host,
            headers,
            client,
            forwarding,
            id: names.id,
            trace: names.trace,
            grpc,
            wants_trailers: cleaned.te_trailers,
            content_length: framing.content_length,
            binds_connection: survey.binds_connection,
            upgrade,
            received,
        };
        Ok(Self::Request(Arrived {
            asked: Box::new(asked),
            payload,
        }))
    }
}

/// METH-01: a known list, case-sensitive. TRACE, TRACK and CONNECT are known and refused.
fn check_method(method: &Method) -> Result<(), ArrivalFault> {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            Ok(())
        }
        Method::TRACE | Method::CONNECT => Err(ArrivalFault::RefusedMethod),
        _ if method.as_str() == "TRACK" => Err(ArrivalFault::RefusedMethod),
        _ => Err(ArrivalFault::UnknownMethod),
    }
}

impl Arrived {
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Ask the upstream for another path than the client asked for.
    pub fn send_on(&mut self, onward: NormalPath) {
        self.asked.onward = Some(onward);
    }

    pub fn asked_mut(&mut self) -> &mut Asked {
        &mut self.asked
    }

    pub async fn hold_body(&mut self, at_most: u64, pace: Pace<'_>, room: &Room) -> Result<Bytes, BodyFault> {
        if self.asked.content_length.is_some_and(|length| length > at_most) {
            return Err(BodyFault::TooLarge);
        }
        let payload = std::mem::replace(&mut self.payload, Payload::Empty);
        let (payload, bytes) = payload.hold(at_most, pace, room).await?;
        self.payload = payload;
        self.asked.content_length = self.asked.content_length.or(Some(bytes.len() as u64));
        Ok(bytes)
    }

    pub fn into_parts(self) -> (Box<Asked>, Payload) {
        (self.asked, self.payload)
    }
}

#[cfg(test)]
impl Asked {
    /// A request of HTTP/1.1 that came straight from a stranger at 192.0.2.1.
    pub(crate) fn for_test(method: &str, target: &str, fields: &[(&'static str, &str)]) -> Self {
        let mut request = http::Request::builder().method(method).uri(target).header(HOST, "h");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let (peer, mut random) = (Peer::Ip([192, 0, 2, 1].into()), Random::counting());
        let survey = Survey::of(&parts.headers);
        let names = Names::read(&parts.headers, &survey, Timestamp::from_millis(0), &mut random);
        let rules = ArrivalRules {
            trusted: &Trusted::default(),
            headers: &HeaderPolicy::default(),
            max_target: 8192,
            max_fields: 100,
        };
        let connection = Connection::new(peer, None);
        match Arrival::read(
            (parts, Payload::Empty),
            &connection,
            &rules,
            &survey,
            names,
            Moment::START,
        ) {
            Ok(Arrival::Request(arrived)) => *arrived.asked,
            other => panic!("{other:?}"),
        }
    }
}
