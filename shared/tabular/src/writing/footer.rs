//! The footer, put together from row groups that were described one by one.
//!
//! The library keeps some 900 bytes for each column of each row group, and twice that while it writes them. So a row group is
//! serialized as soon as it is complete, alone in a footer, and cut out of it; in the end these pieces are put into a footer
//! without row groups.
//!
//! The library writes the IEEE 754 total order as the order of doubles. Polars up to 1.42, DataFusion up to 50 and
//! parquet-wasm up to 0.7 then open no such file, and pyarrow sees no minimum and maximum. It has no setting for it, so the
//! orders are written over: they are the last field of the footer, three bytes each. The statistics mean the same in
//! both orders: the library leaves NaN out of them unless a page has nothing else, and readers pass over a NaN there.

use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    FileMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::schema::types::SchemaDescPtr;

use crate::held;
use crate::writing::encode::{varint, zigzag};
use crate::writing::index::structs;

/// What ends a file: the length of the footer, and the magic bytes.
const END_BYTES: usize = 8;
/// No row, and no row group: fields 3 and 4 of `FileMetaData`. No other struct of a footer has such fields, and names have
/// no NUL.
const NO_ROWS: [u8; 4] = [0x16, 0, 0x19, 0x0C];
/// A `ColumnOrder` in Thrift's compact protocol: the header of a field of the union, an empty struct, the union's end.
const ORDER_BYTES: usize = 3;
/// `TYPE_ORDER`, field 1 (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).
const TYPE_ORDER: u8 = 0x1C;
/// `IEEE_754_TOTAL_ORDER`, field 2.
const TOTAL_ORDER: u8 = 0x2C;

fn unlike() -> ParquetError {
    ParquetError::General("the footer is not laid out as expected".to_owned())
}

/// The bytes of a footer: `FileMetaData`, its length and the magic bytes.
fn serialized(file: &FileMetaData, group: Option<RowGroupMetaData>) -> Result<Vec<u8>> {
    let metadata = ParquetMetaDataBuilder::new(file.clone())
        .set_row_groups(group.into_iter().collect())
        .build();
    let mut bytes = Vec::new();
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish()?;
    Ok(bytes)
}

/// Where [`NO_ROWS`] is, which is there once.
fn place(footer: &[u8]) -> Result<usize> {
    let mut found = memchr::memmem::find_iter(footer, &NO_ROWS);
    match (found.next(), found.next()) {
        (Some(place), None) => Ok(place),
        _ => Err(unlike()),
    }
}

/// Serializes row groups of one schema.
pub(crate) struct RowGroups {
    /// A footer that has no row group.
    alone: FileMetaData,
    place: usize,
    length: usize,
    bytes: Vec<u8>,
    count: usize,
    rows: u64,
}

impl RowGroups {
    pub(crate) fn new(descriptor: SchemaDescPtr) -> Result<Self> {
        let alone = FileMetaData::new(0, 0, None, None, descriptor, None);
        let empty = serialized(&alone, None)?;
        Ok(Self {
            place: place(&empty)?,
            length: empty.len(),
            alone,
            bytes: Vec::new(),
            count: 0,
            rows: 0,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Bytes of the row groups.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn push(&mut self, group: RowGroupMetaData) -> Result<()> {
        let rows = group.num_rows();
        let footer = serialized(&self.alone, Some(group))?;
        let mut before = vec![NO_ROWS[0]];
        varint(&mut before, zigzag(rows));
        before.push(NO_ROWS[2]);
        before.extend(structs(1));
        let behind = self.length - self.place - NO_ROWS.len();
        let end = footer.len().checked_sub(behind).ok_or_else(unlike)?;
        let group = footer.get(self.place..end).ok_or_else(unlike)?;
        let group = group.strip_prefix(before.as_slice()).ok_or_else(unlike)?;
        held::append_bytes(&mut self.bytes, group);
        self.count += 1;
        self.rows += rows.unsigned_abs();
        Ok(())
    }

    /// The footer of a file that is described so, with all row groups.
    pub(crate) fn finish(self, file: &FileMetaData) -> Result<Vec<u8>> {
        let columns = file.schema_descr().num_columns();
        let mut empty = serialized(file, None)?;
        order_by_type(&mut empty, columns)?;
        let place = place(&empty)?;
        let (before, behind) = empty.split_at(place);
        let behind = &behind[NO_ROWS.len()..empty.len() - place - END_BYTES];
        let mut begin = before.to_vec();
        begin.push(NO_ROWS[0]);
        varint(&mut begin, zigzag(self.rows.cast_signed()));
        begin.push(NO_ROWS[2]);
        begin.extend(structs(self.count));
        // The row groups are moved, not copied: they are most of it.
        let mut footer = self.bytes;
        footer.reserve_exact(begin.len() + behind.len() + END_BYTES);
        footer.splice(0..0, begin);
        footer.extend_from_slice(behind);
        let length = u32::try_from(footer.len()).map_err(|_| unlike())?;
        footer.extend_from_slice(&length.to_le_bytes());
        footer.extend_from_slice(&empty[empty.len() - 4..]);
        Ok(footer)
    }
}

/// Gives every column the order of its type in the footer that ends `tail`.
fn order_by_type(tail: &mut [u8], columns: usize) -> Result<()> {
    // The end of the footer's struct comes behind the list.
    let end = tail.len().checked_sub(END_BYTES + 1).ok_or_else(unlike)?;
    let start = end.checked_sub(columns * ORDER_BYTES).ok_or_else(unlike)?;
    let is_listed = tail[end] == 0 && tail[..start].ends_with(&structs(columns));
    let orders = &mut tail[start..end];
    let are_orders = orders
        .chunks_exact(ORDER_BYTES)
        .all(|order| matches!(order[0], TYPE_ORDER | TOTAL_ORDER) && order[1..] == [0, 0]);
    if !is_listed || !are_orders {
        return Err(unlike());
    }
    for order in orders.chunks_exact_mut(ORDER_BYTES) {
        order[0] = TYPE_ORDER;
    }
    Ok(())
}
