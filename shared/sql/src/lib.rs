//! The upload records and the ingest queue in SQL (SQLite)..
