//! Background tasks by name: counted while they run, told when to stop, and waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of the background runtime.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    panics: Arc<AtomicU64>,
}

impl Tasks {
    /// Run `task` until it ends or everything is told to stop.
    #[expect(clippy::disallowed_methods, reason = "the one place background tasks are spawned")]
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, panics) = (self.stop.clone(), Arc::clone(&self.panics));
        let running = tokio::spawn(async move {
            let _ended = stop.run_until_cancelled(task).await;
        });
        self.tracker.spawn(async move {
            if let Err(failure) = running.await
                && failure.is_panic()
            {
                panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(task = name, "a background task panicked and is gone");
            }
        });
    }

    /// How many tasks ended in a panic.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Tell every task to stop and wait until all have.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
