//! The `run` command: start, say so, obey signals, stop.

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::banner::banner;
use super::gateway::{Gateway, Options, StartError};
use super::notify::Notifier;
use super::reload::Source;
use crate::config::spec::LogFormat;
use crate::config::{Faults, Process};
use crate::listen::inherited::Inherited;
use crate::telemetry::Sink;

/// It failed while starting or running.
const EXIT_FAILED: u8 = 1;

/// Run the gateway of the configuration at `path` until it is told to stop.
pub fn run(path: PathBuf) -> ExitCode {
    // Before anything opens a descriptor.
    let inherited = Inherited::of_process(&Process);
    // Whoever reaches the gateway may already signal it, and an unheard signal kills.
    let (runtime, orders) = match listen_for_orders() {
        Ok(ready) => ready,
        Err(error) => {
            say(&format!("portcullis: cannot wait for signals: {error}"));
            return ExitCode::from(EXIT_FAILED);
        }
    };
    let options = Options {
        log: Some(Sink::stderr()),
        inherited,
        notifier: Notifier::of_process(&Process),
        ..Options::default()
    };
    let gateway = match Gateway::start(Source::File(path), options) {
        Ok(gateway) => gateway,
        Err(StartError::Invalid(faults)) => {
            say(&faults.to_string());
            return ExitCode::from(Faults::EXIT_CODE);
        }
        Err(error) => {
            say(&format!("portcullis: {error}"));
            return ExitCode::from(EXIT_FAILED);
        }
    };
    greet(&gateway);
    runtime.block_on(obey(&gateway, orders));
    gateway.stop();
    ExitCode::SUCCESS
}

fn listen_for_orders() -> std::io::Result<(tokio::runtime::Runtime, Orders)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let orders = {
        let _entered = runtime.enter();
        Orders::new()?
    };
    Ok((runtime, orders))
}

/// What tells a running gateway what to do.
struct Orders {
    stop: Stop,
    reload: Signal,
}

struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Orders {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            stop: Stop {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            },
            reload: signal(SignalKind::hangup())?,
        })
    }
}

impl Stop {
    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Until a drain is over, or a second signal cuts it short.
async fn obey(gateway: &Gateway, mut orders: Orders) {
    loop {
        tokio::select! {
            () = orders.stop.told() => break,
            _ = orders.reload.recv() => tracing::info!("told to reload by a signal"),
        }
        // The outcome is logged and counted where it is known.
        let _outcome = gateway.reload();
    }
    gateway.drain();
    tokio::select! {
        _outcome = gateway.drained() => {}
        () = orders.stop.told() => tracing::warn!("told to stop a second time: ending now"),
    }
}

fn greet(gateway: &Gateway) {
    let config = gateway.config();
    // For people; a machine that reads JSON lines finds the same in them.
    if config.log.format == LogFormat::Text || std::io::stderr().is_terminal() {
        say(&banner(&config, &gateway.addresses(), gateway.admin_address()));
        for warning in gateway.warnings() {
            say(&warning.to_string());
        }
    } else {
        let addresses: Vec<String> = gateway.addresses().iter().map(ToString::to_string).collect();
        tracing::info!(listen = addresses.join(","), admin = %gateway.admin_address(), "up");
        for warning in gateway.warnings() {
            tracing::warn!("{warning}");
        }
    }
}

/// Nobody to tell is no reason to fail.
fn say(text: &str) {
    let _unheard = writeln!(std::io::stderr(), "{text}");
}
