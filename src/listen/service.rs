//! From a request as it was read off its connection to the pipeline and back: names the request, catches panics, turns
//! refusals into answers, and keeps the record of what happened.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use http::header::{ALLOW, CONNECTION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use super::carrier::Carrier;
use super::link::Stage;
use super::listener::Listener;
use super::record::{Record, Recorded};
use super::tunnel::Switch;
use super::worker::{Lease, Worker};
use crate::base::task::TaskHandle;
use crate::config::spec::ClientTimeouts;
use crate::pipeline::{self, Answer, Rejection};
use crate::problem::{Form, Problem};
use crate::request::body::Payload;
use crate::request::headers::Survey;
use crate::request::{Arrival, ArrivalRules, Connection, KNOWN_METHODS, Names, X_REQUEST_ID};

/// The door to the pipeline: of one connection in HTTP/1, of one stream in HTTP/2.
pub(super) struct Door {
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    carrier: Carrier,
    task: TaskHandle,
    connection: Rc<Connection>,
}

impl Door {
    pub(super) fn new(
        worker: &Rc<Worker>,
        listener: &Rc<Listener>,
        carrier: Carrier,
        task: &TaskHandle,
        connection: &Rc<Connection>,
    ) -> Rc<Self> {
        Rc::new(Self {
            worker: Rc::clone(worker),
            listener: Rc::clone(listener),
            carrier,
            task: task.clone(),
            connection: Rc::clone(connection),
        })
    }

    /// Answer one request, whatever happens on the way.
    pub(super) async fn answer(
        self: Rc<Self>,
        head: Parts,
        payload: Payload,
    ) -> Result<Response<Recorded>, Infallible> {
        let lease = self.worker.lease();
        self.carrier.use_timeouts(lease.timeouts);
        let survey = Survey::of(&head.headers);
        let names = Names::read(
            &head.headers,
            &survey,
            self.worker.clock.wall(),
            &mut self.worker.random.borrow_mut(),
        );
        let received = self.carrier.request_began();
        let mut record = Record::begin(&self.worker, &self.carrier, &lease, &head.method, &names, received);
        record.client = Some(self.connection.peer());
        let form = if survey.is_grpc {
            Form::Grpc
        } else if survey.may_like_pages {
            Form::liked_by(&head.headers)
        } else {
            Form::Json
        };
        let (mut must_close, mut status) = (false, None);

        let outcome = caught(pin!(self.pass(&lease, (head, payload), &survey, names, &mut record))).await;
        let mut response = match outcome {
            Ok(response) => response,
            Err(rejection) => {
                must_close |= rejection.closes();
                record.refused(&rejection);
                // What a call of gRPC was refused with shows in figures and log, where everything else is 200.
                status = Some(rejection.code().status());
                let problem = Problem::new(rejection.code()).with_detail(rejection.detail());
                let mut answer = problem.for_request(record.id.clone()).in_form(form);
                for challenge in rejection.challenges() {
                    answer.headers_mut().append(WWW_AUTHENTICATE, challenge.clone());
                }
                answer.map(Answer::whole)
            }
        };
        response
            .headers_mut()
            .insert(X_REQUEST_ID, record.id.as_header().clone());
        if let Answer::Switched(_) = response.body() {
            record.answered(response.status());
            let timeouts = lease.timeouts;
            return Ok(response.map(|answer| self.switch(answer, record, timeouts)));
        }
        // Asked now, not when the request began: a client that is told so goes elsewhere with its next one.
        if self.carrier.says_close() && (must_close || self.listener.stage() != Stage::Serving) {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        record.answered(status.unwrap_or(response.status()));
        Ok(response.map(|answer| Recorded::new(answer, record)))
    }

    /// What the connection becomes once the head of this answer is out.
    fn switch(&self, answer: Answer, record: Box<Record>, timeouts: ClientTimeouts) -> Recorded {
        let Answer::Switched(switched) = answer else {
            return Recorded::new(answer, record);
        };
        self.carrier.switch_to(Switch {
            upstream: switched.upstream,
            standing: switched.standing,
            record,
            timeouts,
        });
        Recorded::elsewhere()
    }

    async fn pass(
        &self,
        lease: &Lease,
        request: (Parts, Payload),
        survey: &Survey,
        names: Names,
        record: &mut Record,
    ) -> Result<Response<Answer>, Rejection> {
        let arrival = {
            // Given back before anything is awaited: a reload replaces the rules.
            let rules = self.listener.rules_in(lease);
            let arrival_rules = ArrivalRules {
                trusted: &rules.trusted,
                headers: &rules.headers,
                max_target: lease.sizes.target,
                max_fields: lease.sizes.headers,
            };
            Arrival::read(
                request,
                &self.connection,
                &arrival_rules,
                survey,
                names,
                record.received,
            )?
        };
        let arrived = match arrival {
            Arrival::AboutServer => return Ok(about_server()),
            Arrival::Request(arrived) => arrived,
        };
        record.client = Some(arrived.asked().client.peer);
        record.host = arrived.asked().host.raw().cloned();
        pipeline::serve(lease, &self.worker.exit, &self.task, arrived, record).await
    }
}

/// CF-07: a panic costs one answer. The future stays where it is; it is too large to be moved into a wrapper.
async fn caught<T>(mut passing: Pin<&mut impl Future<Output = Result<T, Rejection>>>) -> Result<T, Rejection> {
    std::future::poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| passing.as_mut().poll(cx)));
        // The hook has counted and told it.
        polled.unwrap_or(Poll::Ready(Err(Rejection::Panicked)))
    })
    .await
}

/// `OPTIONS *`: which methods this gateway knows, and nothing about what stands behind it (PATH-02).
fn about_server() -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(KNOWN_METHODS));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;

    fn once<T>(passing: impl Future<Output = Result<T, Rejection>>) -> Result<T, Rejection> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { caught(pin!(passing)).await })
    }

    #[test]
    #[doc = "CF-07, P-1"]
    fn a_panic_becomes_a_500_that_closes_and_its_task_goes_on() {
        let outcome = once::<()>(async {
            tokio::task::yield_now().await;
            panic!("in the middle of a stage");
        });
        let rejection = outcome.unwrap_err();
        assert_eq!((rejection.code(), rejection.closes()), (Code::Internal, true));
        assert_eq!(rejection.code().status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(once(async { Ok(1) }).unwrap(), 1);
    }
}
