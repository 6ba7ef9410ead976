//! `basic`: a name and a password that come with each request (RFC 7617). Users and the hashes of their passwords stand
//! in the configuration; who is not among them costs the same work and gets the same answer as a wrong password.

mod credential;
mod settings;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::authn::method::{Asking, Challenge, Kind, Memory, Method, Place, Plan, Reads, Verdict, planned};
use crate::authn::principal::Verified;
use crate::authn::refusal::Refusal;
use crate::authn::supplies::Supplies;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape};
use crate::identity::passwords::{PasswordHash, Pool, PoolFault};
use crate::problem::Code;
use credential::Presented;
use settings::{RawBasic, User};

#[cfg(test)]
mod tests;

pub(crate) use credential::fuzz;

pub(super) struct Basic;

impl Kind for Basic {
    fn name(&self) -> &'static str {
        "basic"
    }

    fn parse(&self, settings: &Node, cx: &mut Decoding<'_>) -> Option<Arc<dyn crate::config::authenticators::Plan>> {
        let users = RawBasic::decode(settings, cx)?.check(cx)?;
        Some(planned(BasicPlan {
            users: users.into(),
            reads: [Reads::whole(Place::Basic)],
        }))
    }

    fn describe(&self, book: &mut Book) -> Shape {
        RawBasic::describe(book)
    }
}

#[derive(Debug)]
struct BasicPlan {
    users: Arc<[User]>,
    reads: [Reads; 1],
}

impl Plan for BasicPlan {
    fn reads(&self) -> &[Reads] {
        &self.reads
    }

    fn start(&self, _name: &Arc<str>, supplies: &Supplies) -> Arc<dyn Method> {
        Arc::new(Passwords::of(&self.users, Arc::clone(&supplies.passwords)))
    }
}

/// The users of one authenticator.
#[derive(Debug)]
struct Passwords {
    users: HashMap<Box<str>, User, RandomState>,
    /// Of all users, to choose from for names that nobody has.
    hashes: Vec<Arc<PasswordHash>>,
    pool: Arc<Pool>,
}

impl Method for Passwords {
    fn verify<'a>(&'a self, credential: &'a [u8], _asking: Asking<'a>) -> Verdict<'a> {
        Box::pin(self.identify(credential))
    }

    fn challenge(&self) -> Challenge {
        Challenge {
            plain: r#"Basic realm="portcullis", charset="UTF-8""#.to_owned(),
            is_bearer: false,
        }
    }

    fn memory(&self) -> Memory {
        Memory::Shared { ttl: None }
    }
}

impl Passwords {
    fn of(users: &[User], pool: Arc<Pool>) -> Self {
        let named = |user: &User| (user.principal.id.clone(), user.clone());
        Self {
            users: users.iter().map(named).collect(),
            hashes: users.iter().map(|user| Arc::clone(&user.hash)).collect(),
            pool,
        }
    }

    async fn identify(&self, credential: &[u8]) -> Result<Verified, Refusal> {
        let Presented { name, password } = Presented::read(credential).map_err(refused)?;
        let user = self.users.get(name.as_str());
        // Without a user the work is that of some user, so that the time does not tell which names there are. Which one
        // is the same for a name each time, and known to nobody: the hasher is seeded.
        let hash = user.map(|user| &user.hash).or_else(|| self.hash_for(&name));
        let hash = hash.ok_or_else(|| refused("there are no users"))?;
        let is_right = self.pool.verify(password, Arc::clone(hash)).await.map_err(unknown)?;
        match user {
            Some(user) if is_right => Ok(Verified {
                principal: user.principal.clone(),
                ..Verified::default()
            }),
            Some(_) => Err(refused("the password is wrong")),
            None => Err(refused("no user has this name")),
        }
    }

    fn hash_for(&self, name: &str) -> Option<&Arc<PasswordHash>> {
        let users = u64::try_from(self.hashes.len()).ok()?;
        let index = self.users.hasher().hash_one(name).checked_rem(users)?;
        self.hashes.get(usize::try_from(index).ok()?)
    }
}

/// One code for all that can be wrong: which names exist is nobody's business.
fn refused(why: &'static str) -> Refusal {
    Refusal::new(Code::CredentialRefused, why)
}

fn unknown(fault: PoolFault) -> Refusal {
    Refusal::new(Code::ServerOverloaded, fault.to_string())
}
