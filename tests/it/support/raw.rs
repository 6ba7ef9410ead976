//! A client of HTTP/2 that sends the frames it is told, well-formed or not, and reads frames back.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::LIMIT;
use super::frames::{self, ACK, Frame, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, frame, status};

pub struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
    ended: bool,
}

impl Raw {
    /// With the preface and a SETTINGS frame that changes nothing.
    pub fn to(address: SocketAddr) -> Self {
        Self::beginning(address, &frame(SETTINGS, 0, 0, []))
    }

    /// With the preface and this.
    pub fn beginning(address: SocketAddr, first: &[u8]) -> Self {
        let mut raw = Self::silent(address);
        raw.send([PREFACE, first].concat());
        raw
    }

    pub fn silent(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&address, LIMIT).unwrap())
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
            ended: false,
        }
    }

    /// What the gateway does not take any more is lost.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _taken = self.stream.write_all(bytes.as_ref());
        self
    }

    /// As much of it as is taken while the gateway still listens.
    pub fn flood(&mut self, bytes: &[u8], times: usize) {
        for _ in 0..times {
            if self.stream.write_all(bytes).is_err() {
                return;
            }
        }
    }

    /// The next frame, or none when the connection ends or nothing comes in time.
    pub fn next_within(&mut self, patience: Duration) -> Option<Frame> {
        let until = Instant::now() + patience;
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            let left = until.saturating_duration_since(Instant::now());
            if self.ended || left.is_zero() {
                return None;
            }
            self.stream
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .unwrap();
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => self.ended = true,
                Ok(length) => self.buffer.extend_from_slice(&chunk[..length]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => self.ended = true,
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let (frame, length) = frames::first(&self.buffer)?;
        self.buffer.drain(..length);
        Some(frame)
    }

    /// Read until a frame of which `test` holds; a connection that ends before fails the test.
    #[track_caller]
    pub fn until(&mut self, what: &str, test: impl Fn(&Frame) -> bool) -> Frame {
        let mut seen = Vec::new();
        while let Some(frame) = self.next_within(LIMIT) {
            if test(&frame) {
                return frame;
            }
            seen.push((frame.kind, frame.flags, frame.stream, frame.payload.len()));
        }
        panic!("{what} does not come, only {seen:?} (ended: {})", self.ended);
    }

    /// With which reason this stream is reset.
    #[track_caller]
    pub fn reset_of(&mut self, stream: u32) -> u32 {
        let frame = self.until("a reset", |frame| frame.kind == RST_STREAM && frame.stream == stream);
        u32::from_be_bytes(frame.payload.try_into().unwrap())
    }

    /// The last stream and the reason of the GOAWAY that ends the connection.
    #[track_caller]
    pub fn goaway(&mut self) -> (u32, u32) {
        let frame = self.until("GOAWAY", |frame| frame.kind == GOAWAY);
        let number = |at: usize| u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap());
        (number(0), number(4))
    }

    /// The status of the answer on this stream; the first answer of its connection, because nothing is remembered.
    #[track_caller]
    pub fn status(&mut self, stream: u32) -> u16 {
        let frame = self.until("a head", |frame| frame.kind == HEADERS && frame.stream == stream);
        status(&frame.payload)
    }

    /// Whether the connection ends within the limit; what came before is dropped.
    pub fn is_closed(&mut self) {
        while self.next_within(LIMIT).is_some() {}
        assert!(self.ended, "the connection stays open");
    }

    /// A PING is answered: everything before it has been read.
    #[track_caller]
    pub fn settle(&mut self) {
        self.send(frame(PING, 0, 0, b"settled?"));
        self.until("the answer to a PING", |frame| {
            frame.kind == PING && frame.flags == ACK && frame.payload == b"settled?"
        });
    }
}
