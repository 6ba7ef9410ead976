//! The ways out of a permit: the forwarder, an endpoint of our own, and whatever else takes nothing but permits.

use http::Response;

use super::endpoint::{Endpoints, Means};
use super::{Rejection, Snapshot};
use crate::authz::Permitted;
use crate::base::task::TaskHandle;
use crate::config::spec::OwnAnswer;
use crate::forward::{self, Answer, Forwarder};
use crate::route::RouteAnswer;

/// Answers permitted requests. One per worker.
pub struct Exit {
    forwarder: Forwarder,
    endpoints: Endpoints,
}

impl Exit {
    pub fn new(forwarder: Forwarder, endpoints: Endpoints) -> Self {
        Self { forwarder, endpoints }
    }
}

/// What answers permitted requests.
pub trait WayOut {
    fn send(
        &self,
        permitted: Permitted<'_>,
        parts: &Snapshot,
        task: &TaskHandle,
    ) -> impl Future<Output = Result<Response<Answer>, Rejection>>;
}

impl WayOut for Exit {
    async fn send(
        &self,
        permitted: Permitted<'_>,
        parts: &Snapshot,
        task: &TaskHandle,
    ) -> Result<Response<Answer>, Rejection> {
        let route = permitted.route();
        let body_idle = parts.timeouts.body_idle;
        let mut response = match &route.answer {
            RouteAnswer::Upstream(upstream) => self.forwarder.send(permitted, upstream, &parts.timeouts, task).await?,
            RouteAnswer::Echo(_) => {
                let means = Means { body_idle, task };
                self.endpoints.echo.answer(permitted, means).await?.map(Answer::whole)
            }
            RouteAnswer::Own(OwnAnswer::Keys) => {
                let means = Means { body_idle, task };
                self.endpoints.keys.answer(permitted, means).await?.map(Answer::whole)
            }
            RouteAnswer::Redirect(_) => {
                let means = Means { body_idle, task };
                self.endpoints
                    .redirect
                    .answer(permitted, means)
                    .await?
                    .map(Answer::whole)
            }
        };
        forward::edit(response.headers_mut(), &route.response);
        Ok(response)
    }
}
