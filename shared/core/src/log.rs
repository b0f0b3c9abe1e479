//! The log of Lambda and Workers, which bill by the byte and the millisecond: one JSON object per event, without
//! spans.
//!
//! `tracing-subscriber` does more, but is larger than a Worker's adapters and took a twentieth of a Lambda function's
//! start.

mod metrics;

use std::fmt;

use crate::time::{Timestamp, to_rfc3339};
use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use metrics::Seen;

/// The crates whose events are known to contain no secret, no signature and no URL.
const OWN: [&str; 14] = [
    "confirm",
    "consign_aws",
    "consign_cloudflare",
    "consign_core",
    "consign_lambda",
    "consign_tabular",
    "download_url",
    "edge",
    "files",
    "health",
    "ingest_on_object_created",
    "router",
    "sign_upload",
    "status",
];

/// Where log lines go.
pub trait Sink: Send + Sync + 'static {
    /// Returns the time of an event, unless lines get a timestamp on their way.
    fn now(&self) -> Option<Timestamp>;

    /// Returns the namespace of CloudWatch's metrics, if lines are to have some.
    fn metrics_namespace(&self) -> Option<&str> {
        None
    }

    /// Writes a line of UTF-8, without a line break.
    fn line(&self, level: Level, line: Vec<u8>);
}

/// Formats each event as a line of JSON. Events of consign's own crates are logged down to a given level, those of
/// other crates only as warnings and errors, since the lower levels of an SDK contain headers and URLs.
#[derive(Debug)]
pub struct JsonLog<S> {
    level: LevelFilter,
    sink: S,
}

impl<S: Sink> JsonLog<S> {
    /// Creates a log. `level` applies to the events of consign's own crates.
    pub fn new(level: LevelFilter, sink: S) -> Self {
        Self { level, sink }
    }

    /// Installs the log for the process. If one is installed already, that one stays.
    pub fn install(self) {
        if tracing::subscriber::set_global_default(self).is_err() {
            tracing::debug!("a log is installed already");
        }
    }
}

impl<S: Sink> Subscriber for JsonLog<S> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let of = target.split_once("::").map_or(target, |(name, _)| name);
        let level = match OWN.contains(&of) {
            true => self.level,
            false => self.level.min(LevelFilter::WARN),
        };
        metadata.is_event() && *metadata.level() <= level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let level = *event.metadata().level();
        let mut line = Line {
            json: Vec::with_capacity(512),
            seen: Seen::default(),
        };
        let now = self.sink.now();
        if let Some(now) = now {
            line.put("timestamp", &to_rfc3339(now));
        }
        line.put("level", level.as_str());
        event.record(&mut line);
        let namespace = self.sink.metrics_namespace().zip(now);
        if let Some(metadata) = namespace.and_then(|(name, now)| line.seen.metadata(name, now)) {
            line.put("_aws", &metadata);
        }
        line.json.push(b'}');
        self.sink.line(level, line.json);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A JSON object without its closing brace.
struct Line {
    json: Vec<u8>,
    seen: Seen,
}

impl Line {
    /// Appends a member. `name` needs no escape.
    fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let before = if self.json.is_empty() { b'{' } else { b',' };
        self.json.extend([before, b'"']);
        self.json.extend(name.as_bytes());
        self.json.extend(b"\":");
        // Writing to a `Vec` cannot fail.
        serde_json::to_writer(&mut self.json, value).unwrap_or_default();
    }
}

