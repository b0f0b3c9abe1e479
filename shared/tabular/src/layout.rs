//! How a file is read: its columns, and all that its rows are told by.

use crate::dialect::frame::Frame;
use crate::limits::Limits;
use crate::options::Options;
use crate::parsing::reader::Reader;
use crate::parsing::row::Dialect;
use crate::profile::Warning;
use crate::types::evidence::Evidence;
use crate::types::reading::Reading;
use consign_hints::ColumnType;

/// A column as the survey found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in the Parquet file, unlike any other.
    pub name: String,
    /// The name in the header, where it had to be changed.
    pub original_name: Option<String>,
    /// The type that holds every cell.
    pub kind: ColumnType,
    /// How its cells are read.
    pub(crate) reading: Reading,
    /// What its owner should know of it.
    pub(crate) warnings: Vec<Warning>,
}

/// How a file is read: what the first pass found out, or what its beginning lets expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) options: Options,
    pub(crate) limits: Limits,
    pub(crate) dialect: Dialect,
    pub(crate) frame: Frame,
    /// The keys of JSON, in the order of the columns.
    pub(crate) keys: Option<Vec<String>>,
    pub(crate) columns: Vec<Column>,
    /// Columns whose types hints tell, and what these allow: another cell makes its row a reject.
    pub(crate) typed: Vec<(usize, Evidence)>,
}

impl Layout {
    /// What reads the rows of such a file.
    pub(crate) fn reader(&self) -> Reader {
        let skipped = self.options.skipped();
        match &self.keys {
            Some(keys) => Reader::json(self.limits, Some(keys), skipped),
            None => Reader::delimited(self.dialect, self.limits, self.frame, skipped),
        }
    }
}
