//! One request, walked through the stages without a network: the same configuration, the same snapshot, the same
//! `serve`, with an observer that writes down and an exit that sends nothing.

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Response};

use super::rehearsal::{Question, Rehearsal};
use crate::authn::{Identity, IdentityFault, Known};
use crate::authz::{Permitted, Rule};
use crate::base::task::TaskHandle;
use crate::config::Config;
use crate::config::spec::{Access, OwnAnswer};
use crate::forward;
use crate::pipeline::{self, Answer, Observer, Rejection, Snapshot, WayOut};
use crate::problem::Code;
use crate::route::{Route, RouteAnswer};
use crate::telemetry::events::Lookups;

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
    let rehearsal = Rehearsal::of(config)?;
    let explanation = rehearsal.block_on(async {
        let mut explanation = ask(&rehearsal, config, question).await;
        for _ in 0..LOOKS {
            if !explanation.waits_for_keys() {
                break;
            }
            rehearsal.timers.sleep(LOOK).await;
            explanation = ask(&rehearsal, config, question).await;
        }
        explanation
    });
    rehearsal.end();
    Ok(explanation)
}

async fn ask(rehearsal: &Rehearsal, config: &Config, question: &Question) -> Explanation {
    let mut notes = Notes {
        config,
        explanation: Explanation::default(),
    };
    let way_out = Nowhere::default();
    let outcome = walk(rehearsal, &way_out, question.clone(), &mut notes).await;
    let mut explanation = notes.explanation;
    explanation.outcome = match outcome {
        Ok(()) => way_out.outcome.take(),
        Err(rejection) => Some(refused(&rejection)),
    };
    explanation
}

impl Explanation {
    /// Whether the running gateway may know more: of keys that would have to be fetched, of a store that cannot be read
    /// from here.
    pub fn is_checkable_offline(&self) -> bool {
        !self.waits_for_keys()
            && !matches!(
                self.outcome,
                Some(Outcome::Refused {
                    code: Code::StoreUnavailable,
                    ..
                })
            )
    }

    /// Whether it needs keys that are not there. Nobody fetches any here.
    fn waits_for_keys(&self) -> bool {
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
    rehearsal: &Rehearsal,
    way_out: &Nowhere,
    question: Question,
    notes: &mut Notes<'_>,
) -> Result<(), Rejection> {
    let task = rehearsal.task();
    let Some(arrived) = rehearsal.arrive(question, &task)? else {
        return Ok(());
    };
    notes.explanation.client = arrived.asked().client.peer.ip();
    let answered = pipeline::serve(rehearsal.snapshot(), way_out, &task, arrived, notes).await;
    answered.map(|_| ())
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
