//! One fetch: from the issuer to where its keys are, and from there to a set that can be used.

use std::time::Duration;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use url::Url;

use super::{Parsed, Reading, RemoteKeys};
use crate::outbound::{Answer, Call, CallError, Location, LocationFault, Outbound};

/// How long a set is taken for fresh. An issuer may ask for less, down to [`SOONEST`], and not for more: a removed key
/// would live on by the word of whoever once got hold of an answer.
const REGULAR: Duration = Duration::from_secs(5 * 60);
const SOONEST: Duration = Duration::from_secs(60);

pub(super) struct Fetcher<T> {
    outbound: Outbound,
    keys: RemoteKeys,
    reading: Reading<T>,
}

/// A set that can be used.
pub(super) struct Fetched<T> {
    pub(super) set: Parsed<T>,
    pub(super) text: Bytes,
    pub(super) fresh_for: Duration,
}

/// Why a fetch brought no set.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("neither an issuer nor a URL of keys is named")]
    NoSource,
    #[error("{what} is not called: {fault}")]
    Location { what: &'static str, fault: LocationFault },
    #[error("{place}: {source}")]
    Call { place: Box<Location>, source: CallError },
    #[error("{place} answered {status}")]
    Status { place: Box<Location>, status: StatusCode },
    #[error("the metadata cannot be read: {0}")]
    Metadata(#[from] serde_json::Error),
    #[error("the metadata is that of the issuer `{0}`")]
    OtherIssuer(String),
    #[error("the key set cannot be read: {0}")]
    Unreadable(String),
    #[error("the key set holds no key that can be used")]
    Empty,
}

/// What is needed of an issuer's metadata (RFC 8414 section 2, OpenID Connect Discovery section 3).
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl<T> Fetcher<T> {
    pub(super) fn new(outbound: Outbound, keys: RemoteKeys, reading: Reading<T>) -> Self {
        Self {
            outbound,
            keys,
            reading,
        }
    }

    pub(super) async fn fetch(&self) -> Result<Fetched<T>, FetchError> {
        let place = match &self.keys {
            RemoteKeys {
                jwks_url: Some(url), ..
            } => self.written("the URL of the keys", url)?,
            RemoteKeys {
                issuer: Some(issuer), ..
            } => self.discover(issuer).await?,
            _ => return Err(FetchError::NoSource),
        };
        let answer = self.ask(place).await?;
        let set = (self.reading.parse)(&answer.body, &self.keys.algorithms).map_err(FetchError::Unreadable)?;
        if (self.reading.is_empty)(&set.set) {
            return Err(FetchError::Empty);
        }
        Ok(Fetched {
            set,
            text: answer.body,
            fresh_for: fresh_for(&answer.headers),
        })
    }

    /// Where the issuer says its keys are. Asked for each time, so that a move of them is noticed.
    async fn discover(&self, issuer: &str) -> Result<Location, FetchError> {
        let source = self.written("the issuer", issuer)?;
        let [openid, oauth] = metadata_urls(issuer).ok_or(FetchError::Location {
            what: "the issuer",
            fault: LocationFault::Malformed,
        })?;
        let answer = match self.ask(self.written("the issuer", &openid)?).await {
            // It is there and has no such page. An outage is not taken for that.
            Err(FetchError::Status { status, .. }) if status.is_client_error() => {
                self.ask(self.written("the issuer", &oauth)?).await?
            }
            answer => answer?,
        };
        let metadata = read_metadata(&answer.body, issuer)?;
        let what = "the `jwks_uri` of the metadata";
        self.outbound
            .learnt(&metadata.jwks_uri, &source)
            .map_err(|fault| FetchError::Location { what, fault })
    }

    fn written(&self, what: &'static str, url: &str) -> Result<Location, FetchError> {
        self.outbound
            .written(url)
            .map_err(|fault| FetchError::Location { what, fault })
    }

    async fn ask(&self, place: Location) -> Result<Answer, FetchError> {
        let call = Call::get(place.clone());
        match self.outbound.call_here(call).await {
            Ok(answer) if answer.status == StatusCode::OK => Ok(answer),
            Ok(Answer { status, .. }) => Err(FetchError::Status {
                place: Box::new(place),
                status,
            }),
            Err(source) => Err(FetchError::Call {
                place: Box::new(place),
                source,
            }),
        }
    }
}

/// The two places where metadata is: that of OpenID Connect Discovery behind the issuer's path, that of RFC 8414 before it.
fn metadata_urls(issuer: &str) -> Option<[String; 2]> {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let url = Url::parse(issuer).ok()?;
    if url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let openid = format!("{issuer}/.well-known/openid-configuration");
    let path = url.path().trim_end_matches('/');
    let oauth = url
        .join(&format!("/.well-known/oauth-authorization-server{path}"))
        .ok()?;
    Some([openid, oauth.into()])
}

/// Metadata that names another issuer would let that one's keys speak for this one (RFC 8414 section 3.3).
fn read_metadata(body: &[u8], issuer: &str) -> Result<Metadata, FetchError> {
    let metadata: Metadata = serde_json::from_slice(body)?;
    if metadata.issuer != issuer {
        return Err(FetchError::OtherIssuer(metadata.issuer));
    }
    Ok(metadata)
}

/// What `Cache-Control: max-age` says, within the bounds. Its other words are about caches and not about keys.
fn fresh_for(headers: &HeaderMap) -> Duration {
    let directives = headers.get_all(CACHE_CONTROL).into_iter();
    let ages = directives
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.trim().strip_prefix("max-age="))
        .filter_map(|seconds| seconds.trim_matches('"').parse().ok());
    let shortest = ages.min().map_or(REGULAR, Duration::from_secs);
    shortest.clamp(SOONEST, REGULAR)
}

