//! Tables as text to Parquet and a profile: a push parser without I/O.
//!
//! A source is read once in the usual case. A [`OnePass`] guesses types from the beginning, checks them for every cell, and
//! writes Parquet. Where a cell breaks the guess it says so ([`Step::Again`], [`Ended::Again`]), and the source is read anew:
//! a [`Survey`] finds out which type holds *every* cell of each column; by its result, a [`Plan`], a [`Converter`] writes
//! Parquet, and refuses if it did not read the same bytes. Both ways give the same. So types hold for all rows in bounded
//! memory, and no cell changes silently. The caller pushes bytes as they come, in chunks of any size (the result does not
//! depend on them), and takes the output as it grows: it fits a stream from an object store into a multipart upload.
//!
//! ```
//! use consign_tabular::{
//!     Converter, Ended, Limits, MEMORY_BYTES_DEFAULT, OnePass, Options, Refusal, Step, Survey,
//! };
//!
//! /// The Parquet file, or nothing where one pass is not enough.
//! fn convert_once(source: &[&[u8]], limits: Limits) -> Result<Option<Vec<u8>>, Refusal> {
//!     let mut pass = OnePass::new(Options::default(), limits);
//!     let mut parquet = Vec::new();
//!     for chunk in source {
//!         match pass.push(chunk)? {
//!             Step::Taken => parquet.extend(pass.take_output()),
//!             Step::Again => return Ok(None),
//!         }
//!     }
//!     match pass.finish()? {
//!         Ended::Again => Ok(None),
//!         Ended::Converted(converted) => {
//!             parquet.extend(converted.tail);
//!             Ok(Some(parquet))
//!         }
//!     }
//! }
//!
//! fn convert_carefully(source: &[&[u8]], limits: Limits) -> Result<Vec<u8>, Refusal> {
//!     let mut survey = Survey::new(Options::default(), limits);
//!     for chunk in source {
//!         survey.push(chunk)?;
//!     }
//!     let mut converter = Converter::new(survey.finish()?)?;
//!     let mut parquet = Vec::new();
//!     for chunk in source {
//!         converter.push(chunk)?;
//!         parquet.extend(converter.take_output());
//!     }
//!     parquet.extend(converter.finish()?.tail);
//!     Ok(parquet)
//! }
//!
//! let source: [&[u8]; 2] = [b"id,na", b"me\n1,Ada\n2,Grace\n"];
//! let limits = Limits::for_memory(MEMORY_BYTES_DEFAULT);
//! let parquet = match convert_once(&source, limits)? {
//!     Some(parquet) => parquet,
//!     None => convert_carefully(&source, limits)?,
//! };
//! assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
//! # Ok::<(), Refusal>(())
//! ```
//!
//! # What is read
//!
//! - Plain bytes, gzip (members, zeros behind them), zstd, or a ZIP archive with one file; told by content. What is inside is not
//!   unpacked once more.
//! - With the feature `xlsx`, a workbook of Excel: the first sheet that is shown and has a value, or the one that a hint names. A
//!   workbook is kept in memory until it is whole, so its size is bounded ([`Limits::workbook_bytes_max`]); its sheet is read
//!   only then, part by part ([`OnePass::advance`]). Its cells become rows as those of a text do, and what holds for them holds
//!   here too: titles, headers of several rows, rejects. Texts stay text, but for dates and times; none is a comment. Blank
//!   cells of a sheet of one column are null.
//! - UTF-8 and UTF-16 with or without a byte order mark, and Windows-1252, of which Latin-1 is a part. The first bytes that
//!   are not ASCII decide; `charset=` of the sender ([`Options::charset`]) counts where they leave it open. Other encodings
//!   are refused by name; bytes are never replaced. A mark at the beginning of a row belongs to no cell.
//! - Delimited text, JSON lines, and a JSON array of objects. Pages of HTML and XML are refused by name, whatever the file is
//!   called.
//!
//! ## Delimited text
//!
//! - The first 64 KiB are read in every dialect that they may be in: `,`, `;`, tab and `|` (also `:`, `^`, `~`, space and 0x01
//!   where none of these explains the text), with `"` or `'` or no quotes, doubled or with backslashes, with blanks before
//!   quotes or none, or with columns that are aligned with blanks. Where a blank follows each delimiter, blanks there belong to
//!   it (`a, b`). Where too much is unreadable otherwise, quotes inside a quoted cell are letters unless a delimiter or a line
//!   end follows them. The dialect is taken by which the rows agree best, the cells look best, and the columns are most. A text
//!   whose rows agree on no delimiter is a table of one column, unless nearly all of them have one: then it is refused.
//! - `sep=;` in the first line is obeyed. Comments (`#`), titles and notes above the table are skipped and counted
//!   ([`Profile::skipped_lines`]). A last row that sums up (`Total`) is kept and reported ([`Profile::total_line`]).
//!   Notes or another table below the table, comments among its rows, and a header that comes again where files were joined
//!   are rejected with their own reason, and do not count where a file is refused for its rejects.
//! - Rows end with LF, CRLF or CR. Empty lines are no rows, and are counted; in a table of one column they are nulls unless
//!   nothing follows.
//! - A header may have several rows: names of groups above names of columns, units below them. They are joined with a blank:
//!   `travel,,` above `air,rail` is `travel air` and `travel rail`. A header that is there twice counts once.
//! - The first row names the columns where words stand above numbers or days, or where its words do not come again; else it
//!   is data, and the columns are `column_1`, …. Names are trimmed, cut at 1024 bytes, and made unlike also without regard
//!   to case: `ID`, `id_2`. A header that is one field short (as R writes it) lacks the name of the first column. Where the
//!   rows agree with each other on another number of fields, a shorter header lacks the names of the last columns, and a
//!   longer one names columns that are null.
//! - Empty fields behind the last column, and blanks there without quotes, are no fault: delimiters end rows in many
//!   files. Nor is it where rows leave out their last cells, if many do and the others stand below their names by their
//!   types; or all names have a cell. Delimiters alone, of another number, are an empty line. Another row with more or
//!   fewer fields, or with something behind a closing quote, is rejected: counted in lines by reason, and the first 100
//!   kept with line and sample; all of them go to a Parquet file of their own where that is wanted
//!   ([`Options::rejects`]). *Lines in = lines of rows + rejects.* A file is refused where more than a tenth of its lines
//!   is rejected ([`Options::rejects_max`]); of a small one half, and up to nine.
//!
//! ## JSON
//!
//! Keys are columns, in the order of their first appearance. Texts stay text but for dates and times; an object or an array
//! in a value is kept as its JSON. An object that has a key twice is rejected: readers differ on which value counts.
//!
//! # Types
//!
//! A column has the first of these types that holds every cell; empty cells (`,,`) are null in each of them.
//!
//! | type | Parquet | cells |
//! | --- | --- | --- |
//! | integer | INT64 | decimal digits with an optional `-`, within 64 bits; no leading zeros (`007`), no `+1`, no `-0` |
//! | decimal | DECIMAL | exact: `1234.50`, `1.234,50` or `1,234.50` where the whole column is written so, with one unit beside every number (`3,50 €`, `5 %`) or none. Up to 18 digits; up to 38 where no double holds them |
//! | float | DOUBLE | where a double written back with as many significant digits gives the same digits; with an exponent, `inf`, `NaN`, `-0.0`. `12E3` alone is as likely an article number: text, unless another cell is a number |
//! | boolean | BOOLEAN | `true` and `false`, `yes` and `no`, or `t` and `f` (also in capitals), one pair in a column |
//! | date | DATE | `YYYY-MM-DD`, `YYYY/MM/DD`, `31.12.2024`, `31/12/2024` or `12/31/2024` where a cell decides on the order; else text, with a warning. Years 1 to 9999 |
//! | time | TIME, microseconds | `17:08`, `17:08:30.5`, `5:08 PM` |
//! | timestamp | TIMESTAMP, microseconds | a date, `T` or a space, and a time. Digits beyond the sixth are zeros |
//! | timestamp, UTC | the same, adjusted to UTC | with `Z`, ` UTC`, `±HH:MM`, `±HHMM` or `±HH`; all cells have a zone, or none |
//! | text | UTF-8 | anything, byte for byte |
//!
//! - In a column that is not text, `NA`, `N/A`, `#N/A`, `<NA>`, `NULL`, `\N`, `None`, the like, and the quoted empty cell are null
//!   too, and counted apart as `null_tokens`; so is `NaN` where the column is not of doubles. They alone give a column no
//!   type: without any other value it is text, and there they stay what they are. A quoted empty cell of a text column is an
//!   empty text, not null.
//! - Numbers that are read with a decimal comma and with a comma between thousands alike (`1,234`) are text, with a warning.
//! - Blanks (space, tab, no-break space) around a value of a column that is not text are dropped and counted as `padded`. An
//!   offset other than UTC is counted in `offsets`; the moment is kept, the offset is not. Notation is kept in the profile
//!   (`number_format`, `unit`, `date_order`), and the unit in the metadata of the column. Quotes do not matter: `"12"` is an
//!   integer.
//! - With [`Options::text`] every column is text: an empty cell is still null, a quoted empty one an empty text.
//!
//! # Hints
//!
//! What the sender says of a file ([`Hints`]) binds, and is shown back in the profile. A row with a cell that is not of the type
//! which a hint tells of its column is rejected; of cells that exclude each other, such as `1,5` and `1.5` in a column of
//! decimals, the first ones stay. A hint that cannot be followed refuses the file by its name
//! ([`Refusal::ImpossibleHint`]): another delimiter in nearly every row, bytes that are not of the encoding, a column that is not
//! there, a type whose notation its cells leave open, a notation of numbers for JSON or a workbook.
//!
//! # Profile
//!
//! [`Profile`] says what is in the table. It depends on the content, the options and the memory budget alone: not on the chunks, and
//! one pass gives the same as two. Its JSON has a version ([`PROFILE_SCHEMA_VERSION`]) and a schema, `profile.schema.json` beside
//! this crate (with the feature `schema`: `profile_schema`).
//!
//! - Exact, of all cells: nulls, extremes, sum, mean, standard deviation, empty texts, the longest text, cells that a spreadsheet
//!   would run, rejects by reason, rows by their number of fields.
//! - Different values are counted while they are few: up to 2048 of a column, or as many as its part of the budget holds. Then
//!   their number is an estimate with its error ([`Distinct`]), off by some 3 percent where there is room. Integers, dates and moments
//!   that rise from row to row all differ, which is exact again. Beside more than some 650 columns values are not counted
//!   under the usual budget.
//! - Quantiles, histogram and top values are exact where the values are counted, or where the table is no longer than the sample.
//!   Else they are of a sample, and [`ColumnProfile::sampled_rows`] says of how many rows: one row of each block of 2^k, at most
//!   [`SAMPLE_ROWS_MAX`], fewer beside many columns. Which row it is depends on its number alone.
//! - Warnings are rather not given than wrong. Those by values look at the same values as the quantiles do.
//! - The first rows are shown as they are written ([`Profile::first_rows`]).
//! - There are no timings: this crate has no clock. Who calls it knows how long each of its calls took.
//!
//! # Bounds
//!
//! Memory follows one budget ([`Limits::for_memory`]), whatever the size of the source. Too long rows, too many columns
//! and too much decompressed text are refused. The same source and options give the same bytes of Parquet: zstd at level 1
//! (Snappy without the feature `zstd`, as on wasm32; the profile says which: [`Profile::codec`]), integers as their
//! differences, dictionaries where they pay, statistics for every column, and indexes of the pages. A second thread
//! ([`Options::two_threads`]) changes neither the bytes nor the budget: it works on columns while the next rows are read.

