//! One connection of an upstream, in the hands of its script.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::{Book, Shared};
use crate::support::upstream::frames::{self, Frame};
use crate::support::wire::{self, Received, Step};
use crate::support::{LIMIT, client};

/// One connection, in the hands of the script.
pub struct Conn {
    /// Gone once the script tore it.
    pub(super) stream: Option<Arc<TcpStream>>,
    pub(super) shared: Arc<Shared>,
    pub(super) number: usize,
    pub(super) read: usize,
}

impl Conn {
    /// The how-manieth connection this is, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The next whole request; none when the connection ends first.
    pub fn request(&mut self) -> Option<Received> {
        let (number, from) = (self.number, self.read);
        let found = self.shared.look(LIMIT * 6, |book| {
            let seen = &book.connections[number];
            match wire::request(&seen.bytes[from..]) {
                Step::Whole(request, length) => Some(Some((request, length))),
                Step::Bad(_) => Some(None),
                _ if seen.end.is_some() || book.over => Some(None),
                _ => None,
            }
        });
        let (request, length) = found.flatten()?;
        self.read += length;
        Some(request)
    }

    /// The next head, however much of its body is there.
    pub fn head(&mut self) -> Option<wire::Head> {
        let (number, from) = (self.number, self.read);
        let found = self.shared.look(LIMIT * 6, |book| {
            let seen = &book.connections[number];
            match wire::head(&seen.bytes[from..]) {
                Step::Whole(head, length) => Some(Some((head, length))),
                Step::Bad(_) => Some(None),
                _ if seen.end.is_some() || book.over => Some(None),
                _ => None,
            }
        });
        let (head, length) = found.flatten()?;
        self.read += length;
        Some(head)
    }

    /// The next frame of HTTP/2, without the preface before the first one.
    pub fn frame(&mut self) -> Option<Frame> {
        if self.read == 0 {
            self.wait_total(frames::PREFACE.len() as u64);
            self.read = frames::PREFACE.len();
        }
        let (number, from) = (self.number, self.read);
        let found = self.shared.look(LIMIT * 6, |book| {
            let seen = &book.connections[number];
            match frames::first(seen.bytes.get(from..).unwrap_or_default()) {
                None if seen.end.is_some() || book.over => Some(None),
                None => None,
                whole => Some(whole),
            }
        });
        let (frame, length) = found.flatten()?;
        self.read += length;
        Some(frame)
    }

    /// The next frame of this kind; those before it are passed over.
    pub fn frame_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.frame()?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// How many bytes the messages taken so far had.
    pub fn read_so_far(&self) -> u64 {
        self.read as u64
    }

    /// Until this connection brought `total` bytes in all, or ended.
    pub fn wait_total(&self, total: u64) {
        self.shared.look(LIMIT * 6, |book| {
            let seen = &book.connections[self.number];
            (seen.total >= total || seen.end.is_some() || book.over).then_some(())
        });
    }

    /// Until these bytes came behind what was read of this connection; they are read then.
    pub fn wait_bytes(&mut self, wanted: &[u8]) -> bool {
        let (number, from) = (self.number, self.read);
        let found = self.shared.look(LIMIT * 6, |book| {
            let seen = &book.connections[number];
            match wire::find(&seen.bytes[from..], wanted) {
                Some(at) => Some(Some(at + wanted.len())),
                None => (seen.end.is_some() || book.over).then_some(None),
            }
        });
        let length = found.flatten();
        self.read += length.unwrap_or_default();
        length.is_some()
    }

    /// Until the gateway closed its side.
    pub fn wait_end(&self) {
        let over = |book: &Book| (book.connections[self.number].end.is_some() || book.over).then_some(());
        self.shared.look(LIMIT * 6, over);
    }

    /// False once the gateway takes nothing more.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream
            .as_deref()
            .is_some_and(|mut stream| stream.write_all(bytes.as_ref()).is_ok())
    }

    /// One byte at a time, each in a packet of its own.
    pub fn send_slowly(&mut self, bytes: impl AsRef<[u8]>) {
        for byte in bytes.as_ref() {
            self.send([*byte]);
        }
    }

    /// As much of this as is taken before nothing moves any more for a while; how much that was.
    pub fn send_until_stalled(&mut self, chunk: &[u8], most: u64) -> u64 {
        client::write_until_stalled(self.stream.as_deref().unwrap(), chunk, most)
    }

    /// Say that nothing more comes.
    pub fn finish(&mut self) {
        if let Some(stream) = &self.stream {
            let _gone = stream.shutdown(Shutdown::Write);
        }
    }

    /// End the connection with a reset instead of a FIN.
    pub fn reset(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        socket2::SockRef::from(&*stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        // Wakes the reader, so that it lets go of the socket; nothing is sent by this.
        let _read_no_more = stream.shutdown(Shutdown::Read);
    }
}
