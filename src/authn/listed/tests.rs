use super::*;
use crate::authn::method::Memory;
use crate::authn::scripted::Scripted;

fn three() -> Vec<Arc<Authenticator>> {
    let method = Scripted::new("", Memory::Never);
    let key = Place::Header(HeaderName::from_static("x-api-key"));
    vec![
        method.at("any", Place::Bearer, Share::OtherIssuers, 0),
        method.at("idp", Place::Bearer, Share::Issuer("i".into()), 1),
        method.at("keys", key, Share::Whole, 2),
    ]
}

fn listed(items: &[&[usize]]) -> Listed {
    let list = AuthList {
        items: items.iter().map(|item| item.to_vec()).collect(),
        or_public: false,
    };
    Listed::new(&list, &three())
}

fn presented(members: &[usize]) -> Members {
    members.iter().copied().fold(Members::default(), Members::with)
}

#[test]
fn one_good_credential_is_enough_where_its_owner_stands_alone() {
    let either = listed(&[&[1], &[2]]);
    assert_eq!(either.settle(presented(&[0])), Settled::Enough { last: 0 });
    assert_eq!(either.settle(presented(&[1])), Settled::Enough { last: 1 });
    assert!(either.takes_alone(0) && either.takes_alone(1));
}

#[test]
fn two_that_nobody_asked_for_together_are_a_conflict() {
    assert_eq!(listed(&[&[1], &[2]]).settle(presented(&[0, 1])), Settled::TooMany);
    // Together with a third they would be too many as well.
    assert_eq!(listed(&[&[1, 2], &[0]]).settle(presented(&[0, 1, 2])), Settled::TooMany);
}

#[test]
fn together_means_all_of_them_and_the_last_one_speaks() {
    let both = listed(&[&[2, 1]]);
    assert_eq!(both.settle(presented(&[0])), Settled::TooFew);
    assert_eq!(both.settle(presented(&[1])), Settled::TooFew);
    // The members are numbered as they are named: 0 is the key, 1 the token.
    assert_eq!(both.settle(presented(&[0, 1])), Settled::Enough { last: 1 });
    assert!(!both.takes_alone(0) && !both.takes_alone(1));
}

#[test]
fn one_alone_or_two_together_can_both_be_enough() {
    let list = listed(&[&[1], &[1, 2]]);
    assert_eq!(list.settle(presented(&[0])), Settled::Enough { last: 0 });
    assert_eq!(list.settle(presented(&[0, 1])), Settled::Enough { last: 1 });
    assert_eq!(list.settle(presented(&[1])), Settled::TooFew);
}

#[test]
fn who_takes_one_issuers_tokens_is_asked_before_who_takes_the_rest() {
    let list = listed(&[&[0], &[1], &[2]]);
    let bearer = list.spots.iter().find(|spot| spot.place == Place::Bearer).unwrap();
    let names: Vec<_> = bearer
        .readers
        .iter()
        .map(|&member| &*list.members[member].name)
        .collect();
    assert_eq!(names, ["idp", "any"]);
}

#[test]
#[doc = "JWT-14"]
fn challenges_say_each_thing_once_and_the_fault_only_where_something_was_presented() {
    let list = listed(&[&[0], &[1]]);
    assert_eq!(list.challenges(None), [r#"Bearer realm="portcullis""#]);
    assert_eq!(
        list.challenges(Some(1)),
        [r#"Bearer realm="portcullis", error="invalid_token""#]
    );
}
