//! The way from a worker to the background runtime and back: a bounded number of calls at a time, each with a deadline.
//! What is called never runs on the thread of a request, and an overload there is an answer and not a wait.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::tasks::Tasks;
use super::timers::Timers;

/// Calls of one kind that may be under way from all workers together.
const CALLS_MAX: usize = 1024;

/// A handle to the background runtime.
#[derive(Clone)]
pub struct Background {
    runtime: tokio::runtime::Handle,
    timers: Timers,
    tasks: Tasks,
    places: Arc<Semaphore>,
}

/// Why a call brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallFailed {
    #[error("too many calls are under way")]
    Busy,
    #[error("it took too long")]
    Late,
    #[error("it ended without a result")]
    Gone,
}

impl Background {
    /// `timers` is a wheel that the background runtime turns.
    pub fn new(runtime: tokio::runtime::Handle, timers: Timers, tasks: Tasks) -> Self {
        Self {
            runtime,
            timers,
            tasks,
            places: Arc::new(Semaphore::new(CALLS_MAX)),
        }
    }

    /// The same runtime, with places of its own: who floods one kind of call takes nothing from the others.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self {
            places: Arc::new(Semaphore::new(CALLS_MAX)),
            ..self.clone()
        }
    }

    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Do `work` over there and wait for what comes of it. It goes on to its end there even when nobody waits any more.
    pub async fn call<T, F>(&self, name: &'static str, patience: Duration, work: F) -> Result<T, CallFailed>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| CallFailed::Busy)?;
        let (reply, answer) = oneshot::channel();
        let timers = self.timers.clone();
        self.spawn(name, async move {
            let outcome = timers.within(patience, work).await;
            drop(place);
            let _nobody_waits = reply.send(outcome);
        });
        match answer.await {
            Ok(Some(result)) => Ok(result),
            Ok(None) => Err(CallFailed::Late),
            Err(_) => Err(CallFailed::Gone),
        }
    }

    /// Run `task` over there until it ends or everything is told to stop.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let _entered = self.runtime.enter();
        self.tasks.spawn(name, task);
    }

    /// Do what blocks on a thread made for that.
    pub async fn block<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, CallFailed> {
        self.runtime.spawn_blocking(work).await.map_err(|_| CallFailed::Gone)
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Background(…)")
    }
}
