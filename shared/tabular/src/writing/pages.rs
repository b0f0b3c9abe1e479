//! Rows of cells on their way into a Parquet file: pages, and row groups of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow_schema::{Field, Schema};

use crate::limits::{Limits, PAGE_ROWS_MAX, ROW_GROUP_ROWS_MAX};
use crate::parsing::row::Row;
use crate::profile::ColumnProfile;
use crate::profile::counted;
use crate::profile::facts::Room;
use crate::profile::summary::SAMPLE_ROWS_MAX;
use crate::refusal::Refusal;
use crate::writing::batch::Batch;
use crate::writing::buffer::Buffer;
use crate::writing::chunk::Scratch;
use crate::writing::column::Builder;
use crate::writing::helper::{Helper, Sums, Task};
use crate::writing::output::Output;

/// The key of a field's metadata that has the unit of its values.
const UNIT: &str = "unit";

/// Rows below which a sample is not worth its place.
const SAMPLE_ROWS_MIN: u32 = 16;

/// What the rows between two looks at the pages take at most, beside the last of them. It depends on nothing but the rows, so
/// that pages do not depend on how the source was cut.
const STRETCH_BYTES_MAX: usize = 1024 * 1024;
/// How many these are at most.
const STRETCH_ROWS_MAX: usize = PAGE_ROWS_MAX / 8;

/// A Parquet file that grows by rows.
pub(crate) struct Pages {
    limits: Limits,
    /// None while the other thread works on them.
    pub(crate) columns: Vec<Builder>,
    width: usize,
    helper: Option<Helper>,
    /// Rows of the stretch that both threads work on.
    running_rows: usize,
    /// Rows that the columns did not take yet.
    batch: Batch,
    /// The batch of the stretch before, to be filled again.
    spare: Option<Batch>,
    /// Rows, and what they take, since the pages were looked at.
    stretch_rows: usize,
    stretch_bytes: usize,
    stretch_bytes_max: usize,
    output: Output,
    /// Rows and bytes that wait for their pages.
    page_rows: usize,
    pub(crate) page_bytes: u64,
    /// Rows and bytes of the row group that are in pages.
    group_rows: usize,
    group_bytes: u64,
    /// Rows of more bytes are long.
    long_row_bytes: usize,
    is_lean: bool,
    pub(crate) rows: u64,
}

/// The end of a Parquet file.
pub(crate) struct Closed {
    /// The bytes that were not taken.
    pub(crate) tail: Vec<u8>,
    /// Bytes of the file.
    pub(crate) bytes: u64,
    pub(crate) columns: Vec<ColumnProfile>,
}

impl Pages {
    pub(crate) fn new(columns: Vec<Builder>, limits: Limits) -> Result<Self, Refusal> {
        let limits = limits.for_columns(columns.len());
        let numbers_max = limits.dictionary_numbers(columns.len());
        Ok(Self {
            limits,
            width: columns.len(),
            helper: None,
            running_rows: 0,
            spare: None,
            batch: Batch::new(columns.len(), Arc::default()),
            stretch_rows: 0,
            stretch_bytes: 0,
            stretch_bytes_max: STRETCH_BYTES_MAX.min(limits.pages_bytes / 8),
            output: Output::new(&schema(&columns), numbers_max)?,
            columns,
            page_rows: 0,
            page_bytes: 0,
            group_rows: 0,
            group_bytes: 0,
            long_row_bytes: limits.long_row_bytes(),
            is_lean: false,
            rows: 0,
        })
    }

    /// Finds out what a profile says of the columns.
    pub(crate) fn profiled(mut self) -> Self {
        let row_bytes: usize = self.columns.iter().map(Builder::sample_bytes).sum();
        let rows = self.limits.sample_bytes() / row_bytes.max(1);
        let rows = u32::try_from(rows).unwrap_or(u32::MAX).min(SAMPLE_ROWS_MAX);
        // A power of two, so that what grows by doubling takes no more.
        let rows = 1 << rows.checked_ilog2().unwrap_or(0);
        let room = Room {
            sample_rows: if rows >= SAMPLE_ROWS_MIN { rows } else { 0 },
            entries_max: counted::entries(self.limits.counted_bytes(self.columns.len())),
        };
        self.columns
            .iter_mut()
            .for_each(|column| column.profile_by(room));
        self
    }

