//! The log: one JSON object per event on the Worker's console.
//!
//! A line costs: Cloudflare counts each that it keeps, and `wrangler dev` takes longer over one than over a query of D1.

use consign_core::log::{JsonLog, Sink};
use consign_core::time::Timestamp;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use worker::{console_error, console_log, console_warn};

/// Makes everything of this level that is traced from here on a line of the console: `error`, `warn` or, where nothing is
/// said, `info`, which has a line for each call. Calling it again changes nothing.
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
    /// Cloudflare stamps lines itself.
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
