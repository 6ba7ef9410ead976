//! `upstreams:`.

use http::uri::Authority;
use serde_json::json;

use super::Timeout;
use crate::config::defaults;
use crate::config::faults::Code;
use crate::config::node::{Node, Value};
use crate::config::settings::{At, Book, Decoding, Setting, Shape, settings};
use crate::config::spec::TargetHost;
use crate::config::values::{List, Number, Time, is_host_name, socket_path, words};

settings! {
    /// A service: either `urls`, or `builtin`.
    struct RawUpstream as "upstream" {
        /// Where the service runs, one URL per instance. Names are looked up again while running. A unix socket is written
        /// `unix:/run/app.sock`; its path may be relative to the working directory.
        optional urls: List<RawTarget>,
        /// An answerer that needs no service: `echo` answers with what it received, as JSON.
        optional builtin: Builtin,
        /// What is spoken to the service: `h2c` is HTTP/2 without TLS, which gRPC needs; `auto` is `http1`.
        default protocol: RawUpstreamProtocol = RawUpstreamProtocol::Auto,
        /// Which instance gets the next request: the one with the fewest under way, by weight.
        default balance: Balance = Balance::LeastRequests,
        /// How long the service may take.
        section timeouts: RawUpstreamTimeouts,
        /// Connections to one instance, over all workers.
        default max_connections: Number<1, 1_000_000> = Number(defaults::UPSTREAM_CONNECTIONS),
        /// Requests that may wait for a connection to one instance; the next one is answered with 503 at once, and with
        /// `0` none waits.
        default max_pending: Number<0, 1_000_000> = Number(defaults::UPSTREAM_PENDING),
    }
    later { health, eject, retries, tls }
}

settings! {
    /// Of a connection to a service.
    struct RawUpstreamTimeouts as "upstream timeouts" {
        /// Until a connection stands, the lookup of its name included.
        default connect: Timeout = Time(defaults::CONNECT_TIMEOUT),
        /// From the last byte of the request to the head of the answer.
        default response: Timeout = Time(defaults::RESPONSE_TIMEOUT),
        /// How long an unused connection is kept, and how long an answer may pause.
        default idle: Timeout = Time(defaults::UPSTREAM_IDLE_TIMEOUT),
    }
}

settings! {
    /// An instance that takes more or less than the others.
    struct RawWeighted as "weighted url" {
        /// Where it runs.
        required url: Url,
        /// How much of the work it takes, compared to the others.
        default weight: Number<1, 1000> = Number(defaults::WEIGHT),
    }
}

words! {
    enum Builtin {
        Echo = "echo",
    }
}

words! {
    enum RawUpstreamProtocol {
        Auto = "auto",
        Http1 = "http1",
        H2c = "h2c",
    }
    later { "h2" }
}

words! {
    enum Balance {
        LeastRequests = "least_requests",
    }
    later { "round_robin" }
}

/// `http://host:port` or `unix:/path`, and nothing behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) host: TargetHost,
    pub(crate) port: u16,
}

/// A URL, alone or with its weight.
#[derive(Clone, Debug)]
pub(crate) struct RawTarget {
    /// Absent when its fault is told.
    pub(crate) url: Option<At<Url>>,
    pub(crate) weight: Option<u64>,
}

impl Setting for RawTarget {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            let url = Url::decode(node, cx)?;
            return Some(Self {
                url: Some(At {
                    value: url,
                    at: node.span,
                }),
                weight: Some(defaults::WEIGHT),
            });
        }
        let weighted = RawWeighted::decode(node, cx)?;
        Some(Self {
            url: weighted.url.written().cloned(),
            weight: weighted.weight.value().map(|Number(weight)| *weight),
        })
    }

    fn describe(book: &mut Book) -> Shape {
        let url = Url::describe(book);
        let weighted = RawWeighted::describe(book);
        let schema = json!({ "anyOf": [url.schema, weighted.schema] });
        Shape::new(schema, format!("{}, or a [weighted url](#weighted-url)", url.words))
    }
}

