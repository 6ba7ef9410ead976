//! One request, walked through the stages without a network: the same configuration, the same snapshot, the same
//! `serve`, with an observer that writes down and an exit that sends nothing.

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};

use super::carry::Carry;
use super::compile::compile;
use super::ground::{Calls, Ground, World};
use crate::authn::{Identity, IdentityFault, Known};
use crate::authz::{Permitted, Rule};
use crate::base::clock::Clock;
use crate::base::peer::Peer;
use crate::base::random::Random;
use crate::base::task::TaskHandle;
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::spec::{Access, OwnAnswer};
use crate::config::{Config, Environment, Process};
use crate::forward;
use crate::pipeline::{self, Answer, Observer, Rejection, Snapshot, WayOut};
use crate::problem::Code;
use crate::request::body::Payload;
use crate::request::headers::Survey;
use crate::request::{Arrival, ArrivalRules, Connection, Names};
use crate::route::{Route, RouteAnswer};
use crate::telemetry::events::Lookups;
use crate::telemetry::{Sink, Telemetry};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    pub method: Method,
    /// With a host, which becomes `Host` where `headers` have none.
    pub url: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where it comes from.
    pub from: IpAddr,
}

/// How far a request got, and why no further.
#[derive(Debug, Default)]
pub struct Explanation {
    /// The client, as the first listener sees it.
    pub client: Option<IpAddr>,
    pub route: Option<ExplainedRoute>,
    pub identity: Option<ExplainedIdentity>,
    pub rule: Option<&'static str>,
    pub outcome: Option<Outcome>,
}

#[derive(Debug)]
pub struct ExplainedRoute {
    pub id: Arc<str>,
    /// Of the file; 0 for a route that the gateway adds.
    pub line: u32,
    /// Name and kind of every authenticator it lists.
    pub auth: Vec<(Arc<str>, &'static str)>,
    /// Whether who presents nothing may come in.
    pub is_open: bool,
}

#[derive(Debug)]
pub enum ExplainedIdentity {
    Anonymous,
    Known { who: Arc<Known>, also: Vec<Arc<Known>> },
}

/// How it would end.
#[derive(Debug)]
pub enum Outcome {
    /// It would be sent on.
    Allowed {
        to: String,
        /// The target that the upstream would see.
        target: String,
        /// What would be added for it.
        told: Vec<(HeaderName, HeaderValue)>,
    },
    Refused {
        code: Code,
        reason: String,
        /// Who refused the credential, if one was presented.
        authenticator: Option<Arc<str>>,
        challenges: Vec<HeaderValue>,
    },
}

/// How often, and for how long, it is looked whether keys that were kept on disk have been read.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: usize = 50;

/// Walk `question` through `config`, on this machine and no further.
pub fn explain(config: &Config, question: &Question) -> io::Result<Explanation> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let (clock, tasks) = (Clock::system(), Tasks::default());
    let timers = Timers::new(clock.clone());
    {
        let _entered = runtime.enter();
        tasks.spawn("timers", timers.clone().run());
    }
    let world = World {
        random: Random::system,
        cores: Process.cores(),
        calls: Calls::Nobody,
        runtime: &runtime,
        timers: timers.clone(),
        tasks: tasks.clone(),
        telemetry: Telemetry::start(clock.clone(), Sink::new(io::sink()))?,
        clock,
    };
    let ground = Ground::lay(config, world)?;
    let (snapshot, _carry) = compile(config, 1, &Carry::default(), &ground);
    Ok(runtime.block_on(async {
        let mut explanation = ask(&snapshot, config, question, &ground, &timers).await;
        for _ in 0..LOOKS {
            if !explanation.waits_for_keys() {
                break;
            }
            timers.sleep(LOOK).await;
            explanation = ask(&snapshot, config, question, &ground, &timers).await;
        }
        tasks.stop().await;
        explanation
    }))
}

async fn ask(
    snapshot: &Snapshot,
    config: &Config,
    question: &Question,
    ground: &Ground,
    timers: &Timers,
) -> Explanation {
    let mut notes = Notes {
        config,
        explanation: Explanation::default(),
    };
    let way_out = Nowhere::default();
    let outcome = walk(snapshot, &way_out, question.clone(), ground, timers, &mut notes).await;
    let mut explanation = notes.explanation;
    explanation.outcome = match outcome {
        Ok(()) => way_out.outcome.take(),
        Err(rejection) => Some(refused(&rejection)),
    };
    explanation
}

impl Explanation {
    /// Whether it needs keys that are not there. Nobody fetches any here.
    pub fn waits_for_keys(&self) -> bool {
        matches!(
            self.outcome,
            Some(Outcome::Refused {
                code: Code::IssuerUnavailable,
                ..
            })
        )
    }
}

