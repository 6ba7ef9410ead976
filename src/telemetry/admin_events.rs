//! What is done through the admin listener, and who is turned away there. No token and no key is in it.

use std::net::IpAddr;

use super::Telemetry;
use super::escape::Untrusted;
use super::events::Event;
use crate::base::id::RequestId;
use crate::problem::Code;

/// Somebody with the token changed something, or tried to.
#[derive(Clone, Copy, Debug)]
pub struct AdminCalled<'a> {
    pub operation: &'static str,
    /// What it was done to.
    pub target: Option<&'a str>,
    /// Absent where it was done.
    pub refused: Option<Code>,
    /// What the caller was not told.
    pub why: Option<&'a str>,
    pub peer: IpAddr,
    pub request_id: &'a RequestId,
}

impl Event for AdminCalled<'_> {
    fn emit(self, _: &Telemetry) {
        let (operation, peer, request_id) = (self.operation, self.peer, self.request_id.as_str());
        let text = |text: Option<&'_ str>| Untrusted(text.unwrap_or_default().as_bytes()).to_string();
        let (target, why) = (text(self.target), text(self.why));
        match self.refused {
            None => tracing::info!(operation, target, %peer, request_id, "done through the admin listener"),
            Some(code) if code.status().is_server_error() => {
                let code = code.as_str();
                tracing::error!(operation, code, why, %peer, request_id, "failed through the admin listener");
            }
            Some(code) => {
                let code = code.as_str();
                tracing::info!(operation, code, %peer, request_id, "refused through the admin listener");
            }
        }
    }
}

/// Somebody came with a token that is not the admin token.
#[derive(Clone, Copy, Debug)]
pub struct AdminRefused {
    pub peer: IpAddr,
}

impl Event for AdminRefused {
    fn emit(self, telemetry: &Telemetry) {
        let Some(unsaid) = telemetry.sampled_admin() else {
            return;
        };
        let peer = self.peer;
        tracing::warn!(%peer, unsaid, "a wrong token was presented to the admin listener");
    }
}
