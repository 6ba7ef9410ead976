//! Reading and cleaning the fields of a head.

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use portcullis::base::net::AddressSet;
use portcullis::base::peer::{Peer, Trusted};
use portcullis::request::headers::{HeaderPolicy, Sender, clean_answer};
use portcullis::request::host::Host;
use portcullis::request::{client, framing};

fn fields(list: &[(&'static str, &'static str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

const SMALL: &[(&str, &str)] = &[
    ("host", "api.example.com"),
    ("user-agent", "x"),
    ("accept", "*/*"),
    ("authorization", "Bearer x"),
];

const BROWSER: &[(&str, &str)] = &[
    ("host", "api.example.com"),
    ("connection", "keep-alive"),
    ("sec-ch-ua", "x"),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "x"),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", "Mozilla/5.0"),
    ("accept", "text/html"),
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "en"),
    ("cookie", "a=b; c=d"),
];

const HOSTILE: &[(&str, &str)] = &[
    ("host", "api.example.com"),
    ("connection", "close, x-a, x-auth-subject"),
    ("x-a", "1"),
    ("x-auth-subject", "admin"),
    ("x_auth_subject", "admin"),
    ("x-forwarded-for", "1.2.3.4"),
    ("x-original-url", "/admin"),
    ("te", "trailers"),
    ("proxy", "x"),
    ("accept", "*/*"),
];

fn clean(criterion: &mut Criterion) {
    let policy = HeaderPolicy::default();
    let mut group = criterion.benchmark_group("headers/clean");
    for (name, list) in [("small", SMALL), ("browser", BROWSER), ("hostile", HOSTILE)] {
        let sent = fields(list);
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || sent.clone(),
                |headers| policy.clean(black_box(headers), Sender::Stranger),
                BatchSize::SmallInput,
            );
        });
    }
    let answer = fields(&[
        ("content-type", "text/plain"),
        ("content-length", "5"),
        ("server", "x"),
        ("date", "x"),
        ("set-cookie", "a=b"),
    ]);
    let framing = framing::of_answer(StatusCode::OK, Version::HTTP_11, &answer).expect("one length");
    group.bench_function("answer", |bencher| {
        bencher.iter_batched_ref(
            || answer.clone(),
            |headers| clean_answer(black_box(headers), &framing),
            BatchSize::SmallInput,
        );
    });
}

fn read(criterion: &mut Criterion) {
    let sent = fields(BROWSER);
    let mut group = criterion.benchmark_group("headers/read");
    group.bench_function("host", |bencher| {
        bencher.iter(|| Host::read(black_box(&sent), Version::HTTP_11))
    });
    group.bench_function("framing", |bencher| {
        bencher.iter(|| framing::of_request(Version::HTTP_11, black_box(&sent)))
    });
    let networks = AddressSet::new(["10.0.0.0/8".parse().expect("a network")]);
    let trusted = Trusted::new(networks, false);
    let stranger = Peer::from(IpAddr::from([192, 0, 2, 1]));
    group.bench_function("client, direct", |bencher| {
        bencher.iter(|| client::resolve(stranger, &trusted, black_box(&sent)).peer);
    });
    let mut behind = sent.clone();
    behind.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7, 10.0.0.2"));
    behind.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    let proxy = Peer::from(IpAddr::from([10, 0, 0, 1]));
    group.bench_function("client, behind a proxy", |bencher| {
        bencher.iter(|| client::resolve(proxy, &trusted, black_box(&behind)).peer);
    });
}

criterion_group!(benches, clean, read);
criterion_main!(benches);
