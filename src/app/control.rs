//! The one place from which the configuration is replaced, whoever asks: a signal, the watch over its files, the admin
//! listener. One reload at a time.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::notify::Notifier;
use super::reload::{ReloadError, Reloader};
use super::watch::Watch;

/// What replaces the configuration: whoever asks, and the watch over its files.
pub(super) struct Control {
    reloader: Mutex<Reloader>,
    watch: Mutex<Option<Watch>>,
    notifier: Arc<Notifier>,
}

impl Control {
    pub(super) fn new(reloader: Reloader, notifier: Notifier) -> Self {
        Self {
            reloader: Mutex::new(reloader),
            watch: Mutex::default(),
            notifier: Arc::new(notifier),
        }
    }

    pub(super) fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    /// Files may change from now on without anybody noticing.
    pub(super) fn unwatch(&self) {
        drop(self.watch.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) fn reloader(&self) -> MutexGuard<'_, Reloader> {
        self.reloader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reload(&self) -> Result<u64, ReloadError> {
        let outcome = {
            let mut reloader = self.reloader();
            self.notifier.reloading();
            let outcome = reloader.reload();
            self.notifier.ready(&reloader.status(outcome.as_ref().err()));
            outcome
        };
        let files = match &outcome {
            Ok((_, files)) => files.as_slice(),
            // Also what is missing: its appearance may be the repair.
            Err(ReloadError::Invalid(faults)) => faults.files(),
            Err(
                ReloadError::NotReloadable(_)
                | ReloadError::Bind { .. }
                | ReloadError::Outbound(_)
                | ReloadError::Signing(_),
            ) => &[],
        };
        if let Some(watch) = &*self.watch.lock().unwrap_or_else(PoisonError::into_inner)
            && !files.is_empty()
        {
            watch.replace(files.to_vec());
        }
        outcome.map(|(generation, _)| generation)
    }

    /// Reload whenever one of `files` holds something else than before.
    pub(super) fn watch(self: &Arc<Self>, files: Vec<PathBuf>, background: &tokio::runtime::Runtime) -> io::Result<()> {
        let control = Arc::downgrade(self);
        let background = background.handle().clone();
        let watch = Watch::start(files, move |_changed| {
            // The watch must not be held up, and a reload reads files.
            let control = control.clone();
            background.spawn_blocking(move || {
                if let Some(control) = control.upgrade() {
                    tracing::info!("a file of the configuration has changed");
                    // The outcome is logged and counted where it is known.
                    let _outcome = control.reload();
                }
            });
        })?;
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        Ok(())
    }
}
