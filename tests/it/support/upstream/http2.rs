//! An upstream that speaks HTTP/2: it writes down every stream it is given and answers each by a script.
//!
//! The frames are the library's, so it is as right as that is; what breaks the rules of HTTP/2 is written by hand, see
//! `frames`. Everything runs on a thread of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Response, request};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::support::LIMIT;

type Script = Arc<dyn Fn(Stream) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

/// What an upstream announces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Announced {
    pub streams: Option<u32>,
    /// Of one stream, in bytes.
    pub window: Option<u32>,
}

pub struct Http2Upstream {
    address: SocketAddr,
    book: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    book: Mutex<Book>,
    changed: Condvar,
}

#[derive(Default)]
struct Book {
    /// Whether each connection is still open.
    connections: Vec<bool>,
    streams: Vec<Seen>,
}

/// What one stream brought.
#[derive(Clone, Debug)]
pub struct Seen {
    pub connection: usize,
    pub method: String,
    pub scheme: String,
    pub authority: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// It ended by itself.
    pub whole: bool,
    pub reset: Option<Reason>,
}

/// A door that a script waits at.
#[derive(Clone, Debug)]
pub struct Door(Arc<Semaphore>);

impl Door {
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub fn open(&self) {
        self.0.close();
    }

    /// Let one through.
    pub fn let_one(&self) {
        self.0.add_permits(1);
    }

    pub async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

enum Order {
    /// Take no new streams, finish those that run.
    Leave,
    /// Cut the line.
    Cut,
}

/// One stream, in the hands of its script.
pub struct Stream {
    /// The how-manieth connection it is on, from 0.
    pub connection: usize,
    /// The how-manieth stream of that connection, from 0.
    pub number: usize,
    pub head: request::Parts,
    body: RecvStream,
    respond: SendResponse<Bytes>,
    place: usize,
    book: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
}

impl Http2Upstream {
    /// Reads each request to its end and answers `ok`.
    pub fn ok() -> Self {
        Self::announcing(Announced::default(), |mut stream| async move {
            stream.read_all().await;
            stream.answer_with("ok");
        })
    }

    pub fn scripted<F: Future<Output = ()> + 'static>(script: impl Fn(Stream) -> F + Send + Sync + 'static) -> Self {
        Self::announcing(Announced::default(), script)
    }

    pub fn announcing<F: Future<Output = ()> + 'static>(
        announced: Announced,
        script: impl Fn(Stream) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::on("127.0.0.1:0", announced, script)
    }

    pub fn on<F: Future<Output = ()> + 'static>(
        address: &str,
        announced: Announced,
        script: impl Fn(Stream) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::<Shared>::default();
        let (stop, stopped) = oneshot::channel();
        let script: Script = Arc::new(move |stream| Box::pin(script(stream)));
        let shared = Arc::clone(&book);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async {
                tokio::select! {
                    () = accept(listener, announced, script, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            book,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.book.lock().connections.len()
    }

    pub fn open(&self) -> usize {
        self.book.lock().connections.iter().filter(|open| **open).count()
    }

    pub fn streams(&self) -> Vec<Seen> {
        self.book.lock().streams.clone()
    }

    /// The one stream that came.
    #[track_caller]
    pub fn stream(&self) -> Seen {
        let mut streams = self.streams();
        assert_eq!(streams.len(), 1, "{streams:#?}");
        streams.remove(0)
    }

    /// Nobody asked for anything.
    #[track_caller]
    pub fn saw_nothing(&self) {
        let streams = self.streams();
        assert!(streams.is_empty(), "the upstream saw {streams:#?}");
    }

    /// Until what it has seen is what the test waits for.
    #[track_caller]
    pub fn wait<T>(&self, what: &str, test: impl Fn(&[Seen]) -> Option<T>) -> T {
        self.wait_book(what, |book| test(&book.streams))
    }

    #[track_caller]
    pub fn wait_streams(&self, count: usize) -> Vec<Seen> {
        self.wait("streams", |streams| (streams.len() >= count).then(|| streams.to_vec()))
    }

    /// Until this stream has been reset; why.
    #[track_caller]
    pub fn wait_reset(&self, place: usize) -> Reason {
        self.wait("a reset", |streams| streams.get(place)?.reset)
    }

    /// Until this many connections are open.
    #[track_caller]
    pub fn wait_open(&self, count: usize) {
        self.wait_book("connections", |book| {
            let open = book.connections.iter().filter(|open| **open).count();
            (open == count).then_some(())
        });
    }

    #[track_caller]
    fn wait_book<T>(&self, what: &str, test: impl Fn(&Book) -> Option<T>) -> T {
        let until = Instant::now() + LIMIT;
        let mut book = self.book.lock();
        loop {
            if let Some(found) = test(&book) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the upstream waits for {what}; connections {:?}, streams {:#?}",
                book.connections,
                book.streams
            );
            book = self.book.changed.wait_timeout(book, left).unwrap().0;
        }
    }
}

impl Drop for Http2Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note<T>(&self, note: impl FnOnce(&mut Book) -> T) -> T {
        let noted = note(&mut self.lock());
        self.changed.notify_all();
        noted
    }
}

