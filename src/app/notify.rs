//! Telling the service manager how we are: ready, reloading, stopping, alive (sd_notify(3)).
//!
//! A message is a few lines in one datagram. Nobody waits for it to arrive, and who does not listen misses nothing: a
//! gateway must not depend on who started it.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::base::clock::Clock;
use crate::config::Environment;

/// The one who is told, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    line: Option<Line>,
    /// The manager acts when it has not heard for this long.
    watchdog: Option<Duration>,
    /// There is no way back from stopping.
    stopping: AtomicBool,
}

#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    manager: SocketAddr,
}

impl Notifier {
    /// The one the variables of this process name.
    pub fn of_process(environment: &dyn Environment) -> Self {
        let Some(manager) = environment.variable("NOTIFY_SOCKET") else {
            return Self::default();
        };
        let Ok(line) = Line::to(&manager) else {
            return Self::default();
        };
        Self {
            line: Some(line),
            watchdog: watchdog(environment),
            stopping: AtomicBool::new(false),
        }
    }

    /// Clients are served. `status` is for people.
    pub(super) fn ready(&self, status: &str) {
        if !self.stopping.load(Ordering::Acquire) {
            self.tell(&format!("READY=1\nSTATUS={status}"));
        }
    }

    pub(super) fn reloading(&self) {
        if !self.stopping.load(Ordering::Acquire) {
            // Which reload a later READY=1 belongs to is told by the time.
            let now = Clock::monotonic().as_micros();
            self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=Reloading"));
        }
    }

    pub(super) fn stopping(&self, status: &str) {
        self.stopping.store(true, Ordering::Release);
        self.tell(&format!("STOPPING=1\nSTATUS={status}"));
    }

    pub(super) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// How often [`alive`](Self::alive) must be said: twice as often as the manager wants to hear it.
    pub(super) fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    fn tell(&self, message: &str) {
        if let Some(line) = &self.line
            && let Err(error) = line.socket.send_to_addr(message.as_bytes(), &line.manager)
        {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}

impl Line {
    fn to(manager: &OsStr) -> io::Result<Self> {
        let manager = match manager.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(manager)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, manager })
    }
}

/// The time limit, if it is meant for this process and not for another one that passed its variables on.
fn watchdog(environment: &dyn Environment) -> Option<Duration> {
    let number = |name| environment.variable(name)?.to_str()?.parse::<u64>().ok();
    let meant =
        environment.variable("WATCHDOG_PID").is_none() || number("WATCHDOG_PID") == Some(u64::from(std::process::id()));
    let micros = number("WATCHDOG_USEC").filter(|&micros| meant && micros > 0)?;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Given;

    fn manager() -> (tempfile::TempDir, UnixDatagram, Given) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let machine = Given::nothing().with_variable("NOTIFY_SOCKET", path);
        (dir, socket, machine)
    }

    fn heard(manager: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 512];
        let length = manager.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    #[test]
    fn the_manager_hears_how_we_are_and_nothing_of_readiness_after_the_end_began() {
        let (_dir, manager, machine) = manager();
        let notifier = Notifier::of_process(&machine);
        notifier.ready("Serving");
        assert_eq!(heard(&manager).as_deref(), Some("READY=1\nSTATUS=Serving"));
        let before = Clock::monotonic().as_micros();
        notifier.reloading();
        let told = heard(&manager).unwrap();
        let at = told
            .lines()
            .find_map(|line| line.strip_prefix("MONOTONIC_USEC="))
            .unwrap();
        assert!(told.starts_with("RELOADING=1\n"), "{told}");
        assert!((before..=Clock::monotonic().as_micros()).contains(&at.parse().unwrap()));
        notifier.alive();
        assert_eq!(heard(&manager).as_deref(), Some("WATCHDOG=1"));
        notifier.stopping("Finishing");
        assert_eq!(heard(&manager).as_deref(), Some("STOPPING=1\nSTATUS=Finishing"));
        notifier.ready("Serving");
        notifier.reloading();
        assert_eq!(heard(&manager), None);
    }

    #[test]
    fn an_abstract_name_is_understood_and_a_manager_that_is_gone_does_no_harm() {
        let name = format!("portcullis-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let machine = Given::nothing().with_variable("NOTIFY_SOCKET", format!("@{name}"));
        let notifier = Notifier::of_process(&machine);
        notifier.alive();
        assert_eq!(heard(&manager).as_deref(), Some("WATCHDOG=1"));
        drop(manager);
        notifier.alive();
        for nobody in ["", "/nowhere/to/be/found", "vsock:2:1"] {
            Notifier::of_process(&Given::nothing().with_variable("NOTIFY_SOCKET", nobody)).ready("Serving");
        }
        Notifier::of_process(&Given::nothing()).ready("Serving");
    }

    #[test]
    fn a_watchdog_is_told_twice_in_its_time_if_it_is_ours() {
        let (_dir, _manager, machine) = manager();
        let every = |machine: &Given| Notifier::of_process(machine).alive_every();
        assert_eq!(every(&machine), None);
        let limited = machine.with_variable("WATCHDOG_USEC", "3000000");
        assert_eq!(every(&limited), Some(Duration::from_millis(1500)));
        let ours = limited
            .clone()
            .with_variable("WATCHDOG_PID", std::process::id().to_string());
        assert_eq!(every(&ours), Some(Duration::from_millis(1500)));
        for other in ["1", "", "x"] {
            assert_eq!(
                every(&limited.clone().with_variable("WATCHDOG_PID", other)),
                None,
                "{other}"
            );
        }
        for nonsense in ["0", "", "-1", "3s"] {
            assert_eq!(
                every(&limited.clone().with_variable("WATCHDOG_USEC", nonsense)),
                None,
                "{nonsense}"
            );
        }
    }
}
