//! Which numbers of a line are metrics, in CloudWatch's embedded metric format: a member `_aws` names them, and
//! CloudWatch makes series of them without a call.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use serde::Serialize;

use crate::time::Timestamp;

/// The fields that are metrics, with CloudWatch's units. The number of samples of `duration_ms` is the number of calls.
const METRICS: [Metric; 5] = [
    Metric::new("duration_ms", "Milliseconds"),
    Metric::new("file_size", "Bytes"),
    Metric::new("failed", "Count"),
    Metric::new("lag_s", "Seconds"),
    Metric::new("looked_at", "Count"),
];
/// The fields by which series are told apart. Both have few values.
const OPERATION: &str = "operation";
const CODE: &str = "code";

/// What a line has of metrics and dimensions.
#[derive(Debug, Default)]
pub(super) struct Seen {
    metrics: [bool; METRICS.len()],
    has_operation: bool,
    has_code: bool,
}

impl Seen {
    pub(super) fn number(&mut self, name: &str) {
        for (metric, is_seen) in METRICS.iter().zip(&mut self.metrics) {
            *is_seen |= metric.name == name;
        }
    }

    pub(super) fn text(&mut self, name: &str) {
        self.has_operation |= name == OPERATION;
        self.has_code |= name == CODE;
    }

    /// Returns the value of `_aws`, or `None` if the line has no metric.
    pub(super) fn metadata<'a>(&self, namespace: &'a str, now: Timestamp) -> Option<Metadata<'a>> {
        let seen = METRICS.iter().zip(self.metrics);
        let metrics: Vec<Metric> = seen
            .filter_map(|(metric, is_seen)| is_seen.then_some(*metric))
            .collect();
        if metrics.is_empty() || !self.has_operation {
            return None;
        }
        let by_code = self.has_code.then_some(&[OPERATION, CODE][..]);
        Some(Metadata {
            timestamp_ms: now.timestamp_millis(),
            directives: [Directive {
                namespace,
                dimensions: [&[OPERATION][..]].into_iter().chain(by_code).collect(),
                metrics,
            }],
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Metadata<'a> {
    #[serde(rename = "Timestamp")]
    timestamp_ms: i64,
    #[serde(rename = "CloudWatchMetrics")]
    directives: [Directive<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: Vec<&'static [&'static str]>,
    metrics: Vec<Metric>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl Metric {
    const fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit }
    }
}
