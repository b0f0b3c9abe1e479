//! A workbook of Excel (XLSX) -> the cells of one sheet as delimited text, by `calamine`.
//!
//! A workbook is a ZIP archive that is read from its end, so it is kept until it is whole: that bounds its size. With the feature
//! `xlsx`; without it workbooks are refused by name.

use crate::refusal::Refusal;

#[cfg(feature = "xlsx")]
pub(crate) use crate::input::sheet::SheetReader;

/// Refuses workbooks where they are not read.
#[cfg(feature = "xlsx")]
#[expect(clippy::unnecessary_wraps, reason = "as without the feature")]
pub(crate) fn accept() -> Result<(), Refusal> {
    Ok(())
}

/// Refuses workbooks where they are not read.
#[cfg(not(feature = "xlsx"))]
pub(crate) fn accept() -> Result<(), Refusal> {
    Err(unread())
}

/// The refusal of workbooks where they are not read.
pub(crate) fn unread() -> Refusal {
    Refusal::NotText {
        what: "it is a workbook of Excel (XLSX) or another office document, which is not read here; save the sheet as CSV",
    }
}

/// Whether a text that was made from a sheet is of one column: rows with a value are as wide as the sheet.
pub(crate) fn is_of_one_column(text: &str) -> bool {
    let (mut is_quoted, mut has_value) = (false, false);
    for byte in text.bytes() {
        match byte {
            b',' if !is_quoted => return false,
            b'\n' if !is_quoted && has_value => return true,
            b'\n' if !is_quoted => continue,
            b'"' => is_quoted = !is_quoted,
            _ => {}
        }
        has_value = true;
    }
    // A first row that does not end in the sample says nothing.
    false
}

/// What is never there: no workbook is accepted.
#[cfg(not(feature = "xlsx"))]
pub(crate) enum SheetReader {}

#[cfg(not(feature = "xlsx"))]
impl SheetReader {
    pub(crate) fn open(
        _: Vec<u8>,
        _: &consign_hints::Hints,
        _: &crate::limits::Limits,
    ) -> Result<Self, Refusal> {
        Err(Refusal::BadWorkbook)
    }

    pub(crate) fn name(&self) -> &str {
        match *self {}
    }

    pub(crate) fn next(&mut self, _: &mut String) -> Result<bool, Refusal> {
        match *self {}
    }
}
