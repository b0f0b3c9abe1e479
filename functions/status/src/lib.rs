//! consign: the status handler.
