//! The file of an embedded database: made so that nobody but its owner can read it.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Make the file and its folder where they are missing. SQLite gives the files beside it the same mode.
pub(super) fn prepare(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mode = path.metadata()?.mode() & 0o777;
            if mode & 0o077 != 0 {
                tracing::warn!(
                    store = %path.display(),
                    "others may read the store (its mode is {mode:o}): chmod 600 it"
                );
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}
