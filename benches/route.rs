//! Finding the route of a path among few and many, and making sure that no other reading finds another one.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use http::uri::PathAndQuery;
use portcullis::config::pattern::{HostPattern, PathPattern, Segment};
use portcullis::request::path::NormalPath;
use portcullis::route::table::Table;

fn pattern(text: &str) -> PathPattern {
    let segment = |segment: &str| match segment {
        "*" => Segment::Any,
        "**" => Segment::Rest,
        _ if segment.starts_with('{') => Segment::Param(segment.trim_matches(['{', '}']).into()),
        _ => Segment::Literal(segment.into()),
    };
    PathPattern {
        text: text.into(),
        segments: text.split('/').skip(1).map(segment).collect(),
    }
}

/// `services` services of six routes each, with a fallback for all.
fn table(services: usize) -> Table {
    let mut routes = vec![(HostPattern::Any, pattern("/**"))];
    for service in 0..services {
        for rest in [
            "",
            "/{id}",
            "/{id}/items",
            "/{id}/items/{item}",
            "/reports/**",
            "/admin/**",
        ] {
            routes.push((HostPattern::Any, pattern(&format!("/api/v1/service{service}{rest}"))));
        }
        routes.push((
            HostPattern::Exact(format!("s{service}.example.com").into()),
            pattern("/**"),
        ));
    }
    Table::build(routes.iter().map(|(host, path)| (host, path, &[][..])))
}

const PATHS: &[(&str, &str)] = &[
    ("literal", "/api/v1/service1"),
    ("captures", "/api/v1/service1/4711/items/7"),
    ("rest", "/api/v1/service1/reports/2026/q1/summary"),
    ("fallback", "/somewhere/else/entirely"),
];

fn find(criterion: &mut Criterion) {
    for services in [1, 10, 1000] {
        let table = table(services);
        let headers = HeaderMap::new();
        let mut group = criterion.benchmark_group(format!("route/find among {}", services * 7 + 1));
        for (name, path) in PATHS {
            group.bench_function(*name, |bencher| {
                bencher.iter(|| {
                    table
                        .find(Some("api.example.com"), black_box(path), &headers)
                        .map(|found| found.route)
                });
            });
        }
        group.bench_function("by host", |bencher| {
            bencher.iter(|| {
                table
                    .find(black_box(Some("s1.example.com")), "/a/b", &headers)
                    .map(|found| found.route)
            });
        });
    }
}

fn agree(criterion: &mut Criterion) {
    let table = table(1000);
    let headers = HeaderMap::new();
    let mut group = criterion.benchmark_group("route/agree among 7001");
    for (name, path) in [
        ("plain", "/api/v1/service1/4711/items"),
        ("capitals", "/api/v1/service1/AB-4711/items"),
        ("escapes", "/api/v1/service1/caf%C3%A9%20noir/items"),
        ("double escapes", "/api/v1/service1/x%252e%252e%252fy/items"),
    ] {
        let path = NormalPath::check(PathAndQuery::try_from(path).expect("a target")).expect("a path");
        let found = table.find(None, path.path(), &headers).expect("a route").route;
        group.bench_function(name, |bencher| {
            bencher.iter(|| table.agrees(None, black_box(&path), &headers, found))
        });
    }
}

criterion_group!(benches, find, agree);
criterion_main!(benches);
