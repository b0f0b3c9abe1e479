//! What the caller chooses, and the bounds that keep memory and time finite.

pub use consign_hints::{COLUMN_NAME_BYTES_MAX, COLUMNS_MAX, Charset, Encoding};

const MIB: u64 = 1024 * 1024;

/// The memory budget in bytes where the host names none.
pub const MEMORY_BYTES_DEFAULT: u64 = 64 * MIB;
/// The smallest budget in bytes: one row, one batch and one row group have to fit.
pub const MEMORY_BYTES_MIN: u64 = 16 * MIB;
/// The largest budget in bytes; more buys nothing.
pub const MEMORY_BYTES_MAX: u64 = 4096 * MIB;
/// The longest row in bytes under any budget: cell offsets are 32 bits wide.
pub const ROW_BYTES_MAX: u64 = 256 * MIB;
/// All column names together in bytes: writers hold each some ten times. Beside so many others a name is cut sooner.
const COLUMN_NAMES_BYTES_MAX: usize = 1 << 20;
/// The most bytes of text that a source may hold once decompressed.
pub const TEXT_BYTES_MAX: u64 = 64 * 1024 * MIB;
/// How many times larger than its compressed form a source may be. Real tables stay far below.
pub const EXPANSION_MAX: u64 = 300;
/// Decompressed bytes below which the expansion is not judged.
pub const EXPANSION_FREE_BYTES: u64 = 64 * MIB;
/// How much text is read before the delimiter is decided.
pub const SAMPLE_BYTES: usize = 256 * 1024;
/// How many rejected rows are kept with a sample; all are counted.
pub const REJECTS_KEPT_MAX: usize = 100;
/// The longest sample of a rejected row in bytes.
pub const REJECT_SAMPLE_BYTES_MAX: usize = 200;
/// The longest minimum or maximum of a text column in bytes; longer cells count with their beginning.
pub const TEXT_EXTREME_BYTES_MAX: usize = 128;
/// All keys of JSON together, in bytes: they are kept for the whole file.
const KEY_BYTES_MAX: u64 = (COLUMNS_MAX * COLUMN_NAME_BYTES_MAX) as u64;
/// Rows of one row group at most.
pub(crate) const ROW_GROUP_ROWS_MAX: usize = 1024 * 1024;
/// Rows of one page at most.
pub(crate) const PAGE_ROWS_MAX: usize = 64 * 1024;
/// The largest workbook in bytes under any budget.
const WORKBOOK_BYTES_MAX: u64 = 256 * MIB;
/// Pages of one row group in bytes at most.
const ROW_GROUP_BYTES_MAX: u64 = 128 * MIB;
/// Bytes of values that wait for their pages at most.
pub(crate) const PAGES_BYTES_MAX: u64 = 64 * MIB;
/// Bytes of the dictionary of one column at most.
const DICTIONARY_BYTES_MAX: usize = 512 * 1024;
/// What a number in a dictionary takes in memory, rounded up.
const DICTIONARY_NUMBER_BYTES: usize = 32;
/// What a column takes in memory beside its values while a row group is written, rounded up: its builder, its evidence, the
/// smallest tables of its dictionaries, and its description.
const COLUMN_BYTES: u64 = 2 * 1024;
/// The least that waits for pages, and that a row group takes, however many the columns.
const WIDE_PAGES_BYTES_MIN: u64 = MIB;
/// How much plain input is worked on at once, whatever the size of the caller's chunks.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;
/// How much compressed input is worked on at once: deflate expands by 1032 at most.
pub(crate) const GZIP_PIECE_BYTES: usize = 2 * 1024;

const _: () =
    assert!(MEMORY_BYTES_MIN <= MEMORY_BYTES_DEFAULT && MEMORY_BYTES_DEFAULT <= MEMORY_BYTES_MAX);