mod convert;
mod dialect;
mod held;
mod input;
mod layout;
mod limits;
mod once;
mod options;
mod parsing;
mod profile;
mod refusal;
mod stream;
mod survey;
mod tally;
mod types;
mod writing;

pub use consign_hints::{AtMost, BadHint, ColumnType, DateOrder, DecimalSign, Hints, Thousands};
pub use convert::{Converted, Converter};
pub use dialect::frame::Header;
pub use layout::Column;
pub use limits::{
    COLUMN_NAME_BYTES_MAX, COLUMNS_MAX, Charset, Compression, EXPANSION_FREE_BYTES, EXPANSION_MAX,
    Encoding, Limits, MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MAX, MEMORY_BYTES_MIN,
    REJECT_SAMPLE_BYTES_MAX, REJECTS_KEPT_MAX, ROW_BYTES_MAX, SAMPLE_BYTES, TEXT_BYTES_MAX,
    TEXT_EXTREME_BYTES_MAX,
};
pub use once::{Ended, OnePass, Step};
pub use options::Options;
pub use parsing::reader::Format;
pub use profile::first_rows::{FIRST_CELL_BYTES_MAX, FIRST_ROWS_MAX};
#[cfg(feature = "schema")]
pub use profile::schema::profile_schema;
pub use profile::summary::{
    Distinct, FieldCount, HISTOGRAM_BINS, Histogram, Longest, Quantiles, SAMPLE_ROWS_MAX,
    TOP_VALUE_BYTES_MAX, TOP_VALUES_MAX, TopValue,
};
pub use profile::{
    ColumnProfile, FoundDialect, PROFILE_SCHEMA_VERSION, Profile, Reject, RejectReason, Rejects,
    Scalar, Sum, Warning,
};
pub use refusal::Refusal;
pub use stream::{Sinks, StreamError, convert};
pub use survey::{Plan, Survey};
pub use types::number::NumberFormat;
pub use writing::codec::Codec;
