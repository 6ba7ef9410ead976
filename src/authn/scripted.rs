//! A method for tests: it does as it is told and counts how often it is asked.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::authenticator::Authenticator;
use super::method::{Asking, Challenge, Memory, Method, Place, Reads, Share, Verdict};
use super::principal::Verified;
use super::refusal::Refusal;
use crate::problem::Code;

/// Takes credentials that begin with its mark. What follows is the id, unless it is `bad` or `away`.
#[derive(Debug)]
pub(super) struct Scripted {
    mark: &'static str,
    memory: Memory,
    pub(super) asked: AtomicU64,
    pub(super) generation: AtomicU64,
    /// While it is there, nobody gets a verdict.
    pub(super) gate: Mutex<Option<Arc<tokio::sync::Notify>>>,
}

impl Scripted {
    pub(super) fn new(mark: &'static str, memory: Memory) -> Arc<Self> {
        Arc::new(Self {
            mark,
            memory,
            asked: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            gate: Mutex::default(),
        })
    }

    pub(super) fn at(self: &Arc<Self>, name: &str, place: Place, share: Share, instance: u64) -> Arc<Authenticator> {
        Arc::new(Authenticator {
            name: name.into(),
            kind: "scripted",
            method: Arc::clone(self) as Arc<dyn Method>,
            memory: self.memory,
            reads: vec![Reads::share(place, share)],
            instance,
        })
    }

    pub(super) fn times(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Method for Scripted {
    fn claims(&self, credential: &[u8]) -> Result<(), Refusal> {
        match credential.starts_with(self.mark.as_bytes()) {
            true => Ok(()),
            false => Err(Refusal::new(Code::TokenIssuer, "of another issuer")),
        }
    }

    fn verify<'a>(&'a self, credential: &'a [u8], _: Asking<'a>) -> Verdict<'a> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let gate = self.gate.lock().unwrap().clone();
            if let Some(gate) = gate {
                gate.notified().await;
            }
            let id = std::str::from_utf8(credential.get(self.mark.len()..).unwrap()).unwrap();
            match id {
                "bad" => Err(Refusal::new(Code::TokenSignature, "bad")),
                "away" => Err(Refusal::new(Code::IssuerUnavailable, "away")),
                "panic" => panic!("as asked for"),
                id => Ok(Verified::of(id)),
            }
        })
    }

    fn challenge(&self) -> Challenge {
        Challenge {
            plain: r#"Bearer realm="portcullis""#.to_owned(),
            is_bearer: true,
        }
    }

    fn memory(&self) -> Memory {
        self.memory
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}
