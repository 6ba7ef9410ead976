//! The byte stream of a shared connection, with a note of whether anything was heard from the other side.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::base::stream::Stream;

/// Whether bytes have come since the last look.
#[derive(Clone, Default)]
pub(super) struct Heard(Rc<Cell<bool>>);

impl Heard {
    pub(super) fn take(&self) -> bool {
        self.0.take()
    }
}

pub(super) struct HearingIo {
    stream: Stream,
    heard: Heard,
}

impl HearingIo {
    pub(super) fn new(stream: Stream) -> (Self, Heard) {
        let heard = Heard::default();
        let io = Self {
            stream,
            heard: heard.clone(),
        };
        (io, heard)
    }
}

impl AsyncRead for HearingIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.heard.0.set(true);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HearingIo {
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
