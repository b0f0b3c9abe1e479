//! The result of `consign bucket init`, as a table.

use std::fmt;

use crate::show::printable;

/// The state of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowState {
    /// It existed.
    Present,
    /// It was created.
    Created,
    /// The store has no rules for it, but does it by default.
    ByStore,
    /// It cannot be set through the S3 API, and has to be set manually.
    Manual,
    /// It was not requested.
    Skipped,
    /// It is missing.
    Missing,
    /// It failed.
    Failed,
}

impl RowState {
    fn text(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Created => "created",
            Self::ByStore => "by the store",
            Self::Manual => "manual",
            Self::Skipped => "skipped",
            Self::Missing => "MISSING",
            Self::Failed => "FAILED",
        }
    }

    fn is_good(self) -> bool {
        match self {
            Self::Present | Self::Created | Self::ByStore | Self::Manual | Self::Skipped => true,
            Self::Missing | Self::Failed => false,
        }
    }
}

/// One item of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) item: &'static str,
    pub(super) state: RowState,
    pub(super) note: String,
}

impl Row {
    pub(super) fn new(item: &'static str, state: RowState, note: impl Into<String>) -> Self {
        let note = note.into();
        Self { item, state, note }
    }
}

/// All items of all buckets.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<(String, Row)>,
}

impl Table {
    pub(super) fn add(&mut self, bucket: &str, row: Row) {
        self.rows.push((bucket.to_owned(), row));
    }

    /// Whether nothing is missing and nothing failed.
    pub(super) fn is_complete(&self) -> bool {
        self.rows.iter().all(|(_, row)| row.state.is_good())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buckets = self.rows.iter().map(|(bucket, _)| bucket.len());
        let width = buckets.max().unwrap_or(0).max("bucket".len());
        writeln!(
            f,
            "{:width$}  {:15}  {:12}  note",
            "bucket", "what", "state"
        )?;
        let mut last = "";
        for (bucket, Row { item, state, note }) in &self.rows {
            let name = if bucket == last { "" } else { bucket.as_str() };
            last = bucket;
            // Further lines of a note are printed below the row.
            let mut lines = note.lines().map(printable);
            let first = lines.next().unwrap_or_default();
            let line = format!("{name:width$}  {item:15}  {:12}  {first}", state.text());
            writeln!(f, "{}", line.trim_end())?;
            for line in lines {
                writeln!(f, "{:width$}      {line}", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_names_each_bucket_once_and_shows_what_to_do() {
        let mut table = Table::default();
        table.add("files", Row::new("bucket", RowState::Created, ""));
        table.add("files", Row::new("CORS", RowState::Present, "http://a"));
        assert!(table.is_complete());
        table.add(
            "files",
            Row::new("notifications", RowState::Missing, "one\ntwo"),
        );
        assert!(!table.is_complete());
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!(lines[1], "files   bucket           created");
        assert_eq!(lines[2], "        CORS             present       http://a");
        assert!(lines[3].ends_with("MISSING       one") && lines[4].ends_with("      two"));
        assert_eq!(text.matches("files").count(), 1);
    }
}
