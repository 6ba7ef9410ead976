//! Credentials of every kind, one line a case, each asked of a running gateway twice: the second answer comes from
//! memory where there is one, and is the same. Nothing reaches the upstream of what is refused.
//!
//! A case is a request and the answer that the RFCs and our own contract want. The files beside this one are the table;
//! this one asks.

mod api_keys;
mod audiences;
mod basic;
mod claims;
mod grants;
mod headers;
mod keys;
mod messages;
mod payloads;
mod places;
mod shapes;
mod signatures;
mod times;
mod tokens;

use crate::support::{Gateway, Request, Setup, Upstream, get};

/// A status and a code; 200 has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer(u16, &'static str);

const IN: Answer = Answer(200, "");
const MISSING: Answer = Answer(401, "credential.missing");
const MALFORMED: Answer = Answer(401, "token.malformed");
const ISSUER: Answer = Answer(401, "token.issuer");
const SIGNATURE: Answer = Answer(401, "token.signature");
const EXPIRED: Answer = Answer(401, "token.expired");
const EARLY: Answer = Answer(401, "token.not_yet_valid");
const AUDIENCE: Answer = Answer(401, "token.audience");
const REFUSED: Answer = Answer(401, "credential.refused");
const REPEATED: Answer = Answer(400, "header.invalid");

impl Answer {
    /// Whether whoever gave it remembers it: all that was said after a look at the credential itself.
    fn is_remembered(self) -> bool {
        let passing = [
            "credential.missing",
            "token.malformed",
            "token.issuer",
            "header.invalid",
        ];
        !passing.contains(&self.1) && !self.1.starts_with("signature.")
    }
}

struct Case {
    name: String,
    request: Request,
    first: Answer,
    again: Answer,
    /// A field that the upstream gets with it, and its value, or that it does not.
    told: Option<(&'static str, Option<&'static str>)>,
}

impl Case {
    fn new(name: impl Into<String>, request: Request, wanted: Answer) -> Self {
        Self {
            name: name.into(),
            request,
            first: wanted,
            again: wanted,
            told: None,
        }
    }

    /// With this token, on this path.
    fn bearer(name: impl Into<String>, path: &str, token: &str, wanted: Answer) -> Self {
        Self::new(
            name,
            get(path).field("Authorization", &format!("Bearer {token}")),
            wanted,
        )
    }
}

/// What makes the cases of a table.
type Table = fn() -> Vec<Case>;

/// Every table, by its name.
fn tables() -> Vec<(&'static str, Table)> {
    vec![
        ("headers", headers::cases),
        ("payloads", payloads::cases),
        ("shapes", shapes::cases),
        ("places", places::cases),
        ("keys", keys::cases),
        ("claims", claims::cases),
        ("audiences", audiences::cases),
        ("times", times::cases),
        ("grants", grants::cases),
        ("api_keys", api_keys::cases),
        ("basic", basic::cases),
        ("signatures", signatures::cases),
        ("messages", messages::cases),
    ]
}

/// Ask everything twice, what is refused before what is not.
#[track_caller]
fn ask(setup: &Setup, upstream: &Upstream, cases: Vec<Case>) {
    let gateway = setup.start();
    let hits = |gateway: &Gateway| gateway.metrics().sum("portcullis_cache_hits_total", &[]).unwrap();
    let before = hits(&gateway);
    let remembered = cases.iter().filter(|case| case.again.is_remembered()).count();
    let (good, bad): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.first == IN);
    let mut wrong: Vec<String> = bad
        .iter()
        .flat_map(|case| differing(&gateway, upstream, case))
        .collect();
    upstream.saw_nothing();
    wrong.extend(good.iter().flat_map(|case| differing(&gateway, upstream, case)));
    assert!(
        wrong.is_empty(),
        "{} answers differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let let_in = good.iter().map(|case| 1 + usize::from(case.again == IN)).sum::<usize>();
    assert_eq!(upstream.requests().len(), let_in);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let least = before + remembered as f64;
    gateway.wait_metric("portcullis_cache_hits_total", &[], |hits| hits >= least);
}

fn differing(gateway: &Gateway, upstream: &Upstream, case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    for (time, wanted) in [("first", case.first), ("again", case.again)] {
        let answer = gateway.ask(case.request.clone());
        let code = match answer.field("content-type") {
            Some("application/problem+json") => answer.json()["code"].as_str().unwrap().to_owned(),
            _ => String::new(),
        };
        if (answer.status, &*code) != (wanted.0, wanted.1) {
            wrong.push(format!(
                "{} ({time}): {} {code}, not {wanted:?}",
                case.name, answer.status
            ));
        }
        if let (200, Some((name, wanted))) = (answer.status, case.told) {
            let seen = upstream.requests().pop().unwrap();
            if seen.field(name) != wanted {
                wrong.push(format!(
                    "{} ({time}): {name} is {:?}, not {wanted:?}",
                    case.name,
                    seen.field(name)
                ));
            }
        }
        if answer.status == 401 && !answer.has("www-authenticate") {
            wrong.push(format!("{} ({time}): no challenge", case.name));
        }
    }
    wrong
}

#[test]
fn the_tables_hold_what_they_claim_to() {
    let mut names = std::collections::BTreeSet::new();
    let mut count = 0;
    for (table, cases) in tables() {
        for case in cases() {
            assert!(
                names.insert(format!("{table}: {}", case.name)),
                "{table}: {} twice",
                case.name
            );
            count += 1;
        }
    }
    assert!(count >= 1100, "only {count} cases");
}
