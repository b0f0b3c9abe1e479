//! Delimited text to Parquet and a profile: a push parser without I/O..
