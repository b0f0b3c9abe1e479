//! The Parquet file: row groups, whose columns wait as compressed pages, and the footer.
//!
//! Memory follows what waits, not the number of rows: values until they fill a page, and pages until they fill a row group.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::Schema;
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{LogicalType, Type as Physical};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, KeyValue, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};

use crate::held;
use crate::writing::buffer::Buffer;
use crate::writing::chunk::{Chunk, Finished, Scratch};
use crate::writing::footer::RowGroups;

const CREATED_BY: &str = concat!("consign-tabular ", env!("CARGO_PKG_VERSION"));
/// The version of the format: 2 since it names the encodings that are used.
const VERSION: i32 = 2;
const MAGIC: &[u8] = b"PAR1";
/// Digits of a decimal that eight bytes hold.
pub(crate) const INT64_DIGITS: u8 = 18;
/// What the indexes of a column chunk take, about.
const INDEXES_BYTES: u64 = 64;
/// Bytes of a wider decimal.
const WIDE_BYTES: i32 = 16;

/// What was written and not yet taken.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held::append_bytes(&mut waiting, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A Parquet file being written into memory, from where it is taken bit by bit.
pub(crate) struct Output {
    file: TrackedWrite<Shared>,
    waiting: Shared,
    descriptor: SchemaDescPtr,
    scratch: Scratch,
    row_groups: RowGroups,
}

impl Output {
    /// Of columns of these types, of which the names and the precisions of decimals may still change.
    pub(crate) fn new(schema: &Schema, numbers_max: usize) -> Result<Self> {
        let descriptor = descriptor(schema)?;
        let waiting = Shared::default();
        let mut file = TrackedWrite::new(waiting.clone());
        file.write_all(MAGIC)?;
        file.flush()?;
        Ok(Self {
            file,
            waiting,
            row_groups: RowGroups::new(Arc::clone(&descriptor))?,
            descriptor,
            scratch: Scratch::new(numbers_max)?,
        })
    }