const _: () = assert!(ROW_BYTES_MAX < u32::MAX as u64);
// Parquet counts the bytes of a page with 31 bits; a page ends with the row that fills it.
const _: () = assert!(PAGES_BYTES_MAX + ROW_BYTES_MAX < i32::MAX as u64);
const _: () = assert!(SAMPLE_BYTES as u64 <= MEMORY_BYTES_MIN / 16);
const _: () = assert!(GZIP_PIECE_BYTES as u64 * 1032 <= MEMORY_BYTES_MIN / 4);
const _: () = assert!((COLUMNS_MAX * COLUMN_NAME_BYTES_MAX) as u64 <= MEMORY_BYTES_MIN);
const _: () = assert!(COLUMN_NAMES_BYTES_MAX / COLUMNS_MAX >= 100);

/// The longest name of one of so many columns, in bytes.
pub(crate) fn name_bytes_max(columns: usize) -> usize {
    (COLUMN_NAMES_BYTES_MAX / columns.max(1)).min(COLUMN_NAME_BYTES_MAX)
}
const _: () = assert!(TEXT_EXTREME_BYTES_MAX >= 4 && REJECT_SAMPLE_BYTES_MAX >= 4);

/// The bounds of one conversion, all in bytes unless named otherwise. [`Limits::for_memory`] derives them from one
/// budget; a field may then be lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A row longer than this, its line ends and quotes included, refuses the file. Of a table of more than
    /// 512 columns rows are shorter: by half a KiB for each further column, down to a MiB.
    pub row_bytes_max: usize,
    /// A first row with more fields than this refuses the file.
    pub columns_max: usize,
    /// More text than this, after decompression, refuses the file.
    pub text_bytes_max: u64,
    /// A compressed source may grow by this factor (judged past [`EXPANSION_FREE_BYTES`]).
    pub expansion_max: u64,
    /// How much text types are guessed from in a conversion of one pass, in bytes: at least [`SAMPLE_BYTES`].
    pub guess_bytes: usize,
    /// What a workbook takes in memory while it is read, as it is stored and with its texts, formats and lists; larger ones are
    /// refused. The conversion beside it has less room than that of another file. With 0 workbooks are not read.
    pub workbook_bytes_max: usize,
    /// What the parts of a workbook that are read may expand to, and the text of its sheet. Each element counts as 16 bytes at
    /// least. It bounds the time.
    pub workbook_expanded_bytes_max: u64,
    /// A page of each column is written when all that waits takes this much.
    pub(crate) pages_bytes: usize,
    /// A row group is written when its pages take this much.
    pub(crate) row_group_bytes: usize,
    /// What all dictionaries take together.
    dictionaries_bytes: usize,
    /// What the footer may take in memory.
    pub(crate) metadata_bytes_max: u64,
    /// The budget.
    memory_bytes: u64,
}

impl Limits {
    /// Bounds for a budget of `memory_bytes`, which is moved into [`MEMORY_BYTES_MIN`]`..=`[`MEMORY_BYTES_MAX`].
    #[must_use]
    pub fn for_memory(memory_bytes: u64) -> Self {
        let memory = memory_bytes.clamp(MEMORY_BYTES_MIN, MEMORY_BYTES_MAX);
        let bytes = |part: u64| usize::try_from(part).unwrap_or(usize::MAX / 2);
        Self {
            // A row is held as text, as a value and inside a page at once.
            row_bytes_max: bytes((memory / 8).min(ROW_BYTES_MAX)),
            columns_max: COLUMNS_MAX,
            text_bytes_max: TEXT_BYTES_MAX,
            expansion_max: EXPANSION_MAX,
            guess_bytes: bytes(memory / 32).max(SAMPLE_BYTES),
            workbook_bytes_max: bytes((memory / 4).min(WORKBOOK_BYTES_MAX)),
            workbook_expanded_bytes_max: memory * 4,
            pages_bytes: bytes((memory / 10).min(PAGES_BYTES_MAX)),
            row_group_bytes: bytes((memory / 6).min(ROW_GROUP_BYTES_MAX)),
            dictionaries_bytes: bytes(memory / 16),
            // Reached by wide tables only: a file of twenty columns would have hundreds of gigabytes. The profile of so many
            // columns takes a thirty-second beside it.
            metadata_bytes_max: memory / 4 - memory / 32,
            memory_bytes: memory,
        }
    }
}