/// Serializes a value by its `Display` or `Debug` text without allocating a string.
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), &Shown(format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.seen.text(field.name());
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.seen.number(field.name());
        self.put(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), &value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines {
        is_stamped: bool,
        namespace: Option<&'static str>,
        lines: Arc<Mutex<Vec<String>>>,
    }

    impl Sink for Lines {
        fn now(&self) -> Option<Timestamp> {
            self.is_stamped.then_some(Timestamp::UNIX_EPOCH)
        }

        fn metrics_namespace(&self) -> Option<&str> {
            self.namespace
        }

        fn line(&self, _: Level, line: Vec<u8>) {
            let line = String::from_utf8(line).unwrap();
            self.lines.lock().unwrap().push(line);
        }
    }

    fn logged(level: LevelFilter, is_stamped: bool, run: impl FnOnce()) -> Vec<String> {
        let sink = Lines {
            is_stamped,
            ..Lines::default()
        };
        let log = JsonLog::new(level, sink.clone());
        tracing::subscriber::with_default(log, run);
        std::mem::take(&mut sink.lines.lock().unwrap())
    }

    #[test]
    fn an_event_is_one_line_of_json() {
        let lines = logged(LevelFilter::INFO, true, || {
            let count: (u64, i64) = (3, -3);
            let id = tracing::field::display("a\"\nb");
            tracing::info!(
                id,
                name = "\\",
                a = count.0,
                b = count.1,
                is = true,
                none = None::<u64>,
                "said {}",
                "so"
            );
        });
        let [line] = &lines[..] else {
            panic!("{lines:?}");
        };
        assert!(!line.contains('\n'));
        let expected = serde_json::json!({"timestamp": "1970-01-01T00:00:00Z", "level": "INFO", "message": "said so",
            "id": "a\"\nb", "name": "\\", "a": 3, "b": -3, "is": true});
        assert_eq!(serde_json::from_str::<Value>(line).unwrap(), expected);
    }

    #[test]
    fn numbers_of_a_line_are_metrics_where_a_namespace_is_given() {
        let sink = Lines {
            is_stamped: true,
            namespace: Some("consign"),
            ..Lines::default()
        };
        let log = JsonLog::new(LevelFilter::INFO, sink.clone());
        tracing::subscriber::with_default(log, || {
            let size = Some(5_u64);
            tracing::info!(operation = "confirm", file_size = size, duration_ms = 7_u64);
            tracing::info!(
                operation = "confirm",
                code = "not_found",
                duration_ms = 1_u64
            );
            tracing::info!(operation = "confirm", status = 200_u64);
        });
        let lines = sink.lines.lock().unwrap();
        let metadata = |line: &String| serde_json::from_str::<Value>(line).unwrap()["_aws"].clone();
        let duration = serde_json::json!({"Name": "duration_ms", "Unit": "Milliseconds"});
        let size = serde_json::json!({"Name": "file_size", "Unit": "Bytes"});
        let directive = |dimensions: Value, metrics: Value| {
            serde_json::json!({"Timestamp": 0, "CloudWatchMetrics": [
                {"Namespace": "consign", "Dimensions": dimensions, "Metrics": metrics}]})
        };
        let by_operation = serde_json::json!([["operation"]]);
        let by_code = serde_json::json!([["operation"], ["operation", "code"]]);
        assert_eq!(
            metadata(&lines[0]),
            directive(by_operation, Value::from(vec![duration.clone(), size]))
        );
        assert_eq!(
            metadata(&lines[1]),
            directive(by_code, Value::from(vec![duration]))
        );
        assert_eq!(metadata(&lines[2]), Value::Null);
    }

    #[test]
    fn other_crates_are_logged_from_warnings_on_and_spans_are_not() {
        let talk = || {
            let _in = tracing::error_span!("span").entered();
            tracing::debug!("own");
            tracing::info!(target: "status::page", "own");
            tracing::info!(target: "aws_sdk_s3", "authorization: …");
            tracing::warn!(target: "aws_sdk_s3", "slow");
        };
        let levels = |level| {
            let lines = logged(level, false, talk);
            let lines = lines
                .iter()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines
                .map(|line| line["message"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(levels(LevelFilter::DEBUG), ["own", "own", "slow"]);
        assert_eq!(levels(LevelFilter::INFO), ["own", "slow"]);
        assert_eq!(levels(LevelFilter::ERROR), [""; 0]);
    }
}