    /// Takes these words for null.
    pub(crate) fn with_nulls(mut self, nulls: BTreeSet<String>) -> Self {
        self.batch = Batch::new(self.width, Arc::new(nulls));
        self
    }

    /// Works with a second thread, where there can be one.
    pub(crate) fn with_helper(mut self) -> Result<Self, Refusal> {
        let numbers_max = self.limits.dictionary_numbers(self.width);
        self.helper = Helper::start(Scratch::new(numbers_max)?);
        Ok(self)
    }

    /// Columns.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Adds a row that fits the table, and is not long.
    #[inline]
    pub(crate) fn add(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        self.batch.push(row);
        self.rows += 1;
        self.stretch_rows += 1;
        self.stretch_bytes += row.text.len() + self.width * size_of::<u64>();
        if self.stretch_bytes >= self.stretch_bytes_max || self.stretch_rows == STRETCH_ROWS_MAX {
            return self.end_stretch();
        }
        if self.helper.is_none() && self.batch.is_full() {
            self.take_batch()?;
        }
        Ok(())
    }

    /// Lets the columns take what waits, and looks whether the pages are full; or both threads, while the next rows are read.
    fn end_stretch(&mut self) -> Result<(), Refusal> {
        self.join()?;
        if self.helper.is_none() {
            return self.settle();
        }
        let spare = self.spare.take();
        let mut batch = spare.unwrap_or_else(|| self.batch.another());
        std::mem::swap(&mut batch, &mut self.batch);
        self.running_rows = std::mem::take(&mut self.stretch_rows);
        self.stretch_bytes = 0;
        self.begin(Task::Take(batch, self.stretch_bytes_max))
    }

    /// Lets the columns take all rows so far, and looks whether the pages are full.
    fn settle(&mut self) -> Result<(), Refusal> {
        self.take_batch()?;
        let mut sums = Sums::default();
        for column in &mut self.columns {
            sums.add_early(column.write_early(self.output.scratch(), self.stretch_bytes_max)?);
        }
        self.count(sums);
        self.page_rows += std::mem::take(&mut self.stretch_rows);
        self.stretch_bytes = 0;
        self.end_page()
    }

    /// Lets the columns take all rows so far.
    pub(crate) fn take_batch(&mut self) -> Result<(), Refusal> {
        self.join()?;
        for (at, column) in self.columns.iter_mut().enumerate() {
            self.page_bytes += column.take_all(&self.batch, at)? as u64;
        }
        self.batch.clear();
        Ok(())
    }

    fn count(&mut self, sums: Sums) {
        // What is written out of a dictionary has become more.
        self.page_bytes = (self.page_bytes + sums.taken).saturating_sub(sums.early);
        self.group_bytes += sums.written;
    }

    /// Ends the stretch that both threads work on.
    fn join(&mut self) -> Result<(), Refusal> {
        if let Some((Task::Take(mut batch, _), sums)) = self.join_task()? {
            batch.clear();
            self.spare = Some(batch);
            self.count(sums);
            self.page_rows += std::mem::take(&mut self.running_rows);
            self.end_page()?;
        }
        Ok(())
    }

    fn begin(&mut self, task: Task) -> Result<(), Refusal> {
        let helper = self.helper.as_mut();
        helper.map_or(Ok(()), |helper| {
            helper.begin(task, &mut self.columns, self.is_lean)
        })
    }

    fn join_task(&mut self) -> Result<Option<(Task, Sums)>, Refusal> {
        let Some(helper) = &mut self.helper else {
            return Ok(None);
        };
        helper.join(&mut self.columns, self.output.scratch())
    }

