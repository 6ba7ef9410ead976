//! What a scrape reads: all shards added up, in the Prometheus text format or as OpenMetrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::series::{BOUNDS, DurationTotals};
use super::{ConnectionEnd, Figures, Metrics};

/// The two text formats. They differ in how a counter is named in its `TYPE` line, and in the end mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, version 0.0.4.
    Text,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics,
}

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Metrics {
    /// All numbers as text, `figures` among them.
    pub fn expose(self: &Arc<Self>, format: Format, figures: Figures) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape {
            metrics: Arc::clone(self),
            figures,
            format,
        }));
        let mut out = String::with_capacity(16 * 1024);
        match format {
            Format::Text => text::encode_registry(&mut out, &registry)?,
            Format::OpenMetrics => text::encode(&mut out, &registry)?,
        }
        Ok(out)
    }
}

#[derive(Debug)]
struct Scrape {
    metrics: Arc<Metrics>,
    figures: Figures,
    format: Format,
}

/// All shards, added up.
#[derive(Default)]
struct Totals {
    requests: Requests,
    upstreams: Upstreams,
    auths: Auths,
    verdict_hits: u64,
    verdict_misses: u64,
    open_connections: u64,
}

/// Requests of one route, method and status, of all workers.
#[derive(Default)]
struct RequestTotals {
    durations: DurationTotals,
    allowed: u64,
    denied: u64,
}

#[derive(Default)]
struct UpstreamTotals {
    durations: DurationTotals,
    active: u64,
    idle: u64,
}

type Requests = BTreeMap<(Arc<str>, &'static str, u16), RequestTotals>;
type Upstreams = BTreeMap<Arc<str>, UpstreamTotals>;
/// By authenticator, result and code.
type Auths = BTreeMap<(Arc<str>, &'static str, &'static str), u64>;

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let totals = self.totals();
        self.encode_requests(&mut encoder, &totals.requests)?;
        self.encode_auth(&mut encoder, &totals)?;
        self.encode_upstreams(&mut encoder, &totals.upstreams)?;
        self.encode_connections(&mut encoder, totals.open_connections)?;
        self.encode_keys(&mut encoder)?;
        self.encode_process(&mut encoder)
    }
}

