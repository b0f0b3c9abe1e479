//! The second pass: rows -> Parquet, row group by row group, and the profile.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression as Codec;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::column::{Builder, data_type};
use crate::limits::{BATCH_ROWS_MAX, Limits, ROW_GROUP_ROWS_MAX};
use crate::profile::{Profile, Reject, Rejects};
use crate::refusal::Refusal;
use crate::rows::{Row, Rows};
use crate::source::Source;
use crate::survey::Plan;

const CREATED_BY: &str = concat!("consign-tabular ", env!("CARGO_PKG_VERSION"));
/// Pages of at most this size in bytes; wide tables get smaller ones.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
const PAGE_BYTES_MIN: usize = 8 * 1024;
const _: () = assert!(PAGE_BYTES_MIN <= PAGE_BYTES_MAX);

/// The second pass: push the same bytes again, take the output as it grows, then [`finish`](Converter::finish). The
/// output is a Parquet file only when `finish` succeeds: write it where nobody reads it before. After a refusal the
/// converter is of no more use.
pub struct Converter {
    plan: Plan,
    source: Source,
    rows: Rows,
    table: Table,
}

/// What a conversion leaves.
#[derive(Debug)]
pub struct Converted {
    /// For `profile.json`.
    pub profile: Profile,
    /// For `rejects.json`; worth writing where `total` is not zero.
    pub rejects: Rejects,
    /// The end of the Parquet file: what [`Converter::take_output`] has not handed out.
    pub tail: Vec<u8>,
}

impl Converter {
    /// A conversion by the plan of a survey of the same source.
    ///
    /// # Errors
    /// [`Refusal::TooLargeForMemory`] or [`Refusal::Internal`].
    pub fn new(plan: Plan) -> Result<Self, Refusal> {
        Ok(Self {
            source: Source::new(plan.limits),
            rows: Rows::new(plan.delimiter, plan.limits),
            table: Table::new(&plan)?,
            plan,
        })
    }

    /// Takes the next bytes of the source, cut as the caller likes.
    ///
    /// # Errors
    /// [`Refusal::SourceChanged`] where the bytes cannot be those of the survey, or any other [`Refusal`] that such
    /// bytes earn.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let Self {
            source,
            rows,
            table,
            ..
        } = self;
        source.push(bytes, &mut |text| {
            rows.push(text, &mut |row| table.take(row))
        })
    }

    /// The next bytes of the Parquet file, to be written in this order; empty while none is complete. What is not
    /// taken is kept in memory: call it after each push.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        self.table.take_output()
    }

    /// Ends the source and the Parquet file.
    ///
    /// # Errors
    /// [`Refusal::SourceChanged`] where the two passes read different bytes.
    pub fn finish(self) -> Result<Converted, Refusal> {
        let Self {
            plan,
            mut source,
            mut rows,
            mut table,
        } = self;
        let fingerprint = source.finish(&mut |text| rows.push(text, &mut |row| table.take(row)))?;
        rows.finish(&mut |row| table.take(row))?;
        if fingerprint != plan.fingerprint || table.counts() != (plan.rows, plan.rejects) {
            return Err(Refusal::SourceChanged);
        }
        let (tail, parquet_bytes) = table.close()?;
        let profile = Profile {
            rows: table.rows,
            rejects: table.rejects.total,
            blank_lines: rows.blank_lines(),
            bytes: fingerprint.bytes,
            text_bytes: source.text_bytes(),
            parquet_bytes,
            delimiter: char::from(plan.delimiter),
            header: plan.options.header,
            encoding: plan.encoding,
            compression: plan.compression,
            columns: table.columns.into_iter().map(Builder::finish).collect(),
        };
        Ok(Converted {
            profile,
            rejects: table.rejects,
            tail,
        })
    }
}

struct Table {
    limits: Limits,
    skip_header: bool,
    schema: SchemaRef,
    columns: Vec<Builder>,
    writer: ArrowWriter<Vec<u8>>,
    /// Rows and bytes that wait in the builders.
    batch_rows: usize,
    batch_bytes: usize,
    rows: u64,
    rejects: Rejects,
}

impl Table {
    fn new(plan: &Plan) -> Result<Self, Refusal> {
        let fields: Vec<Field> = plan
            .columns
            .iter()
            .map(|column| Field::new(&column.name, data_type(column.kind), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let page_bytes = plan.limits.row_group_bytes / plan.columns.len().max(1) / 2;
        let page_bytes = page_bytes.clamp(PAGE_BYTES_MIN, PAGE_BYTES_MAX);
        let metadata: Vec<KeyValue> = plan
            .options
            .metadata
            .iter()
            .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
            .collect();
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Codec::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
            .set_data_page_size_limit(page_bytes)
            .set_dictionary_page_size_limit(page_bytes)
            .set_key_value_metadata(Some(metadata).filter(|metadata| !metadata.is_empty()))
            .build();
        Ok(Self {
            limits: plan.limits,
            skip_header: plan.options.header,
            writer: ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?,
            schema,
            columns: plan.columns.iter().cloned().map(Builder::new).collect(),
            batch_rows: 0,
            batch_bytes: 0,
            rows: 0,
            rejects: Rejects::default(),
        })
    }

    fn counts(&self) -> (u64, u64) {
        (self.rows, self.rejects.total)
    }

    fn take(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        if std::mem::take(&mut self.skip_header) {
            return if row.fields == self.columns.len() {
                Ok(())
            } else {
                Err(Refusal::SourceChanged)
            };
        }
        if let Some(reject) = Reject::of(row, self.columns.len()) {
            self.rejects.add(reject);
            return Ok(());
        }
        for (column, cell) in self.columns.iter_mut().zip(row.cells()) {
            column.take(&cell)?;
        }
        self.rows += 1;
        self.batch_rows += 1;
        self.batch_bytes += row.text.len() + self.columns.len() * size_of::<u64>();
        if self.batch_rows >= BATCH_ROWS_MAX || self.batch_bytes >= self.limits.batch_bytes {
            self.write_batch()?;
        }
        Ok(())
    }

    /// Hands the waiting values to the writer, and ends the row group where it is large enough.
    fn write_batch(&mut self) -> Result<(), Refusal> {
        if self.batch_rows == 0 {
            return Ok(());
        }
        let arrays = self.columns.iter_mut().map(Builder::finish_batch).collect();
        self.writer
            .write(&RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)?;
        (self.batch_rows, self.batch_bytes) = (0, 0);
        if self.writer.memory_size() >= self.limits.row_group_bytes {
            self.writer.flush()?;
            let chunks = (self.writer.flushed_row_groups().len() * self.columns.len()) as u64;
            if chunks > self.limits.chunks_max {
                return Err(Refusal::TooLargeForMemory {
                    columns: self.columns.len(),
                    rows: self.rows,
                });
            }
        }
        Ok(())
    }

    fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.inner_mut())
    }

    /// Ends the file: its last bytes, and how many it has in all.
    fn close(&mut self) -> Result<(Vec<u8>, u64), Refusal> {
        self.write_batch()?;
        self.writer.finish()?;
        Ok((self.take_output(), self.writer.bytes_written() as u64))
    }
}
