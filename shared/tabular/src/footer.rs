//! The column orders in the footer.
//!
//! The library writes the IEEE 754 total order as the order of doubles. Polars up to 1.42, DataFusion up to 50 and
//! parquet-wasm up to 0.7 then open no such file, and pyarrow sees no minimum and maximum. It has no setting for it, so the
//! orders are written over: they are the last field of the footer, three bytes each. The statistics mean the same in
//! both orders: the library leaves NaN out of them unless a page has nothing else, and readers pass over a NaN there.

use parquet::errors::{ParquetError, Result};

/// What ends a file: the length of the footer, and the magic bytes.
const END_BYTES: usize = 8;
/// A `ColumnOrder` in Thrift's compact protocol: the header of a field of the union, an empty struct, the union's end.
const ORDER_BYTES: usize = 3;
/// `TYPE_ORDER`, field 1 (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).
const TYPE_ORDER: u8 = 0x1C;
/// `IEEE_754_TOTAL_ORDER`, field 2.
const TOTAL_ORDER: u8 = 0x2C;

/// Gives every column the order of its type in the footer that ends `tail`.
pub(crate) fn order_by_type(tail: &mut [u8], columns: usize) -> Result<()> {
    let unlike = || ParquetError::General("the footer is not laid out as expected".to_owned());
    // The end of the footer's struct comes behind the list.
    let end = tail.len().checked_sub(END_BYTES + 1).ok_or_else(unlike)?;
    let start = end.checked_sub(columns * ORDER_BYTES).ok_or_else(unlike)?;
    let is_listed = tail[end] == 0 && tail[..start].ends_with(&list_header(columns));
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

/// The beginning of a list of so many structs.
fn list_header(length: usize) -> Vec<u8> {
    const STRUCT: u8 = 0x0C;
    const LONG: usize = 15;
    match u8::try_from(length) {
        Ok(short) if length < LONG => vec![short << 4 | STRUCT],
        Ok(_) | Err(_) => {
            let mut header = vec![0xF0 | STRUCT];
            let mut rest = length;
            while rest >= 0x80 {
                header.push((rest & 0x7F) as u8 | 0x80);
                rest >>= 7;
            }
            header.push((rest & 0x7F) as u8);
            header
        }
    }
}
