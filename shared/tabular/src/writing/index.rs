//! The indexes of the pages of a column chunk, in Thrift's compact protocol
//! (<https://github.com/apache/parquet-format/blob/master/PageIndex.md>). They stand behind their row group, so that none has
//! to be kept until the end of the file.

use crate::writing::encode::{varint, zigzag};

/// Types of the compact protocol.
const BOOL: u8 = 2;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A field whose number is so much above that of the one before.
fn field(out: &mut Vec<u8>, delta: u8, kind: u8) {
    out.push(delta << 4 | kind);
}

/// The beginning of a list.
fn list(out: &mut Vec<u8>, length: usize, kind: u8) {
    const LONG: usize = 15;
    match u8::try_from(length) {
        Ok(short) if length < LONG => out.push(short << 4 | kind),
        Ok(_) | Err(_) => {
            out.push(0xF0 | kind);
            varint(out, length as u64);
        }
    }
}

/// The beginning of a list of so many structs.
pub(crate) fn structs(length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    list(&mut out, length, STRUCT);
    out
}

/// Where a page is.
pub(crate) struct Location {
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) first_row: u64,
}

/// `OffsetIndex`.
pub(crate) fn offsets(pages: impl ExactSizeIterator<Item = Location>) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, LIST);
    list(&mut out, pages.len(), STRUCT);
    for page in pages {
        for (kind, value) in [(I64, page.offset), (I32, page.bytes), (I64, page.first_row)] {
            field(&mut out, 1, kind);
            varint(&mut out, zigzag(value.cast_signed()));
        }
        out.push(0);
    }
    out.push(0);
    out
}

/// What a page holds.
pub(crate) struct Contents {
    pub(crate) is_null: bool,
    pub(crate) min: Vec<u8>,
    pub(crate) max: Vec<u8>,
    pub(crate) nulls: u64,
}

/// `ColumnIndex`, its pages in no order.
pub(crate) fn contents(pages: &[Contents]) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, LIST);
    list(&mut out, pages.len(), BOOL);
    out.extend(pages.iter().map(|page| if page.is_null { 1 } else { 2 }));
    let bounds: [fn(&Contents) -> &[u8]; 2] = [|page| &page.min, |page| &page.max];
    for bound in bounds {
        field(&mut out, 1, LIST);
        list(&mut out, pages.len(), BINARY);
        for page in pages {
            let bytes = bound(page);
            varint(&mut out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
    }
    field(&mut out, 1, I32);
    varint(&mut out, 0);
    field(&mut out, 1, LIST);
    list(&mut out, pages.len(), I64);
    for page in pages {
        varint(&mut out, zigzag(page.nulls.cast_signed()));
    }
    out.push(0);
    out
}
