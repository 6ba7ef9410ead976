//! Who a route lets in, compiled: which places are looked at, who may own what stands there, and which credentials
//! together are enough.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::authenticator::Authenticator;
use super::method::{Place, Share};
use crate::config::spec::AuthList;

/// Of one route.
#[derive(Debug)]
pub(super) struct Listed {
    /// Everybody who is named, in the order of the file.
    pub(super) members: Vec<Arc<Authenticator>>,
    pub(super) spots: Vec<Spot>,
    items: Vec<Item>,
    pub(super) or_public: bool,
    /// Fields that go where a credential goes.
    pub(super) beside: Vec<HeaderName>,
}

/// A place, and who reads it.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) place: Place,
    /// Places among the members: those who take only their own first, those who take what is left last.
    pub(super) readers: Vec<usize>,
    /// How many of them, from the first on, take the tokens of one issuer each: what one of these verified is no other's.
    exact: usize,
}

impl Spot {
    /// Whether what this reader verified can only be its own.
    pub(super) fn is_certain(&self, turn: usize) -> bool {
        turn < self.exact || self.readers.len() == 1
    }
}

/// Members that must be presented together, and whose word counts.
#[derive(Debug)]
struct Item {
    members: Members,
    last: usize,
}

/// A set of members; the configuration lets a route name at most [`MEMBERS_MAX`](crate::config::authenticators::MEMBERS_MAX).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Members(u64);

impl Members {
    pub(super) fn with(self, member: usize) -> Self {
        Self(self.0 | Self::bit(member))
    }

    pub(super) fn has(self, member: usize) -> bool {
        self.0 & Self::bit(member) != 0
    }

    fn bit(member: usize) -> u64 {
        let bit = u32::try_from(member).ok().and_then(|member| 1_u64.checked_shl(member));
        bit.expect("the configuration lets a route name no more members than there are bits")
    }

    fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

/// What a set of good credentials amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// This member's principal it is.
    Enough { last: usize },
    /// Something else must be presented beside it.
    TooFew,
    /// They are more than any item asks for.
    TooMany,
}

impl Listed {
    pub(super) fn new(list: &AuthList, all: &[Arc<Authenticator>]) -> Self {
        let mut named: Vec<usize> = Vec::new();
        for &index in list.items.iter().flatten() {
            if !named.contains(&index) {
                named.push(index);
            }
        }
        let member = |index: &usize| named.iter().position(|known| known == index).unwrap_or_default();
        let items = list.items.iter().map(|item| Item {
            members: item.iter().map(member).fold(Members::default(), Members::with),
            last: item.last().map(member).unwrap_or_default(),
        });
        let members: Vec<Arc<Authenticator>> = named.iter().filter_map(|&index| all.get(index)).cloned().collect();
        let beside = members.iter().flat_map(|member| &member.reads);
        Self {
            items: items.collect(),
            spots: spots(&members),
            or_public: list.or_public,
            beside: beside.flat_map(|reads| reads.beside.clone()).collect(),
            members,
        }
    }

    /// Whose a credential is that stands in this place.
    pub(super) fn owner(&self, spot: &Spot, credential: &[u8]) -> Option<usize> {
        let claims = |member: &usize| {
            let authenticator = self.members.get(*member);
            authenticator.is_some_and(|authenticator| authenticator.method.claims(credential).is_ok())
        };
        spot.readers.iter().copied().find(claims)
    }

    /// Whether this member's word alone is enough.
    pub(super) fn takes_alone(&self, member: usize) -> bool {
        let alone = Members::default().with(member);
        self.items.iter().any(|item| item.members == alone)
    }

    pub(super) fn settle(&self, presented: Members) -> Settled {
        if let Some(item) = self.items.iter().find(|item| item.members == presented) {
            return Settled::Enough { last: item.last };
        }
        match self.items.iter().any(|item| item.members.is_within(presented)) {
            true => Settled::TooMany,
            false => Settled::TooFew,
        }
    }

    /// `WWW-Authenticate` of a refusal: what every member would take, and what is wrong where something was presented.
    pub(super) fn challenges(&self, refused: Option<usize>) -> Vec<HeaderValue> {
        let mut told: Vec<HeaderValue> = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            let challenge = member.method.challenge();
            let text = match challenge.is_bearer && refused == Some(place) {
                true => format!(r#"{}, error="invalid_token""#, challenge.plain),
                false => challenge.plain,
            };
            // Two issuers' challenges read the same.
            if let Ok(value) = HeaderValue::try_from(text)
                && !told.contains(&value)
            {
                told.push(value);
            }
        }
        // What says more of the same scheme stands for the plain one.
        let more: Vec<HeaderValue> = told.iter().filter(|value| has_error(value)).cloned().collect();
        told.retain(|value| has_error(value) || !more.iter().any(|more| more.as_bytes().starts_with(value.as_bytes())));
        told
    }
}

fn has_error(value: &HeaderValue) -> bool {
    value.as_bytes().ends_with(br#"error="invalid_token""#)
}

fn spots(members: &[Arc<Authenticator>]) -> Vec<Spot> {
    let mut spots: Vec<(Place, Vec<(Share, usize)>)> = Vec::new();
    for (number, member) in members.iter().enumerate() {
        for reads in &member.reads {
            let reader = (reads.share.clone(), number);
            match spots.iter_mut().find(|(place, _)| *place == reads.place) {
                Some((_, readers)) => readers.push(reader),
                None => spots.push((reads.place.clone(), vec![reader])),
            }
        }
    }
    let in_turn = |(place, mut readers): (Place, Vec<(Share, usize)>)| {
        // `Share` is ordered from who takes one issuer's tokens to who takes the rest.
        readers.sort_by(|(one, _), (other, _)| one.cmp(other));
        let is_exact = |(share, _): &&(Share, usize)| matches!(share, Share::Issuer(_));
        Spot {
            place,
            exact: readers.iter().take_while(is_exact).count(),
            readers: readers.into_iter().map(|(_, number)| number).collect(),
        }
    };
    spots.into_iter().map(in_turn).collect()
}

#[cfg(test)]
mod tests;
