//! Columns to a Parquet file.

pub(crate) mod batch;
pub(crate) mod bounds;
pub(crate) mod buffer;
pub(crate) mod chunk;
pub(crate) mod codec;
pub(crate) mod column;
pub(crate) mod dictionary;
pub(crate) mod encode;
pub(crate) mod footer;
pub(crate) mod helper;
pub(crate) mod index;
pub(crate) mod output;
pub(crate) mod pages;
pub(crate) mod places;
pub(crate) mod rejected;
pub(crate) mod run;
