//! A raw-bytes client: it writes what it is told and reads answers as strictly as the upstream reads requests.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::wire::{self, Response, Step};
use super::{End, LIMIT, get, shown};

pub struct Client {
    stream: TcpStream,
    /// Read and not yet taken.
    buffer: Vec<u8>,
    end: Option<End>,
}

impl Client {
    pub fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&address, LIMIT).unwrap_or_else(|e| panic!("{address}: {e}")))
    }

    /// From another address of the loopback network: to the gateway, another client.
    pub fn from_address(source: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((IpAddr::V4(source), 0)).into()).unwrap();
        socket.connect_timeout(&address.into(), LIMIT).unwrap();
        Self::over(socket.into())
    }

    /// With a receive buffer so small that an answer nobody reads soon stalls.
    pub fn narrow(address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect_timeout(&address.into(), LIMIT).unwrap();
        Self::over(socket.into())
    }

    /// Through a unix socket.
    pub fn through(path: &Path) -> Self {
        Self::over(as_tcp(
            UnixStream::connect(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
        ))
    }

    pub fn over(stream: TcpStream) -> Self {
        // A unix socket has no such option, and no delay.
        let _quick = stream.set_nodelay(true);
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
            end: None,
        }
    }

    /// The socket, for who speaks something else on it.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// What the gateway does not take any more is lost: an answer may already be there.
    pub fn send(&mut self, bytes: impl Into<Vec<u8>>) -> &mut Self {
        let _taken = self.stream.write_all(&bytes.into());
        self
    }

    /// Whether everything was taken, down to the last byte.
    pub fn sent_whole(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// One byte at a time, each in a packet of its own.
    pub fn send_slowly(&mut self, bytes: impl Into<Vec<u8>>) -> &mut Self {
        for byte in bytes.into() {
            self.send([byte]);
        }
        self
    }

    /// Like [`write_until_stalled`].
    pub fn send_until_stalled(&mut self, chunk: &[u8], most: u64) -> u64 {
        write_until_stalled(&self.stream, chunk, most)
    }

    /// Ask and read the answer.
    #[track_caller]
    pub fn ask(&mut self, request: impl Into<Vec<u8>>) -> Response {
        self.send(request).response()
    }

    #[track_caller]
    pub fn get(&mut self, target: &str) -> Response {
        self.ask(get(target))
    }

    /// The next answer; anything else fails the test.
    #[track_caller]
    pub fn response(&mut self) -> Response {
        self.answer(false).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The next answer, to a HEAD: a head alone.
    #[track_caller]
    pub fn response_to_head(&mut self) -> Response {
        self.answer(true).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The next answer, or that the connection ended without a whole one.
    pub fn answer(&mut self, bodiless: bool) -> Result<Response, String> {
        let until = Instant::now() + LIMIT * 3;
        loop {
            match wire::response(&self.buffer, self.end.is_some(), bodiless) {
                Step::Whole(response, length) => {
                    self.buffer.drain(..length);
                    return Ok(response);
                }
                Step::Bad(why) => panic!("the gateway wrote {why}:\n{}", shown(&self.buffer)),
                Step::Partial => {}
            }
            if let Some(end) = self.end {
                return Err(format!("{end:?} after {}", shown(&self.buffer)));
            }
            if !self.fill(until) {
                return Err(format!("no whole answer, only {}", shown(&self.buffer)));
            }
        }
    }

    /// Read until these bytes came; everything up to and with them.
    #[track_caller]
    pub fn read_until(&mut self, wanted: &[u8]) -> Vec<u8> {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(at) = wire::find(&self.buffer, wanted) {
                return self.buffer.drain(..at + wanted.len()).collect();
            }
            let more = self.end.is_none() && self.fill(until);
            assert!(more, "{} did not come, only {}", shown(wanted), shown(&self.buffer));
        }
    }

    /// Everything until the connection ends.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let until = Instant::now() + LIMIT;
        while self.end.is_none() {
            assert!(
                self.fill(until),
                "the connection stays open after {}",
                shown(&self.buffer)
            );
        }
        std::mem::take(&mut self.buffer)
    }

    /// Read this many bytes and forget them.
    #[track_caller]
    pub fn skip(&mut self, mut count: u64) {
        let buffered = self.buffer.len().min(usize::try_from(count).unwrap_or(usize::MAX));
        self.buffer.drain(..buffered);
        count -= buffered as u64;
        self.stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut chunk = vec![0; 256 * 1024];
        while count > 0 {
            let most = chunk.len().min(usize::try_from(count).unwrap_or(usize::MAX));
            let read = self
                .stream
                .read(&mut chunk[..most])
                .unwrap_or_else(|e| panic!("{count} bytes short: {e}"));
            assert!(read > 0, "{count} bytes short");
            count -= read as u64;
        }
    }

    /// The connection ends, and not another byte comes.
    #[track_caller]
    pub fn is_closed(&mut self) {
        let rest = self.read_to_end();
        assert!(rest.is_empty(), "before the end came {}", shown(&rest));
    }

    /// How the connection ended, if it does within this time; what came before stays to be read.
    pub fn end_within(&mut self, patience: Duration) -> Option<End> {
        let until = Instant::now() + patience.max(Duration::from_millis(1));
        while self.end.is_none() && self.fill(until) {}
        self.end
    }

    /// Whether a whole answer is there within this time.
    pub fn answer_within(&mut self, patience: Duration) -> Option<Response> {
        let until = Instant::now() + patience.max(Duration::from_millis(1));
        loop {
            if let Step::Whole(response, length) = wire::response(&self.buffer, self.end.is_some(), false) {
                self.buffer.drain(..length);
                return Some(response);
            }
            if self.end.is_some() || !self.fill(until) {
                return None;
            }
        }
    }

    /// Nothing came so far: no byte, no end.
    #[track_caller]
    pub fn heard_nothing(&mut self) {
        let end = self.end_within(Duration::from_millis(1));
        assert!(
            end.is_none() && self.buffer.is_empty(),
            "{end:?} after {}",
            shown(&self.buffer)
        );
    }

    /// Everything is said; the answer may still come.
    pub fn half_close(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).unwrap();
        self
    }

    /// Go away with a reset.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    /// One read; false when `until` came first.
    fn fill(&mut self, until: Instant) -> bool {
        let Some(left) = until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        else {
            return false;
        };
        self.stream.set_read_timeout(Some(left)).unwrap();
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => self.end = Some(End::Closed),
            Ok(length) => self.buffer.extend_from_slice(&chunk[..length]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return false,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.end = Some(End::Reset),
        }
        true
    }
}

/// To read, write and close, one stream socket is as good as another.
pub fn as_tcp(stream: UnixStream) -> TcpStream {
    OwnedFd::from(stream).into()
}

/// Write `chunk` over and over until the other side takes nothing for half a second, or `most` bytes went.
///
/// The half second can only make a test pass that should fail, when the machine is busy, never the other way round.
pub fn write_until_stalled(mut stream: &TcpStream, chunk: &[u8], most: u64) -> u64 {
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut total = 0;
    while total < most {
        match stream.write(chunk) {
            Ok(length) => total += length as u64,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    total
}