    /// What pages are made in.
    pub(crate) fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    /// Ends a row group of so many rows, all of which are in pages.
    pub(crate) fn finish_row_group<'a>(
        &mut self,
        columns: impl Iterator<Item = (&'a mut Chunk, &'a mut Buffer)>,
        rows: usize,
    ) -> Result<()> {
        let columns: Vec<(&mut Chunk, &mut Buffer)> = columns.collect();
        self.make_room(&columns);
        let offset = self.file.bytes_written() as i64;
        let mut finished = Vec::with_capacity(columns.len());
        for (at, (chunk, buffer)) in columns.into_iter().enumerate() {
            let descriptor = self.descriptor.column(at);
            let chunk = chunk.finish(buffer, &descriptor, &mut self.scratch, &mut self.file)?;
            finished.push(chunk);
        }
        let columns: Vec<ColumnChunkMetaData> = finished
            .into_iter()
            .map(|chunk| self.write_indexes(chunk))
            .collect::<Result<_>>()?;
        let bytes = columns
            .iter()
            .map(|column| column.uncompressed_size())
            .sum();
        let group = RowGroupMetaData::builder(Arc::clone(&self.descriptor))
            .set_column_metadata(columns)
            .set_total_byte_size(bytes)
            .set_num_rows(rows as i64)
            .set_ordinal(i32::try_from(self.row_groups.len()).unwrap_or(i32::MAX))
            .set_file_offset(offset)
            .build()?;
        self.row_groups.push(group)?;
        // The file buffers what it writes.
        self.file.flush()?;
        Ok(())
    }

    /// Makes room for a row group that is about to be written: what grows is there twice for a moment.
    fn make_room(&self, columns: &[(&mut Chunk, &mut Buffer)]) {
        let bytes = columns.iter().map(|(chunk, buffer)| {
            let bytes = chunk.bytes() + chunk.dictionary_bytes(buffer);
            bytes + bytes / 32 + INDEXES_BYTES
        });
        let bytes = usize::try_from(bytes.sum::<u64>()).unwrap_or(0);
        let mut waiting = self
            .waiting
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiting.reserve_exact(bytes);
    }

    /// Gives back what pages are made in, as soon as each is made.
    pub(crate) fn set_lean(&mut self, is_lean: bool) {
        self.scratch.set_lean(is_lean);
    }

    /// Writes the indexes of a chunk, and says in its description where they are.
    fn write_indexes(&mut self, chunk: Finished) -> Result<ColumnChunkMetaData> {
        let mut write = |bytes: &[u8]| {
            let offset = self.file.bytes_written() as i64;
            self.file.write_all(bytes)?;
            Ok::<_, io::Error>((offset, i32::try_from(bytes.len()).unwrap_or(i32::MAX)))
        };
        let (offset, bytes) = write(&chunk.offset_index)?;
        let mut metadata = chunk
            .metadata
            .into_builder()
            .set_offset_index_offset(Some(offset))
            .set_offset_index_length(Some(bytes));
        if let Some(index) = &chunk.column_index {
            let (offset, bytes) = write(index)?;
            metadata = metadata
                .set_column_index_offset(Some(offset))
                .set_column_index_length(Some(bytes));
        }
        metadata.build()
    }

    /// Bytes of the footer so far.
    pub(crate) fn footer_bytes(&self) -> u64 {
        self.row_groups.bytes() as u64
    }

    /// What is written and not yet taken.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.waiting.take()
    }

    /// Writes the footer, of columns as they were found in the end: the bytes not yet taken, and how many there are in all.
    pub(crate) fn close(
        self,
        schema: &Schema,
        metadata: &[(String, String)],
    ) -> Result<(Vec<u8>, u64)> {
        let mut tail = self.waiting.take();
        let before = self.file.bytes_written();
        let described = FileMetaData::new(
            VERSION,
            0,
            Some(CREATED_BY.to_owned()),
            Some(key_values(schema, metadata)),
            descriptor(schema)?,
            None,
        );
        let mut end = self.row_groups.finish(&described)?;
        let bytes = (before + end.len()) as u64;
        // A large footer is not copied.
        if tail.is_empty() {
            tail = end;
        } else {
            tail.append(&mut end);
        }
        Ok((tail, bytes))
    }
}

fn key_values(schema: &Schema, metadata: &[(String, String)]) -> Vec<KeyValue> {
    let pairs = metadata.iter();
    let mut all: Vec<KeyValue> = pairs
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect();
    // What Parquet has no place for: the units of columns.
    let mut properties = WriterProperties::builder().build();
    add_encoded_arrow_schema_to_metadata(schema, &mut properties);
    all.extend(
        properties
            .key_value_metadata()
            .into_iter()
            .flatten()
            .cloned(),
    );
    all
}

/// The schema as Parquet has it. Decimals have the same width whatever their precision, which is known at the end.
fn descriptor(schema: &Schema) -> Result<SchemaDescPtr> {
    let converted = ArrowSchemaConverter::new().convert(schema)?;
    let fields: Vec<TypePtr> = converted
        .root_schema()
        .get_fields()
        .iter()
        .map(decimal_field)
        .collect::<Result<_>>()?;
    let root = Type::group_type_builder(converted.name())
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(SchemaDescriptor::new(Arc::new(root))))
}

fn decimal_field(field: &TypePtr) -> Result<TypePtr> {
    let info = field.get_basic_info();
    let Some(logical @ LogicalType::Decimal { .. }) = info.logical_type_ref() else {
        return Ok(Arc::clone(field));
    };
    let is_narrow = field.get_precision() <= i32::from(INT64_DIGITS);
    let physical = if is_narrow {
        Physical::INT64
    } else {
        Physical::FIXED_LEN_BYTE_ARRAY
    };
    let decimal = Type::primitive_type_builder(field.name(), physical)
        .with_repetition(info.repetition())
        .with_logical_type(Some(logical.clone()))
        .with_precision(field.get_precision())
        .with_scale(field.get_scale())
        .with_length(if is_narrow { -1 } else { WIDE_BYTES });
    Ok(Arc::new(decimal.build()?))
}
