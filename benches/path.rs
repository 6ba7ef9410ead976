//! Reading a path, and the readings that others could make of it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::uri::PathAndQuery;
use portcullis::request::path::NormalPath;
use portcullis::request::readings;

const PATHS: &[(&str, &str)] = &[
    ("plain", "/api/v1/orders/7f2c/items?page=2&sort=-created"),
    ("capitals", "/api/getUser/ABC/items?page=2"),
    ("escapes", "/api/orders/caf%C3%A9%20noir/items"),
    ("double escapes", "/api/orders/x%252e%252e%252fy/items"),
];

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("path/read");
    let long = format!("/{}", "segment-of-a-path/".repeat(450));
    for (name, path) in PATHS.iter().copied().chain([("8 KiB", long.as_str())]) {
        let target = PathAndQuery::try_from(path).expect("a target");
        group.bench_function(name, |bencher| {
            bencher.iter(|| NormalPath::check(black_box(&target).clone()))
        });
    }
}

fn every_reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("path/readings");
    let worst =
        "/a%253bx%252f%252f%255cb%2520/%EF%BD%81%252f%252e%252e%252fc%EF%BC%9B/%EF%BC%8F%EF%BC%8E%EF%BC%BCd%2500";
    let long = format!("/{}", "aaaaaaaaaaaaaaaaaaaaaa%252fb%255cc%2520/;/".repeat(160));
    for (name, path) in PATHS
        .iter()
        .copied()
        .chain([("rich", worst), ("rich and long", long.as_str())])
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                readings::all(black_box(path.as_bytes()), |reading| {
                    black_box(reading);
                    true
                })
            });
        });
    }
}

criterion_group!(benches, read, every_reading);
criterion_main!(benches);