impl Scrape {
    fn totals(&self) -> Totals {
        let mut all = Totals::default();
        for shard in self.metrics.shards() {
            for series in shard.requests.all() {
                let route = series.route.clone().unwrap_or_default();
                let totals = all.requests.entry((route, series.method, series.status)).or_default();
                totals.durations.add(&series.durations);
                totals.allowed += series.allowed.read();
                totals.denied += series.denied.read();
            }
            for series in shard.upstreams.all() {
                let totals = all.upstreams.entry(Arc::clone(&series.name)).or_default();
                totals.durations.add(&series.durations);
                totals.active += series.active.read();
                totals.idle += series.idle.read();
            }
            for series in shard.auths.all() {
                let authenticator = series.authenticator.clone().unwrap_or_default();
                *all.auths
                    .entry((authenticator, series.result, series.code))
                    .or_default() += series.count.read();
            }
            all.verdict_hits += shard.verdict_hits.read();
            all.verdict_misses += shard.verdict_misses.read();
            all.open_connections += shard.open_connections.read();
        }
        // The series for what did not fit stands ready in every shard and is mostly empty.
        all.requests.retain(|_, totals| totals.durations.count() > 0);
        all.upstreams
            .retain(|name, totals| &**name != super::shard::OVERFLOW_LABEL || totals.durations.count() > 0);
        all.auths.retain(|_, count| *count > 0);
        all
    }

    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>, requests: &Requests) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "http_server_request_duration",
            "From the arrival of a request to the end of its answer",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for ((route, method, status), totals) in requests {
            let status = status.to_string();
            let labels = [
                ("http_route", &**route),
                ("http_request_method", method),
                ("http_response_status_code", status.as_str()),
            ];
            histogram(&mut metric, &labels, &totals.durations)?;
        }
        let mut decisions: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for ((route, ..), totals) in requests {
            for (decision, count) in [("allowed", totals.allowed), ("denied", totals.denied)] {
                if count > 0 {
                    *decisions.entry((&**route, decision)).or_default() += count;
                }
            }
        }
        let samples = decisions
            .into_iter()
            .map(|((route, decision), count)| ([("route", route), ("decision", decision), ("shadow", "false")], count));
        self.counter(
            encoder,
            "portcullis_authz",
            "Decisions whether a request may pass",
            samples,
        )
    }

    fn encode_auth(&self, encoder: &mut DescriptorEncoder<'_>, totals: &Totals) -> fmt::Result {
        let samples = totals.auths.iter().map(|((authenticator, result, code), count)| {
            let labels = [
                ("authenticator", &**authenticator),
                ("result", *result),
                ("code", *code),
            ];
            (labels, *count)
        });
        let help = "Requests by what came of asking who makes them";
        self.counter(encoder, "portcullis_auth", help, samples)?;
        for (name, help, count) in [
            (
                "portcullis_cache_hits",
                "Lookups that found something remembered",
                totals.verdict_hits,
            ),
            (
                "portcullis_cache_misses",
                "Lookups that found nothing",
                totals.verdict_misses,
            ),
            (
                "portcullis_cache_evictions",
                "Entries pushed out for want of room",
                self.figures.verdict_evictions,
            ),
        ] {
            self.counter(encoder, name, help, std::iter::once(([("cache", "verdicts")], count)))?;
        }
        Ok(())
    }

    fn encode_upstreams(&self, encoder: &mut DescriptorEncoder<'_>, upstreams: &Upstreams) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "portcullis_upstream_request_duration",
            "From sending a request upstream to the head of the answer",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (name, totals) in upstreams {
            histogram(&mut metric, &[("upstream", &**name)], &totals.durations)?;
        }
        let mut metric = encoder.encode_descriptor(
            "portcullis_upstream_connections",
            "Open connections to upstreams",
            None,
            MetricType::Gauge,
        )?;
        for (name, totals) in upstreams {
            for (state, count) in [("active", totals.active), ("idle", totals.idle)] {
                metric
                    .encode_family(&[("upstream", &**name), ("state", state)])?
                    .encode_gauge(&count)?;
            }
        }
        Ok(())
    }

    fn encode_connections(&self, encoder: &mut DescriptorEncoder<'_>, open: u64) -> fmt::Result {
        gauge(
            encoder,
            "portcullis_open_connections",
            "Open connections of clients",
            open,
        )?;
        let ends = ConnectionEnd::ALL.iter().zip(&self.metrics.connections_refused);
        let samples = ends.map(|(end, count)| ([("reason", end.as_str())], count.read()));
        let help = "Client connections refused, or ended without an answer";
        self.counter(encoder, "portcullis_connections_refused", help, samples)
    }

    fn encode_keys(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "portcullis_jwks_age",
            "Since the last good fetch of the keys of an issuer",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for (authenticator, age) in self.metrics.keys.ages() {
            metric
                .encode_family(&[("authenticator", &*authenticator)])?
                .encode_gauge(&age.as_secs_f64())?;
        }
        let fetches = self.metrics.keys.fetches();
        let samples = fetches
            .iter()
            .map(|(authenticator, result, count)| ([("authenticator", &**authenticator), ("result", result)], *count));
        let help = "Fetches of the keys of an issuer, by how they ended";
        self.counter(encoder, "portcullis_jwks_fetches", help, samples)
    }

    fn encode_process(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Metrics {
            panics,
            access_lines_dropped,
            log_lines_dropped,
            config,
            ..
        } = &*self.metrics;
        let generation = config.generation.read();
        gauge(
            encoder,
            "portcullis_config_generation",
            "How many configurations have been in force",
            generation,
        )?;
        let success = config.last_reload_success.read();
        gauge(
            encoder,
            "portcullis_config_last_reload_success",
            "1 if the last reload was accepted",
            success,
        )?;
        // Milliseconds of this century are exact in a float.
        let seconds = config.last_reload_millis.read() as f64 / 1000.0;
        encoder
            .encode_descriptor(
                "portcullis_config_last_reload_timestamp",
                "Unix time of the last reload, accepted or not",
                Some(&Unit::Seconds),
                MetricType::Gauge,
            )?
            .encode_gauge(&seconds)?;
        let dropped = [
            ([("log", "access")], access_lines_dropped.read()),
            ([("log", "gateway")], log_lines_dropped.read()),
        ];
        let help = "Log lines lost because their reader was too slow or gone";
        self.counter(encoder, "portcullis_log_lines_dropped", help, dropped.into_iter())?;
        self.counter(
            encoder,
            "portcullis_panics",
            "Panics, caught or not",
            std::iter::once(([("", ""); 0], panics.read())),
        )?;
        encoder
            .encode_descriptor("portcullis_build_info", "What is running", None, MetricType::Gauge)?
            .encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?
            .encode_gauge(&1_u64)
    }

    fn counter<L: EncodeLabelSet>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (L, u64)>,
    ) -> fmt::Result {
        match self.format {
            Format::OpenMetrics => {
                let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                for (labels, count) in samples {
                    metric
                        .encode_family(&labels)?
                        .encode_counter::<NoLabelSet, u64, f64>(&count, None)?;
                }
            }
            // There the `TYPE` line carries the full name of the sample, and the encoder appends `_total` to what it
            // writes as a counter: so the descriptor says counter, and the value is written without a suffix.
            Format::Text => {
                let name = format!("{name}_total");
                let mut metric = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
                for (labels, count) in samples {
                    metric.encode_family(&labels)?.encode_gauge(&count)?;
                }
            }
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    encoder
        .encode_descriptor(name, help, None, MetricType::Gauge)?
        .encode_gauge(&value)
}

fn histogram(metric: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, totals: &DurationTotals) -> fmt::Result {
    let bounds = BOUNDS
        .iter()
        .map(|micros| *micros as f64 / 1e6)
        .chain(std::iter::once(f64::INFINITY));
    let buckets: Vec<(f64, u64)> = bounds.zip(totals.buckets).collect();
    let seconds = totals.nanos as f64 / 1e9;
    metric
        .encode_family(labels)?
        .encode_histogram::<NoLabelSet>(seconds, totals.count(), &buckets, None)
}
