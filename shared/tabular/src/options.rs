//! What the caller chooses.

use crate::hints::Hints;
use crate::limits::Charset;
use crate::refusal::Refusal;

/// What the host wants of one conversion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// What the sender says of the file, and what binds.
    pub hints: Hints,
    /// How the text is written, where the sender says so and the text bears no mark of its own. It counts where the bytes
    /// leave it open.
    pub charset: Option<Charset>,
    /// Every column stays text.
    pub text: bool,
    /// Written into the Parquet footer as key and value, in this order (the etag of the source, for example).
    pub metadata: Vec<(String, String)>,
}

impl Options {
    /// Lines above the text that is read.
    pub(crate) fn skipped(&self) -> u64 {
        self.hints.skip_rows.unwrap_or(0)
    }

    /// Why a file without a row is refused.
    pub(crate) fn nothing(&self) -> Refusal {
        match self.hints.skip_rows {
            None | Some(0) => Refusal::EmptyFile,
            Some(rows) => Refusal::ImpossibleHint {
                hint: "skip_rows",
                what: format!("behind {rows} lines there is no row"),
            },
        }
    }
}
