//! What the caller chooses.

use crate::limits::Charset;
use crate::refusal::Refusal;
use consign_hints::{AtMost, Hints};

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
    /// How many lines may be rejected before the file is refused. `None`: a tenth of all; of a small file half, and up to
    /// nine lines. Notes below the table, comments and headers that come again say nothing against its rows, and do not count.
    pub rejects_max: Option<AtMost>,
    /// Whether every rejected row is written to a Parquet file of its own
    /// ([`OnePass::take_rejects`](crate::OnePass::take_rejects)).
    pub rejects: bool,
    /// Whether a second thread works beside the caller's. What is written does not depend on it. Where a thread cannot be
    /// started, as on wasm32, there is none.
    pub two_threads: bool,
    /// Written into the Parquet footer as key and value, in this order (the etag of the source, for example).
    pub metadata: Vec<(String, String)>,
}

/// Rejected lines of which even a small file may have a larger share.
const REJECTS_FEW: u64 = 10;

impl Options {
    /// Whether so many rejected lines of all are too many.
    pub(crate) fn is_exceeded(&self, rejects: u64, all: u64) -> bool {
        match self.rejects_max {
            Some(most) => most.is_exceeded(rejects, all),
            None => rejects * 2 > all || (rejects >= REJECTS_FEW && rejects * 10 > all),
        }
    }

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
