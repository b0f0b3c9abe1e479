//! The chunk of a column in a row group: values -> pages, compressed one by one as they are complete.

use std::io::Write;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::writing::bounds::{self, Bound, Bounds};
use crate::writing::buffer::{Buffer, TextValues, Values};
use crate::writing::codec::Compressor;
use crate::writing::dictionary::Numbers;
use crate::writing::encode;
use crate::writing::index::{self, Contents, Location};
use crate::writing::places;

/// Rows of a page from which on its bounds help to pass over it.
const INDEXED_ROWS_MIN: usize = 500;

/// Bytes up to which pages are put together as they wait.
const SEGMENT_BYTES: usize = 64 * 1024;
/// What a page takes beside its values, rounded up.
const PAGE_HEADER_BYTES: usize = 128;

/// Row groups after one whose pages do not shrink, in which none is tried.
const TRUST: u8 = 7;

/// Pages are compressed where they shrink by more than this part of them.
const SHRINKS: usize = 10;

/// What all columns share while they write their pages.
pub(crate) struct Scratch {
    compressor: Compressor,
    page: Vec<u8>,
    packed: Vec<u8>,
    pub(super) places: Vec<u32>,
    pub(super) sample: Numbers,
    /// Places of values that are near to each other, by where they are.
    pub(super) near: Vec<u32>,
    /// A long row waits: what is done with is given back at once.
    is_lean: bool,
    /// Entries of a dictionary of numbers at most.
    pub(super) numbers_max: usize,
}

impl Scratch {
    pub(crate) fn new(numbers_max: usize) -> Result<Self> {
        Ok(Self {
            compressor: Compressor::new()?,
            page: Vec::new(),
            packed: Vec::new(),
            places: Vec::new(),
            sample: Numbers::new(),
            near: Vec::new(),
            is_lean: false,
            numbers_max,
        })
    }

    /// Gives all back that it may give, now and after each page.
    pub(crate) fn set_lean(&mut self, is_lean: bool) {
        self.is_lean = is_lean;
        if is_lean {
            (self.page, self.packed) = (Vec::new(), Vec::new());
        }
    }
}

/// A page as the indexes describe it.
struct PageFacts {
    offset: u64,
    bytes: u64,
    rows: usize,
    nulls: usize,
    nans: u64,
    bounds: Option<Bounds>,
}

/// Pages written so far.
pub(crate) struct Chunk {
    /// The pages: small ones together, a large one alone, so that it is not copied for the next.
    sink: Vec<Vec<u8>>,
    sink_bytes: u64,
    pages: Vec<PageFacts>,
    pub(super) numbers: Numbers,
    /// Whether numbers are places in the dictionary, known from the first page on.
    pub(super) has_numbers: Option<bool>,
    /// Whether pages are compressed, known from the first page on.
    is_compressed: Option<bool>,
    /// Row groups for which that holds without a trial.
    trust: u8,
    encodings: Vec<Encoding>,
    uncompressed: u64,
    bounds: Option<Bounds>,
}

/// A chunk that is in the file.
pub(crate) struct Finished {
    pub(crate) metadata: ColumnChunkMetaData,
    pub(crate) column_index: Option<Vec<u8>>,
    pub(crate) offset_index: Vec<u8>,
}

impl Chunk {
    pub(crate) fn new() -> Self {
        Self {
            sink: Vec::new(),
            sink_bytes: 0,
            pages: Vec::new(),
            numbers: Numbers::new(),
            has_numbers: None,
            is_compressed: None,
            trust: 0,
            encodings: Vec::new(),
            uncompressed: 0,
            bounds: None,
        }
    }

