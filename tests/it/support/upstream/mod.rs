//! A raw TCP upstream that writes down every byte it is given and answers as scripted, malformed if need be.
//!
//! Each connection has a thread that reads and one that runs the script, so a script may hold an answer back while the
//! record still grows. When it is dropped, everything that was written down is judged by [`wire::request`].

mod conn;
pub mod frames;
pub mod http2;

pub use conn::Conn;

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::client::as_tcp;
use super::wire::{self, Received, Step};
use super::{Gate, LIMIT, shown};

/// The answer of an upstream that has nothing to say.
pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

pub struct Upstream {
    place: Place,
    shared: Arc<Shared>,
    strict: bool,
}

enum Place {
    Address(SocketAddr),
    Socket(PathBuf),
}

struct Shared {
    book: Mutex<Book>,
    changed: Condvar,
    /// Keep only the first bytes of each connection; the rest is counted.
    keep: usize,
    /// Nothing is read before this opens.
    reading: Gate,
}

#[derive(Default)]
struct Book {
    connections: Vec<Seen>,
    streams: Vec<Weak<TcpStream>>,
    over: bool,
}

/// What one connection brought.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub number: usize,
    pub bytes: Vec<u8>,
    pub total: u64,
    pub end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Closed,
    Reset,
}

impl Upstream {
    /// Answers every request with `ok`.
    pub fn ok() -> Self {
        Self::answering(OK)
    }

    /// Answers every request with these bytes and keeps the connection.
    pub fn answering(answer: impl AsRef<[u8]>) -> Self {
        let answer = answer.as_ref().to_vec();
        Self::scripted(move |conn| {
            while conn.request().is_some() {
                conn.send(&answer);
            }
        })
    }

    /// Answers the head of each request with these bytes, then closes.
    pub fn answering_once(answer: impl AsRef<[u8]>) -> Self {
        let answer = answer.as_ref().to_vec();
        Self::scripted(move |conn| {
            if conn.request().is_some() {
                conn.send(&answer);
            }
        })
    }

