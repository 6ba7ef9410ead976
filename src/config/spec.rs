//! The finished configuration: every name resolved, every secret loaded, every number in range. Only `check` makes
//! one; the running gateway never sees what was typed.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use ipnet::IpNet;
use rustls_pki_types::CertificateDer;

use super::authenticators::AuthenticatorSpec;
use super::pattern::{HostPattern, PathPattern};
use super::protocol::ProtocolName;
use crate::base::net::ListenAddr;
use crate::base::secret::Secret;
use crate::base::signer::Signer;

#[derive(Clone, Debug)]
pub struct Config {
    pub listen: Vec<ListenSpec>,
    pub timeouts: ClientTimeouts,
    pub sizes: Sizes,
    pub connections: Connections,
    /// How many worker threads; `auto` is already resolved.
    pub workers: NonZeroUsize,
    pub drain: Drain,
    pub admin: AdminSpec,
    pub store: Option<StoreSpec>,
    /// In the order of the file; routes refer to them by index.
    pub upstreams: Vec<Arc<UpstreamSpec>>,
    /// In the order of the file; routes refer to them by index.
    pub auth: Vec<Arc<AuthenticatorSpec>>,
    pub routes: Vec<Arc<RouteSpec>>,
    pub cache: CacheSpec,
    pub log: LogSpec,
    pub outbound: OutboundSpec,
    /// Absent where nothing is signed.
    pub signing: Option<SigningSpec>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenSpec {
    pub addr: ListenAddr,
    pub protocols: Protocols,
    /// Peers whose word about the client is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether those who come through a unix socket are among them.
    pub trusts_unix: bool,
    pub proxy_protocol: ProxyProtocol,
    /// Header names with `_` that may pass, lower-case as on the wire.
    pub underscore_headers: Vec<HeaderName>,
}

/// Whether peers say with the PROXY protocol whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    Off,
    /// They may.
    Accept,
    /// They must.
    Require,
}

/// What a listener speaks; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    pub http1: bool,
    /// HTTP/2 in clear text, with prior knowledge.
    pub h2c: bool,
}

/// Timeouts of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeouts {
    pub head: Duration,
    pub body_idle: Duration,
    pub keep_alive: Duration,
    /// Of tunnels, gRPC calls and event streams.
    pub stream_idle: Duration,
    pub stream_age: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of a request head.
    pub head: usize,
    /// Fields of a request head.
    pub headers: usize,
    /// Bytes of a request target.
    pub target: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    pub max: NonZeroUsize,
    pub per_address: NonZeroUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    pub delay: Duration,
    pub timeout: Duration,
}

#[derive(Clone, Debug)]
pub struct AdminSpec {
    pub addr: SocketAddr,
    pub token: Option<Secret>,
}

/// Where what outlives the process is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSpec {
    /// The file of an embedded database.
    Sqlite(Arc<Path>),
}

