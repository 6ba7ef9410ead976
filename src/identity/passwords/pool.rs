//! Where passwords are hashed: a few threads of low priority, so that requests that need no password do not notice. Who
//! asks while too much is waiting is told so at once, and who has waited too long then. What a password is for is not known here.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::hash::{OutOfMemory, PasswordHash};
use super::plain::PlainPassword;
use crate::base::timers::Timers;

/// Bounds the memory of what waits. How long that takes is the hashes' own doing: from milliseconds to a second each.
const WAITING_PER_THREAD: usize = 32;
/// How long anybody waits for his turn; by then a client has often gone, and more would only be late.
const PATIENCE: Duration = Duration::from_secs(2);
/// Held by all that run at a time. Every hash that may be verified fits.
const MEMORY_MAX: usize = 256 * 1024 * 1024;
/// Niceness: a thread that forwards requests gets nine times the share of a core that is wanted by both.
const NICENESS: i32 = 10;

/// Threads for hashing. They begin when there is work and end with the pool.
pub struct Pool {
    shared: Arc<Shared>,
    timers: Timers,
}

/// Why nothing is known about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolFault {
    #[error("too many passwords wait to be hashed")]
    Overloaded,
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    #[error("the hashing of a password ended without a result")]
    Lost,
}

struct Shared {
    sizes: Sizes,
    state: Mutex<State>,
    /// There is work, or memory for it, or an end of it.
    changed: Condvar,
}

#[derive(Clone, Copy)]
struct Sizes {
    threads: usize,
    waiting: usize,
    memory: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    threads: usize,
    idle: usize,
    /// Held by what runs.
    memory: usize,
    closed: bool,
}

struct Job {
    memory: usize,
    work: Box<dyn FnOnce() + Send>,
}

impl Pool {
    /// For a machine with so many cores: half of them may hash.
    pub fn for_cores(cores: NonZeroUsize, timers: Timers) -> Self {
        let threads = (cores.get() / 2).max(1);
        let sizes = Sizes {
            threads,
            waiting: threads.saturating_mul(WAITING_PER_THREAD),
            memory: MEMORY_MAX,
        };
        Self::sized(sizes, timers)
    }

    fn sized(sizes: Sizes, timers: Timers) -> Self {
        Self {
            timers,
            shared: Arc::new(Shared {
                sizes,
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// Whether `password` is the one behind `hash`.
    pub async fn verify(&self, password: PlainPassword, hash: Arc<PasswordHash>) -> Result<bool, PoolFault> {
        let memory = hash.memory();
        Ok(self.run(memory, move || hash.verify(&password)).await??)
    }

    /// Do `work` on a thread of the pool. When nobody waits for it any more before it begins, it is not done. What has begun
    /// is waited for: it is paid for already.
    async fn run<T, F>(&self, memory: usize, work: F) -> Result<T, PoolFault>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (begin, begun) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move || {
            if begin.send(()).is_ok() {
                let _nobody_waits = reply.send(work());
            }
        });
        self.shared.put(Job { memory, work })?;
        let turn = self.timers.within(PATIENCE, begun).await;
        turn.ok_or(PoolFault::Overloaded)?.map_err(|_| PoolFault::Lost)?;
        answer.await.map_err(|_| PoolFault::Lost)
    }
}

impl Drop for Pool {
    /// Whoever still waits is told; the threads end with what they are doing, and nobody waits for that here.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let given_up = std::mem::take(&mut state.waiting);
        drop(state);
        self.shared.changed.notify_all();
        drop(given_up);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.shared.sizes.threads)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn put(self: &Arc<Self>, job: Job) -> Result<(), PoolFault> {
        let mut state = self.lock();
        if state.waiting.len() >= self.sizes.waiting {
            return Err(PoolFault::Overloaded);
        }
        state.waiting.push_back(job);
        if state.waiting.len() > state.idle && state.threads < self.sizes.threads {
            let shared = Arc::clone(self);
            let begun = thread::Builder::new()
                .name("password".to_owned())
                .spawn(move || shared.work());
            match begun {
                Ok(_) => state.threads += 1,
                // Those that run will come to it.
                Err(_) if state.threads > 0 => {}
                Err(_) => {
                    state.waiting.pop_back();
                    return Err(PoolFault::Overloaded);
                }
            }
        }
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// What a thread does until the pool is gone.
    fn work(&self) {
        step_back();
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job.work)).is_err() {
                tracing::error!("the hashing of a password panicked");
            }
            self.lock().memory -= job.memory;
            // Several may have waited for the memory that one held.
            self.changed.notify_all();
        }
    }

    /// The oldest job, once its memory is free: a large one is not passed by small ones for ever.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let held = state.memory;
            let fits = |job: &Job| held == 0 || held.saturating_add(job.memory) <= self.sizes.memory;
            if state.waiting.front().is_some_and(fits)
                && let Some(job) = state.waiting.pop_front()
            {
                state.memory = held.saturating_add(job.memory);
                return Some(job);
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lower the priority of this thread. Elsewhere than on Linux it would be the whole process's.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!(%error, "passwords are hashed at full priority");
    }
}

#[cfg(test)]
mod tests;