impl Setting for Url {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a URL")?;
        match url(&given.text) {
            Ok(url) => Some(url),
            Err(Unfit::Later(message)) => {
                cx.fault(node.span, Code::ValueLater, message);
                None
            }
            Err(Unfit::Socket(way_out)) => {
                let message = format!("`{}` is not the unix socket of an upstream; {way_out}", given.text);
                cx.unfit(node, &given, Code::ValueSocket, "a unix socket", message);
                None
            }
            Err(Unfit::Wrong(way_out)) => {
                // A URL with a password in it is not repeated.
                let what = if given.text.contains('@') {
                    "this".to_owned()
                } else {
                    format!("`{}`", given.text)
                };
                let message = format!("{what} is not the URL of an upstream; {way_out}");
                cx.unfit(
                    node,
                    &given,
                    Code::ValueUrl,
                    "a URL like `http://10.0.0.1:9000`",
                    message,
                );
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(
            json!({ "type": "string" }),
            "URL like `http://10.0.0.1:9000`, or `unix:/path/of.sock`",
        )
    }
}

enum Unfit {
    Later(&'static str),
    Wrong(&'static str),
    Socket(String),
}

fn url(text: &str) -> Result<Url, Unfit> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(Unfit::Wrong("write it like `http://10.0.0.1:9000`"));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => {
            return Err(Unfit::Later(
                "`https://` upstreams are not in this version; only `http://` is",
            ));
        }
        "unix" => {
            let host = TargetHost::Unix(socket_path(rest).map_err(Unfit::Socket)?);
            return Ok(Url { host, port: 0 });
        }
        _ => return Err(Unfit::Wrong("write it like `http://10.0.0.1:9000`")),
    }
    let authority = rest
        .strip_prefix("//")
        .ok_or(Unfit::Wrong("write it like `http://10.0.0.1:9000`"))?;
    if authority.contains('@') {
        return Err(Unfit::Wrong("a user or a password has no place in it"));
    }
    if authority.contains(['/', '?', '#', '\\']) {
        let way_out = "it ends with the host and port: nothing is put in front of a request's path";
        return Err(Unfit::Wrong(way_out));
    }
    let authority: Authority = authority
        .parse()
        .map_err(|_| Unfit::Wrong("behind `http://` stand a host and a port"))?;
    let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or("") {
        "" => 80,
        // Not `Authority::port`, which says nothing of a port that is too large.
        port => port.strip_prefix(':').and_then(|port| port.parse().ok()).unwrap_or(0),
    };
    if port == 0 {
        return Err(Unfit::Wrong("behind the colon stands a port, 1 to 65535"));
    }
    Ok(Url {
        host: target_host(authority.host())?,
        port,
    })
}

fn target_host(host: &str) -> Result<TargetHost, Unfit> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<std::net::IpAddr>() {
        let address = address.to_canonical();
        if address.is_unspecified() || address.is_multicast() {
            return Err(Unfit::Wrong("nothing can be connected to at this address"));
        }
        return Ok(TargetHost::Address(address));
    }
    let name = host.to_ascii_lowercase();
    // A final dot keeps a resolver from trying its search domains, so it stays.
    if !is_host_name(name.strip_suffix('.').unwrap_or(&name)) {
        return Err(Unfit::Wrong("its host is neither an address nor a name"));
    }
    Ok(TargetHost::Name(name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, u16), Code> {
        match url(text) {
            Ok(Url {
                host: TargetHost::Address(address),
                port,
            }) => Ok((address.to_string(), port)),
            Ok(Url {
                host: TargetHost::Name(name),
                port,
            }) => Ok((name.to_string(), port)),
            Ok(Url {
                host: TargetHost::Unix(path),
                port,
            }) => Ok((path.display().to_string(), port)),
            Err(Unfit::Later(_)) => Err(Code::ValueLater),
            Err(Unfit::Wrong(_)) => Err(Code::ValueUrl),
            Err(Unfit::Socket(_)) => Err(Code::ValueSocket),
        }
    }

    #[test]
    fn a_url_is_a_host_and_a_port() {
        let host = |host: &str, port| Ok((host.to_owned(), port));
        assert_eq!(read("http://10.0.0.1:9000"), host("10.0.0.1", 9000));
        assert_eq!(read("HTTP://Orders.Internal"), host("orders.internal", 80));
        assert_eq!(read("http://[2001:db8::1]:81"), host("2001:db8::1", 81));
        assert_eq!(read("http://[::ffff:10.0.0.1]:81"), host("10.0.0.1", 81));
        assert_eq!(
            read("http://svc_a.ns.svc.cluster.local.:80"),
            host("svc_a.ns.svc.cluster.local.", 80)
        );
        assert_eq!(read("unix:/run/App.sock"), host("/run/App.sock", 0));
        assert_eq!(read("unix:app.sock"), host("app.sock", 0));
    }

    #[test]
    fn what_a_url_of_an_upstream_does_not_hold_is_refused() {
        assert_eq!(read("https://a"), Err(Code::ValueLater));
        for text in [
            "unix:",
            "unix:@a",
            "unix:///run/a.sock",
            "unix:/run/a.sock:/b",
            "unix:/run/",
        ] {
            assert_eq!(read(text), Err(Code::ValueSocket), "{text}");
        }
        for text in [
            "",
            "a",
            "10.0.0.1:9000",
            "http:a",
            "http://",
            "http://a/",
            "http://a/b",
            "http://a?b",
            "http://a#b",
            "http://u:p@a",
            "http://a:0",
            "http://a:",
            "http://a:99999",
            "http://:80",
            "http://a b",
            "ftp://a",
            "http://0.0.0.0:80",
            "http://127.1",
            "http://2130706433",
            "http://[::]",
            "http://[fe80::1%eth0]",
            "http://a..b",
            "http://0x7f000001",
            "http://a\\b",
        ] {
            assert_eq!(read(text), Err(Code::ValueUrl), "{text}");
        }
    }
}
