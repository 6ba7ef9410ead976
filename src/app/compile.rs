//! From the finished configuration to the snapshot the workers read: nothing is looked up by name afterwards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::HeaderName;

use super::carry::Carry;
use super::ground::Ground;
use crate::admission::Admission;
use crate::authn::{Authenticator, Lasting, Verdicts, Verifier};
use crate::authz::Policy;
use crate::base::net::AddressSet;
use crate::base::peer::Trusted;
use crate::config::Config;
use crate::config::authenticators::{AuthenticatorSpec, Reads};
use crate::config::spec::{Answer, ListenSpec, RouteSpec, UpstreamKind, UpstreamSpec};
use crate::pipeline::Snapshot;
use crate::pipeline::snapshot::{ListenerKey, ListenerRules};
use crate::request::headers::HeaderPolicy;
use crate::route::{NetworkRules, Route, RouteAnswer, Router};
use crate::upstream::{Resolver, Upstream};

/// An upstream, ready to be pointed at by routes.
enum Built {
    Servers(Arc<Upstream>),
    Echo(Arc<str>),
}

/// The snapshot of `config`, with what `earlier` kept where the settings are the same.
pub(super) fn compile(config: &Config, generation: u64, earlier: &Carry, ground: &Ground) -> (Snapshot, Carry) {
    let mut carry = Carry::default();
    let resolver = &ground.resolver;
    let upstreams: Vec<Built> = config
        .upstreams
        .iter()
        .map(|spec| upstream(spec, &mut carry, earlier, resolver))
        .collect();
    let routes = config
        .routes
        .iter()
        .enumerate()
        .map(|(index, spec)| route(index, spec, &upstreams))
        .collect();
    let snapshot = Snapshot {
        generation,
        router: Router::new(&config.routes, routes),
        admission: Admission,
        verifier: verifier(config, &mut carry, earlier, ground),
        policy: Policy,
        listeners: listeners(config, generation),
        upstreams: upstreams
            .into_iter()
            .filter_map(|built| match built {
                Built::Servers(upstream) => Some(upstream),
                Built::Echo(_) => None,
            })
            .collect(),
        connections: config.connections,
        timeouts: config.timeouts,
        sizes: config.sizes,
        access_log: config.log.access,
    };
    (snapshot, carry)
}

fn verifier(config: &Config, carry: &mut Carry, earlier: &Carry, ground: &Ground) -> Verifier {
    let mut started = Vec::with_capacity(config.auth.len());
    for spec in &config.auth {
        let start = || Authenticator::start(spec, &ground.supplies);
        // Who asks an issuer may ask it as the file says now.
        let settings = (AuthenticatorSpec::clone(spec), config.outbound.clone());
        started.push(carry.keep(earlier, &spec.name, &settings, start));
    }
    let fresh = || Verdicts::new(&config.cache, &mut (ground.random)());
    let verdicts = carry.keep(earlier, &"verdicts".into(), &config.cache, fresh);
    let accesses = config.routes.iter().map(|route| &route.access);
    let clock = ground.supplies.clock.clone();
    let lasting = Lasting {
        verdicts,
        revocations: Arc::clone(&ground.revocations),
        held: ground.held.clone(),
        own_keys: Arc::clone(&ground.own_keys),
    };
    Verifier::new(accesses, audiences(config), &started, lasting, clock)
}

/// Upstreams that are told by signed tokens who is asking.
fn audiences(config: &Config) -> usize {
    let telling = config
        .routes
        .iter()
        .filter(|route| route.forward.identity.token.is_some());
    let upstreams = telling.filter_map(|route| match route.answer {
        Answer::Upstream(index) => Some(index),
        Answer::Redirect(_) | Answer::Own(_) => None,
    });
    upstreams.collect::<HashSet<_>>().len()
}

fn upstream(spec: &Arc<UpstreamSpec>, carry: &mut Carry, earlier: &Carry, resolver: &Resolver) -> Built {
    match &spec.kind {
        UpstreamKind::Echo => Built::Echo(Arc::clone(&spec.name)),
        UpstreamKind::Servers(servers) => {
            let build = || Upstream::new(Arc::clone(&spec.name), servers, resolver);
            Built::Servers(carry.keep(earlier, &spec.name, servers, build))
        }
    }
}

fn route(index: usize, spec: &Arc<RouteSpec>, upstreams: &[Built]) -> Route {
    let answer = match &spec.answer {
        Answer::Redirect(to) => RouteAnswer::Redirect(to.clone()),
        Answer::Own(own) => RouteAnswer::Own(*own),
        Answer::Upstream(index) => match upstreams.get(*index).expect("`check` resolved the name to an index") {
            Built::Servers(upstream) => RouteAnswer::Upstream(Arc::clone(upstream)),
            Built::Echo(name) => RouteAnswer::Echo(Arc::clone(name)),
        },
    };
    Route {
        index,
        id: Arc::clone(&spec.id),
        access: spec.access.clone(),
        networks: NetworkRules::new(&spec.networks),
        answer,
        forward: spec.forward.clone(),
        response: spec.response.clone(),
        timeout: spec.timeout,
        body_max: spec.body_max,
        path_allow: spec.path_allow,
        upgrade: spec.upgrade.clone(),
    }
}

fn listeners(config: &Config, generation: u64) -> Vec<Arc<ListenerRules>> {
    let specs = &config.listen;
    // On every route, whichever of them uses the names: what is nobody's to send is nobody's to send anywhere.
    let identity: HashSet<_> = config
        .routes
        .iter()
        .flat_map(|route| route.forward.identity.iter())
        .collect();
    let single: HashSet<_> = config
        .auth
        .iter()
        .flat_map(|spec| spec.plan.reads())
        .flat_map(Reads::fields)
        .collect();
    let policy = |underscored: &[HeaderName]| {
        let identity = identity.iter().map(|&name| name.clone());
        HeaderPolicy::new(
            underscored.iter().cloned(),
            identity,
            single.iter().map(|&name| name.clone()),
        )
    };
    keys(specs)
        .into_iter()
        .zip(specs)
        .map(|(key, spec)| {
            Arc::new(ListenerRules {
                key,
                generation,
                protocols: spec.protocols,
                trusted: Trusted::new(AddressSet::new(spec.trusted_proxies.iter().copied()), spec.trusts_unix),
                proxy_protocol: spec.proxy_protocol,
                headers: policy(&spec.underscore_headers),
            })
        })
        .collect()
}

/// The name of each listener: its address, and which of several equal ones (port 0, mostly) it is.
pub(super) fn keys(specs: &[ListenSpec]) -> Vec<ListenerKey> {
    let mut seen = HashMap::new();
    let addresses = specs.iter().map(|spec| &spec.addr);
    addresses
        .map(|addr| {
            let nth = seen.entry(addr).or_insert(0_usize);
            *nth += 1;
            ListenerKey {
                addr: addr.clone(),
                nth: *nth,
            }
        })
        .collect()
}
