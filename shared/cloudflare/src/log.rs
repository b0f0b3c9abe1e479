//! The log: one JSON object per event on the console of the Worker.
//!
//! Lines have a cost: Cloudflare bills each stored line, and in `wrangler dev` a line takes longer than a query of D1.

use consign_core::log::{JsonLog, Sink};
use consign_core::time::Timestamp;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use worker::{console_error, console_log, console_warn};

/// Writes every traced event of this level or above to the console: `error`, `warn`, or by default `info`, which logs
/// each call. A second call has no effect.
pub fn install(level: Option<&str>) {
    let level = match level {
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some(_) | None => LevelFilter::INFO,
    };
    JsonLog::new(level, Console).install();
}

struct Console;

impl Sink for Console {
    /// Cloudflare adds the time itself.
    fn now(&self) -> Option<Timestamp> {
        None
    }

    fn line(&self, level: Level, line: Vec<u8>) {
        let line = String::from_utf8_lossy(&line);
        if level == Level::ERROR {
            console_error!("{line}");
        } else if level == Level::WARN {
            console_warn!("{line}");
        } else {
            console_log!("{line}");
        }
    }
}
