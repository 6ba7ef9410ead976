//! What a configuration takes from the machine it is read on: variables, files, limits. Passed in, so that a test
//! needs no process of its own and a fuzzer cannot reach the disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub trait Environment {
    fn variable(&self, name: &str) -> Option<OsString>;

    /// The whole file, or an error; at most one byte more than `at_most`, which tells that it is too large.
    fn file(&self, path: &Path, at_most: u64) -> io::Result<Vec<u8>>;

    /// How many descriptors this process may open, its soft limit raised to the hard one; `None` = no limit.
    fn descriptors(&self) -> Option<u64>;

    /// Cores this process may use, with the limits of its control group.
    fn cores(&self) -> NonZeroUsize;
}

/// The process this is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process;

impl Environment for Process {
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn file(&self, path: &Path, at_most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // The length that the file system tells may be a lie (/proc, pipes): count what comes.
        File::open(path)?
            .take(at_most.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn descriptors(&self) -> Option<u64> {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum
    }

    fn cores(&self) -> NonZeroUsize {
        std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }
}

/// A made-up machine: only what was put in is there.
#[derive(Clone, Debug)]
pub struct Given {
    pub variables: BTreeMap<String, OsString>,
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    pub descriptors: Option<u64>,
    pub cores: NonZeroUsize,
}

impl Given {
    /// No variables, no files, no limit, one core.
    pub fn nothing() -> Self {
        Self {
            variables: BTreeMap::new(),
            files: BTreeMap::new(),
            descriptors: None,
            cores: NonZeroUsize::MIN,
        }
    }

    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }

    #[must_use]
    pub fn with_descriptors(mut self, limit: u64) -> Self {
        self.descriptors = Some(limit);
        self
    }
}

impl Environment for Given {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).cloned()
    }

    fn file(&self, path: &Path, _at_most: u64) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn descriptors(&self) -> Option<u64> {
        self.descriptors
    }

    fn cores(&self) -> NonZeroUsize {
        self.cores
    }
}
