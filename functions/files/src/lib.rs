//! consign: the files handler.
