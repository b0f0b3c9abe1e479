//! Bytes to text: containers, encodings and workbooks.

#[cfg(feature = "xlsx")]
pub(crate) mod archive;
pub(crate) mod foreign;
#[cfg(feature = "xlsx")]
pub(crate) mod markup;
#[cfg(feature = "xlsx")]
pub(crate) mod package;
#[cfg(feature = "xlsx")]
pub(crate) mod room;
#[cfg(feature = "xlsx")]
pub(crate) mod sheet;
pub(crate) mod skip;
pub(crate) mod source;
pub(crate) mod text;
pub(crate) mod workbook;
pub(crate) mod zip;
pub(crate) mod zstd;
