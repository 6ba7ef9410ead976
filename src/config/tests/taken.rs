//! A file that loads, and what becomes of it.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::config::defaults;
use crate::config::spec::{Answer, LogFormat, LogLevel, TargetHost, UpstreamKind};

#[test]
fn the_smallest_file_gets_every_default() {
    let Loaded {
        config,
        files,
        warnings,
    } = loaded(&with_routes("  - { path: /, upstream: a, auth: public }\n"));
    assert!(warnings.is_empty() && files.is_empty());
    assert_eq!(config.listen[0].addr.tcp(), "127.0.0.1:8080".parse().ok());
    assert!(config.listen[0].trusted_proxies.is_empty());
    let protocols = config.listen[0].protocols;
    assert!(
        protocols.http1 && !protocols.h2c,
        "HTTP/2 in clear text is for who asks for it"
    );
    assert_eq!(config.timeouts.head, Duration::from_secs(10));
    assert_eq!(config.timeouts.body_idle, Duration::from_secs(30));
    assert_eq!(config.timeouts.keep_alive, Duration::from_secs(60));
    assert_eq!(
        (config.sizes.head, config.sizes.headers, config.sizes.target),
        (32_768, 100, 8192)
    );
    assert_eq!(
        (config.connections.max.get(), config.connections.per_address.get()),
        (10_000, 256)
    );
    assert_eq!(
        (config.drain.delay, config.drain.timeout),
        (Duration::from_secs(5), Duration::from_secs(30))
    );
    assert_eq!(config.admin.addr, defaults::ADMIN_ADDRESS);
    assert_eq!(
        (config.log.level, config.log.format, config.log.access),
        (LogLevel::Info, LogFormat::Json, true)
    );
    assert_eq!(config.upstreams[0].kind, UpstreamKind::Echo);
    let route = &config.routes[0];
    assert_eq!(
        (route.body_max, route.timeout, &route.answer),
        (10 << 20, None, &Answer::Upstream(0))
    );
}

#[test]
fn what_is_written_arrives() {
    let text = "\
version: 1
listen:
  - addr: \"[::1]:80\"
    protocols: [h2c]
    trusted_proxies: [10.0.0.0/8, 192.0.2.7]
    underscore_headers: [X_Legacy]
timeouts: { head: 1s, body_idle: \"${env:SET_IDLE:-2s}\", keep_alive: 250ms }
sizes: { head: 64KiB, headers: 50, target: 4KiB }
connections: { max: 77, per_address: 7 }
workers: 3
drain: { delay: 0s, timeout: 1m }
upstreams:
  first:
    urls: [\"http://10.0.0.1:9000\", { url: \"http://Orders.internal\", weight: 2 }]
    timeouts: { connect: 3s, response: 4s, idle: 5s }
    max_connections: 6
    max_pending: 0
  second: { builtin: echo }
routes:
  - { path: /b, upstream: second, auth: public }
  - { path: /a, upstream: first, auth: public }
log: { level: debug, format: text, access: false }
";
    let config = loaded(text).config;
    assert_eq!(config.listen[0].trusted_proxies.len(), 2);
    assert_eq!(config.listen[0].underscore_headers, ["x_legacy"]);
    assert_eq!(config.timeouts.body_idle, Duration::from_secs(2));
    assert_eq!(config.timeouts.keep_alive, Duration::from_millis(250));
    assert_eq!(
        (config.sizes.head, config.sizes.headers, config.sizes.target),
        (65_536, 50, 4096)
    );
    assert_eq!(
        (
            config.connections.max.get(),
            config.connections.per_address.get(),
            config.workers.get()
        ),
        (77, 7, 3)
    );
    assert_eq!(
        (config.drain.delay, config.drain.timeout),
        (Duration::ZERO, Duration::from_secs(60))
    );
    assert_eq!(
        (config.log.level, config.log.format, config.log.access),
        (LogLevel::Debug, LogFormat::Text, false)
    );
    let UpstreamKind::Servers(servers) = &config.upstreams[0].kind else {
        panic!("no servers")
    };
    let address = |text: &str| TargetHost::Address(text.parse::<IpAddr>().unwrap());
    assert_eq!(
        (
            &servers.targets[0].host,
            servers.targets[0].port,
            servers.targets[0].weight
        ),
        (&address("10.0.0.1"), 9000, 1)
    );
    assert_eq!(
        (
            &servers.targets[1].host,
            servers.targets[1].port,
            servers.targets[1].weight
        ),
        (&TargetHost::Name("orders.internal".into()), 80, 2)
    );
    assert_eq!(
        (
            servers.timeouts.connect,
            servers.timeouts.response,
            servers.timeouts.idle
        ),
        (Duration::from_secs(3), Duration::from_secs(4), Duration::from_secs(5))
    );
    assert_eq!((servers.max_connections.get(), servers.max_pending), (6, 0));
    assert_eq!(config.routes[0].answer, Answer::Upstream(1));
    assert_eq!(config.routes[1].answer, Answer::Upstream(0));
}

#[test]
fn references_are_decoded_as_the_type_of_their_field_and_never_as_yaml() {
    let machine = Given::nothing()
        .with_variable("PORT", "8081")
        .with_variable("MAX", "12")
        .with_variable("ACCESS", "false")
        .with_variable("LIST", "[10.0.0.0/8]")
        .with_variable("ZERO", "010")
        .with_variable("NO", "no");
    let parse = |extra: &str| {
        let text = format!(
            "version: ${{env:VERSION:-1}}\nlisten: [{{ addr: \"127.0.0.1:${{env:PORT}}\" }}]\nconnections: {{ max: \"${{env:MAX}}0\" }}\nlog: {{ access: \"${{env:ACCESS}}\" }}\nroutes: []\n{extra}"
        );
        crate::config::parse(&text, "gateway.yaml", crate::config::Kinds::default(), &machine)
    };
    let config = parse("").unwrap().config;
    assert_eq!(config.listen[0].addr.tcp().unwrap().port(), 8081);
    assert_eq!(config.connections.max.get(), 120);
    assert!(!config.log.access);
    for (extra, code) in [
        ("workers: ${env:ZERO}\n", Code::ValueNumber),
        ("defaults: { networks: { allow: \"${env:LIST}\" } }\n", Code::ValueType),
        ("defaults: ${env:LIST}\n", Code::ValueType),
        ("timeouts: { head: \"${env:NO}\" }\n", Code::ValueDuration),
    ] {
        let faults = parse(extra).unwrap_err();
        assert_eq!(
            faults.iter().map(|fault| fault.code).collect::<Vec<_>>(),
            [code],
            "{extra}"
        );
    }
}

#[test]
fn anchors_and_merges_spare_repetition() {
    let text = with_routes(
        "  - &base { path: /a, upstream: a, auth: public, timeout: 3s }\n  - { <<: *base, path: /b }\n  - { <<: *base, path: /c, timeout: 4s }\n",
    );
    let timeouts: Vec<Option<Duration>> = loaded(&text).config.routes.iter().map(|route| route.timeout).collect();
    assert_eq!(timeouts, [3, 3, 4].map(|seconds| Some(Duration::from_secs(seconds))));
}
