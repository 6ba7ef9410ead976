//! What the calls that the gateway makes itself may do.

use std::sync::Arc;

use super::{Checking, optional};
use crate::config::faults::Code;
use crate::config::pattern::HostPattern;
use crate::config::raw::RawOutbound;
use crate::config::settings::Field;
use crate::config::spec::OutboundSpec;
use crate::config::values::{Host, List};

pub(super) fn outbound(raw: &RawOutbound, cx: &mut Checking<'_>) -> Option<OutboundSpec> {
    let ca = optional(&raw.ca, |certificates| Some(certificates.0.clone()));
    let plaintext = hosts(&raw.allow_plaintext_hosts, cx);
    let private = hosts(&raw.allow_private_hosts, cx);
    Some(OutboundSpec {
        ca: ca?.unwrap_or_default(),
        timeout: raw.timeout.value()?.0,
        allow_plaintext_hosts: plaintext?,
        allow_private_hosts: private?,
        keep: Arc::clone(&raw.keep.value()?.0),
    })
}

/// A suffix would let in names that nobody has thought of.
fn hosts(field: &Field<List<Host>>, cx: &mut Checking<'_>) -> Option<Vec<Arc<str>>> {
    let list = field.value()?;
    let mut named = Vec::with_capacity(list.items.len());
    let mut whole = list.whole;
    for host in &list.items {
        match &host.value.pattern {
            HostPattern::Exact(name) => named.push(Arc::from(&**name)),
            _ => {
                let message = format!("`{}` is more than one host; write each host out", host.value.text);
                cx.findings.fault(host.at, Code::ValueHost, message);
                whole = false;
            }
        }
    }
    whole.then_some(named)
}
