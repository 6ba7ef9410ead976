//! The authenticators, and what a route's `auth:` says with their names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::HeaderName;

use super::Checking;
use crate::config::authenticators::{AuthenticatorSpec, MEMBERS_MAX, Plan, Reads};
use crate::config::callable::Callable;
use crate::config::faults::Code;
use crate::config::raw::{Auth, AuthItem, RawAuthenticator, RawConfig};
use crate::config::reserved;
use crate::config::settings::{At, closest, listed};
use crate::config::spec::{Access, AuthList, OutboundSpec, RouteSpec};

pub(super) fn authenticators(
    raw: &RawConfig,
    outbound: Option<&OutboundSpec>,
    cx: &mut Checking<'_>,
) -> Option<Vec<Arc<AuthenticatorSpec>>> {
    let map = raw.auth.value()?;
    if let Some(outbound) = outbound {
        for (_, raw) in &map.entries {
            calls(&*raw.value.plan, outbound, cx);
        }
    }
    for (name, _) in &map.entries {
        if &*name.value.0 == "public" {
            let message = "`public` means everybody and cannot be the name of an authenticator; choose another";
            cx.findings.fault(name.at, Code::NameReserved, message);
        }
    }
    if raw.store.is_absent() {
        for (name, raw) in map.entries.iter().filter(|(_, raw)| raw.value.plan.needs_store()) {
            let message = format!(
                "`{}` works with keys that are made at run time, and no store keeps them; write `store: \
                 sqlite://data/portcullis.db` at the top of the file, or leave its `store` out",
                name.value.0
            );
            cx.findings.fault(raw.at, Code::StoreMissing, message);
        }
    }
    let spec = |name: &str, raw: &RawAuthenticator| {
        Arc::new(AuthenticatorSpec {
            name: name.into(),
            kind: raw.kind,
            plan: Arc::clone(&raw.plan),
            digest: raw.digest,
        })
    };
    map.broken.is_empty().then(|| {
        map.entries
            .iter()
            .map(|(name, raw)| spec(&name.value.0, &raw.value))
            .collect()
    })
}

/// A credential in a field that is dropped on arrival would never be seen.
pub(super) fn reachable(raw: &RawConfig, underscored: &HashSet<&HeaderName>, cx: &mut Checking<'_>) {
    let Some(map) = raw.auth.value() else { return };
    for (name, raw) in &map.entries {
        for field in raw.value.plan.reads().iter().flat_map(Reads::fields) {
            let spelled = field.as_str();
            let message = if spelled.contains('_') && !underscored.contains(field) {
                format!("`{field}` is dropped unless a listener names it in `underscore_headers`; write it with `-`")
            } else if reserved::is_dropped(spelled) || reserved::is_framing(spelled) {
                format!("`{field}` of a client never gets this far; choose another header")
            } else {
                continue;
            };
            cx.findings.fault(name.at, Code::HeaderReserved, message);
        }
    }
}

/// What tells upstreams who asks is removed from every request on arrival, a credential of the same name with it.
pub(super) fn apart(raw: &RawConfig, routes: &[Arc<RouteSpec>], cx: &mut Checking<'_>) {
    let Some(map) = raw.auth.value() else { return };
    let told: HashSet<&HeaderName> = routes.iter().flat_map(|route| route.forward.identity.iter()).collect();
    for (name, raw) in &map.entries {
        let mut fields = raw.value.plan.reads().iter().flat_map(Reads::fields);
        if let Some(field) = fields.find(|field| told.contains(field)) {
            let message = format!("`{field}` tells upstreams who asks, so it cannot hold a credential; choose another");
            cx.findings.fault(name.at, Code::HeaderReserved, message);
        }
    }
}

fn first(items: &[AuthItem]) -> Option<&At<String>> {
    match items.first()? {
        AuthItem::One(name) => Some(name),
        AuthItem::All(names) => names.first(),
    }
}

/// What could never be called would lock everybody out, and is better told now than in the log.
fn calls(plan: &dyn Plan, outbound: &OutboundSpec, cx: &mut Checking<'_>) {
    for called in plan.calls() {
        if let Err(fault) = Callable::new(&called.url, &outbound.allow_plaintext_hosts) {
            let message = format!("the gateway may not call this URL: {fault}");
            cx.findings.fault(called.at, Code::ValueUrl, message);
        }
    }
}

/// What routes can name.
pub(super) struct Authenticators<'a> {
    /// Every name, with its index where its settings could be read.
    known: HashMap<&'a str, Option<usize>>,
    names: Vec<&'a str>,
    plans: Vec<&'a dyn Plan>,
}

