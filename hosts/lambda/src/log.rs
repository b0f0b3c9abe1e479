//! The log: a JSON object per line for CloudWatch. It contains no secret, no signature and no URL.

use std::io::Write as _;

use consign_core::log::{JsonLog, Sink};
use consign_core::ports::Clock as _;
use consign_core::time::Timestamp;
use consign_host::System;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::Environment;

/// Installs the log of the process. A second call has no effect.
pub(crate) fn install(environment: &Environment) {
    let level = environment.get("CONSIGN_LOG");
    let level = level.map_or(LevelFilter::INFO, level_of);
    let namespace = environment.get("CONSIGN_METRICS").map(str::to_owned);
    JsonLog::new(level, Stdout { namespace }).install();
}

struct Stdout {
    /// The namespace of CloudWatch's metrics. Without it, no line has some: each series has its price.
    namespace: Option<String>,
}

impl Sink for Stdout {
    fn now(&self) -> Option<Timestamp> {
        Some(System.now())
    }

    fn metrics_namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// A line that cannot be written is lost, since there is no other place to report it.
    fn line(&self, _: Level, mut line: Vec<u8>) {
        line.push(b'\n');
        drop(std::io::stdout().lock().write_all(&line));
    }
}

/// Maps the levels of Lambda's logging configuration. `FATAL` has no equivalent here.
fn level_of(name: &str) -> LevelFilter {
    if name.eq_ignore_ascii_case("fatal") {
        return LevelFilter::ERROR;
    }
    name.parse().unwrap_or(LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_lambda() {
        for (name, expected) in [
            ("FATAL", LevelFilter::ERROR),
            ("ERROR", LevelFilter::ERROR),
            ("WARN", LevelFilter::WARN),
            ("INFO", LevelFilter::INFO),
            ("debug", LevelFilter::DEBUG),
            ("loud", LevelFilter::INFO),
        ] {
            assert_eq!(level_of(name), expected, "{name}");
        }
    }
}
