//! What was used before. A token of one request goes in, whether it is the first of its kind comes out. It knows no
//! scheme and no clock: who asks says what time it is and how long to remember.
//!
//! It holds a bounded number of tokens and never forgets one early: when it is full of live ones, the next request is
//! refused, since letting it pass unremembered would let it pass twice.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;

use crate::authn::refusal::Refusal;
use crate::base::clock::Timestamp;
use crate::problem::Code;

/// What may be used once. A digest, so that every token takes the same room and none is kept readable. 128 bits of
/// SHA-256 need no key: only who holds a signing key gets a token in here, and a pair of his own that collide harms him.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// `once` is the nonce, or the signature, of the key `key` of the authenticator `authenticator`.
    pub fn new(authenticator: &str, key: &str, once: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [authenticator.as_bytes(), key.as_bytes(), once] {
            // Lengths between them: no two triples are one string.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let digest = context.finish();
        Self(digest.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A memory of tokens. This process's own is [`Replays`].
pub trait Remembers: fmt::Debug + Send + Sync {
    /// Whether `token` comes for the first time; it is remembered until `until` has passed.
    fn first<'a>(&'a self, token: Token, until: Timestamp, now: Timestamp) -> Remembered<'a>;
}

pub type Remembered<'a> = Pin<Box<dyn Future<Output = Result<bool, Refusal>> + Send + 'a>>;

/// The memory of one process, shared by its workers.
pub struct Replays {
    shards: Vec<Mutex<Shard>>,
    /// Tokens of one shard.
    room: usize,
}

/// Workers seldom wait for each other; a power of two.
const SHARDS: usize = 16;

/// A token takes about 60 bytes, so this is about 60 MiB when it is full. With `max_age: 5m` it holds for 1700 signed
/// requests a second.
pub const REPLAYS: usize = 1 << 20;

#[derive(Default)]
struct Shard {
    known: HashSet<Token>,
    /// The next to be forgotten on top.
    by_end: BinaryHeap<Reverse<(Timestamp, Token)>>,
}

impl Replays {
    /// For at most `capacity` tokens at a time.
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            room: capacity.div_ceil(SHARDS),
        }
    }

    fn remember(&self, token: Token, until: Timestamp, now: Timestamp) -> Result<bool, Refusal> {
        let [first, ..] = token.0;
        let Some(shard) = self.shards.get(usize::from(first) % SHARDS) else {
            return Err(overloaded());
        };
        // Somebody's panic leaves the set whole: each step below is one.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.forget(now);
        if shard.known.contains(&token) {
            return Ok(false);
        }
        if shard.known.len() >= self.room {
            return Err(overloaded());
        }
        shard.known.insert(token);
        shard.by_end.push(Reverse((until, token)));
        Ok(true)
    }
}

impl Remembers for Replays {
    fn first<'a>(&'a self, token: Token, until: Timestamp, now: Timestamp) -> Remembered<'a> {
        Box::pin(std::future::ready(self.remember(token, until, now)))
    }
}

impl Shard {
    fn forget(&mut self, now: Timestamp) {
        while let Some(Reverse((until, token))) = self.by_end.peek().copied() {
            if until >= now {
                return;
            }
            self.by_end.pop();
            self.known.remove(&token);
        }
        // Nothing is left: the room of a flood is given back.
        if self.known.capacity() > 1024 {
            *self = Self::default();
        }
    }
}

fn overloaded() -> Refusal {
    let why = "the memory of used signatures is full of ones that are still valid";
    Refusal::new(Code::ServerOverloaded, why)
}

impl fmt::Debug for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replays(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn token(once: usize) -> Token {
        Token::new("partner", "acme", &once.to_be_bytes())
    }

    #[test]
    #[doc = "HM-03"]
    fn a_token_is_new_once_until_its_end_has_passed() {
        let replays = Replays::new(1024);
        assert!(replays.remember(token(1), at(700), at(100)).unwrap());
        assert!(!replays.remember(token(1), at(700), at(100)).unwrap());
        assert!(replays.remember(token(2), at(700), at(100)).unwrap());
        assert!(!replays.remember(token(1), at(900), at(700)).unwrap());
        assert!(replays.remember(token(1), at(1300), at(701)).unwrap());
    }

    #[test]
    #[doc = "HM-03"]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let replays = Replays::new(SHARDS);
        let taken: Vec<usize> = (0..1000)
            .filter(|once| replays.remember(token(*once), at(700), at(100)).is_ok())
            .collect();
        assert_eq!(taken.len(), SHARDS);
        for once in &taken {
            assert!(!replays.remember(token(*once), at(700), at(700)).unwrap());
        }
        let refused = (0..1000)
            .find_map(|once| replays.remember(token(once), at(700), at(700)).err())
            .unwrap();
        assert_eq!(refused.code, Code::ServerOverloaded);
        assert!(replays.remember(token(2000), at(1400), at(701)).unwrap());
    }

    #[test]
    fn what_is_forgotten_gives_its_room_back() {
        let replays = Replays::new(1 << 16);
        for once in 0..1 << 16 {
            let _full_shards_refuse = replays.remember(token(once), at(700), at(100));
        }
        for once in 0..SHARDS * 8 {
            assert!(replays.remember(token(1 << 20 | once), at(1400), at(701)).unwrap());
        }
        let room: usize = replays
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().known.capacity())
            .sum();
        assert!(room < 4096, "{room}");
    }

    #[test]
    #[doc = "HM-03"]
    fn parts_of_a_token_cannot_be_moved_between_each_other() {
        assert_ne!(Token::new("ab", "c", b"d"), Token::new("a", "bc", b"d"));
        assert_ne!(Token::new("a", "bc", b"d"), Token::new("a", "b", b"cd"));
        assert_ne!(Token::new("a", "b", b""), Token::new("a", "", b"b"));
    }
}
