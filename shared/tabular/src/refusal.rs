//! Why a file is not converted, in words for the person who sent it.

use crate::limits::Encoding;

/// A file that is not converted. [`Refusal::code`] is stable; the text ([`Refusal::detail`]) is for people, and
/// holds positions and counts but no content of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no row at all.
    #[error("The file is empty: it has no header and no rows.")]
    EmptyFile,
    /// Another kind of file, or bytes that no text holds.
    #[error("The file is not delimited text: {what}.")]
    NotText {
        /// What was seen instead.
        what: &'static str,
    },
    /// A kind of compression that is not read.
    #[error("The file is compressed with {name}; send it plain, as gzip or as zstd.")]
    UnsupportedCompression {
        /// The name of the format.
        name: &'static str,
    },
    /// An encoding that is not read.
    #[error("The file is written in {name}; save it as UTF-8.")]
    UnsupportedEncoding {
        /// The name of the encoding.
        name: &'static str,
    },
    /// Bytes that are not what the encoding allows.
    #[error("Line {line} is not valid {encoding}; save the file as UTF-8.")]
    BadEncoding {
        /// The encoding the file was read as.
        encoding: Encoding,
        /// The line, from 1.
        line: u64,
    },
    /// JSON that is no table.
    #[error("The JSON cannot be read as a table, in line {line}: {what}.")]
    BadJson {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A gzip stream that is damaged or ends early.
    #[error("The gzip data is damaged or incomplete (after {text_bytes} bytes of text).")]
    BadGzip {
        /// Bytes of text that were read before.
        text_bytes: u64,
    },
    /// A zstd stream that is damaged or ends early, or has too large a window.
    #[error("The zstd data is damaged or incomplete.")]
    BadZstd,
    /// A ZIP archive that is damaged or ends early.
    #[error("The ZIP archive is damaged or incomplete.")]
    BadZip,
    /// A workbook that cannot be read.
    #[error("The workbook is damaged, or not written as Excel does.")]
    BadWorkbook,
    /// A workbook that is too large to be kept until it is whole.
    #[error("The workbook is too large: {what} over {limit_bytes} bytes; save the sheet as CSV.")]
    WorkbookTooLarge {
        /// What of it is.
        what: &'static str,
        /// The bound.
        limit_bytes: u64,
    },
    /// More text than allowed comes out of the file.
    #[error("The file holds more text than allowed: over {limit_bytes} bytes.")]
    TextTooLarge {
        /// The bound.
        limit_bytes: u64,
    },
    /// A compressed file that grows without reason.
    #[error("The file grows to more than {expansion_max} times its size when decompressed.")]
    DecompressedTooLarge {
        /// The bound.
        expansion_max: u64,
    },
    /// A row that is longer than the bound.
    #[error(
        "The row that starts in line {line} is longer than {limit_bytes} bytes; perhaps a quote is not closed."
    )]
    RowTooLong {
        /// The line where it starts, from 1.
        line: u64,
        /// The bound.
        limit_bytes: usize,
    },
    /// A quote that is open at the end.
    #[error("The quote opened in the row that starts in line {line} is never closed.")]
    UnterminatedQuote {
        /// The line where the row starts, from 1.
        line: u64,
    },
    /// The first row has more fields than the bound.
    #[error("The first row has {columns} columns; at most {limit} are allowed.")]
    TooManyColumns {
        /// How many it has.
        columns: usize,
        /// The bound.
        limit: usize,
    },
    /// A first row that cannot name the columns.
    #[error("The header in line {line} cannot be read: {what}.")]
    BadHeader {
        /// The line where it starts, from 1.
        line: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Too many lines do not fit the table.
    #[error("{rejects} of {rows} lines do not fit; the first: {first}")]
    TooManyRejects {
        /// Rejected rows.
        rejects: u64,
        /// All rows, the rejected ones included.
        rows: u64,
        /// The first of them, in words.
        first: String,
    },
    /// So many columns and rows that their description outgrows the memory budget.
    #[error(
        "The table of {columns} columns is too large for the memory budget (after {rows} rows)."
    )]
    TooLargeForMemory {
        /// Columns of the table.
        columns: usize,
        /// Rows written before.
        rows: u64,
    },
    /// What the sender says of the file is not so.
    #[error("The hint {hint} cannot be followed: {what}.")]
    ImpossibleHint {
        /// Which.
        hint: &'static str,
        /// What is seen instead.
        what: String,
    },
    /// The second pass read other bytes than the first.
    #[error("The file changed while it was being read.")]
    SourceChanged,
    /// The Parquet writer failed: a fault of this program, not of the file.
    #[error("The converter failed: {what}")]
    Internal {
        /// What it said.
        what: String,
    },
}

impl Refusal {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyFile => "empty_file",
            Self::NotText { .. } => "not_text",
            Self::UnsupportedCompression { .. } => "unsupported_compression",
            Self::UnsupportedEncoding { .. } => "unsupported_encoding",
            Self::BadEncoding {
                encoding: Encoding::Utf8,
                ..
            } => "not_utf8",
            Self::BadEncoding {
                encoding: Encoding::Utf16Le | Encoding::Utf16Be,
                ..
            } => "not_utf16",
            Self::BadEncoding {
                encoding: Encoding::Windows1252,
                ..
            } => "unsupported_encoding",
            Self::BadJson { .. } => "bad_json",
            Self::BadGzip { .. } => "bad_gzip",
            Self::BadZstd => "bad_zstd",
            Self::BadZip => "bad_zip",
            Self::BadWorkbook => "bad_workbook",
            Self::WorkbookTooLarge { .. } => "workbook_too_large",
            Self::TextTooLarge { .. } => "text_too_large",
            Self::DecompressedTooLarge { .. } => "decompressed_too_large",
            Self::RowTooLong { .. } => "row_too_long",
            Self::UnterminatedQuote { .. } => "unterminated_quote",
            Self::TooManyColumns { .. } => "too_many_columns",
            Self::BadHeader { .. } => "bad_header",
            Self::TooManyRejects { .. } => "too_many_rejects",
            Self::TooLargeForMemory { .. } => "too_large_for_memory",
            Self::ImpossibleHint { .. } => "impossible_hint",
            Self::SourceChanged => "source_changed",
            Self::Internal { .. } => "internal",
        }
    }

    /// One or two sentences for a person.
    #[must_use]
    pub fn detail(&self) -> String {
        self.to_string()
    }

    /// Whether reading the same object again could succeed: true where the file changed or this program failed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::SourceChanged | Self::Internal { .. })
    }
}

impl From<parquet::errors::ParquetError> for Refusal {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Internal {
            what: error.to_string(),
        }
    }
}

impl From<arrow_schema::ArrowError> for Refusal {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Internal {
            what: error.to_string(),
        }
    }
}
