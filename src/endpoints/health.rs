//! The probes: one word and a status, and nothing about version or configuration.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use crate::telemetry::health::{Health, Readiness};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Restart me if not.
    Live,
    /// Send me traffic if so.
    Ready,
    /// Leave me alone until so.
    Startup,
}

/// With `is_whole` unset, something outside of the gateway is missing that some requests need: no other instance could
/// answer those either, so traffic goes on to come here.
pub fn answer(probe: Probe, health: &Health, is_whole: bool) -> Response<Bytes> {
    let (good, word) = match (probe, health.readiness()) {
        (Probe::Live, _) if health.is_live() => (true, "ok\n"),
        (Probe::Live, _) => (false, "stuck\n"),
        (Probe::Startup, _) if health.is_started() => (true, "ok\n"),
        (Probe::Startup, _) => (false, "starting\n"),
        (Probe::Ready, Readiness::Ready) if is_whole => (true, "ok\n"),
        (Probe::Ready, Readiness::Ready) => (true, "degraded\n"),
        (Probe::Ready, Readiness::Starting) => (false, "starting\n"),
        (Probe::Ready, Readiness::Stuck) => (false, "stuck\n"),
        (Probe::Ready, Readiness::Draining) => (false, "draining\n"),
    };
    let mut answer = Response::new(Bytes::from_static(word.as_bytes()));
    *answer.status_mut() = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{Clock, Timestamp};
    use std::time::Duration;

    #[test]
    #[doc = "AD-02"]
    fn what_is_missing_outside_changes_one_word_and_no_status() {
        let health = Health::new(Clock::manual(Timestamp::from_millis(0)), 1);
        let said = |probe| {
            let answer = super::answer(probe, &health, false);
            (answer.status().as_u16(), answer.into_body())
        };
        assert_eq!(said(Probe::Ready), (503, "starting\n".into()));
        health.set_started();
        assert_eq!(said(Probe::Ready), (200, "degraded\n".into()));
        assert_eq!(said(Probe::Live), (200, "ok\n".into()));
        assert_eq!(said(Probe::Startup), (200, "ok\n".into()));
        health.set_draining();
        assert_eq!(said(Probe::Ready), (503, "draining\n".into()));
    }

    fn told(health: &Health) -> [(u16, String); 3] {
        [Probe::Live, Probe::Ready, Probe::Startup].map(|probe| {
            let answer = super::answer(probe, health, true);
            (
                answer.status().as_u16(),
                String::from_utf8(answer.body().to_vec()).unwrap(),
            )
        })
    }

    #[test]
    #[doc = "AD-02"]
    fn each_state_of_life_has_its_answer_of_one_word() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let health = Health::new(clock.clone(), 1);
        let (ok, starting) = ((200, "ok\n".into()), (503, "starting\n".into()));
        assert_eq!(told(&health), [ok.clone(), starting.clone(), starting]);
        let heartbeat = health.heartbeat(0);
        health.set_started();
        assert_eq!(told(&health), [ok.clone(), ok.clone(), ok.clone()]);
        clock.advance(Duration::from_secs(3));
        let stuck = (503, "stuck\n".to_owned());
        assert_eq!(told(&health), [stuck.clone(), stuck, ok.clone()]);
        heartbeat.beat();
        health.set_draining();
        assert_eq!(told(&health), [ok.clone(), (503, "draining\n".into()), ok]);
    }
}