impl Limits {
    /// Bounds of the conversion of a workbook, which is kept in memory beside it.
    pub(crate) fn beside_workbook(self) -> Self {
        let half = Self::for_memory(self.memory_bytes / 2);
        let row_bytes_max = usize::try_from(self.memory_bytes / 32).unwrap_or(usize::MAX);
        Self {
            // A long row is there in several forms at once.
            row_bytes_max: self.row_bytes_max.min(row_bytes_max),
            guess_bytes: self.guess_bytes.min(half.guess_bytes),
            pages_bytes: half.pages_bytes,
            row_group_bytes: half.row_group_bytes,
            dictionaries_bytes: half.dictionaries_bytes,
            metadata_bytes_max: half.metadata_bytes_max,
            memory_bytes: half.memory_bytes,
            ..self
        }
    }

    /// Bounds for so many columns, which leave less room for values the more they are.
    pub(crate) fn for_columns(mut self, columns: usize) -> Self {
        let taken = (columns as u64).saturating_mul(COLUMN_BYTES);
        let room = (self.memory_bytes / 64 * 31).saturating_sub(taken);
        let bytes =
            |part: u64| usize::try_from(part.max(WIDE_PAGES_BYTES_MIN)).unwrap_or(usize::MAX);
        self.pages_bytes = self.pages_bytes.min(bytes(room / 4));
        self.row_group_bytes = self.row_group_bytes.min(bytes(room / 8 * 3));
        // A long row is there several times beside what its columns take.
        let many = taken.saturating_sub(MIB) / 4;
        let row = (self.row_bytes_max as u64).saturating_sub(many);
        self.row_bytes_max = self.row_bytes_max.min(bytes(row));
        self
    }

    /// Bounds of the file of rejects, which is written beside that of the rows.
    pub(crate) fn for_rejects(mut self) -> Self {
        self.pages_bytes /= 8;
        self.row_group_bytes /= 8;
        self.dictionaries_bytes /= 8;
        self
    }

    /// All keys of JSON together, in bytes: they are there several times.
    pub(crate) fn key_bytes_max(&self) -> usize {
        usize::try_from(KEY_BYTES_MAX.min(self.memory_bytes / 32)).unwrap_or(usize::MAX)
    }

    /// A row that is longer than this gets room of its own.
    pub(crate) fn long_row_bytes(&self) -> usize {
        (self.pages_bytes / 16).max(PIECE_BYTES)
    }

    /// Bytes of the dictionary of each of so many columns.
    pub(crate) fn dictionary_bytes(&self, columns: usize) -> usize {
        (self.dictionaries_bytes / 2 / columns.max(1)).min(DICTIONARY_BYTES_MAX)
    }

    /// Bytes of the sample of all columns.
    pub(crate) fn sample_bytes(&self) -> usize {
        usize::try_from(self.memory_bytes / 32).unwrap_or(usize::MAX)
    }

    /// Bytes of the values that are counted of each of so many columns.
    pub(crate) fn counted_bytes(&self, columns: usize) -> usize {
        self.sample_bytes() / columns.max(1)
    }

    /// Entries of the dictionary of numbers of each of so many columns.
    pub(crate) fn dictionary_numbers(&self, columns: usize) -> usize {
        let bytes = self.dictionaries_bytes * 2 / columns.max(1);
        bytes.min(DICTIONARY_BYTES_MAX) / DICTIONARY_NUMBER_BYTES
    }
}

/// How the bytes of a source were packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstd,
    /// The only file of a ZIP archive.
    Zip,
}
