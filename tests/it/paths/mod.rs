//! Host, target and path: one reading of each, the same for the gateway and for whoever comes after it.

mod hosts;
mod routes;
mod spelling;
mod targets;

use crate::support::{Setup, Upstream, get};

/// Each of these requests is refused with one of these statuses, and the upstream sees none of them.
#[track_caller]
fn all_refused(setup: &Setup, upstream: &Upstream, statuses: &[u16], requests: &[(&str, Vec<u8>)]) {
    let gateway = setup.start();
    let mut wrong = Vec::new();
    for (name, bytes) in requests {
        let answer = gateway.client().send(bytes.as_slice()).answer(false);
        if !answer.as_ref().is_ok_and(|answer| statuses.contains(&answer.status)) {
            wrong.push(format!("{name}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    upstream.saw_nothing();
}

/// Each of these targets arrives as it is.
#[track_caller]
fn all_forwarded(setup: &Setup, upstream: &Upstream, targets: &[&str]) {
    let gateway = setup.start();
    let before = upstream.requests().len();
    let statuses: Vec<(u16, &&str)> = targets
        .iter()
        .map(|target| (gateway.get(target).status, target))
        .collect();
    assert!(statuses.iter().all(|(status, _)| *status == 200), "{statuses:?}");
    let arrived: Vec<String> = upstream.requests()[before..]
        .iter()
        .map(|request| request.target().to_owned())
        .collect();
    assert_eq!(arrived, targets);
}

fn targets<'a>(targets: &[&'a str]) -> Vec<(&'a str, Vec<u8>)> {
    targets.iter().map(|target| (*target, get(target).bytes())).collect()
}

fn hosts<'a>(hosts: &[&'a str]) -> Vec<(&'a str, Vec<u8>)> {
    hosts.iter().map(|host| (*host, get("/x").host(host).bytes())).collect()
}
