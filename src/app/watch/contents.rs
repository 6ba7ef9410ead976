//! What the watched files hold, remembered as a number: secrets are among them.

use std::fs::{self, Metadata};
use std::hash::BuildHasher;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use foldhash::quality::RandomState;
use zeroize::Zeroizing;

#[derive(Default)]
pub(super) struct Contents {
    files: Vec<PathBuf>,
    seen: Vec<Seen>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    /// Of the last contents that could be read. A file that is gone is not reported until it is back: what runs does
    /// not need it, and most are gone only for a moment.
    digest: Option<u64>,
    stamp: Option<Stamp>,
}

/// What of a file's description changes with its contents.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

impl Contents {
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Remember these files instead, and of those already known what they held.
    pub(super) fn replace(&mut self, files: Vec<PathBuf>) {
        let seen = files
            .iter()
            .map(|file| self.known(file).unwrap_or_else(|| look(file, &self.hasher)))
            .collect();
        (self.files, self.seen) = (files, seen);
    }

    fn known(&self, file: &Path) -> Option<Seen> {
        self.files
            .iter()
            .zip(&self.seen)
            .find(|(known, _)| *known == file)
            .map(|(_, seen)| *seen)
    }

    /// Whether a cheap look finds any file other than it was.
    pub(super) fn look_different(&self) -> bool {
        self.files
            .iter()
            .zip(&self.seen)
            .any(|(file, seen)| stamp(file) != seen.stamp)
    }

    /// The files that hold something else than when they were looked at last.
    pub(super) fn changed(&mut self) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for (file, seen) in self.files.iter().zip(&mut self.seen) {
            let now = look(file, &self.hasher);
            seen.stamp = now.stamp;
            if now.digest.is_some() && now.digest != seen.digest {
                seen.digest = now.digest;
                changed.push(file.clone());
            }
        }
        changed
    }
}

fn look(file: &Path, hasher: &RandomState) -> Seen {
    // The stamp first: a change in between shows as a different stamp at the next look.
    let stamp = stamp(file);
    // A pipe or a device would be waited for.
    let digest = stamp
        .and_then(|_| fs::read(file).ok())
        .map(|bytes| hasher.hash_one(&*Zeroizing::new(bytes)));
    Seen { digest, stamp }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let described = fs::metadata(file).ok().filter(Metadata::is_file)?;
    Some(Stamp {
        device: described.dev(),
        inode: described.ino(),
        len: described.len(),
        changed: (described.ctime(), described.ctime_nsec()),
    })
}
