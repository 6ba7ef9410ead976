//! From the text of a file to a finished [`Config`], or to the whole list of what is wrong with it.
//!
//! `reader` makes a tree of nodes, `settings` decodes it into `raw` values (what was typed), `check` makes the finished
//! types of `spec`. Nothing here opens a socket; what is taken from the machine comes through an [`Environment`].

pub mod authenticators;
mod book;
pub mod callable;
mod check;
pub mod defaults;
mod environment;
pub(crate) mod faults;
pub(crate) mod node;
pub mod pattern;
pub mod protocol;
mod raw;
mod reader;
mod reference;
mod references;
pub mod reserved;
mod schema;
pub(crate) mod settings;
pub mod spec;
pub(crate) mod values;

use std::path::{Path, PathBuf};

pub use authenticators::Kinds;
pub use environment::{Environment, Given, Process};
pub use faults::{Code, Fault, Faults, Warning};
pub use reference::reference;
pub use schema::schema;
pub use spec::Config;

use check::Checking;
use faults::Findings;
use node::Position;
use raw::RawConfig;
use settings::{Decoding, Setting};
use spec::AdminSpec;

/// The largest configuration file.
const FILE_MAX: u64 = 1024 * 1024;

/// A configuration that loads, and what came with it.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// The configuration file and every `${file:}` target: a change of one is a reason to load again.
    pub files: Vec<PathBuf>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Warning>,
}

/// Reads and checks the file at `path`.
pub fn load(path: &Path, kinds: Kinds, environment: &dyn Environment) -> Result<Loaded, Faults> {
    let name = path.display().to_string();
    let mut findings = Findings::of(&name);
    findings.watch(path);
    let text = match environment.file(path, FILE_MAX) {
        Ok(bytes) => text(bytes, FILE_MAX, &mut findings),
        Err(error) => {
            unreadable(&error, &mut findings);
            None
        }
    };
    let config = text.and_then(|text| finish(&text, kinds, environment, &mut findings));
    findings.close(config).map(|(config, warnings, files)| Loaded {
        config,
        files,
        warnings,
    })
}

/// Checks a configuration that is no file; `name` stands for it in faults.
pub fn parse(text: &str, name: &str, kinds: Kinds, environment: &dyn Environment) -> Result<Loaded, Faults> {
    let mut findings = Findings::of(name);
    let config = self::text(text.as_bytes().to_vec(), FILE_MAX, &mut findings)
        .and_then(|text| finish(&text, kinds, environment, &mut findings));
    findings.close(config).map(|(config, warnings, files)| Loaded {
        config,
        files,
        warnings,
    })
}

/// For fuzzing: any bytes, on a machine that has nothing.
pub fn fuzz(data: &[u8], kinds: Kinds) {
    let mut findings = Findings::of("fuzz.yaml");
    let config = text(data.to_vec(), FILE_MAX, &mut findings)
        .and_then(|text| finish(&text, kinds, &Given::nothing(), &mut findings));
    if let Err(faults) = findings.close(config) {
        assert!(faults.iter().next().is_some(), "refused without a reason");
        let _ = faults.to_string();
    }
}

/// Where the admin listener of the file at `path` is, and its token, whatever else is wrong with the file: whoever asks a
/// gateway that runs wants its answer, and an edit that does not load must not make it look dead.
pub fn admin(path: &Path, environment: &dyn Environment) -> Result<AdminSpec, Faults> {
    let mut findings = Findings::of(&path.display().to_string());
    let raw = environment
        .file(path, FILE_MAX)
        .map_err(|error| unreadable(&error, &mut findings))
        .ok();
    let raw = raw
        .and_then(|bytes| text(bytes, FILE_MAX, &mut findings))
        .and_then(|text| raw_of(&text, Kinds::default(), environment, &mut findings));
    let admin = raw.as_ref().map(|raw| &raw.admin);
    let found = admin.and_then(|admin| {
        Some(AdminSpec {
            addr: admin.addr.value()?.0,
            token: admin.token.value().map(|token| token.0.clone()),
        })
    });
    match found {
        Some(admin) => Ok(admin),
        None => findings.close(None).map(|(admin, ..)| admin),
    }
}

fn unreadable(error: &std::io::Error, findings: &mut Findings) {
    let message = format!("the configuration cannot be read: {error}");
    findings.fault(Position::FIRST, Code::FileUnreadable, message);
}

fn text(bytes: Vec<u8>, at_most: u64, findings: &mut Findings) -> Option<String> {
    if bytes.len() as u64 > at_most {
        let message = format!("the file is larger than {} MiB", at_most >> 20);
        findings.fault(Position::FIRST, Code::FileTooLarge, message);
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let sound = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..sound).unwrap_or_default();
            findings.fault(end_of(before), Code::FileEncoding, "the file is not UTF-8 from here on");
            None
        }
    }
}

/// Where the next character would stand.
fn end_of(text: &[u8]) -> Position {
    let text = String::from_utf8_lossy(text);
    let last = text.rsplit('\n').next().unwrap_or("");
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        line: number(text.matches('\n').count() + 1),
        col: number(last.chars().count() + 1),
    }
}

fn finish(text: &str, kinds: Kinds, environment: &dyn Environment, findings: &mut Findings) -> Option<Config> {
    let raw = raw_of(text, kinds, environment, findings)?;
    check::check(&raw, &mut Checking { environment, findings })
}

fn raw_of(text: &str, kinds: Kinds, environment: &dyn Environment, findings: &mut Findings) -> Option<RawConfig> {
    let root = reader::read(text, findings)?;
    RawConfig::decode(&root, &mut Decoding::new(environment, findings, kinds))
}

#[cfg(test)]
mod tests;
