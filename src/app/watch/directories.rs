//! The system's watches on the directories that matter.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::trail::Trail;

pub(super) struct Directories {
    /// Absent where the system offers none.
    watcher: Option<RecommendedWatcher>,
    /// With what each directory was when its watch was set: another one may stand under its name since.
    watched: BTreeMap<PathBuf, Identity>,
    heard: Arc<Mutex<Heard>>,
}

/// Shared with the watcher's own thread.
#[derive(Default)]
struct Heard {
    /// The names that matter.
    names: BTreeSet<PathBuf>,
    /// What was removed or renamed, and its watch with it. Asking what stands there now is not enough: a new directory
    /// may be given the number of the old one.
    gone: BTreeSet<PathBuf>,
}

/// Device and inode.
type Identity = (u64, u64);

impl Directories {
    /// `tell` is called whenever something happens to a name that matters.
    pub(super) fn new(tell: impl Fn() + Send + 'static) -> Self {
        let heard = Arc::<Mutex<Heard>>::default();
        let of_handler = Arc::clone(&heard);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if of_handler.lock().unwrap_or_else(PoisonError::into_inner).hear(event) {
                tell();
            }
        });
        let watcher = watcher.inspect_err(|error| {
            tracing::warn!(%error, "changed files are noticed with a delay: the system's watch is not available");
        });
        Self {
            watcher: watcher.ok(),
            watched: BTreeMap::new(),
            heard,
        }
    }

    /// Watch all that leads to `files`, and nothing else.
    pub(super) fn follow(&mut self, files: &[PathBuf]) {
        // A link may be swapped between looking and watching: look until nothing new turns up.
        for _ in 0..4 {
            let mut trail = Trail::default();
            for file in files {
                trail.add(file);
            }
            let mut names = trail.names;
            // What happens to a directory itself is told under its own name.
            names.extend(trail.directories.iter().cloned());
            self.heard().names = names;
            if !self.watch_exactly(&trail.directories) {
                return;
            }
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a watch was added.
    fn watch_exactly(&mut self, directories: &BTreeSet<PathBuf>) -> bool {
        let gone = std::mem::take(&mut self.heard().gone);
        let Some(watcher) = &mut self.watcher else { return false };
        self.watched.retain(|directory, identity| {
            let is_same = identify(directory) == Some(*identity) && !gone.contains(directory);
            let stays = is_same && directories.contains(directory);
            if !stays {
                // Of a directory that is gone the watch is gone too.
                let _ = watcher.unwatch(directory);
            }
            stays
        });
        let mut added = false;
        for directory in directories {
            if self.watched.contains_key(directory) {
                continue;
            }
            let Some(identity) = identify(directory) else { continue };
            match watcher.watch(directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    added = true;
                    self.watched.insert(directory.clone(), identity);
                }
                Err(error) => {
                    let directory = directory.display();
                    tracing::warn!(%directory, %error, "changes in this directory are noticed with a delay");
                }
            }
        }
        added
    }
}

fn identify(directory: &Path) -> Option<Identity> {
    fs::metadata(directory).ok().map(|found| (found.dev(), found.ino()))
}

impl Heard {
    /// Whether `event` matters.
    fn hear(&mut self, event: Event) -> bool {
        // Our own reading is told as well.
        let is_read = matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
        if is_read {
            return false;
        }
        // An event without a name says that others were lost.
        let matters =
            event.paths.is_empty() || event.need_rescan() || event.paths.iter().any(|path| self.names.contains(path));
        if matters
            && matches!(
                event.kind,
                EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
            )
        {
            self.gone.extend(event.paths);
        }
        matters
    }
}
