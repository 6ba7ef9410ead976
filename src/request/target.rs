//! Which form a request target has, and whether this gateway answers it. hyper hands over whatever fits into a [`Uri`];
//! only what names a path (or asks about the server as a whole) goes on.

use http::uri::Scheme;
use http::{Method, Uri};

use super::host::Host;
use super::path::{NormalPath, PathFault};

#[derive(Clone, Debug)]
pub enum Target {
    Path(NormalPath),
    /// `OPTIONS *`: about the server itself, so answered here.
    Asterisk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    #[error("the target is longer than {max} bytes")]
    TooLong { max: usize },
    #[error("CONNECT is refused")]
    Connect,
    #[error("the target is no path")]
    NotPath,
    #[error("an asterisk is a target for OPTIONS only")]
    Asterisk,
    #[error("the target's scheme is neither http nor https")]
    Scheme,
    #[error("the target has user information")]
    UserInfo,
    #[error("the target names a host and the request has none")]
    NoHost,
    #[error("the target and the Host field name different hosts")]
    OtherHost,
    #[error(transparent)]
    Path(#[from] PathFault),
}

/// A `#` and what follows it is gone before this: `http` cuts it, so it is neither judged nor forwarded.
pub fn read(method: &Method, uri: &Uri, host: &Host, max: usize) -> Result<Target, TargetFault> {
    if *method == Method::CONNECT {
        return Err(TargetFault::Connect);
    }
    // `GET host:443` and `GET !` arrive as an authority without a path: hyper alone would make `/` of them.
    let Some(target) = uri.path_and_query() else {
        return Err(TargetFault::NotPath);
    };
    if target.as_str().len() > max {
        return Err(TargetFault::TooLong { max });
    }
    if let Some(scheme) = uri.scheme() {
        check_authority(scheme, uri, host, max)?;
    }
    // In HTTP/2 beside an authority.
    if target.as_str() == "*" {
        return if *method == Method::OPTIONS {
            Ok(Target::Asterisk)
        } else {
            Err(TargetFault::Asterisk)
        };
    }
    Ok(Target::Path(NormalPath::read(uri)?))
}

fn check_authority(scheme: &Scheme, uri: &Uri, host: &Host, max: usize) -> Result<(), TargetFault> {
    let default_port = if *scheme == Scheme::HTTP {
        80
    } else if *scheme == Scheme::HTTPS {
        443
    } else {
        return Err(TargetFault::Scheme);
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.len() > max {
        return Err(TargetFault::TooLong { max });
    }
    if authority.contains('@') {
        return Err(TargetFault::UserInfo);
    }
    if host.name().is_none() {
        return Err(TargetFault::NoHost);
    }
    if !host.is_same(authority, default_port) {
        return Err(TargetFault::OtherHost);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Version, header};

    use super::*;

    fn target(method: &str, target: &str, host: Option<&str>) -> Result<Target, TargetFault> {
        let headers: HeaderMap = host
            .iter()
            .map(|host| (header::HOST, HeaderValue::from_str(host).unwrap()))
            .collect();
        let host = Host::read(
            &headers,
            if host.is_some() {
                Version::HTTP_11
            } else {
                Version::HTTP_10
            },
        )
        .unwrap();
        let uri = Uri::from_maybe_shared(bytes::Bytes::copy_from_slice(target.as_bytes())).unwrap();
        read(&method.parse().unwrap(), &uri, &host, 100)
    }

    fn path(of: &str, host: &str) -> String {
        match target("GET", of, Some(host)).unwrap() {
            Target::Path(path) => path.path_and_query().to_string(),
            Target::Asterisk => "*".into(),
        }
    }

    fn fault(method: &str, of: &str) -> TargetFault {
        target(method, of, Some("h")).unwrap_err()
    }

    #[test]
    #[doc = "PATH-02"]
    fn a_target_is_a_path_or_the_url_of_its_own_host() {
        assert_eq!(path("/a?b=C", "h"), "/a?b=C");
        assert_eq!(path("http://h/a", "h"), "/a");
        assert_eq!(path("HTTPS://H:443/a?b", "h"), "/a?b");
        assert_eq!(path("http://h", "h"), "/");
        assert_eq!(path("http://[::1]:8080/a", "[0::1]:8080"), "/a");
    }

    #[test]
    #[doc = "PATH-02"]
    fn a_target_of_another_form_is_refused() {
        assert_eq!(fault("GET", "http://other/a"), TargetFault::OtherHost);
        assert_eq!(fault("GET", "http://h:81/a"), TargetFault::OtherHost);
        assert_eq!(fault("GET", "https://h:80/a"), TargetFault::OtherHost);
        assert_eq!(fault("GET", "http://u@h/a"), TargetFault::UserInfo);
        assert_eq!(fault("GET", "ftp://h/a"), TargetFault::Scheme);
        assert_eq!(fault("GET", "http://h?a"), TargetFault::Path(PathFault::NotAbsolute));
        assert_eq!(fault("GET", "h:443"), TargetFault::NotPath);
        assert_eq!(fault("GET", "!"), TargetFault::NotPath);
        assert_eq!(fault("GET", "h"), TargetFault::NotPath);
        assert_eq!(fault("CONNECT", "h:443"), TargetFault::Connect);
        assert_eq!(fault("CONNECT", "/a"), TargetFault::Connect);
        assert_eq!(target("GET", "http://h/a", None).unwrap_err(), TargetFault::NoHost);
    }

    #[test]
    #[doc = "PATH-02"]
    fn an_asterisk_is_for_options_only() {
        assert!(matches!(target("OPTIONS", "*", Some("h")), Ok(Target::Asterisk)));
        assert_eq!(fault("GET", "*"), TargetFault::Asterisk);
        assert_eq!(fault("OPTIONS", "**"), TargetFault::NotPath);
    }

    #[test]
    #[doc = "PATH-10"]
    fn a_target_has_a_longest_length() {
        let longest = format!("/{}", "a".repeat(99));
        assert_eq!(path(&longest, "h"), longest);
        assert_eq!(fault("GET", &format!("{longest}a")), TargetFault::TooLong { max: 100 });
        assert_eq!(fault("GET", &format!("/?{longest}")), TargetFault::TooLong { max: 100 });
    }

    #[test]
    #[doc = "PATH-04"]
    fn a_fragment_is_cut() {
        assert_eq!(path("/a#b", "h"), "/a");
        assert_eq!(path("/a?b#/../c", "h"), "/a?b");
    }
}
