//! `signature`: requests that their sender signs, by one of six schemes. A request with its whole body goes in; who signed
//! it comes out, once: what was signed is refused when it comes again.
//!
//! The order holds for all schemes (HM-03, HM-05): keys, shapes and times before the body is read; then the signature
//! over the request as it was sent; and only when it was right is it remembered, so that a stranger can fill no memory.

mod digest;
mod fields;
pub mod fuzz;
mod head;
mod keys;
mod proof;
mod replay;
mod rfc9421;
mod scheme;
mod settings;
pub(crate) mod signing;
mod v1;
mod webhooks;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use replay::{REPLAYS, Remembered, Remembers, Replays, Token};

use self::fields::Window;
use self::keys::Keys;
use self::proof::Proof;
use self::scheme::Scheme;
use self::settings::Settings;
use crate::authn::method::{self, Asking, Challenge, Memory, Method, Reads, Verdict, planned};
use crate::authn::principal::{Handles, Principal, Verified};
use crate::authn::refusal::Refusal;
use crate::authn::supplies::Supplies;
use crate::base::clock::{Clock, Timestamp};
use crate::config::authenticators::{self, Kind};
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape};
use crate::problem::Code;

/// A remembered signature outlives its time by this, for who reads the clock and then waits for a lock.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Signature;

impl Kind for Signature {
    fn name(&self) -> &'static str {
        "signature"
    }

    fn parse(&self, settings: &Node, cx: &mut Decoding<'_>) -> Option<Arc<dyn authenticators::Plan>> {
        Settings::decode(settings, cx)?.check(cx).map(planned)
    }

    fn describe(&self, book: &mut Book) -> Shape {
        Settings::describe(book)
    }
}

/// Checked settings.
#[derive(Clone, Debug)]
struct Plan {
    scheme: Scheme,
    reads: [Reads; 1],
    keys: Arc<Keys>,
    max_age: Duration,
    body_max: usize,
    rejects_replays: bool,
}

impl method::Plan for Plan {
    fn reads(&self) -> &[Reads] {
        &self.reads
    }

    fn start(&self, name: &Arc<str>, supplies: &Supplies) -> Arc<dyn Method> {
        Arc::new(Signed {
            name: Arc::clone(name),
            plan: self.clone(),
            clock: supplies.clock.clone(),
            replays: Arc::clone(&supplies.replays) as Arc<dyn Remembers>,
        })
    }
}

/// At work.
struct Signed {
    name: Arc<str>,
    plan: Plan,
    clock: Clock,
    replays: Arc<dyn Remembers>,
}

impl Method for Signed {
    fn verify<'a>(&'a self, credential: &'a [u8], asking: Asking<'a>) -> Verdict<'a> {
        Box::pin(async move {
            let Some(body) = asking.body else {
                // Taken for an empty one, a body that nobody read would go on unsigned.
                return Err(Refusal::new(
                    Code::Internal,
                    "a signature was to be judged before the body was read",
                ));
            };
            // The clock, and not the time at which the request began: a body that takes its time would outlive the
            // memory of the signature it comes with.
            let now = self.clock.wall();
            let window = self.window(now);
            let asked = (asking.asked, &**body);
            let proof = self.plan.scheme.judge(credential, asked, &self.plan.keys, &window)?;
            if self.plan.rejects_replays {
                self.remember(&proof, now).await?;
            }
            Ok(verified(&proof))
        })
    }

    fn challenge(&self) -> Challenge {
        Challenge {
            plain: format!("Signature realm=\"portcullis\", scheme=\"{}\"", self.plan.scheme.name()),
            is_bearer: false,
        }
    }

    fn memory(&self) -> Memory {
        Memory::Never
    }

    fn wants_body(&self) -> Option<usize> {
        Some(self.plan.body_max)
    }

    fn preview(&self, credential: &[u8], asking: Asking<'_>) -> Result<(), Refusal> {
        let window = self.window(asking.now);
        self.plan
            .scheme
            .preview(credential, asking.asked, &self.plan.keys, &window)
    }
}

impl Signed {
    fn window(&self, now: Timestamp) -> Window {
        Window {
            now,
            max_age: self.plan.max_age,
        }
    }

    /// From the first moment a time may be signed in advance to the last at which it is good lie two ages.
    async fn remember(&self, proof: &Proof<'_>, now: Timestamp) -> Result<(), Refusal> {
        let key = if proof.of_key { &*proof.key.id } else { "" };
        let token = Token::new(&self.name, key, &proof.once);
        let keep = self.plan.max_age.saturating_mul(2).saturating_add(GRACE);
        let keep = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let until = Timestamp::from_millis(now.as_millis().saturating_add(keep));
        if self.replays.first(token, until, now).await? {
            return Ok(());
        }
        let why = "the nonce, or the signature, was used before";
        Err(Refusal::new(Code::SignatureReplayed, why))
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("name", &self.name)
            .field("scheme", &self.plan.scheme)
            .finish_non_exhaustive()
    }
}

fn verified(proof: &Proof<'_>) -> Verified {
    let key = proof.key;
    Verified {
        principal: Principal {
            id: (&*key.id).into(),
            roles: key.grants.roles.clone(),
            permissions: key.grants.permissions.clone(),
            scopes: key.grants.scopes.clone(),
            ..Principal::default()
        },
        handles: Handles {
            key: Some((&*key.id).into()),
            ..Handles::default()
        },
        ..Verified::default()
    }
}

#[cfg(test)]
mod tests;
