//! A polite client of HTTP/2, made with h2: it blocks like the raw one, and several of its calls may be under way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::{HOST, LIMIT};

/// A request without a body for the host that every test's catch-all route answers for.
pub fn request(method: &str, target: &str) -> Request<()> {
    Request::builder()
        .method(method)
        .uri(format!("http://{HOST}{target}"))
        .body(())
        .unwrap()
}

pub fn with(mut request: Request<()>, name: &str, value: &str) -> Request<()> {
    let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

pub struct H2 {
    runtime: Arc<Runtime>,
    sender: SendRequest<Bytes>,
    ended: Mutex<Option<JoinHandle<Result<(), h2::Error>>>>,
}

/// An answer to its last byte.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
}

impl H2 {
    pub fn to(address: SocketAddr) -> Self {
        Self::with(address, &Builder::new())
    }

    pub fn with(address: SocketAddr, builder: &Builder) -> Self {
        Self::after(b"", address, builder)
    }

    /// With these bytes before the first one of HTTP/2.
    pub fn after(begin: &[u8], address: SocketAddr, builder: &Builder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (sender, connection) = runtime.block_on(async {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.write_all(begin).await.unwrap();
            builder.handshake(stream).await.unwrap()
        });
        let ended = runtime.spawn(connection);
        Self {
            runtime: Arc::new(runtime),
            sender,
            ended: Mutex::new(Some(ended)),
        }
    }

    /// Begin a call; `ends` tells that no body follows.
    #[track_caller]
    pub fn call(&self, request: Request<()>, ends: bool) -> Call {
        self.try_call(request, ends).unwrap()
    }

    pub fn try_call(&self, request: Request<()>, ends: bool) -> Result<Call, h2::Error> {
        let mut sender = self.runtime.block_on(within(self.sender.clone().ready()))?;
        let (answer, body) = sender.send_request(request, ends)?;
        Ok(Call {
            runtime: Arc::clone(&self.runtime),
            answer: Some(answer),
            body,
        })
    }

    /// Ask without a body and read the answer to its end.
    #[track_caller]
    pub fn ask(&self, request: Request<()>) -> Answer {
        self.call(request, true).answer()
    }

    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.ask(request("GET", target))
    }

    #[track_caller]
    pub fn post(&self, target: &str, body: impl Into<Bytes>) -> Answer {
        let mut call = self.call(request("POST", target), false);
        call.send(body, true);
        call.answer()
    }

    /// How the connection ended, once it has.
    #[track_caller]
    pub fn end(&self) -> Result<(), h2::Error> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.runtime.block_on(within(ended.unwrap())).unwrap()
    }

    /// Whether it ends within this time.
    pub fn ends_within(&self, patience: Duration) -> Option<Result<(), h2::Error>> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let running = ended.as_mut()?;
        let seen = self
            .runtime
            .block_on(async { tokio::time::timeout(patience, running).await.ok() })?;
        *ended = None;
        Some(seen.unwrap())
    }
}

/// One request under way.
pub struct Call {
    runtime: Arc<Runtime>,
    answer: Option<ResponseFuture>,
    pub body: SendStream<Bytes>,
}

/// An answer whose head is there.
pub struct Begun {
    runtime: Arc<Runtime>,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: RecvStream,
}

impl Call {
    /// Send a piece of the body, as the windows allow.
    #[track_caller]
    pub fn send(&mut self, piece: impl Into<Bytes>, ends: bool) {
        self.try_send(piece, ends).unwrap();
    }

    pub fn try_send(&mut self, piece: impl Into<Bytes>, ends: bool) -> Result<(), h2::Error> {
        let mut piece = piece.into();
        self.runtime.block_on(within(async {
            while !piece.is_empty() {
                self.body.reserve_capacity(piece.len());
                let room = std::future::poll_fn(|cx| self.body.poll_capacity(cx)).await;
                let room = room.unwrap_or(Err(Reason::STREAM_CLOSED.into()))?;
                let part = piece.split_to(room.min(piece.len()));
                let last = ends && piece.is_empty();
                self.body.send_data(part, last)?;
                if last {
                    return Ok(());
                }
            }
            if ends {
                self.body.send_data(Bytes::new(), true)?;
            }
            Ok(())
        }))
    }

    pub fn reset(&mut self, reason: Reason) {
        self.body.send_reset(reason);
    }

    /// The head of the answer.
    pub fn begun(&mut self) -> Result<Begun, h2::Error> {
        let answer = self.answer.take().expect("asked once");
        let (head, body) = self.runtime.block_on(within(answer))?.into_parts();
        Ok(Begun {
            runtime: Arc::clone(&self.runtime),
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }

    /// A whole answer, if its head is there within this time.
    #[track_caller]
    pub fn answer_within(&mut self, patience: Duration) -> Option<Answer> {
        let answer = self.answer.as_mut().expect("asked once");
        let head = self
            .runtime
            .block_on(async { tokio::time::timeout(patience, answer).await.ok() })?;
        self.answer = None;
        let (head, body) = head.unwrap().into_parts();
        let begun = Begun {
            runtime: Arc::clone(&self.runtime),
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        };
        Some(begun.rest().unwrap())
    }

    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        self.try_answer().unwrap()
    }

    pub fn try_answer(&mut self) -> Result<Answer, h2::Error> {
        self.begun()?.rest()
    }

    /// With which reason the gateway resets this stream, before or after the head.
    #[track_caller]
    pub fn reset_reason(&mut self) -> Reason {
        let error = match self.begun() {
            Err(error) => error,
            Ok(begun) => begun.rest().expect_err("the answer is whole"),
        };
        assert!(error.is_reset() && error.is_remote(), "{error}");
        error.reason().unwrap()
    }
}

impl Begun {
    /// The next piece of the body; none at its end.
    pub fn piece(&mut self) -> Result<Option<Bytes>, h2::Error> {
        let piece = self.runtime.clone().block_on(within(self.body.data())).transpose()?;
        if let Some(piece) = &piece {
            self.body.flow_control().release_capacity(piece.len())?;
        }
        Ok(piece)
    }

    pub fn rest(mut self) -> Result<Answer, h2::Error> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece()? {
            body.extend_from_slice(&piece);
        }
        let trailers = self.runtime.block_on(within(self.body.trailers()))?;
        Ok(Answer {
            status: self.status,
            headers: self.headers,
            body,
            trailers: trailers.unwrap_or_default(),
        })
    }
}

impl Answer {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// A refusal with this status and code.
    #[track_caller]
    pub fn is_problem(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.field("content-type"), Some("application/problem+json"));
        assert_eq!(answer.field("content-length"), Some(&*answer.body.len().to_string()));
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["instance"].as_str(), answer.field("x-request-id"));
        answer
    }

    /// A refused call of gRPC: a head alone, with this status of gRPC and this code.
    #[track_caller]
    pub fn is_refused_call(self, status: u16, code: &str) -> Self {
        let answer = self.is(200);
        assert!(answer.body.is_empty() && answer.trailers.is_empty(), "{answer:?}");
        assert_eq!(answer.field("content-type"), Some("application/grpc"));
        assert_eq!(answer.field("grpc-status"), Some(&*status.to_string()), "{answer:?}");
        let told = answer.field("grpc-message").unwrap_or_default();
        assert!(told.starts_with(&format!("{code}: ")), "{told}");
        answer
    }

    /// The one value of a field.
    #[track_caller]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "`{name}` stands more than once in {self:?}");
        Some(value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    let answered = tokio::time::timeout(LIMIT * 3, future).await;
    answered.expect("the gateway does not move")
}
