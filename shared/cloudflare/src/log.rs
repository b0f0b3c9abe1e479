//! The log: one JSON object per event on the Worker's console. `tracing-subscriber` would weigh more than all of this crate.
//!
//! A line costs: Cloudflare counts each that it keeps, and `wrangler dev` takes longer over one than over a query of D1.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use worker::{console_error, console_log, console_warn};

/// Makes everything of this level that is traced from here on a line of the console: `error`, `warn` or, where nothing is
/// said, `info`, which has a line for each call. Calling it again changes nothing.
pub fn install(level: Option<&str>) {
    let level = match level {
        Some("error") => Level::ERROR,
        Some("warn") => Level::WARN,
        Some(_) | None => Level::INFO,
    };
    // An error says that it is installed already.
    drop(tracing::subscriber::set_global_default(Console(level)));
}

struct Console(Level);

impl Subscriber for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.0
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.0))
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(Map::new());
        let level = *event.metadata().level();
        line.0.insert("level".to_owned(), level.as_str().into());
        event.record(&mut line);
        let line = Value::Object(line.0);
        if level == Level::ERROR {
            console_error!("{line}");
        } else if level == Level::WARN {
            console_warn!("{line}");
        } else {
            console_log!("{line}");
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(Map<String, Value>);

impl Line {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}