    /// What is written and not yet taken.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        self.output.take()
    }

    /// Ends a row whose cells the columns took.
    pub(crate) fn end_row(&mut self) -> Result<(), Refusal> {
        self.rows += 1;
        self.page_rows += 1;
        self.end_page()
    }

    /// Writes the pages where they are full, and the row group where that is.
    fn end_page(&mut self) -> Result<(), Refusal> {
        // Another stretch has to find room.
        let most = self.limits.pages_bytes - self.stretch_bytes_max;
        let has_room = self.page_rows + STRETCH_ROWS_MAX <= PAGE_ROWS_MAX;
        let full = self.limits.row_group_bytes as u64;
        if has_room && self.page_bytes < most as u64 && self.group_bytes < full {
            return Ok(());
        }
        self.write_pages()?;
        let is_full = self.group_bytes >= full;
        if is_full || self.group_rows >= ROW_GROUP_ROWS_MAX {
            self.finish_row_group()?;
        }
        Ok(())
    }

    /// Whether a row of so many bytes has to be told before it comes.
    #[inline]
    pub(crate) fn is_long(&self, bytes: usize) -> bool {
        bytes > self.long_row_bytes
    }

    /// Makes room for a long row, which is there as text already: what waits does not wait for it, and what pages are made in
    /// is given back.
    #[cold]
    pub(crate) fn make_room(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.settle()?;
        let bytes = bytes as u64;
        self.is_lean = true;
        self.output.set_lean(true);
        let fits = self.page_bytes + bytes <= self.limits.pages_bytes as u64;
        let mut buffers = self.columns.iter_mut().map(Builder::buffer);
        if self.page_rows == 0 {
            buffers.for_each(Buffer::release);
        } else if !fits || buffers.any(|buffer| buffer.ends_before_long()) {
            self.write_pages()?;
        }
        let is_full = self.group_bytes + bytes > self.limits.row_group_bytes as u64;
        if self.group_rows > 0 && self.page_rows == 0 && is_full {
            self.finish_row_group()?;
        }
        self.is_lean = true;
        self.output.set_lean(true);
        Ok(())
    }

    /// Makes room for the cells of a row that is about to be taken.
    #[cold]
    pub(crate) fn expect(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        let limit_bytes = self.limits.row_bytes_max;
        if row.text.len() > limit_bytes {
            let line = row.line;
            return Err(Refusal::RowTooLong { line, limit_bytes });
        }
        for (column, cell) in self.columns.iter_mut().zip(row.cells()) {
            column.buffer().expect(cell.raw.len());
        }
        Ok(())
    }

    fn write_pages(&mut self) -> Result<(), Refusal> {
        if self.helper.is_some() {
            self.begin(Task::Write)?;
            if let Some((_, sums)) = self.join_task()? {
                self.count(sums);
            }
        } else {
            for column in &mut self.columns {
                self.group_bytes += column.write_page(self.output.scratch())?;
            }
        }
        self.group_rows += self.page_rows;
        (self.page_rows, self.page_bytes) = (0, 0);
        if std::mem::take(&mut self.is_lean) {
            self.output.set_lean(false);
        }
        Ok(())
    }

    fn finish_row_group(&mut self) -> Result<(), Refusal> {
        let chunks = self.columns.iter_mut().map(Builder::chunk);
        self.output.finish_row_group(chunks, self.group_rows)?;
        (self.group_rows, self.group_bytes) = (0, 0);
        self.columns.iter_mut().for_each(Builder::begin_row_group);
        if self.output.footer_bytes() > self.limits.metadata_bytes_max {
            let (columns, rows) = (self.columns.len(), self.rows);
            return Err(Refusal::TooLargeForMemory { columns, rows });
        }
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn close(mut self, metadata: &[(String, String)]) -> Result<Closed, Refusal> {
        self.settle()?;
        if self.page_rows > 0 {
            self.write_pages()?;
        }
        if self.group_rows > 0 {
            self.finish_row_group()?;
        }
        self.columns.iter_mut().for_each(Builder::settle);
        let (tail, bytes) = self.output.close(&schema(&self.columns), metadata)?;
        Ok(Closed {
            tail,
            bytes,
            columns: self.columns.into_iter().map(Builder::finish).collect(),
        })
    }
}

/// The schema of the file, with the units of columns in their metadata.
fn schema(columns: &[Builder]) -> Schema {
    let field = |builder: &Builder| {
        let column = builder.column();
        let field = Field::new(&column.name, column.reading.data_type(), true);
        let unit = column
            .reading
            .unit()
            .map(|unit| (UNIT.to_owned(), unit.to_owned()));
        field.with_metadata(unit.into_iter().collect::<HashMap<_, _>>())
    };
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}
