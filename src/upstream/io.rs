//! The byte stream of an upstream connection, with what hyper's client does not watch: the size of an answer's head,
//! the number of interim answers before it, and whether an unused connection was closed meanwhile.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::interim::Interim;
use crate::base::stream::{Stream, Waiting};

/// HTTP-16: all heads of one answer together, the interim ones included.
pub(super) const MAX_HEAD: usize = 64 * 1024;

pub(super) struct UpstreamIo {
    stream: Stream,
    watch: Rc<Watch>,
}

/// What the connection's owner and its byte stream tell each other.
#[derive(Default)]
pub(super) struct Watch {
    /// Set by the owner: ask the kernel at the next read whether the peer has closed.
    probe: Cell<bool>,
    /// The socket had nothing to read, and nobody has waited for it since.
    dry: Cell<bool>,
    /// Whether an answer's head is awaited.
    head: RefCell<Option<Head>>,
}

#[derive(Default)]
struct Head {
    bytes: usize,
    interim: Interim,
}

impl Watch {
    pub(super) fn probe_next_read(&self) {
        self.probe.set(true);
    }

    /// The runtime may have heard of new bytes since the last time.
    pub(super) fn look_anew(&self) {
        self.dry.set(false);
    }

    pub(super) fn expect_head(&self) {
        *self.head.borrow_mut() = Some(Head::default());
    }

    pub(super) fn head_arrived(&self) {
        *self.head.borrow_mut() = None;
    }

    fn judge(&self, fresh: &[u8]) -> io::Result<()> {
        let mut head = self.head.borrow_mut();
        let Some(head) = head.as_mut() else { return Ok(()) };
        head.bytes = head.bytes.saturating_add(fresh.len());
        head.interim
            .read(fresh)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        // One read may bring the whole head and much of the body: only a head that is still incomplete after that
        // much is too large, and hyper's own limit catches the rest.
        if head.bytes > MAX_HEAD + fresh.len() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the head of the answer is too large",
            ));
        }
        Ok(())
    }
}

impl UpstreamIo {
    pub(super) fn new(stream: Stream) -> (Self, Rc<Watch>) {
        let watch = Rc::<Watch>::default();
        (
            Self {
                stream,
                watch: Rc::clone(&watch),
            },
            watch,
        )
    }

    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Whether the peer has closed, or has sent something nobody asked for.
    fn has_ended(&self) -> bool {
        self.stream.waiting() != Waiting::Nothing
    }
}

impl AsyncRead for UpstreamIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.watch.probe.take() && self.has_ended() {
            // No bytes: the end of the stream, as far as hyper is concerned.
            return Poll::Ready(Ok(()));
        }
        // hyper asks several times in one go; the waker is registered since the first.
        if self.watch.dry.get() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch.dry.set(read.is_pending());
        std::task::ready!(read)?;
        Poll::Ready(self.watch.judge(buf.filled().get(before..).unwrap_or_default()))
    }
}

impl AsyncWrite for UpstreamIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