/// What signs.
#[derive(Clone, Debug)]
pub enum SigningSpec {
    /// The key of the configuration.
    Given(Arc<Signer>),
    /// The key of the store, which is made where it is missing.
    Kept,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSpec {
    /// A directive for the log filter: `error`, `warn`, `info`, `debug`, `trace`.
    pub level: LogLevel,
    pub format: LogFormat,
    /// One line per request on standard output.
    pub access: bool,
}

/// The calls that the gateway makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundSpec {
    /// Authorities that are trusted beside the machine's.
    pub ca: Vec<CertificateDer<'static>>,
    /// Of a whole call.
    pub timeout: Duration,
    /// Hosts that may be called without TLS: lower-case, without a trailing dot, IPv6 addresses in brackets.
    pub allow_plaintext_hosts: Vec<Arc<str>>,
    /// Hosts that metadata may name although their addresses are not public; spelled the same way.
    pub allow_private_hosts: Vec<Arc<str>>,
    /// Where the last good key sets are kept.
    pub keep: Arc<Path>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSpec {
    pub name: Arc<str>,
    pub kind: UpstreamKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamKind {
    Servers(ServersSpec),
    /// Answers with what it received.
    Echo,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServersSpec {
    /// At least one.
    pub targets: Vec<TargetSpec>,
    pub protocol: UpstreamProtocol,
    pub timeouts: UpstreamTimeouts,
    /// Per target, over all workers.
    pub max_connections: NonZeroUsize,
    /// Requests that may wait for a connection, per target.
    pub max_pending: usize,
}

/// What is spoken to the servers of an upstream; `auto` is already resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamProtocol {
    Http1,
    /// HTTP/2 without TLS, known beforehand.
    H2c,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetSpec {
    pub host: TargetHost,
    pub port: u16,
    /// At least 1.
    pub weight: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetHost {
    Address(std::net::IpAddr),
    /// Lower-case, resolved and re-resolved while running.
    Name(Arc<str>),
    /// The file of a unix socket, as written; the port beside it means nothing.
    Unix(Arc<Path>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    pub connect: Duration,
    /// From the last byte of the request to the head of the answer.
    pub response: Duration,
    /// How long an unused connection is kept, and how long an answer may pause.
    pub idle: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSpec {
    /// What logs and metrics call this route: its host, if any, and its path as written.
    pub id: Arc<str>,
    /// Where the route stands in the file; 0 for one that the gateway adds.
    pub line: u32,
    pub host: HostPattern,
    pub path: PathPattern,
    pub headers: Vec<HeaderCondition>,
    pub access: Access,
    pub networks: Networks,
    pub answer: Answer,
    pub forward: ForwardSpec,
    pub response: HeaderEdits,
    /// From the arrival of the request to the head of the answer.
    pub timeout: Option<Duration>,
    pub body_max: u64,
    pub path_allow: PathAllow,
    /// What a connection may be switched to here.
    pub upgrade: Vec<ProtocolName>,
}

/// Who may use a route. There is no default: a route that does not say does not load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    Listed(Arc<AuthList>),
}

/// Who a route lets in: any one of the items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthList {
    /// At least one, and each of at least one index into `Config::auth`. Several in one must be presented together.
    pub items: Vec<Vec<usize>>,
    /// Who presents nothing is let in as nobody in particular.
    pub or_public: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Index into `Config::upstreams`.
    Upstream(usize),
    Redirect(RedirectSpec),
    /// The gateway itself, on a route that nobody wrote.
    Own(OwnAnswer),
}

/// What the gateway answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnAnswer {
    /// The public keys of what it signs.
    Keys,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectSpec {
    /// A path of this host (one leading `/`), or an absolute http(s) URL whose host the configuration names.
    pub to: HeaderValue,
    pub status: StatusCode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderCondition {
    pub name: HeaderName,
    pub want: HeaderWant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderWant {
    Present,
    Value(HeaderValue),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Empty = everybody.
    pub allow: Vec<IpNet>,
    pub deny: Vec<IpNet>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardSpec {
    /// Starts with `/`, does not end with it.
    pub strip_prefix: Option<Arc<str>>,
    pub host: ForwardHost,
    /// Credentials go no further than this gateway.
    pub strip_credentials: bool,
    pub identity: IdentityNames,
    pub edits: HeaderEdits,
}

/// Which headers tell an upstream who is asking; what has no name is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityNames {
    pub subject: Option<HeaderName>,
    pub method: Option<HeaderName>,
    pub roles: Option<HeaderName>,
    pub scopes: Option<HeaderName>,
    pub email: Option<HeaderName>,
    /// All of it, signed.
    pub token: Option<HeaderName>,
}

impl Default for IdentityNames {
    fn default() -> Self {
        let named = |name| Some(HeaderName::from_static(name));
        Self {
            subject: named("x-auth-subject"),
            method: named("x-auth-method"),
            roles: named("x-auth-roles"),
            scopes: named("x-auth-scopes"),
            email: named("x-auth-email"),
            token: None,
        }
    }
}

impl IdentityNames {
    pub fn iter(&self) -> impl Iterator<Item = &HeaderName> {
        let plain = [&self.subject, &self.method, &self.roles, &self.scopes, &self.email];
        plain.into_iter().chain([&self.token]).flatten()
    }
}

/// What is remembered of verified credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSpec {
    /// Bytes.
    pub size: u64,
    pub ttl: Duration,
    pub negative_ttl: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardHost {
    /// The client's `Host` goes upstream.
    #[default]
    Client,
    /// The upstream's own authority does.
    Upstream,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    pub set: Vec<(HeaderName, HeaderValue)>,
    pub remove: Vec<HeaderName>,
}

/// Spellings of a path that are refused unless the route names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathAllow {
    pub encoded_slash: bool,
    pub semicolon: bool,
    pub double_slash: bool,
    pub encoded_dot: bool,
    pub non_utf8: bool,
}
