//! `GET /metrics`: Prometheus text.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use consign_core::service::CallSummary;
use ingest_on_object_created::Disposition;
use ingest_on_object_created::sweep::Swept;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// The number of users with a label of their own. All others share one, which limits the number of series.
const USERS_MAX: usize = 1000;
/// The upper bounds of the latency buckets, in seconds.
const LATENCY_S: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The series of this process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    errors: IntCounterVec,
    latency: HistogramVec,
    in_flight: IntGauge,
    signed_bytes: IntCounterVec,
    file_size: HistogramVec,
    ingested: IntCounterVec,
    queue_depth: IntGauge,
    lag: IntGauge,
    swept: IntCounterVec,
    sweep_lag: IntGauge,
    users: Mutex<HashSet<String>>,
}

/// A call in progress.
#[derive(Debug)]
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Creates all series at zero.
    ///
    /// # Errors
    /// If two series have the same name.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |name: &str, help: &str, bounds: Vec<f64>| {
            let options = HistogramOpts::new(name, help).buckets(bounds);
            let histogram = HistogramVec::new(options, &["operation"])?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        Ok(Self {
            requests: counter(
                "consign_requests_total",
                "Calls by operation and status.",
                &["operation", "status"],
            )?,
            errors: counter(
                "consign_errors_total",
                "Problems by operation and code.",
                &["operation", "code"],
            )?,
            latency: histogram(
                "consign_request_seconds",
                "Latency of calls.",
                LATENCY_S.to_vec(),
            )?,
            in_flight: gauge("consign_requests_in_flight", "Calls in progress.")?,
            signed_bytes: counter(
                "consign_signed_bytes_total",
                "Bytes signed for upload, by user.",
                &["user"],
            )?,
            file_size: histogram(
                "consign_file_bytes",
                "Sizes of the files that calls were about.",
                prometheus::exponential_buckets(1024.0, 8.0, 9)?,
            )?,
            ingested: counter(
                "consign_ingest_total",
                "Ingest messages by disposition.",
                &["verdict"],
            )?,
            queue_depth: gauge(
                "consign_ingest_queue_depth",
                "Messages on the ingest queue.",
            )?,
            lag: gauge(
                "consign_ingest_lag_seconds",
                "Age of the oldest message on the ingest queue.",
            )?,
            swept: counter(
                "consign_swept_total",
                "Uploads that the sweep examined, by outcome; `unlisted` are runs that could not list them.",
                &["outcome"],
            )?,
            sweep_lag: gauge(
                "consign_sweep_lag_seconds",
                "How long the upload that was due longest had been due at the last sweep.",
            )?,
            users: Mutex::new(HashSet::new()),
            registry,
        })
    }

    /// Counts a call in progress until the result is dropped, whether it is answered or cancelled.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts an answered call.
    pub(crate) fn count(&self, answer: &http::Response<Bytes>) {
        let status = answer.status();
        let Some(observed) = answer.extensions().get::<CallSummary>() else {
            return;
        };
        let operation = observed.operation;
        self.requests
            .with_label_values(&[operation, status.as_str()])
            .inc();
        if let Some(code) = observed.code {
            self.errors.with_label_values(&[operation, code]).inc();
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a histogram needs no exact milliseconds"
        )]
        self.latency
            .with_label_values(&[operation])
            .observe(observed.duration_ms as f64 / 1000.0);
        if let Some(bytes) = observed.size_bytes.filter(|_| status.is_success()) {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a histogram needs no exact sizes"
            )]
            self.file_size
                .with_label_values(&[operation])
                .observe(bytes as f64);
            if let Some(owner) = observed
                .owner
                .as_ref()
                .filter(|_| operation == "sign_upload")
            {
                self.signed_bytes
                    .with_label_values(&[&self.user(owner.as_str())])
                    .inc_by(bytes);
            }
        }
    }

    /// Counts a processed ingest message.
    pub(crate) fn ingested(&self, disposition: Disposition) {
        let label = match disposition {
            Disposition::Ack => "done",
            Disposition::Retry => "retry",
            Disposition::DeadLetter(_) => "discard",
        };
        self.ingested.with_label_values(&[label]).inc();
    }

    /// Counts a run of the sweep.
    pub(crate) fn swept(&self, swept: &Swept) {
        let good = swept.examined.saturating_sub(swept.failed);
        for (outcome, count) in [("done", good), ("failed", swept.failed)] {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.swept.with_label_values(&[outcome]).inc_by(count);
        }
        self.sweep_lag
            .set(i64::try_from(swept.lag_s).unwrap_or(i64::MAX));
    }

    /// Counts a run of the sweep that could not list what is due. The lag is not known then.
    pub(crate) fn sweep_failed(&self) {
        self.swept.with_label_values(&["unlisted"]).inc();
    }

    /// Returns the text for Prometheus.
    #[must_use]
    pub(crate) fn text(&self, queue_depth: u64, lag_s: u64) -> String {
        for (gauge, value) in [(&self.queue_depth, queue_depth), (&self.lag, lag_s)] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }

    fn user(&self, owner: &str) -> String {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.contains(owner) || users.len() < USERS_MAX {
            users.insert(owner.to_owned());
            owner.to_owned()
        } else {
            "(other)".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use saphyr::{LoadableYamlNode as _, Yaml};

    use super::*;

    /// The names of series in a text.
    fn names(text: &str) -> impl Iterator<Item = &str> {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        words.filter(|word| word.starts_with("consign_"))
    }

    #[test]
    fn dashboard_and_alerts_ask_for_series_that_exist() {
        let dashboard = include_str!("../../../infra/observability/dashboard.json");
        let alerts = include_str!("../../../infra/observability/alerts.yaml");
        let panels = serde_json::from_str::<serde_json::Value>(dashboard).unwrap();
        assert!(!panels["panels"].as_array().unwrap().is_empty());
        let rules = Yaml::load_from_str(alerts).unwrap();
        let rules = rules[0]["groups"][0]["rules"].as_vec().unwrap();
        assert!(rules.iter().all(|rule| rule["expr"].as_str().is_some()));
        let text = with_every_series().text(0, 0);
        let known: HashSet<&str> = names(&text).collect();
        for name in names(dashboard).chain(names(alerts)) {
            assert!(known.contains(name), "{name} is no series of ours");
        }
        for name in known {
            let is_part = ["_sum", "_count", "_bucket"]
                .iter()
                .any(|end| name.ends_with(end));
            let is_shown = names(dashboard).any(|shown| shown.trim_end_matches("_bucket") == name);
            assert!(is_part || is_shown, "the dashboard does not show {name}");
        }
    }

    /// Series appear when they first have a value.
    fn with_every_series() -> Metrics {
        let metrics = Metrics::new().unwrap();
        drop(metrics.begin());
        let observed = CallSummary {
            operation: "sign_upload",
            code: None,
            owner: consign_core::ids::OwnerId::parse("alice").ok(),
            size_bytes: Some(5000),
            duration_ms: 3,
        };
        for code in [None, Some("not_found")] {
            let mut answer = http::Response::new(Bytes::new());
            *answer.status_mut() = http::StatusCode::CREATED;
            let observed = CallSummary {
                code,
                size_bytes: observed.size_bytes.filter(|_| code.is_none()),
                ..observed.clone()
            };
            answer.extensions_mut().insert(observed);
            metrics.count(&answer);
        }
        metrics.ingested(Disposition::Ack);
        metrics.swept(&Swept {
            examined: 3,
            failed: 1,
            passed_on: 0,
            lag_s: 12,
        });
        metrics.sweep_failed();
        metrics
    }

    #[test]
    fn calls_become_series() {
        let text = with_every_series().text(7, 3);
        for line in [
            "consign_requests_total{operation=\"sign_upload\",status=\"201\"} 2",
            "consign_errors_total{code=\"not_found\",operation=\"sign_upload\"} 1",
            "consign_signed_bytes_total{user=\"alice\"} 5000",
            "consign_ingest_total{verdict=\"done\"} 1",
            "consign_ingest_queue_depth 7",
            "consign_ingest_lag_seconds 3",
            "consign_swept_total{outcome=\"done\"} 2",
            "consign_swept_total{outcome=\"failed\"} 1",
            "consign_sweep_lag_seconds 12",
            "consign_swept_total{outcome=\"unlisted\"} 1",
            "consign_requests_in_flight 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
