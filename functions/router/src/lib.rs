//! consign: the router handler.
