//! Listening sockets: of a TCP address one per worker, bound so that the kernel spreads connections over them; of a unix
//! socket, and of one that was inherited, the one there is, which all workers share.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use tokio::net::{TcpStream, UnixStream};

use super::unix::{self, SocketFile};
use crate::base::net::ListenAddr;
use crate::base::peer::Peer;
use crate::base::stream::Stream;

const BACKLOG: i32 = 4096;

/// Instructions of a socket filter.
const LOAD_BYTE: u16 = 0x30;
const SKIP_UNLESS_SET: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Where the flags stand in a TCP header, and the flag of a handshake's first packet.
const TCP_FLAGS: u32 = 13;
const SYN: u32 = 0x02;

/// One worker's hold on a listening address.
#[derive(Debug)]
pub enum ListenSocket {
    Tcp(TcpListener),
    Unix(UnixListening),
    Lent(Lent),
}

/// A socket that belongs to somebody else, who goes on holding it when this process is done.
#[derive(Debug)]
pub enum Lent {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A worker's descriptor of a unix listener, and everybody's hold on its file. The fields are dropped in this order.
#[derive(Debug)]
pub struct UnixListening {
    file: Arc<SocketFile>,
    socket: UnixListener,
}

/// A socket for each of `count` workers, all at `addr`. Port 0 becomes one free port for all.
pub fn bind(addr: &ListenAddr, count: usize) -> io::Result<Vec<ListenSocket>> {
    match addr {
        ListenAddr::Tcp(addr) => bind_tcp(*addr, count),
        ListenAddr::Unix(path) => bind_unix(path, count),
    }
}

fn bind_tcp(addr: SocketAddr, count: usize) -> io::Result<Vec<ListenSocket>> {
    // SO_REUSEPORT would let a second gateway join in silently: an exclusive bind finds out first. It does not listen: a
    // client that got in there would be thrown out again.
    let probe = tcp_socket(addr, false)?;
    let addr = probe.local_addr()?.as_socket().unwrap_or(addr);
    drop(probe);
    (0..count)
        .map(|_| {
            let socket = tcp_socket(addr, true)?;
            socket.listen(BACKLOG)?;
            Ok(ListenSocket::Tcp(socket.into()))
        })
        .collect()
}

fn bind_unix(path: &Arc<Path>, count: usize) -> io::Result<Vec<ListenSocket>> {
    let (socket, file) = unix::listen(path, BACKLOG)?;
    let file = Arc::new(file);
    (0..count)
        .map(|_| {
            let (file, socket) = (Arc::clone(&file), socket.try_clone()?);
            Ok(ListenSocket::Unix(UnixListening { file, socket }))
        })
        .collect()
}

fn tcp_socket(addr: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(addr),
        Type::STREAM.nonblocking().cloexec(),
        Some(Protocol::TCP),
    )?;
    if addr.is_ipv6() && !addr.ip().is_unspecified() {
        socket.set_only_v6(true)?;
    }
    // Lets a restarted gateway bind while connections of the old one linger.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&addr.into())?;
    Ok(socket)
}

impl Lent {
    /// Where it listens; a unix socket without a file is nowhere.
    pub(super) fn addr(&self) -> io::Result<Option<ListenAddr>> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(|addr| Some(addr.into())),
            Self::Unix(socket) => {
                let addr = socket.local_addr()?;
                Ok(addr.as_pathname().map(|path| ListenAddr::Unix(path.into())))
            }
        }
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
        }
    }
}

impl AsFd for Lent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

impl ListenSocket {
    /// Where it listens, if it is bound to an address.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) | Self::Lent(Lent::Tcp(socket)) => socket.local_addr().ok(),
            Self::Unix(_) | Self::Lent(Lent::Unix(_)) => None,
        }
    }

    /// Accept from now on, on the runtime of the worker that calls this.
    pub(super) fn start(self) -> io::Result<Acceptor> {
        let (owner, socket) = match self {
            Self::Tcp(socket) => (Owner::Worker, Accepting::tcp(socket)?),
            Self::Unix(UnixListening { file, socket }) => (Owner::Workers(file), Accepting::unix(socket)?),
            Self::Lent(Lent::Tcp(socket)) => (Owner::Lender, Accepting::tcp(socket)?),
            Self::Lent(Lent::Unix(socket)) => (Owner::Lender, Accepting::unix(socket)?),
        };
        Ok(Acceptor { owner, socket })
    }

    /// The next client that waits, asked of the kernel itself: the runtime may not have heard of it yet.
    pub(super) fn accept_waiting(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(socket) | Self::Lent(Lent::Tcp(socket)) => {
                let (stream, peer) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok((TcpStream::from_std(stream)?.into(), peer.into()))
            }
            Self::Unix(UnixListening { socket, .. }) | Self::Lent(Lent::Unix(socket)) => {
                let (stream, _nameless) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok((UnixStream::from_std(stream)?.into(), Peer::Unix))
            }
        }
    }
}

