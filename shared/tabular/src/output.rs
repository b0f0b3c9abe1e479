//! The Parquet file: row group by row group, and in each column by column.
//!
//! An encoder takes some hundred kilobytes whatever it is given. So the values of a row group wait as plain arrays, and
//! one encoder is alive at a time: memory follows the size of a row group, not the number of columns.

use std::io::{self, Sink};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{FieldRef, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::Compression as Codec;
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;

use crate::footer;

const CREATED_BY: &str = concat!("consign-tabular ", env!("CARGO_PKG_VERSION"));

/// A Parquet file being written into memory, from where it is taken bit by bit.
pub(crate) struct Output {
    writer: SerializedFileWriter<Vec<u8>>,
    /// For each column, what makes its encoders.
    columns: Vec<(FieldRef, ArrowRowGroupWriterFactory)>,
}

impl Output {
    pub(crate) fn new(schema: &Arc<Schema>, metadata: &[(String, String)]) -> Result<Self> {
        let metadata: Vec<KeyValue> = metadata
            .iter()
            .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
            .collect();
        let columns = schema.fields().iter().map(|field| {
            // The library makes encoders for a whole schema: each column gets a schema, and a file, of its own.
            let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
            let options = ArrowWriterOptions::new()
                .with_properties(properties().build())
                .with_skip_arrow_metadata(true);
            let alone = ArrowWriter::<Sink>::try_new_with_options(io::sink(), schema, options)?;
            Ok((Arc::clone(field), alone.into_serialized_writer()?.1))
        });
        let columns = columns.collect::<Result<_>>()?;
        let properties = properties()
            .set_key_value_metadata(Some(metadata).filter(|metadata| !metadata.is_empty()))
            .build();
        let whole = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))?;
        Ok(Self {
            writer: whole.into_serialized_writer()?.0,
            columns,
        })
    }

    /// Writes a row group from arrays in the order of the columns, each asked for when its turn comes.
    pub(crate) fn write_row_group(&mut self, arrays: impl Iterator<Item = ArrayRef>) -> Result<()> {
        let index = self.writer.flushed_row_groups().len();
        let mut group = self.writer.next_row_group()?;
        for ((field, encoders), array) in self.columns.iter().zip(arrays) {
            for mut encoder in encoders.create_column_writers(index)? {
                for leaf in compute_leaves(field, &array)? {
                    encoder.write(&leaf)?;
                }
                encoder.close()?.append_to_row_group(&mut group)?;
            }
        }
        group.close()?;
        Ok(())
    }

    /// Row groups written so far.
    pub(crate) fn row_groups(&self) -> usize {
        self.writer.flushed_row_groups().len()
    }

    /// What is written and not yet taken.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.inner_mut())
    }

    /// Writes the footer: the bytes not yet taken, and how many there are in all.
    pub(crate) fn close(&mut self) -> Result<(Vec<u8>, u64)> {
        self.writer.finish()?;
        let columns = self.columns.len();
        let mut tail = self.take();
        footer::order_by_type(&mut tail, columns)?;
        Ok((tail, self.writer.bytes_written() as u64))
    }
}

/// How every column is encoded: dictionaries where they pay (the default), Snappy, statistics for each row group.
fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Codec::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // It finds single pages, which without statistics of pages nobody looks for.
        .set_offset_index_disabled(true)
}
