//! Which route a request means: the compiled routes and the table that finds them.

mod matcher;
mod onward;
pub mod table;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use crate::base::net::AddressSet;
use crate::base::peer::Peer;
use crate::config::protocol::ProtocolName;
use crate::config::spec::{
    Access, ForwardSpec, HeaderEdits, Networks, OwnAnswer, PathAllow, RedirectSpec, RouteSpec, UpstreamProtocol,
};
use crate::request::client::Client;
use crate::request::path::PathFault;
use crate::request::{Arrived, Asked};
use crate::upstream::Upstream;
use onward::Onward;
use table::Table;

/// A route, compiled: everything a request on it needs to know.
#[derive(Debug)]
pub struct Route {
    /// Its place in the router.
    pub index: usize,
    /// What logs and metrics call it.
    pub id: Arc<str>,
    pub access: Access,
    pub networks: NetworkRules,
    pub answer: RouteAnswer,
    pub forward: ForwardSpec,
    pub response: HeaderEdits,
    pub timeout: Option<Duration>,
    pub body_max: u64,
    pub path_allow: PathAllow,
    /// What a connection may be switched to here.
    pub upgrade: Vec<ProtocolName>,
}

impl Route {
    /// Whether calls of gRPC are made on this route: they need HTTP/2 all the way.
    pub fn carries_grpc(&self) -> bool {
        matches!(&self.answer, RouteAnswer::Upstream(upstream) if upstream.protocol == UpstreamProtocol::H2c)
    }
}

/// Who answers.
#[derive(Debug)]
pub enum RouteAnswer {
    Upstream(Arc<Upstream>),
    Echo(Arc<str>),
    Redirect(RedirectSpec),
    /// The gateway.
    Own(OwnAnswer),
}

/// Addresses that may and may not use a route.
#[derive(Debug, Default)]
pub struct NetworkRules {
    /// Absent = everybody who is not denied.
    allow: Option<AddressSet>,
    deny: AddressSet,
}

impl NetworkRules {
    pub fn new(networks: &Networks) -> Self {
        let allow = (!networks.allow.is_empty()).then(|| AddressSet::new(networks.allow.iter().copied()));
        Self {
            allow,
            deny: AddressSet::new(networks.deny.iter().copied()),
        }
    }

    /// A denied address stays denied, also inside an allowed network. Where it is disputed which address the client
    /// has, each of them must pass. Who came through a unix socket has none: no list holds it.
    pub fn permit(&self, client: &Client) -> bool {
        client.candidates().all(|peer| match peer {
            Peer::Ip(address) => {
                self.allow.as_ref().is_none_or(|allow| allow.contains(address))
                    && (self.deny.is_empty() || !self.deny.contains(address))
            }
            Peer::Unix | Peer::Unnamed => self.allow.is_none(),
        })
    }

    /// Whether everybody may come.
    pub fn is_open(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty()
    }
}

/// The routes of one configuration.
#[derive(Debug)]
pub struct Router {
    table: Table,
    onward: Onward,
    routes: Vec<Route>,
}

/// A request whose route is known.
#[derive(Debug)]
pub struct Routed<'s> {
    arrived: Arrived,
    route: &'s Route,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteFault {
    #[error("no route matches")]
    NoRoute,
    #[error("the path has {0}, which this route does not allow")]
    Spelling(PathFault),
    #[error("read in another way, the path leads to another route")]
    Ambiguous,
    #[error("without its prefix the path would mean something else: {0}")]
    Prefix(PathFault),
    #[error("without its prefix the path is one that a stricter route protects")]
    Protected,
    #[error("the path does not stand below the prefix that this route cuts off")]
    NoPrefix,
}

impl Router {
    /// `routes` in the order of `specs`, which tell how each is found.
    pub fn new(specs: &[Arc<RouteSpec>], routes: Vec<Route>) -> Self {
        let shapes = specs
            .iter()
            .map(|spec| (&spec.host, &spec.path, spec.headers.as_slice()));
        Self {
            table: Table::build(shapes),
            onward: Onward::new(specs),
            routes,
        }
    }

    pub fn get(&self, index: usize) -> Option<&Route> {
        self.routes.get(index)
    }

    pub fn route(&self, mut arrived: Arrived) -> Result<Routed<'_>, RouteFault> {
        let route = self.find(arrived.asked())?;
        if let Some(prefix) = &route.forward.strip_prefix {
            let stripped = arrived
                .asked()
                .path
                .without_prefix(prefix)
                .ok_or(RouteFault::NoPrefix)?;
            let onward = stripped.map_err(RouteFault::Prefix)?;
            let allowed = PathAllow {
                double_slash: false,
                ..route.path_allow
            };
            onward.permit(allowed).map_err(RouteFault::Prefix)?;
            let asked = arrived.asked();
            if self
                .onward
                .is_protected(route.index, asked.host.name(), &onward, &asked.headers)
            {
                return Err(RouteFault::Protected);
            }
            arrived.send_on(onward);
        }
        Ok(Routed { arrived, route })
    }

    fn find(&self, asked: &Asked) -> Result<&Route, RouteFault> {
        let host = asked.host.name();
        let found = self.table.find(host, asked.path.path(), &asked.headers);
        let route = found.and_then(|found| self.routes.get(found.route));
        // A spelling nobody allows is told before "nothing is here": the reading is what is wrong with it.
        let allowed = route.map_or(PathAllow::default(), |route| route.path_allow);
        asked.path.permit(allowed).map_err(RouteFault::Spelling)?;
        let route = route.ok_or(RouteFault::NoRoute)?;
        if !self.table.agrees(host, &asked.path, &asked.headers, route.index) {
            return Err(RouteFault::Ambiguous);
        }
        Ok(route)
    }
}

impl<'s> Routed<'s> {
    pub fn asked(&self) -> &Asked {
        self.arrived.asked()
    }

    pub fn route(&self) -> &'s Route {
        self.route
    }

    pub fn into_parts(self) -> (Arrived, &'s Route) {
        (self.arrived, self.route)
    }
}
