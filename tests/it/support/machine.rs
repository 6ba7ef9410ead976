//! This machine, with some variables of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;

use portcullis::config::{Environment, Process};

#[derive(Clone, Default)]
pub struct Machine {
    variables: BTreeMap<String, String>,
}

impl Machine {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Environment for Machine {
    fn variable(&self, name: &str) -> Option<OsString> {
        let own = self.variables.get(name).map(OsString::from);
        own.or_else(|| Process.variable(name))
    }

    fn file(&self, path: &Path, at_most: u64) -> io::Result<Vec<u8>> {
        Process.file(path, at_most)
    }

    fn descriptors(&self) -> Option<u64> {
        Process.descriptors()
    }

    fn cores(&self) -> NonZeroUsize {
        Process.cores()
    }
}
