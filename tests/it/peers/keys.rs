//! Keys that other people's libraries made, in a folder of the test, in every form in which a gateway is given them.

use std::path::{Path, PathBuf};

use super::{Found, python};

pub struct Keys(tempfile::TempDir);

impl Keys {
    #[track_caller]
    pub fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Found::by(python("keys.py").arg(folder.path())).held(6);
        Self(folder)
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    pub fn secret(&self) -> String {
        self.text("secret.txt")
    }
}
