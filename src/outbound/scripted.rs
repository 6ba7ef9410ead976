//! What tests of outbound calls need: servers that answer as they are told and tell what they were asked, a resolver
//! with names of its own, a background runtime whose clock is moved by hand.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::Outbound;
use crate::base::background::Background;
use crate::base::clock::{Clock, Timestamp};
use crate::base::resolve::{Lookup, Resolve};
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::defaults;
use crate::config::spec::OutboundSpec;

/// 2027-01-15.
pub(crate) const START: u64 = 1_800_000_000_000;

/// Run a test on one thread, sockets and all.
pub(crate) fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test);
}

pub(crate) fn background(clock: &Clock) -> Background {
    let (timers, tasks) = (Timers::new(clock.clone()), Tasks::default());
    tasks.spawn("timers", timers.clone().run());
    Background::new(tokio::runtime::Handle::current(), timers, tasks)
}

pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(START))
}

pub(crate) fn spec() -> OutboundSpec {
    OutboundSpec {
        ca: Vec::new(),
        timeout: defaults::OUTBOUND_TIMEOUT,
        allow_plaintext_hosts: Vec::new(),
        allow_private_hosts: Vec::new(),
        keep: Path::new("/nowhere").into(),
    }
}

pub(crate) fn outbound(spec: &OutboundSpec, background: &Background) -> Outbound {
    let resolve: Arc<dyn Resolve> = Arc::new(EverythingIsHere);
    Outbound::start(spec, background, &resolve).unwrap()
}

/// Every name is this machine.
struct EverythingIsHere;

impl Resolve for EverythingIsHere {
    fn resolve(&self, _: Arc<str>) -> Lookup {
        Box::pin(std::future::ready(Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])))
    }
}

/// What a server answers.
#[derive(Clone)]
pub(crate) enum Reply {
    Bytes(Vec<u8>),
    /// Nothing, and the connection stays.
    Silence,
    /// Without an end.
    Endless,
}

impl Reply {
    pub(crate) fn new(status: &str, fields: &str, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(format!("HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\n\r\n{body}").into())
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::new("200 OK", "content-type: application/json\r\n", body)
    }
}

/// Answers by path; what has no script is not found.
#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    script: Arc<Mutex<HashMap<String, Reply>>>,
    /// Whole requests, in the order of their coming.
    seen: watch::Sender<Vec<String>>,
    connections: watch::Sender<usize>,
}

impl Server {
    pub(crate) async fn start(background: &Background) -> Self {
        Self::with(background, None).await
    }

    pub(crate) async fn with_tls(background: &Background, identity: &Identity) -> Self {
        Self::with(background, Some(identity.acceptor())).await
    }

    async fn with(background: &Background, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            script: Arc::default(),
            seen: watch::Sender::default(),
            connections: watch::Sender::default(),
        };
        let (serving, tasks) = (server.clone(), background.clone());
        background.spawn("server", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serving.connections.send_modify(|count| *count += 1);
                let (serving, tls) = (serving.clone(), tls.clone());
                tasks.spawn("connection", async move {
                    // A test closes connections as it likes.
                    let _ended = match tls {
                        None => serving.serve(stream).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serving.serve(stream).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        server
    }

    async fn serve(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        while let Some(request) = read_request(&mut stream).await? {
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            self.seen.send_modify(|seen| seen.push(request));
            let reply = self.script.lock().unwrap().get(&path).cloned();
            match reply.unwrap_or_else(|| Reply::new("404 Not Found", "", "")) {
                Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
                Reply::Silence => std::future::pending().await,
                Reply::Endless => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                    loop {
                        stream.write_all(&[b' '; 4096]).await?;
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) fn on(&self, path: &str, reply: Reply) -> &Self {
        self.script.lock().unwrap().insert(path.to_owned(), reply);
        self
    }

    /// With the address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.borrow().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.borrow()
    }

    /// How many requests there were for `path`.
    pub(crate) fn count(&self, path: &str) -> usize {
        count(&self.seen.borrow(), path)
    }

    /// Returns once `path` was asked for so many times.
    pub(crate) async fn until(&self, path: &str, times: usize) {
        let mut seen = self.seen.subscribe();
        seen.wait_for(|seen| count(seen, path) >= times).await.unwrap();
    }
}

fn count(requests: &[String], path: &str) -> usize {
    let asked = format!(" {path} ");
    requests.iter().filter(|request| request.contains(&asked)).count()
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<String>> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(None);
        }
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Ok(Some(text));
            }
        }
    }
}

/// A certificate and its key; the certificate is its own authority.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(crate) fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            certificate: made.cert.der().clone(),
            key: PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Seconds, for clocks that are moved.
pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
