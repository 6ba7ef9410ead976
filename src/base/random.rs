//! Randomness, passed in: bytes of the operating system, fetched in blocks so that an id costs no system call.

use std::fmt;

/// A private supply of random bytes; each worker has its own.
pub struct Random {
    block: Box<[u8; BLOCK]>,
    used: usize,
    refill: fn(&mut [u8; BLOCK]),
}

const BLOCK: usize = 4096;

impl Random {
    /// The operating system's randomness.
    pub fn system() -> Self {
        Self {
            block: Box::new([0; BLOCK]),
            used: BLOCK,
            refill: from_system,
        }
    }

    /// The same bytes in every run. For tests that look at ids.
    pub fn counting() -> Self {
        Self {
            block: Box::new([0; BLOCK]),
            used: BLOCK,
            refill: count_up,
        }
    }

    /// `N` fresh bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= BLOCK) };
        if BLOCK - self.used < N {
            (self.refill)(&mut self.block);
            self.used = 0;
        }
        let fresh = self
            .block
            .get_mut(self.used..)
            .and_then(|rest| rest.first_chunk_mut::<N>());
        self.used += N;
        // Handed out once and not kept. The block was filled above, so there always is such a chunk.
        fresh.map_or([0; N], |fresh| std::mem::replace(fresh, [0; N]))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where randomness enters")]
fn from_system(block: &mut [u8; BLOCK]) {
    // Without randomness every id and, later, every key would repeat: stopping is the safe answer.
    getrandom::fill(block).expect("the operating system hands out randomness once it has booted");
}

fn count_up(block: &mut [u8; BLOCK]) {
    for (byte, count) in block.iter_mut().zip((0..=u8::MAX).cycle()) {
        *byte = count;
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ_also_across_a_refill() {
        let mut random = Random::system();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            assert!(seen.insert(random.bytes::<16>()));
        }
    }
}
