//! The built-in upstream: answers with what it received, as JSON. For trying a configuration out before there is a
//! service to put behind it.

use std::collections::BTreeMap;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, header};
use http_body::Body;
use serde::Serialize;

use crate::authz::Permitted;
use crate::forward;
use crate::pipeline::endpoint::{Answering, Endpoint, Means};
use crate::request::body::{BodyFault, BodyLimits, Outgoing};

/// How much of a body is repeated; the rest is only counted.
const SHOWN: usize = 4096;

/// See the module.
pub struct Echo;

impl Endpoint for Echo {
    fn answer<'a>(&'a self, permitted: Permitted<'a>, means: Means<'a>) -> Answering<'a> {
        Box::pin(answer(permitted, means))
    }
}

#[derive(Serialize)]
struct Received<'r> {
    method: &'r str,
    path: &'r str,
    query: Option<&'r str>,
    /// As an upstream would have received them.
    headers: BTreeMap<&'r str, Vec<String>>,
    /// Absent for a client that has no address.
    client_ip: Option<String>,
    route: &'r str,
    rule: &'r str,
    body: EchoedBody,
}

#[derive(Serialize)]
struct EchoedBody {
    bytes: u64,
    /// The beginning of it, when it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

async fn answer(permitted: Permitted<'_>, means: Means<'_>) -> Result<Response<Bytes>, BodyFault> {
    let rule = permitted.rule();
    let (route, mut asked, payload, identity) = permitted.into_request();
    let mut headers = std::mem::take(&mut asked.headers);
    forward::prepare(&mut headers, &asked, &identity, route);
    if let Some(host) = asked.host.raw() {
        headers.insert(header::HOST, host.clone());
    }
    let limits = BodyLimits {
        max: route.body_max,
        idle: means.body_idle,
    };
    let (body, _progress) = Outgoing::new(payload, limits, means.task);
    let body = read(body).await?;
    let mut shown = BTreeMap::<&str, Vec<String>>::new();
    for (name, value) in &headers {
        shown
            .entry(name.as_str())
            .or_default()
            .push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let onward = asked.onward.as_ref().unwrap_or(&asked.path);
    let received = Received {
        method: asked.method.as_str(),
        path: onward.path(),
        query: onward.query(),
        headers: shown,
        client_ip: asked.client.peer.ip().map(|address| address.to_string()),
        route: &route.id,
        rule: rule.as_str(),
        body,
    };
    let mut text = serde_json::to_vec_pretty(&received).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(Bytes::from(text));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn read(mut body: Outgoing) -> Result<EchoedBody, BodyFault> {
    let mut bytes = 0;
    let mut start = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame?.into_data() else { continue };
        bytes += data.len() as u64;
        let room = SHOWN.saturating_sub(start.len());
        start.extend(data.iter().take(room));
    }
    let text = (bytes > 0).then(|| String::from_utf8(start.to_vec()).ok()).flatten();
    Ok(EchoedBody { bytes, text })
}
