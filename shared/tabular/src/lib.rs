//! Delimited text to Parquet and a profile: a push parser without I/O.
//!
//! A source is read twice. The first pass, a [`Survey`], finds out what the file is and which type holds *every* cell
//! of each column; its result is a [`Plan`]. The second pass, a [`Converter`], writes Parquet by that plan, and
//! refuses if it did not read the same bytes. So types hold for all rows in bounded memory, and no cell changes
//! silently. The caller pushes bytes as they come, in chunks of any size (the result does not depend on them), and
//! takes the output as it grows: it fits a stream from an object store into a multipart upload.
//!
//! ```
//! use consign_tabular::{Converter, Limits, MEMORY_BYTES_DEFAULT, Options, Refusal, Survey};
//!
//! fn convert(source: &[&[u8]]) -> Result<(Vec<u8>, u64), Refusal> {
//!     let mut survey = Survey::new(Options::default(), Limits::for_memory(MEMORY_BYTES_DEFAULT));
//!     for chunk in source {
//!         survey.push(chunk)?;
//!     }
//!     let mut converter = Converter::new(survey.finish()?)?;
//!     let mut parquet = Vec::new();
//!     for chunk in source {
//!         converter.push(chunk)?;
//!         parquet.extend(converter.take_output());
//!     }
//!     let converted = converter.finish()?;
//!     parquet.extend(converted.tail);
//!     Ok((parquet, converted.profile.rows))
//! }
//!
//! let (parquet, rows) = convert(&[b"id,na", b"me\n1,Ada\n2,Grace\n"])?;
//! assert_eq!(rows, 2);
//! assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
//! # Ok::<(), Refusal>(())
//! ```
//!
//! # What is read
//!
//! - gzip (one or several members) or plain bytes, told by content. UTF-8 with or without a byte order mark, UTF-16
//!   with one. Anything else is refused by name; bytes are never replaced.
//! - The delimiter is the one of tab, `|`, `;` and `,` by which the most rows of the first 256 KiB fit the first row,
//!   and the first row has the most fields.
//! - Rows end with LF, CRLF or CR. Empty lines are no rows; they are counted. A quote (`"`) opens a quoted cell as its
//!   first byte only, and is doubled inside.
//! - The first row names the columns unless [`Options::header`] is false. An empty name becomes `column_3`, a
//!   repeated one `name_2`; the profile keeps the original. A file with a header alone is a table without rows.
//! - A row with more or fewer fields than the first one, or with something behind a closing quote, is rejected: counted
//!   by reason, and the first 100 kept with line and sample. *Rows in = rows out + rejects.* A file of which more than
//!   half is rejected is refused.
//!
//! # Types
//!
//! A column has the first of these types that holds every cell; empty cells (`,,`) are null in each of them.
//!
//! | type | Parquet | cells |
//! | --- | --- | --- |
//! | integer | INT64 | decimal digits with an optional `-`, within 64 bits; no leading zeros (`007`), no `+1`, no `-0` |
//! | float | DOUBLE | with a point or an exponent, where a double written back with as many significant digits gives the same digits; integers up to 2^53. An exponent needs a point or a sign (`1e+05`, `1.5E3`, but not `12E3`). No `inf`, hex or thousands separators |
//! | boolean | BOOLEAN | `true`, `TRUE`, `True` and the same of false |
//! | date | DATE | `YYYY-MM-DD`, years 1 to 9999 |
//! | timestamp | TIMESTAMP, microseconds | `YYYY-MM-DD`, `T` or a space, `HH:MM`, optional `:SS` and up to six decimals |
//! | timestamp, UTC | the same, adjusted to UTC | with `Z`, `±HH:MM`, `±HHMM` or `±HH`; all cells have a zone, or none |
//! | text | UTF-8 | anything, byte for byte |
//!
//! - In a column that is not text, `NA`, `N/A`, `n/a`, `#N/A`, `NULL`, `null`, `NaN`, `nan`, `None` and the quoted empty
//!   cell are null too, and counted apart as `null_tokens`. They alone give a column no type: without any other value it
//!   is text, and there they stay what they are. A quoted empty cell of a text column is an empty text, not null.
//! - Blanks (space, tab) around a value of a column that is not text are dropped and counted as `padded`. An offset
//!   other than UTC is counted in `offsets`; the moment is kept, the offset is not. Notation is not kept either: `1.50`
//!   and `1.5` are the same number. Quotes do not matter: `"12"` is an integer.
//! - With [`Options::text`] every column is text: an empty cell is still null, a quoted empty one an empty text.
//!
//! # Bounds
//!
//! Memory follows one budget ([`Limits::for_memory`]), whatever the size of the source. Too long rows, too many columns
//! and too much decompressed text are refused. The same source and options give the same bytes of Parquet (Snappy,
//! dictionaries, statistics for each row group).

mod cell;
mod column;
mod convert;
mod limits;
mod output;
mod profile;
mod refusal;
mod rows;
mod sniff;
mod source;
mod survey;

pub use convert::{Converted, Converter};
pub use limits::{
    COLUMN_NAME_BYTES_MAX, COLUMNS_MAX, Compression, EXPANSION_FREE_BYTES, EXPANSION_MAX, Encoding,
    Limits, MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MAX, MEMORY_BYTES_MIN, Options,
    REJECT_SAMPLE_BYTES_MAX, REJECTS_KEPT_MAX, ROW_BYTES_MAX, SAMPLE_BYTES, TEXT_BYTES_MAX,
    TEXT_EXTREME_BYTES_MAX,
};
pub use profile::{ColumnProfile, Profile, Reject, RejectReason, Rejects, Scalar, Sum};
pub use refusal::Refusal;
pub use survey::{Column, ColumnType, Plan, Survey};
