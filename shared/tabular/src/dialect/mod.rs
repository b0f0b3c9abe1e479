//! How a text is divided into rows and cells, and where its table and its header are.

pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod heads;
pub(crate) mod judge;
pub(crate) mod names;
pub(crate) mod sniff;
pub(crate) mod stacked;
