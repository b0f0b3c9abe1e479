//! The log: a JSON object per line, as CloudWatch reads it. Never a secret, a signature or a URL.

use std::io::Write as _;

use consign_core::log::{JsonLog, Sink};
use consign_core::ports::Clock as _;
use consign_core::time::Timestamp;
use consign_host::System;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::Environment;

/// Installs the log of the process; a second call changes nothing.
pub(crate) fn install(environment: &Environment) {
    let level = environment.get("CONSIGN_LOG");
    let level = level.map_or(LevelFilter::INFO, level_of);
    JsonLog::new(level, Stdout).install();
}

struct Stdout;

impl Sink for Stdout {
    fn now(&self) -> Option<Timestamp> {
        Some(System.now())
    }

    /// A line that cannot be written is lost: there is nobody to tell.
    fn line(&self, _: Level, mut line: Vec<u8>) {
        line.push(b'\n');
        drop(std::io::stdout().lock().write_all(&line));
    }
}

/// The levels of Lambda's own logging configuration, of which `FATAL` has no like here.
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