    /// Writes what waits, with its bounds and how many values are not a number, as a page, and says how many bytes it takes.
    pub(crate) fn write(
        &mut self,
        buffer: &mut Buffer,
        (bounds, nans): (Option<Bounds>, u64),
        scratch: &mut Scratch,
    ) -> Result<u64> {
        scratch.page.clear();
        encode::levels(&mut scratch.page, buffer.rows(), &buffer.nulls);
        let encoding = self.encode(&mut buffer.values, bounds.as_ref(), scratch);
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
        let (rows, nulls) = (buffer.rows(), buffer.nulls.len());
        buffer.clear();
        if scratch.is_lean {
            buffer.release();
        }
        let (offset, bytes) = self.write_page(scratch, |buf| Page::DataPage {
            buf,
            num_values: rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        self.pages.push(PageFacts {
            offset,
            bytes,
            rows,
            nulls,
            nans,
            bounds: bounds.as_ref().map(bounds::shortened),
        });
        if let Some(bounds) = bounds {
            bounds::join(&mut self.bounds, bounds);
        }
        Ok(bytes)
    }

    fn encode(
        &mut self,
        values: &mut Values,
        bounds: Option<&Bounds>,
        scratch: &mut Scratch,
    ) -> Encoding {
        let page = &mut scratch.page;
        match values {
            Values::Bools(values) => {
                encode::bits(page, values);
                Encoding::PLAIN
            }
            Values::Ints(values) => {
                let start = page.len();
                encode::deltas(page, values);
                let bytes = page.len() - start;
                let near = bounds.and_then(places::near);
                if !self.take_numbers(values.iter().copied(), near, bytes, scratch) {
                    return Encoding::DELTA_BINARY_PACKED;
                }
                scratch.page.truncate(start);
                encode::places(
                    &mut scratch.page,
                    &scratch.places,
                    self.numbers.values.len(),
                );
                Encoding::RLE_DICTIONARY
            }
            Values::Floats(values) => {
                let bits = values.iter().map(|value| value.to_bits() as i64);
                let bytes = size_of_val(values.as_slice());
                if self.take_numbers(bits, None, bytes, scratch) {
                    encode::places(
                        &mut scratch.page,
                        &scratch.places,
                        self.numbers.values.len(),
                    );
                    return Encoding::RLE_DICTIONARY;
                }
                let bytes = values.iter().flat_map(|value| value.to_le_bytes());
                scratch.page.extend(bytes);
                Encoding::PLAIN
            }
            Values::Wides(values) => {
                page.extend(values.iter().flat_map(|value| value.to_be_bytes()));
                Encoding::PLAIN
            }
            Values::Texts(values) => {
                if self.pages.is_empty() {
                    values.judge();
                }
                if values.has_places() {
                    encode::places(page, &values.places, values.dictionary.len());
                    Encoding::RLE_DICTIONARY
                } else {
                    page.reserve_exact(values.plain.len());
                    page.extend_from_slice(&values.plain);
                    Encoding::PLAIN
                }
            }
        }
    }

    /// Compresses the page of `scratch`, writes it, and says where it is.
    fn write_page(
        &mut self,
        scratch: &mut Scratch,
        page: impl FnOnce(Bytes) -> Page,
    ) -> Result<(u64, u64)> {
        let plain = scratch.page.len();
        let mut is_compressed = self.is_compressed.unwrap_or(true);
        if is_compressed {
            scratch.packed.clear();
            scratch
                .compressor
                .compress(&scratch.page, &mut scratch.packed)?;
            // A page that hardly shrinks is not worth packing and unpacking; and what the first one does, others do too.
            if self.is_compressed.is_none() {
                is_compressed = scratch.packed.len() + plain / SHRINKS < plain;
                self.is_compressed = Some(is_compressed);
            }
        }
        let written = if is_compressed {
            if scratch.is_lean {
                scratch.page = Vec::new();
            }
            &mut scratch.packed
        } else {
            &mut scratch.page
        };
        // Lent for the call, not copied.
        let buf = Bytes::from(std::mem::take(written));
        let lent = buf.clone();
        let page = CompressedPage::new(page(buf), plain);
        // A writer has a buffer of its own, so that none is kept for each of thousands of columns.
        let offset = self.sink_bytes;
        let segment = self.segment(lent.len() + PAGE_HEADER_BYTES);
        let mut sink = TrackedWrite::new(segment);
        let spec = SerializedPageWriter::new(&mut sink).write_page(page)?;
        self.sink.push(sink.into_inner()?);
        self.sink_bytes += spec.bytes_written;
        if !scratch.is_lean
            && let Ok(lent) = lent.try_into_mut()
        {
            *written = lent.into();
        }
        self.uncompressed += spec.uncompressed_size as u64;
        Ok((offset, spec.bytes_written))
    }

    /// Where a page of so many bytes goes.
    fn segment(&mut self, bytes: usize) -> Vec<u8> {
        let is_small = |segment: &mut Vec<u8>| segment.len() + bytes <= SEGMENT_BYTES;
        let segment = self.sink.pop_if(is_small).unwrap_or_default();
        if bytes > SEGMENT_BYTES {
            return Vec::with_capacity(bytes);
        }
        segment
    }

    /// Writes the chunk into the file, describes it, and begins anew.
    pub(crate) fn finish<W: Write>(
        &mut self,
        buffer: &mut Buffer,
        descriptor: &ColumnDescPtr,
        scratch: &mut Scratch,
        file: &mut TrackedWrite<W>,
    ) -> Result<Finished> {
        let physical = descriptor.physical_type();
        let next = self.next();
        let mut chunk = std::mem::replace(self, next);
        let pages = std::mem::take(&mut chunk.sink);
        let pages_bytes = std::mem::take(&mut chunk.sink_bytes);
        let dictionary = chunk.dictionary(buffer, physical, scratch)?;
        let offset = file.bytes_written() as u64;
        file.write_all(&dictionary)?;
        for pages in pages {
            file.write_all(&pages)?;
        }
        let data_offset = offset + dictionary.len() as u64;

        let mut first_row = 0;
        let offset_index = index::offsets(chunk.pages.iter().map(|page| {
            let location = Location {
                offset: data_offset + page.offset,
                bytes: page.bytes,
                first_row,
            };
            first_row += page.rows as u64;
            location
        }));
        let column_index = chunk.column_index(physical);
        let sum = |of: fn(&PageFacts) -> u64| chunk.pages.iter().map(of).sum::<u64>();
        let (rows, nulls) = (sum(|page| page.rows as u64), sum(|page| page.nulls as u64));
        let nans = sum(|page| page.nans);
        let codec = match chunk.is_compressed {
            Some(true) => Compressor::CODEC.compression(),
            Some(false) | None => Compression::UNCOMPRESSED,
        };
        let mut encodings = chunk.encodings;
        encodings.push(Encoding::RLE);
        if !dictionary.is_empty() && !encodings.contains(&Encoding::PLAIN) {
            encodings.push(Encoding::PLAIN);
        }
        let mut metadata = ColumnChunkMetaData::builder(descriptor.clone())
            .set_encodings(encodings)
            .set_compression(codec)
            .set_num_values(rows as i64)
            .set_total_compressed_size(dictionary.len() as i64 + pages_bytes as i64)
            .set_total_uncompressed_size(chunk.uncompressed as i64)
            .set_data_page_offset(data_offset as i64);
        if !dictionary.is_empty() {
            metadata = metadata.set_dictionary_page_offset(Some(offset as i64));
        }
        if let Some(found) = bounds::statistics(chunk.bounds.as_ref(), physical, nulls, nans) {
            metadata = metadata.set_statistics(found);
        }
        Ok(Finished {
            metadata: metadata.build()?,
            column_index,
            offset_index,
        })
    }

    /// The chunk of the next row group. Pages that did not shrink for a whole one are rarely followed by such that do: trying one
    /// in each row group would compress a third of all pages for nothing.
    fn next(&self) -> Self {
        let mut next = Self::new();
        if self.is_compressed == Some(false) {
            next.trust = self.trust.checked_sub(1).unwrap_or(TRUST);
            next.is_compressed = (next.trust > 0).then_some(false);
        }
        next
    }

    /// The page of the dictionary, empty where no page refers to it.
    fn dictionary(
        &mut self,
        buffer: &mut Buffer,
        physical: Type,
        scratch: &mut Scratch,
    ) -> Result<Vec<u8>> {
        let is_used = self.encodings.contains(&Encoding::RLE_DICTIONARY);
        scratch.page.clear();
        let entries = match &mut buffer.values {
            Values::Texts(values) => {
                let entries = values.dictionary.len();
                if is_used {
                    scratch.page.extend_from_slice(values.dictionary.page());
                }
                TextValues::begin(values);
                entries
            }
            Values::Bools(_) | Values::Ints(_) | Values::Floats(_) | Values::Wides(_) => {
                let bytes = if physical == Type::INT32 {
                    size_of::<i32>()
                } else {
                    size_of::<i64>()
                };
                for value in &self.numbers.values {
                    scratch
                        .page
                        .extend_from_slice(&value.to_le_bytes()[..bytes]);
                }
                self.numbers.values.len()
            }
        };
        if !is_used {
            return Ok(Vec::new());
        }
        let entries = u32::try_from(entries).map_err(|_| too_large())?;
        self.write_page(scratch, |buf| Page::DictionaryPage {
            buf,
            num_values: entries,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })?;
        Ok(self.sink.pop().unwrap_or_default())
    }

    /// The index of the pages, where each has bounds and they are not too many.
    fn column_index(&self, physical: Type) -> Option<Vec<u8>> {
        let rows: usize = self.pages.iter().map(|page| page.rows).sum();
        if rows < self.pages.len() * INDEXED_ROWS_MIN && self.pages.len() > 1 {
            return None;
        }
        let contents = |page: &PageFacts| {
            let is_null = page.nulls == page.rows;
            let bytes = |bound: &Bound, is_max| bounds::bytes(bound, physical, is_max);
            let (min, max) = match &page.bounds {
                Some((min, max)) => (bytes(min, false)?, bytes(max, true)?),
                None if is_null => Default::default(),
                None => return None,
            };
            Some(Contents {
                is_null,
                min,
                max,
                nulls: page.nulls as u64,
            })
        };
        let contents: Vec<Contents> = self.pages.iter().map(contents).collect::<Option<_>>()?;
        (!contents.is_empty()).then(|| index::contents(&contents))
    }

    /// Bytes that wait for the end of the row group.
    pub(crate) fn bytes(&self) -> u64 {
        self.sink_bytes
    }

    /// Bytes of the dictionary at most, of this chunk and its values.
    pub(crate) fn dictionary_bytes(&self, buffer: &Buffer) -> u64 {
        let bytes = match &buffer.values {
            Values::Texts(values) => values.dictionary.page().len(),
            Values::Bools(_) | Values::Ints(_) | Values::Floats(_) | Values::Wides(_) => {
                size_of_val(self.numbers.values.as_slice())
            }
        };
        bytes as u64
    }
}

fn too_large() -> ParquetError {
    ParquetError::General("a dictionary is too large".to_owned())
}
