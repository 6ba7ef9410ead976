//! The keys that this gateway signs with. A signer comes in when a configuration is put in force; what signs now, and
//! the public keys that others check it with, come out. They outlive a configuration: a request that is under way when
//! another key comes is told of with that one, and tokens that the last key signed must still be checked by somebody.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::json;

use super::identity_token;
use crate::base::clock::{Clock, Moment};
use crate::base::signer::{Signer, Unsigned};

/// How much later than their end tokens are still taken by those who allow for other clocks.
const LENIENCE: Duration = Duration::from_secs(60);

/// What all snapshots share.
#[derive(Debug)]
pub struct OwnKeys {
    clock: Clock,
    current: ArcSwapOption<OwnKey>,
}

/// A key in force, and those whose tokens may still be about.
#[derive(Debug)]
pub(super) struct OwnKey {
    signer: Arc<Signer>,
    /// No other key that ever was in force here has it.
    pub(super) number: u64,
    /// First part of every token.
    header: String,
    /// For publishing.
    jwk: String,
    retired: Vec<Retired>,
}

#[derive(Clone, Debug)]
struct Retired {
    kid: Box<str>,
    jwk: String,
    until: Moment,
}

impl OwnKeys {
    pub fn new(clock: Clock) -> Self {
        let current = ArcSwapOption::empty();
        Self { clock, current }
    }

    /// Sign with `signer` from now on. One change at a time: whoever puts configurations in force sees to that.
    pub fn replace(&self, signer: Arc<Signer>) {
        let before = self.current.load();
        if before
            .as_ref()
            .is_some_and(|before| before.signer.kid() == signer.kid())
        {
            return;
        }
        let now = self.clock.now();
        let mut retired = Vec::new();
        if let Some(before) = &*before {
            let still_needed = |old: &&Retired| old.until > now && *old.kid != *signer.kid();
            retired.extend(before.retired.iter().filter(still_needed).cloned());
            retired.push(Retired {
                kid: before.signer.kid().into(),
                jwk: before.jwk.clone(),
                until: now + identity_token::LIFE + LENIENCE,
            });
        }
        let header = json!({ "alg": signer.algorithm(), "kid": signer.kid(), "typ": identity_token::TYPE });
        self.current.store(Some(Arc::new(OwnKey {
            number: before.as_ref().map_or(0, |before| before.number + 1),
            header: URL_SAFE_NO_PAD.encode(header.to_string()),
            jwk: signer.jwk().to_string(),
            retired,
            signer,
        })));
    }

    /// A JWK set (RFC 7517 section 5) of the public keys, the one that signs first.
    pub fn published(&self) -> Bytes {
        let current = self.current.load();
        let now = self.clock.now();
        let keys: Vec<&str> = current
            .iter()
            .flat_map(|current| {
                let retired = current.retired.iter().filter(|old| old.until > now);
                std::iter::once(&current.jwk).chain(retired.map(|old| &old.jwk))
            })
            .map(String::as_str)
            .collect();
        format!("{{\"keys\":[{}]}}", keys.join(",")).into()
    }

    pub(super) fn current(&self) -> Option<Arc<OwnKey>> {
        self.current.load_full()
    }
}

impl OwnKey {
    /// The compact form of a signed token (RFC 7515 section 7.1).
    pub(super) fn signed(&self, claims: &[u8]) -> Result<String, Unsigned> {
        let mut token = self.header.clone();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signer.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::random::Random;

    fn signer() -> Arc<Signer> {
        Arc::new(Signer::from_pkcs8(Signer::make(&mut Random::system()).expose()).unwrap())
    }

    fn published(keys: &OwnKeys) -> Vec<String> {
        let set: Value = serde_json::from_slice(&keys.published()).unwrap();
        let kids = set["keys"].as_array().unwrap().iter();
        kids.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_key_stays_published_for_as_long_as_its_tokens_may_live() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let keys = OwnKeys::new(clock.clone());
        assert_eq!(published(&keys), [""; 0]);
        let (one, two, three) = (signer(), signer(), signer());
        keys.replace(Arc::clone(&one));
        assert_eq!(published(&keys), [one.kid()]);
        keys.replace(Arc::clone(&two));
        assert_eq!(published(&keys), [two.kid(), one.kid()]);
        clock.advance(Duration::from_secs(119));
        keys.replace(Arc::clone(&three));
        assert_eq!(published(&keys), [three.kid(), one.kid(), two.kid()]);
        clock.advance(Duration::from_secs(1));
        assert_eq!(published(&keys), [three.kid(), two.kid()]);
        clock.advance(Duration::from_secs(119));
        assert_eq!(published(&keys), [three.kid()]);
    }

    #[test]
    fn the_same_key_again_changes_nothing_and_an_old_one_comes_back_once() {
        let keys = OwnKeys::new(Clock::manual(Timestamp::from_millis(0)));
        let (one, two) = (signer(), signer());
        keys.replace(Arc::clone(&one));
        keys.replace(Arc::clone(&one));
        assert_eq!((keys.current().unwrap().number, published(&keys).len()), (0, 1));
        keys.replace(Arc::clone(&two));
        keys.replace(Arc::clone(&one));
        assert_eq!(published(&keys), [one.kid(), two.kid()]);
        assert_eq!(keys.current().unwrap().number, 2);
    }
}
