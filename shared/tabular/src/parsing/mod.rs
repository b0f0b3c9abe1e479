//! Text to rows of cells.

pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod mask;
pub(crate) mod reader;
pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod scan;
pub(crate) mod unescape;
