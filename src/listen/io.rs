//! A client's byte stream, telling its [`Link`] what moves.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::{Link, Probe};
use crate::base::stream::{Stream, Waiting};

pub(super) struct ClientIo {
    stream: Stream,
    /// Read already, before this reader was there.
    unread: Bytes,
    link: Rc<Link>,
}

impl ClientIo {
    pub(super) fn new(stream: Stream, unread: Bytes, link: Rc<Link>) -> Self {
        Self { stream, unread, link }
    }

    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Pending => self.link.write_stalled(),
            Poll::Ready(_) => self.link.write_moved(),
        }
    }
}

impl ClientIo {
    fn answer_probe(&self) {
        if self.link.probe() == Probe::Asked {
            let unread = self.stream.waiting() == Waiting::Bytes;
            self.link.set_probe(if unread { Probe::Unread } else { Probe::Nothing });
        }
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.answer_probe();
        if !self.unread.is_empty() {
            let count = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread.split_to(count));
            self.link.bytes_arrived();
            return Poll::Ready(Ok(()));
        }
        // hyper asks several times in one go; the waker is registered since the first.
        if self.link.is_dry() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending() {
            self.link.ran_dry();
        }
        std::task::ready!(read)?;
        if buf.filled().len() > before {
            self.link.bytes_arrived();
        } else if buf.remaining() > 0 {
            self.link.client_ended();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// The end of hyper is not the end of the connection: it may rest, or its client may have answers to read.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
