//! Rows that wait to be taken column by column: what reads one kind of cell stays in the processor's caches, and its branches
//! are foreseen better than where each cell is of another kind than the one before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::parsing::row::{Cell, Dialect, Row, Span};
use crate::types::window::{AHEAD, Window};

/// Text after which the rows are taken. With their spans they are about as large as the second cache of a processor.
const TEXT_BYTES: usize = 64 * 1024;
/// Cells after which they are: rows of many empty cells have hardly any text.
const CELLS: usize = 16 * 1024;

/// Rows of one table, copied out of the source.
pub(crate) struct Batch {
    text: String,
    /// Of each row as many as there are columns.
    spans: Vec<Span>,
    columns: usize,
    rows: usize,
    dialect: Dialect,
    literal: bool,
    /// What stands for null by hints.
    nulls: Arc<BTreeSet<String>>,
}

impl Batch {
    /// For rows of so many columns, in which these words stand for null.
    pub(crate) fn new(columns: usize, nulls: Arc<BTreeSet<String>>) -> Self {
        let mut batch = Self {
            text: String::new(),
            spans: Vec::new(),
            columns,
            rows: 0,
            dialect: Dialect::of(b','),
            literal: false,
            nulls,
        };
        batch.clear();
        batch
    }

    /// An empty one for rows of the same table.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.columns, Arc::clone(&self.nulls))
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.rows = 0;
        // Something is ahead of the first cell too.
        self.text.extend(std::iter::repeat_n(' ', AHEAD));
    }

    /// Appends a row that fits the table.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        let base = self.text.len() as u32;
        self.text.push_str(row.text);
        let kept = row.spans.len().min(self.columns);
        let spans = row.spans[..kept].iter().map(|span| Span {
            start: span.start + base,
            end: span.end + base,
            ..*span
        });
        self.spans.extend(spans);
        let missing = std::iter::repeat_n(Span::ABSENT, self.columns - kept);
        self.spans.extend(missing);
        // The same for all rows of a table.
        (self.dialect, self.literal) = (row.dialect, row.is_literal());
        self.rows += 1;
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the rows are to be taken.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= TEXT_BYTES || self.spans.len() >= CELLS
    }

    /// Whether quoted cells are texts, whatever they look like.
    pub(crate) fn has_literals(&self) -> bool {
        self.literal || self.dialect.typed
    }

    /// What stands for null by hints.
    pub(crate) fn nulls(&self) -> &BTreeSet<String> {
        &self.nulls
    }

    /// Where the cells of a column are, from this row on.
    #[inline]
    pub(crate) fn spans(&self, column: usize, row: usize) -> impl Iterator<Item = &Span> {
        let first = row * self.columns + column;
        let spans = self.spans.get(first..).unwrap_or_default();
        spans.iter().step_by(self.columns)
    }

    /// The cell there.
    #[inline]
    pub(crate) fn cell(&self, span: &Span) -> Cell<'_> {
        span.cell(&self.text, self.dialect, self.has_literals())
    }

    /// The same as bytes, with those ahead of it.
    #[inline]
    pub(crate) fn window(&self, span: &Span) -> Window<'_> {
        Window::new(self.text.as_bytes(), span.start as usize, span.end as usize)
    }
}