pub(super) fn fuzz(data: &[u8]) {
    let issuer = "https://login.example.com/realms/main";
    if let Ok(metadata) = read_metadata(data, issuer) {
        assert_eq!(metadata.issuer, issuer);
    }
    let text = String::from_utf8_lossy(data);
    if let Some([openid, oauth]) = metadata_urls(&text) {
        assert!(openid.ends_with("/.well-known/openid-configuration"));
        assert!(Url::parse(&oauth).is_ok());
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn metadata_is_looked_for_behind_the_path_and_before_it() {
        for (issuer, openid, oauth) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example:8443/realms/x/",
                "https://a.example:8443/realms/x/.well-known/openid-configuration",
                "https://a.example:8443/.well-known/oauth-authorization-server/realms/x",
            ),
        ] {
            assert_eq!(
                metadata_urls(issuer),
                Some([openid.to_owned(), oauth.to_owned()]),
                "{issuer}"
            );
        }
        for issuer in ["", "main", "https://a.example?x=1", "https://a.example#x"] {
            assert_eq!(metadata_urls(issuer), None, "{issuer}");
        }
    }

    #[test]
    #[doc = "KEY-04"]
    fn an_issuer_may_ask_for_a_sooner_fetch_and_never_for_a_later_one() {
        let seconds = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_str(value).unwrap());
            fresh_for(&headers).as_secs()
        };
        assert_eq!(fresh_for(&HeaderMap::new()), REGULAR);
        assert_eq!(seconds("public, max-age=120, must-revalidate"), 120);
        assert_eq!(seconds("max-age=0"), 60);
        assert_eq!(seconds("max-age=86400"), 300);
        assert_eq!(seconds("max-age=99999999999999999999"), 300);
        assert_eq!(seconds("no-store"), 300);
        assert_eq!(seconds("max-age=200, max-age=100"), 100);
    }

    #[test]
    #[doc = "KEY-02"]
    fn metadata_of_another_issuer_or_with_a_name_twice_is_refused() {
        let issuer = "https://a.example/";
        let read = |text: &str| read_metadata(text.as_bytes(), issuer).map(|metadata| metadata.jwks_uri);
        assert_eq!(
            read(r#"{"issuer":"https://a.example/","jwks_uri":"https://k.example","x":[]}"#).unwrap(),
            "https://k.example"
        );
        for text in [
            r#"{"issuer":"https://a.example","jwks_uri":"https://k.example"}"#,
            r#"{"issuer":"https://b.example/","jwks_uri":"https://k.example"}"#,
            r#"{"issuer":"https://b.example/","issuer":"https://a.example/","jwks_uri":"https://k.example"}"#,
            r#"{"issuer":"https://a.example/"}"#,
            r#"{"issuer":["https://a.example/"],"jwks_uri":"https://k.example"}"#,
            "<html>",
            "",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
