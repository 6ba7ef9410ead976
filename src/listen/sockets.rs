//! Listening sockets: one per worker and address, bound so that the kernel spreads connections over them.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};

const BACKLOG: i32 = 4096;

/// Instructions of a socket filter.
const LOAD_BYTE: u16 = 0x30;
const SKIP_UNLESS_SET: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Where the flags stand in a TCP header, and the flag of a handshake's first packet.
const TCP_FLAGS: u32 = 13;
const SYN: u32 = 0x02;

/// One listening socket for each of `count` workers, all on the same address. Port 0 becomes one free port for all.
pub fn bind(addr: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    // SO_REUSEPORT would let a second gateway join in silently: an exclusive bind finds out first. It does not listen: a
    // client that got in there would be thrown out again.
    let probe = socket(addr, false)?;
    let addr = probe.local_addr()?.as_socket().unwrap_or(addr);
    drop(probe);
    (0..count)
        .map(|_| {
            let socket = socket(addr, true)?;
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        })
        .collect()
}

fn socket(addr: SocketAddr, shared: bool) -> io::Result<Socket> {
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

/// Make the kernel drop every attempt at a new connection on this socket. A handshake that has begun is finished: its
/// client may believe itself connected already, and have sent its request. What waits to be accepted stays.
pub fn turn_away(listener: &impl std::os::fd::AsFd) -> io::Result<()> {
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
    use std::net::TcpStream;

    #[test]
    fn a_second_gateway_on_the_same_address_is_refused() {
        let first = bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let addr = first[0].local_addr().unwrap();
        assert_eq!(first[1].local_addr().unwrap(), addr);
        assert_eq!(bind(addr, 2).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn a_socket_that_turns_clients_away_still_hands_out_those_who_wait() {
        let listener = bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        turn_away(&listener).unwrap();
        assert!(listener.accept().is_ok());
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}
