mod calls;
mod faults;
mod verdicts;

use std::sync::Arc;

use super::*;
use crate::authn::method::Planned;
use crate::base::clock::Clock;
use crate::config::{Faults, Given, Loaded};
use crate::request::Asked;

/// A machine with `files` whose variable SECRET holds 64 bytes and SHORT 31.
fn machine(files: &[(&str, String)]) -> Given {
    let machine = Given::nothing()
        .with_variable("SECRET", "k".repeat(64))
        .with_variable("SHORT", "k".repeat(31));
    files.iter().fold(machine, |machine, (path, content)| {
        machine.with_file(*path, content.clone())
    })
}

fn parse(settings: &str, files: &[(&str, String)]) -> Result<Loaded, Faults> {
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\nupstreams:\n  a: {{ builtin: echo }}\nroutes:\n  - {{ \
         path: /, upstream: a, auth: idp }}\nauth:\n  idp:\n    jwt: {settings}\n"
    );
    crate::config::parse(&text, "gateway.yaml", crate::authn::KINDS, &machine(files))
}

fn loaded(settings: &str, files: &[(&str, String)]) -> Loaded {
    parse(settings, files).unwrap_or_else(|faults| panic!("{faults}\n{settings}"))
}

/// The one authenticator of `loaded`, and where it reads.
fn started(loaded: &Loaded) -> (Arc<dyn Method>, Vec<Reads>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let supplies = Supplies::for_test(runtime.handle(), Clock::manual(Timestamp::from_millis(0)));
    let spec = &loaded.config.auth[0];
    let plan: &Planned = spec.plan.as_any().downcast_ref().unwrap();
    (plan.0.start(&spec.name, &supplies), plan.0.reads().to_vec())
}

fn method(settings: &str, files: &[(&str, String)]) -> Arc<dyn Method> {
    started(&loaded(settings, files)).0
}

/// Now, in seconds.
const NOW: u64 = 1_800_000_000;

fn ask(method: &dyn Method, token: &str) -> Result<Verified, Refusal> {
    let asked = Asked::for_test("GET", "/", &[]);
    let asking = Asking {
        asked: &asked,
        body: None,
        now: Timestamp::from_millis(NOW * 1000),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(method.verify(token.as_bytes(), asking))
}
