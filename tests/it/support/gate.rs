//! A door between threads of a test.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::LIMIT;

/// A door that is opened once.
#[derive(Clone)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    pub fn opened() -> Self {
        let gate = Self::closed();
        gate.open();
        gate
    }

    pub fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    pub fn wait(&self) {
        let open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, late) = self.0.1.wait_timeout_while(open, LIMIT * 3, |open| !*open).unwrap();
        drop(open);
        assert!(!late.timed_out(), "nobody opened the gate");
    }
}
