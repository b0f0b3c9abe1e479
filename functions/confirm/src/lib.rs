//! consign: the confirm handler.
