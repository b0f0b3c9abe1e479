//! consign: the ingest-on-object-created handler.
