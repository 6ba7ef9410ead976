//! Listening sockets that whoever started the process has opened for it: a service manager holds them while the gateway
//! restarts, so that nobody is refused meanwhile.
//!
//! They come as numbered descriptors (`LISTEN_FDS`, sd_listen_fds(3)) and are told apart by the address they are bound
//! to. They stay the service manager's: nobody is turned away on them, and no file is removed.

use std::io;

use listenfd::ListenFd;
use socket2::SockRef;

use super::sockets::{Lent, ListenSocket};
use crate::base::net::ListenAddr;
use crate::config::Environment;

/// What was inherited.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(ListenAddr, Lent)>,
    /// What cannot be used, to be said once there is a log.
    complaints: Vec<String>,
}

impl Inherited {
    /// What this process was given. Must come before anything else opens a descriptor: nothing but its number tells one
    /// that was inherited.
    pub fn of_process(environment: &dyn Environment) -> Self {
        let mut inherited = Self::default();
        // Somebody else's number: the variables were passed on by a process that was meant itself.
        let meant = environment.variable("LISTEN_PID");
        if meant.is_none_or(|pid| pid.to_str() != Some(&std::process::id().to_string())) {
            return inherited;
        }
        let mut given = ListenFd::from_env();
        for number in 0..given.len() {
            let taken = take(&mut given, number);
            if let Err(error) = taken.and_then(|socket| inherited.add(socket)) {
                let complaint = format!("inherited socket {number} is not used: {error}");
                inherited.complaints.push(complaint);
            }
        }
        inherited
    }

    fn add(&mut self, socket: Lent) -> io::Result<()> {
        let refuse = |why: &str| Err(io::Error::other(why.to_owned()));
        if !SockRef::from(&socket).is_listener()? {
            return refuse("nobody listens on it");
        }
        SockRef::from(&socket).set_nonblocking(true)?;
        let Some(addr) = socket.addr()? else {
            return refuse("it has no file");
        };
        if self.holds(&addr) {
            return refuse(&format!("another one is bound to {addr}, too"));
        }
        self.sockets.push((addr, socket));
        Ok(())
    }

    fn holds(&self, addr: &ListenAddr) -> bool {
        self.sockets.iter().any(|(held, _)| held == addr)
    }

    /// A hold on the socket at `addr` for each of `count` workers, if there is one.
    pub fn share(&self, addr: &ListenAddr, count: usize) -> Option<io::Result<Vec<ListenSocket>>> {
        let (_, socket) = self.sockets.iter().find(|(held, _)| held == addr)?;
        Some((0..count).map(|_| socket.try_clone().map(ListenSocket::Lent)).collect())
    }

    /// Close what no listener of `wanted` is at, and say so.
    pub fn settle(&mut self, wanted: &[ListenAddr]) {
        for complaint in self.complaints.drain(..) {
            tracing::warn!("{complaint}");
        }
        self.sockets.retain(|(addr, _)| {
            let is_wanted = wanted.contains(addr);
            if !is_wanted {
                tracing::warn!(%addr, "an inherited socket is closed: no listener of the configuration has its address");
            }
            is_wanted
        });
    }
}

/// The descriptor as a socket of the kind it is.
fn take(given: &mut ListenFd, number: usize) -> io::Result<Lent> {
    if let Ok(Some(socket)) = given.take_tcp_listener(number) {
        return Ok(Lent::Tcp(socket));
    }
    match given.take_unix_listener(number) {
        Ok(Some(socket)) => Ok(Lent::Unix(socket)),
        Ok(None) => Err(io::Error::other("it is gone")),
        Err(_) => Err(io::Error::other("it is no stream socket")),
    }
}
