//! Every rejected row, in a Parquet file of its own: where it stands, why it was rejected, and its text.

use crate::layout::Column;
use crate::limits::Limits;
use crate::parsing::row::{Cell, Place, Row, RowBuilder};
use crate::profile::RejectReason;
use crate::refusal::Refusal;
use crate::types::reading::Reading;
use crate::types::told::Told;
use crate::writing::column::Builder;
use crate::writing::pages::{Closed, Pages};

/// The columns of the file.
const COLUMNS: [(&str, Reading); 6] = [
    ("line", Reading::Int64),
    ("lines", Reading::Int64),
    ("offset", Reading::Int64),
    ("column", Reading::Text),
    ("reason", Reading::Text),
    ("text", Reading::Text),
];

/// The column of the text.
const TEXT: usize = 5;

/// The file, once a row was rejected.
pub(crate) struct Rejected {
    limits: Limits,
    pages: Option<Pages>,
    row: RowBuilder,
}

impl Rejected {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits: limits.for_rejects(),
            pages: None,
            row: RowBuilder::default(),
        }
    }

    /// Adds a row that was rejected, for its cell in this column where it was for one.
    pub(crate) fn add(
        &mut self,
        row: &Row<'_>,
        reason: RejectReason,
        column: Option<&str>,
    ) -> Result<(), Refusal> {
        let pages = match &mut self.pages {
            Some(pages) => pages,
            None => self.pages.insert(begin(self.limits)?),
        };
        if pages.is_long(row.text.len()) {
            pages.make_room(row.text.len())?;
            pages.columns[TEXT].buffer().expect(row.text.len());
        }
        self.row.clear();
        for number in [row.line, row.lines, row.offset] {
            self.row.push(Some(&number.to_string()), false);
        }
        self.row.push(column, true);
        self.row.push(Some(reason.name()), true);
        let place = Place {
            line: row.line,
            lines: row.lines,
            offset: row.offset,
        };
        // The text is not copied before.
        let text = Cell::literal(row.text);
        let cells = self.row.row(place, &[]).cells().chain([text]);
        for (column, cell) in pages.columns.iter_mut().zip(cells) {
            pages.page_bytes += column.take(&cell)? as u64;
        }
        pages.end_row()
    }

    /// What is written and not yet taken.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        self.pages
            .as_mut()
            .map(Pages::take_output)
            .unwrap_or_default()
    }

    /// The end of the file; empty where there is none.
    pub(crate) fn close(self) -> Result<Vec<u8>, Refusal> {
        let closed = self.pages.map(|pages| pages.close(&[])).transpose()?;
        Ok(closed.map(|Closed { tail, .. }| tail).unwrap_or_default())
    }
}

fn begin(limits: Limits) -> Result<Pages, Refusal> {
    let column = |(name, reading): (&str, Reading)| {
        let column = Column {
            name: name.to_owned(),
            original_name: None,
            kind: reading.kind(),
            reading,
            warnings: Vec::new(),
        };
        Builder::new(
            column,
            Told::default(),
            limits.dictionary_bytes(COLUMNS.len()),
        )
    };
    Pages::new(COLUMNS.map(column).into(), limits)
}