    /// Answers every request with `ok` and its own name in the body, to tell upstreams apart.
    pub fn named(name: &str) -> Self {
        Self::answering(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}",
            name.len()
        ))
    }

    pub fn scripted(script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", script)
    }

    /// Speaks something else than HTTP before long: what it is given need not be requests.
    pub fn switching(script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Self {
        Self::counting(usize::MAX, script)
    }

    pub fn on(address: &str, script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Self {
        Self::built(address, usize::MAX, Gate::opened(), script)
    }

    /// Keeps only the first `keep` bytes of a connection, for bodies too large to remember.
    pub fn counting(keep: usize, script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Self {
        let mut upstream = Self::built("127.0.0.1:0", keep, Gate::opened(), script);
        upstream.strict = false;
        upstream
    }

    /// Reads nothing before `gate` opens.
    pub fn reading_after(gate: &Gate, keep: usize, script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Self {
        let mut upstream = Self::built("127.0.0.1:0", keep, gate.clone(), script);
        upstream.strict = false;
        upstream
    }

    /// Behind a unix socket.
    pub fn at_socket(path: &Path, script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let next = move || listener.accept().map(|(stream, _)| as_tcp(stream));
        Self::accepting(Place::Socket(path.to_owned()), next, usize::MAX, Gate::opened(), script)
    }

    fn built(address: &str, keep: usize, reading: Gate, script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let place = Place::Address(listener.local_addr().unwrap());
        let next = move || listener.accept().map(|(stream, _)| stream);
        Self::accepting(place, next, keep, reading, script)
    }

    fn accepting(
        place: Place,
        next: impl Fn() -> io::Result<TcpStream> + Send + 'static,
        keep: usize,
        reading: Gate,
        script: impl Fn(&mut Conn) + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            book: Mutex::default(),
            changed: Condvar::new(),
            keep,
            reading,
        });
        let (script, accepting) = (Arc::new(script), Arc::clone(&shared));
        thread::spawn(move || accepting.accept(next, &script));
        Self {
            place,
            shared,
            strict: true,
        }
    }

    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        match self.place {
            Place::Address(address) => address,
            Place::Socket(_) => panic!("a unix socket has no address"),
        }
    }

    pub fn url(&self) -> String {
        match &self.place {
            Place::Address(address) => format!("http://{address}"),
            Place::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// How many of its connections are still open.
    pub fn open(&self) -> usize {
        self.shared
            .lock()
            .connections
            .iter()
            .filter(|seen| seen.end.is_none())
            .count()
    }

    pub fn seen(&self, connection: usize) -> Seen {
        self.shared.lock().connections[connection].clone()
    }

    /// Every whole request of every connection.
    pub fn requests(&self) -> Vec<Received> {
        self.shared
            .lock()
            .connections
            .iter()
            .flat_map(|seen| split(&seen.bytes).unwrap().0)
            .collect()
    }

    /// The one request that came.
    #[track_caller]
    pub fn request(&self) -> Received {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    /// No byte came, and nobody even connected.
    #[track_caller]
    pub fn saw_nothing(&self) {
        let book = self.shared.lock();
        let bytes: Vec<String> = book.connections.iter().map(|seen| shown(&seen.bytes)).collect();
        assert!(bytes.is_empty(), "the upstream saw {bytes:?}");
    }

    /// Where the record stands, for [`Self::since`].
    pub fn mark(&self) -> Vec<usize> {
        self.shared
            .lock()
            .connections
            .iter()
            .map(|seen| seen.bytes.len())
            .collect()
    }

    /// What each connection brought since `mark`, without those that brought nothing.
    pub fn since(&self, mark: &[usize]) -> Vec<Seen> {
        let book = self.shared.lock();
        let from = |connection: usize| mark.get(connection).copied().unwrap_or(0);
        let fresh = book.connections.iter().enumerate().map(|(connection, seen)| Seen {
            bytes: seen.bytes[from(connection)..].to_vec(),
            ..seen.clone()
        });
        fresh.filter(|seen| !seen.bytes.is_empty()).collect()
    }

    /// Until this many whole requests came; all of them.
    #[track_caller]
    pub fn wait_requests(&self, count: usize) -> Vec<Received> {
        self.shared.wait(LIMIT, "requests", |book| {
            let whole = book.connections.iter().flat_map(|seen| split(&seen.bytes).unwrap().0);
            Some(whole.collect::<Vec<_>>()).filter(|requests| requests.len() >= count)
        })
    }

    /// Until a whole head came on this connection.
    #[track_caller]
    pub fn wait_head(&self, connection: usize) {
        self.shared.wait(LIMIT, "a head", |book| {
            let seen = book.connections.get(connection)?;
            matches!(wire::head(&seen.bytes), Step::Whole(..)).then_some(())
        });
    }

    /// Until these bytes came on some connection.
    #[track_caller]
    pub fn wait_bytes(&self, wanted: &[u8]) {
        self.shared.wait(LIMIT, &shown(wanted), |book| {
            book.connections
                .iter()
                .any(|seen| wire::find(&seen.bytes, wanted).is_some())
                .then_some(())
        });
    }

    /// Until this connection brought this many bytes, kept or not.
    #[track_caller]
    pub fn wait_total(&self, connection: usize, total: u64) {
        self.shared.wait(LIMIT * 6, "bytes", |book| {
            book.connections
                .get(connection)
                .filter(|seen| seen.total >= total)
                .map(|_| ())
        });
    }

    /// Until the gateway gives this connection up.
    #[track_caller]
    pub fn wait_end(&self, connection: usize) -> End {
        self.end_within(connection, LIMIT)
            .unwrap_or_else(|| panic!("connection {connection} stays open"))
    }

    /// How this connection ended, if it does within this time.
    pub fn end_within(&self, connection: usize, patience: Duration) -> Option<End> {
        let ended = |book: &Book| book.connections.get(connection).and_then(|seen| seen.end);
        self.shared.look(patience, ended)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let mut book = self.shared.lock();
        book.over = true;
        for stream in book.streams.iter().filter_map(Weak::upgrade) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
        let records: Vec<Vec<u8>> = book.connections.iter().map(|seen| seen.bytes.clone()).collect();
        drop(book);
        self.shared.changed.notify_all();
        self.shared.reading.open();
        // Wakes the acceptor, which then sees that all is over.
        match &self.place {
            Place::Address(address) => drop(TcpStream::connect(address)),
            Place::Socket(path) => drop(UnixStream::connect(path)),
        }
        if !self.strict || thread::panicking() {
            return;
        }
        for bytes in records {
            if let Err(why) = split(&bytes) {
                panic!(
                    "the gateway wrote what can be read in two ways: {why}\n{}",
                    shown(&bytes)
                );
            }
        }
    }
}

/// The whole requests in `bytes`, and how many bytes of an unfinished one follow.
pub fn split(bytes: &[u8]) -> Result<(Vec<Received>, usize), String> {
    let (mut requests, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match wire::request(&bytes[at..]) {
            Step::Whole(request, length) => {
                requests.push(request);
                at += length;
            }
            Step::Partial => break,
            Step::Bad(why) => return Err(why),
        }
    }
    Ok((requests, bytes.len() - at))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look<T>(&self, patience: Duration, mut test: impl FnMut(&Book) -> Option<T>) -> Option<T> {
        let until = Instant::now() + patience;
        let mut book = self.lock();
        loop {
            if let Some(found) = test(&book) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            book = self.changed.wait_timeout(book, left).unwrap().0;
        }
    }

    #[track_caller]
    fn wait<T>(&self, patience: Duration, what: &str, test: impl FnMut(&Book) -> Option<T>) -> T {
        self.look(patience, test).unwrap_or_else(|| {
            let seen: Vec<String> = self.lock().connections.iter().map(|seen| shown(&seen.bytes)).collect();
            panic!("the upstream waits for {what} and saw {seen:#?}")
        })
    }

    fn accept(
        self: &Arc<Self>,
        next: impl Fn() -> io::Result<TcpStream>,
        script: &Arc<impl Fn(&mut Conn) + Send + Sync + 'static>,
    ) {
        loop {
            let Ok(stream) = next() else { continue };
            let _quick = stream.set_nodelay(true);
            let stream = Arc::new(stream);
            let number = {
                let mut book = self.lock();
                if book.over {
                    return;
                }
                book.streams.push(Arc::downgrade(&stream));
                let number = book.connections.len();
                book.connections.push(Seen {
                    number,
                    ..Seen::default()
                });
                number
            };
            self.changed.notify_all();
            let (shared, script, reading) = (Arc::clone(self), Arc::clone(script), Arc::clone(&stream));
            thread::spawn(move || shared.read(&reading, number));
            let mut conn = Conn {
                stream: Some(stream),
                shared: Arc::clone(self),
                number,
                read: 0,
            };
            thread::spawn(move || {
                script(&mut conn);
                if let Some(stream) = conn.stream {
                    let _gone = stream.shutdown(Shutdown::Write);
                }
            });
        }
    }

    fn read(&self, mut stream: &TcpStream, number: usize) {
        self.reading.wait();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let end = match stream.read(&mut buffer) {
                Ok(0) => Some(End::Closed),
                Ok(length) => {
                    let mut book = self.lock();
                    let seen = &mut book.connections[number];
                    let kept = length.min(self.keep.saturating_sub(seen.bytes.len()));
                    seen.bytes.extend_from_slice(&buffer[..kept]);
                    seen.total += length as u64;
                    None
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => None,
                Err(_) => Some(End::Reset),
            };
            let ended = end.is_some();
            if ended {
                self.lock().connections[number].end = end;
            }
            self.changed.notify_all();
            if ended {
                return;
            }
        }
    }
}