async fn walk(
    snapshot: &Snapshot,
    way_out: &Nowhere,
    question: Question,
    ground: &Ground,
    timers: &Timers,
    notes: &mut Notes<'_>,
) -> Result<(), Rejection> {
    let mut request = Request::builder().method(question.method).uri(question.url).body(());
    if let Ok(request) = &mut request {
        *request.headers_mut() = question.headers;
    }
    // Method and target are parsed already: there is nothing left to fail.
    let (parts, ()) = request.unwrap_or_default().into_parts();
    let mut random = (ground.random)();
    let survey = Survey::of(&parts.headers);
    let names = Names::read(&parts.headers, &survey, ground.supplies.clock.wall(), &mut random);
    let payload = Payload::of(question.body, &ground.held).map_err(Rejection::Body)?;
    let connection = Connection::new(Peer::Ip(question.from), None);
    let task = TaskHandle::new(timers);
    let Some(listener) = snapshot.listeners.first() else {
        return Ok(());
    };
    let rules = ArrivalRules {
        trusted: &listener.trusted,
        headers: &listener.headers,
        max_target: snapshot.sizes.target,
        max_fields: snapshot.sizes.headers,
    };
    match Arrival::read((parts, payload), &connection, &rules, &survey, names, task.now())? {
        Arrival::AboutServer => Ok(()),
        Arrival::Request(arrived) => {
            notes.explanation.client = arrived.asked().client.peer.ip();
            let answered = pipeline::serve(snapshot, way_out, &task, arrived, notes).await;
            answered.map(|_| ())
        }
    }
}

fn refused(rejection: &Rejection) -> Outcome {
    let authenticator = match rejection {
        Rejection::Identity(IdentityFault::Refused(refused)) => refused.authenticator.clone(),
        _ => None,
    };
    Outcome::Refused {
        code: rejection.code(),
        reason: rejection.to_string(),
        authenticator,
        challenges: rejection.challenges().to_vec(),
    }
}

/// Writes down how far the request gets.
struct Notes<'c> {
    config: &'c Config,
    explanation: Explanation,
}

impl Observer for Notes<'_> {
    fn routed(&mut self, route: &Route) {
        let line = self.config.routes.get(route.index).map_or(0, |spec| spec.line);
        let (indices, is_open): (Vec<usize>, bool) = match &route.access {
            Access::Public => (Vec::new(), true),
            Access::Listed(list) => (list.items.iter().flatten().copied().collect(), list.or_public),
        };
        let auth = indices.into_iter().filter_map(|index| self.config.auth.get(index));
        self.explanation.route = Some(ExplainedRoute {
            id: Arc::clone(&route.id),
            line,
            auth: auth.map(|spec| (Arc::clone(&spec.name), spec.kind)).collect(),
            is_open,
        });
    }

    // The cache of this one request was empty before it.
    fn looked_up(&mut self, _: Lookups) {}

    fn identified(&mut self, identity: &Identity) {
        self.explanation.identity = Some(match identity {
            Identity::Anonymous => ExplainedIdentity::Anonymous,
            Identity::Known { who, also, .. } => ExplainedIdentity::Known {
                who: Arc::clone(who),
                also: also.clone(),
            },
        });
    }

    fn permitted(&mut self, rule: Rule) {
        self.explanation.rule = Some(rule.as_str());
    }
}

/// Takes permits and sends nothing.
#[derive(Default)]
struct Nowhere {
    outcome: RefCell<Option<Outcome>>,
}

impl WayOut for Nowhere {
    async fn send(
        &self,
        permitted: Permitted<'_>,
        _: &Snapshot,
        _: &TaskHandle,
    ) -> Result<Response<Answer>, Rejection> {
        let (route, asked, _payload, identity) = permitted.into_request();
        let mut head = HeaderMap::new();
        forward::prepare(&mut head, &asked, &identity, route);
        let own = |name: &HeaderName| route.forward.identity.iter().any(|known| known == name);
        let told = head.into_iter().filter_map(|(name, value)| Some((name?, value)));
        let outcome = Outcome::Allowed {
            to: match &route.answer {
                RouteAnswer::Upstream(upstream) => format!("the upstream `{}`", upstream.name),
                RouteAnswer::Echo(name) => format!("the built-in upstream `{name}`"),
                RouteAnswer::Own(OwnAnswer::Keys) => "the gateway itself, which tells its public keys".to_owned(),
                RouteAnswer::Redirect(to) => format!("a redirect to {}", String::from_utf8_lossy(to.to.as_bytes())),
            },
            target: asked
                .onward
                .as_ref()
                .unwrap_or(&asked.path)
                .path_and_query()
                .to_string(),
            told: told.filter(|(name, _)| own(name)).collect(),
        };
        self.outcome.replace(Some(outcome));
        Ok(Response::new(Answer::whole(Bytes::new())))
    }
}
