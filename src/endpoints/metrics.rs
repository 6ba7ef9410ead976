//! What a scrape gets: the numbers, in the text format its `Accept` likes best.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};

use crate::base::accept::quality;
use crate::problem::{Code, Problem};
use crate::telemetry::Telemetry;
use crate::telemetry::metrics::{Figures, Format};

pub fn answer(telemetry: &Telemetry, figures: Figures, asked: &HeaderMap) -> Response<Bytes> {
    let format = format(asked);
    let Ok(text) = telemetry.metrics().expose(format, figures) else {
        return Problem::new(Code::Internal).json();
    };
    let mut answer = Response::new(Bytes::from(text));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The older format for whoever does not ask: every reader understands it, and a browser shows it.
fn format(asked: &HeaderMap) -> Format {
    if quality(asked, "application/openmetrics-text") > quality(asked, "text/plain") {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::ACCEPT;

    #[test]
    fn prometheus_gets_openmetrics_and_curl_gets_text() {
        let asking = |accept| HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(format(&asking(prometheus)), Format::OpenMetrics);
        assert_eq!(format(&asking("*/*")), Format::Text);
        assert_eq!(format(&asking("text/plain;version=0.0.4")), Format::Text);
        assert_eq!(format(&HeaderMap::new()), Format::Text);
    }
}