async fn accept(listener: std::net::TcpListener, announced: Announced, script: Script, book: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((socket, _)) = listener.accept().await {
        let connection = book.note(|book| {
            book.connections.push(true);
            book.connections.len() - 1
        });
        let (script, book) = (Arc::clone(&script), Arc::clone(&book));
        tokio::task::spawn_local(async move {
            serve(socket, connection, announced, script, &book).await;
            book.note(|book| book.connections[connection] = false);
        });
    }
}

async fn serve(socket: TcpStream, connection: usize, announced: Announced, script: Script, book: &Arc<Shared>) {
    let mut builder = Builder::new();
    // It is the gateway that is tested: this side takes as many resets as come.
    builder
        .max_pending_accept_reset_streams(10_000)
        .max_concurrent_reset_streams(10_000);
    if let Some(streams) = announced.streams {
        builder.max_concurrent_streams(streams);
    }
    if let Some(window) = announced.window {
        builder.initial_window_size(window);
    }
    let _quick = socket.set_nodelay(true);
    let Ok(mut wire) = builder.handshake::<_, Bytes>(socket).await else {
        return;
    };
    let (orders, mut given) = mpsc::unbounded_channel();
    let mut number = 0;
    loop {
        tokio::select! {
            order = given.recv() => match order {
                Some(Order::Leave) => wire.graceful_shutdown(),
                Some(Order::Cut) | None => return,
            },
            accepted = wire.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                let (head, body) = request.into_parts();
                let place = book.note(|book| {
                    book.streams.push(seen(connection, &head, body.is_end_stream()));
                    book.streams.len() - 1
                });
                let stream = Stream {
                    connection,
                    number,
                    head,
                    body,
                    respond,
                    place,
                    book: Arc::clone(book),
                    orders: orders.clone(),
                };
                number += 1;
                tokio::task::spawn_local(script(stream));
            }
        }
    }
}

fn seen(connection: usize, head: &request::Parts, whole: bool) -> Seen {
    Seen {
        connection,
        method: head.method.to_string(),
        scheme: head.uri.scheme_str().unwrap_or_default().to_owned(),
        authority: head.uri.authority().map(ToString::to_string).unwrap_or_default(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers.clone(),
        body: Vec::new(),
        whole,
        reset: None,
    }
}

impl Stream {
    pub fn target(&self) -> &str {
        self.head.uri.path()
    }

    /// The next piece of the request's body, which is then written down.
    pub async fn read(&mut self) -> Option<Bytes> {
        let place = self.place;
        match self.body.data().await {
            Some(Ok(data)) => {
                let _taken = self.body.flow_control().release_capacity(data.len());
                self.book.note(|book| book.streams[place].body.extend_from_slice(&data));
                Some(data)
            }
            Some(Err(error)) => {
                self.book.note(|book| book.streams[place].reset = error.reason());
                None
            }
            None => {
                // Trailers of a request never come this far; whoever sends some shows it here.
                let trailers = self.body.trailers().await.ok().flatten();
                assert!(trailers.is_none(), "trailers of a request: {trailers:?}");
                self.book.note(|book| book.streams[place].whole = true);
                None
            }
        }
    }

    pub async fn read_all(&mut self) {
        while self.read().await.is_some() {}
    }

    /// Until the client of this stream gives it up, before its answer begins.
    pub async fn wait_reset(&mut self) {
        let reason = std::future::poll_fn(|cx| self.respond.poll_reset(cx)).await;
        let place = self.place;
        self.book.note(|book| book.streams[place].reset = reason.ok());
    }

    /// The same, once its answer has begun.
    pub async fn wait_reset_of(&self, answer: &mut SendStream<Bytes>) {
        let reason = std::future::poll_fn(|cx| answer.poll_reset(cx)).await;
        self.book.note(|book| book.streams[self.place].reset = reason.ok());
    }

    pub fn begin(&mut self, head: Response<()>) -> SendStream<Bytes> {
        self.respond.send_response(head, false).unwrap()
    }

    /// An answer without a body.
    pub fn answer_empty(&mut self, head: Response<()>) {
        let _gone = self.respond.send_response(head, true);
    }

    /// 200 with this body.
    pub fn answer_with(&mut self, body: impl Into<Bytes>) {
        let body = body.into();
        let head = Response::builder()
            .header("content-length", body.len())
            .body(())
            .unwrap();
        if let Ok(mut answer) = self.respond.send_response(head, false) {
            let _gone = answer.send_data(body, true);
        }
    }

    pub fn inform(&mut self, status: u16) {
        let head = Response::builder().status(status).body(()).unwrap();
        self.respond.send_informational(head).unwrap();
    }

    pub fn reset(&mut self, reason: Reason) {
        self.respond.send_reset(reason);
    }

    /// Take no new streams on this connection, finish those that run.
    pub fn leave(&self) {
        let _gone = self.orders.send(Order::Leave);
    }

    /// Without another word: this never ends.
    pub async fn cut(&self) {
        let _gone = self.orders.send(Order::Cut);
        std::future::pending().await
    }
}
