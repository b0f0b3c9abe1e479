//! How much of memory and of time a workbook may take while it is read.

use crate::limits::Limits;
use crate::refusal::Refusal;

/// What an element takes of the time of so many bytes: cells as Excel writes them have as many.
const ELEMENT_BYTES: u64 = 16;

pub(crate) struct Room {
    /// Bytes that may still be kept.
    kept_left: u64,
    kept_max: u64,
    /// Bytes that may still be expanded.
    pub(crate) expanded_left: u64,
    /// Elements that may still be read.
    elements_left: u64,
    expanded_max: u64,
}

impl Room {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (kept, expanded) = (
            limits.workbook_bytes_max as u64,
            limits.workbook_expanded_bytes_max,
        );
        Self {
            kept_left: kept,
            kept_max: kept,
            expanded_left: expanded,
            elements_left: expanded / ELEMENT_BYTES,
            expanded_max: expanded,
        }
    }

    /// Counts what is kept until the workbook is read.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), Refusal> {
        match self.kept_left.checked_sub(bytes) {
            Some(left) => {
                self.kept_left = left;
                Ok(())
            }
            None => Err(Refusal::WorkbookTooLarge {
                what: "with its texts, formats and lists it is",
                limit_bytes: self.kept_max,
            }),
        }
    }

    /// Counts an element that is read.
    pub(crate) fn take_element(&mut self) -> Result<(), Refusal> {
        match self.elements_left.checked_sub(1) {
            Some(left) => {
                self.elements_left = left;
                Ok(())
            }
            None => Err(Refusal::WorkbookTooLarge {
                what: "with 16 bytes for each element it expands to",
                limit_bytes: self.expanded_max,
            }),
        }
    }

    /// The refusal of what expands to more than there is room for.
    pub(crate) fn expanded(&self) -> Refusal {
        Refusal::WorkbookTooLarge {
            what: "it expands to",
            limit_bytes: self.expanded_max,
        }
    }
}