impl<'a> Authenticators<'a> {
    pub(super) fn of(raw: &'a RawConfig) -> Self {
        let (mut known, mut names, mut plans) = (HashMap::new(), Vec::new(), Vec::new());
        if let Some(map) = raw.auth.value() {
            for (index, (name, raw)) in map.entries.iter().enumerate() {
                known.insert(&*name.value.0, Some(index));
                names.push(&*name.value.0);
                plans.push(&*raw.value.plan);
            }
            for name in &map.broken {
                known.insert(&*name.0, None);
                names.push(&*name.0);
            }
        }
        Self { known, names, plans }
    }

    pub(super) fn access(&self, auth: &Auth, cx: &mut Checking<'_>) -> Option<Access> {
        let Auth::Listed { items, or_public } = auth else {
            return Some(Access::Public);
        };
        let mut resolved: Vec<Option<Vec<usize>>> = Vec::new();
        for item in items {
            let names = match item {
                AuthItem::One(name) => std::slice::from_ref(name),
                AuthItem::All(names) => names,
            };
            let indices: Vec<Option<usize>> = names.iter().map(|name| self.resolve(name, cx)).collect();
            resolved.push(indices.into_iter().collect());
        }
        let resolved = resolved.into_iter().collect::<Option<Vec<_>>>()?;
        if resolved.iter().flatten().collect::<HashSet<_>>().len() > MEMBERS_MAX {
            let message = format!("a route may name at most {MEMBERS_MAX} authenticators");
            cx.findings.fault(first(items)?.at, Code::ValueRange, message);
            return None;
        }
        self.tell_repeated(items, &resolved, cx)?;
        self.tell_overlaps(items, &resolved, cx)?;
        Some(Access::Listed(Arc::new(AuthList {
            items: resolved,
            or_public: *or_public,
        })))
    }

    fn resolve(&self, name: &At<String>, cx: &mut Checking<'_>) -> Option<usize> {
        if let Some(index) = self.known.get(name.value.as_str()) {
            return *index;
        }
        let way_out = match closest(&name.value, self.names.iter().copied().chain(["public"])) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.names.is_empty() => "define it under `auth`, or write `public` for everybody".to_owned(),
            None => format!("there are {} and `public`", listed(&self.names)),
        };
        let message = format!("there is no authenticator `{}`; {way_out}", name.value);
        cx.findings.fault(name.at, Code::NameUnknown, message);
        None
    }

    /// An item that stands twice, or a name twice in one item.
    fn tell_repeated(&self, items: &[AuthItem], resolved: &[Vec<usize>], cx: &mut Checking<'_>) -> Option<()> {
        let mut sound = Some(());
        for (place, (item, indices)) in items.iter().zip(resolved).enumerate() {
            let at = match item {
                AuthItem::One(name) => name.at,
                AuthItem::All(names) => names.first()?.at,
            };
            let mut sorted = indices.clone();
            sorted.sort_unstable();
            let same = |other: &&Vec<usize>| {
                let mut other = (*other).clone();
                other.sort_unstable();
                other == sorted
            };
            let twice_inside = sorted
                .windows(2)
                .any(|pair| matches!(pair, [one, other] if one == other));
            if twice_inside || resolved.iter().take(place).any(|other| same(&other)) {
                cx.findings
                    .fault(at, Code::KeyConflict, "this stands in the list already; keep one");
                sound = None;
            }
        }
        sound
    }

    /// A credential that two listed authenticators would claim has no clear owner.
    fn tell_overlaps(&self, items: &[AuthItem], resolved: &[Vec<usize>], cx: &mut Checking<'_>) -> Option<()> {
        let mut named: Vec<(&At<String>, usize)> = Vec::new();
        for (item, indices) in items.iter().zip(resolved) {
            let names = match item {
                AuthItem::One(name) => std::slice::from_ref(name),
                AuthItem::All(names) => names,
            };
            for (name, index) in names.iter().zip(indices) {
                if named.iter().all(|(_, known)| known != index) {
                    named.push((name, *index));
                }
            }
        }
        let mut sound = Some(());
        for (place, (name, index)) in named.iter().enumerate() {
            for (earlier, other) in named.iter().take(place) {
                if let Some(what) = self.overlap(*index, *other) {
                    let message = format!(
                        "`{}` and `{}` would both claim {what}; a route lists one of them",
                        earlier.value, name.value
                    );
                    cx.findings.fault(name.at, Code::AuthOverlap, message);
                    sound = None;
                }
            }
        }
        sound
    }

    fn overlap(&self, one: usize, other: usize) -> Option<String> {
        let (one, other) = (self.plans.get(one)?.reads(), self.plans.get(other)?.reads());
        let mut pairs = one.iter().flat_map(|one| other.iter().map(move |other| (one, other)));
        let (one, _) = pairs.find(|(one, other)| one.meets(other))?;
        Some(one.place.to_string())
    }
}
