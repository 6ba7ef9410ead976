//! A client's byte stream, telling its [`Session`] what moves.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::session::Session;
use crate::base::stream::Stream;

pub(super) struct MeteredIo {
    stream: Stream,
    /// What was read before it was known who would read it.
    unread: Bytes,
    session: Rc<Session>,
}

impl MeteredIo {
    pub(super) fn new(stream: Stream, unread: Bytes, session: Rc<Session>) -> Self {
        Self {
            stream,
            unread,
            session,
        }
    }

    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Pending => self.session.write_stalled(),
            Poll::Ready(_) => self.session.write_moved(),
        }
    }
}

impl AsyncRead for MeteredIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Nothing more is heard of who has said too much; the connection ends it.
        if self.session.excess().is_some() {
            return Poll::Pending;
        }
        if self.session.is_turn_over() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        if self.unread.is_empty() {
            std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let count = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread.split_to(count));
        }
        match buf.filled().get(before..) {
            Some(arrived @ [_, ..]) => self.session.bytes_arrived(arrived),
            _ if buf.remaining() > 0 => self.session.client_ended(),
            _ => {}
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MeteredIo {
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

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