/// A listening socket at work. The fields are dropped in this order.
#[derive(Debug)]
pub(super) struct Acceptor {
    owner: Owner,
    socket: Accepting,
}

/// Whose a socket is.
#[derive(Debug)]
enum Owner {
    /// This worker's alone.
    Worker,
    /// All workers', and so is its file.
    Workers(Arc<SocketFile>),
    Lender,
}

#[derive(Debug)]
enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Accepting {
    fn tcp(socket: TcpListener) -> io::Result<Self> {
        tokio::net::TcpListener::from_std(socket).map(Self::Tcp)
    }

    fn unix(socket: UnixListener) -> io::Result<Self> {
        tokio::net::UnixListener::from_std(socket).map(Self::Unix)
    }
}

impl Acceptor {
    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            Accepting::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                Ok((stream.into(), peer.into()))
            }
            Accepting::Unix(socket) => {
                let (stream, _nameless) = socket.accept().await?;
                Ok((stream.into(), Peer::Unix))
            }
        }
    }

    /// Whether somebody else goes on holding the socket: who waits is not lost, and must not be turned away.
    pub(super) fn is_lent(&self) -> bool {
        matches!(self.owner, Owner::Lender)
    }

    /// Nobody new may begin to connect; those who have begun can finish, and what waits to be accepted stays.
    pub(super) fn turn_away(&self) -> io::Result<()> {
        match (&self.owner, &self.socket) {
            (Owner::Worker, Accepting::Tcp(socket)) => turn_away(socket),
            // Not by shutting the socket down: the workers that still accept on it would be woken for ever.
            (Owner::Workers(file), _) => file.remove(),
            (Owner::Worker, Accepting::Unix(_)) | (Owner::Lender, _) => Ok(()),
        }
    }

    /// Off the runtime again.
    pub(super) fn stop(self) -> io::Result<ListenSocket> {
        Ok(match (self.owner, self.socket) {
            (Owner::Workers(file), Accepting::Unix(socket)) => {
                let socket = socket.into_std()?;
                ListenSocket::Unix(UnixListening { file, socket })
            }
            (Owner::Worker, Accepting::Tcp(socket)) => ListenSocket::Tcp(socket.into_std()?),
            (_, Accepting::Tcp(socket)) => ListenSocket::Lent(Lent::Tcp(socket.into_std()?)),
            (_, Accepting::Unix(socket)) => ListenSocket::Lent(Lent::Unix(socket.into_std()?)),
        })
    }
}

/// Make the kernel drop every attempt at a new connection on this socket. A handshake that has begun is finished: its
/// client may believe itself connected already, and have sent its request. What waits to be accepted stays.
fn turn_away(listener: &impl AsFd) -> io::Result<()> {
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, TCP_FLAGS),
        SockFilter::new(SKIP_UNLESS_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap()
    }

    #[test]
    fn a_second_gateway_on_the_same_address_is_refused() {
        let any = ListenAddr::Tcp("127.0.0.1:0".parse().unwrap());
        let first = bind(&any, 2).unwrap();
        let addr = first[0].tcp_addr().unwrap();
        assert_eq!(first[1].tcp_addr().unwrap(), addr);
        assert_eq!(bind(&addr.into(), 2).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn a_socket_that_turns_clients_away_still_hands_out_those_who_wait() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let any = ListenAddr::Tcp("127.0.0.1:0".parse().unwrap());
        let listener = bind(&any, 1).unwrap().remove(0);
        let _client = std::net::TcpStream::connect(listener.tcp_addr().unwrap()).unwrap();
        let acceptor = listener.start().unwrap();
        acceptor.turn_away().unwrap();
        let listener = acceptor.stop().unwrap();
        assert!(listener.accept_waiting().is_ok());
        assert_eq!(listener.accept_waiting().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_unix_socket_that_turns_clients_away_still_hands_out_those_who_wait() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let dir = tempfile::tempdir().unwrap();
        let path: Arc<Path> = dir.path().join("a.sock").into();
        let mut both = bind(&ListenAddr::Unix(Arc::clone(&path)), 2).unwrap().into_iter();
        let (one, other) = (both.next().unwrap(), both.next().unwrap().start().unwrap());
        let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        other.turn_away().unwrap();
        let refused = std::os::unix::net::UnixStream::connect(&path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        drop(other);
        assert!(one.accept_waiting().is_ok());
        assert_eq!(one.accept_waiting().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn the_last_worker_that_lets_go_of_a_unix_socket_removes_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path: Arc<Path> = dir.path().join("a.sock").into();
        let mut workers = bind(&ListenAddr::Unix(Arc::clone(&path)), 2).unwrap();
        workers.pop();
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        workers.pop();
        assert!(!path.exists());
    }
}
