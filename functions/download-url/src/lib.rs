//! consign: the download-url handler.
