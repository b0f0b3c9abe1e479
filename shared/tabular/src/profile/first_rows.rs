//! The first rows of a table, as they are written.

use crate::parsing::row::Row;

/// Rows that are kept.
pub const FIRST_ROWS_MAX: usize = 20;
/// The longest of their cells in bytes; longer ones are cut.
pub const FIRST_CELL_BYTES_MAX: usize = 256;
/// What they take together in bytes at most: rows behind are left out.
const BYTES_MAX: usize = 64 * 1024;

/// The first rows so far.
#[derive(Default)]
pub(crate) struct FirstRows {
    rows: Vec<Vec<Option<String>>>,
    bytes: usize,
    is_full: bool,
}

impl FirstRows {
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes a row of so many columns.
    #[cold]
    pub(crate) fn add(&mut self, row: &Row<'_>, columns: usize) {
        let bytes = |cell: &str| cell.len().min(FIRST_CELL_BYTES_MAX);
        let bytes: usize = row.cells().take(columns).map(|cell| bytes(cell.raw)).sum();
        // And one for what stands between them.
        let bytes = bytes + columns;
        if self.bytes + bytes > BYTES_MAX {
            self.is_full = true;
            return;
        }
        self.bytes += bytes;
        let mut cells: Vec<Option<String>> = row
            .cells()
            .take(columns)
            .map(|cell| {
                (!cell.is_absent()).then(|| {
                    let value = cell.value();
                    value[..value.floor_char_boundary(FIRST_CELL_BYTES_MAX)].to_owned()
                })
            })
            .collect();
        cells.resize(columns, None);
        self.rows.push(cells);
        self.is_full = self.rows.len() >= FIRST_ROWS_MAX;
    }

    pub(crate) fn into_rows(self) -> Vec<Vec<Option<String>>> {
        self.rows
    }
}
