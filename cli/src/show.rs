//! Progress: bars on a terminal, otherwise one line per state.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use consign_client::{File, Meter, Observer, Status};

/// The bars of all files in progress.
#[derive(Debug, Clone)]
pub(super) struct Bars {
    all: MultiProgress,
    is_terminal: bool,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self {
            all: MultiProgress::new(),
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Returns the bar of a file.
    pub(super) fn bar(&self, name: &str, size_bytes: Option<u64>) -> FileBar {
        let bar = if self.is_terminal {
            self.all.add(ProgressBar::no_length())
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(style(
            "{prefix:.bold} {spinner} {bytes:>10} {bytes_per_sec:>12} {msg}",
        ));
        bar.set_prefix(printable(name));
        bar.enable_steady_tick(Duration::from_millis(200));
        let moved = bar.clone();
        let meter = Meter::new(move |bytes| moved.set_position(bytes));
        let bar = FileBar {
            bars: self.clone(),
            bar,
            name: printable(name),
            meter,
            last: Mutex::new(None),
        };
        if let Some(size_bytes) = size_bytes {
            bar.expect_bytes(size_bytes);
        }
        bar
    }

    /// Prints a line to standard output without disturbing the bars.
    pub(super) fn print(&self, line: &str) {
        // Nobody reads any more where this fails, as behind `| head`.
        self.all
            .suspend(|| drop(writeln!(std::io::stdout(), "{line}")));
    }

    /// Prints a line to standard error without disturbing the bars.
    pub(super) fn print_error(&self, line: &str) {
        self.all.suspend(|| eprintln!("{line}"));
    }
}

/// The progress of one file.
#[derive(Debug)]
pub(super) struct FileBar {
    bars: Bars,
    bar: ProgressBar,
    name: String,
    meter: Meter,
    last: Mutex<Option<Status>>,
}

impl FileBar {
    /// Sets the size, once it is known.
    pub(super) fn expect_bytes(&self, size_bytes: u64) {
        self.bar.set_length(size_bytes);
        let template = "{prefix:.bold} {bar:28.cyan/dim} {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {eta:>4} {msg}";
        self.bar.set_style(style(template));
    }

    /// Shows the current step, next to the bar or as a line.
    pub(super) fn note(&self, text: &str) {
        if self.bars.is_terminal {
            self.bar.set_message(text.to_owned());
        } else {
            self.bars.print_error(&format!("{}: {text}", self.name));
        }
    }

    /// Sets the position of the bar, in bytes.
    pub(super) fn reached(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for FileBar {
    fn meter(&self) -> &Meter {
        &self.meter
    }

    fn signed(&self, file_id: &str, resumed_parts: usize) {
        match resumed_parts {
            0 => self.note(&format!("signed {file_id}")),
            parts => self.note(&format!("resumed {file_id}, {parts} parts are complete")),
        }
    }

    fn state(&self, state: Status) {
        // A poisoned lock only means that another thread panicked while it set a state.
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.replace(state) == Some(state) {
            return;
        }
        if state != Status::Uploading && !state.is_final() {
            self.bar
                .set_style(style("{prefix:.bold} {spinner} {bytes:>10} {msg}"));
        }
        self.note(&state.to_string());
    }
}

fn style(template: &str) -> ProgressStyle {
    // Templates are constants of this file. If one is invalid, the plain bar is used.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Returns the text without terminal control sequences.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Formats a size.
pub(super) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// Returns the number of rows of a table, and of rejected rows if there are any.
pub(super) fn rows(file: &File) -> Option<String> {
    let rows = file.row_count?;
    Some(match file.reject_count.filter(|rejects| *rejects > 0) {
        None => format!("{rows} rows"),
        Some(rejects) => format!("{rows} rows, {rejects} rejected"),
    })
}
