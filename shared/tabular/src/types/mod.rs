//! What cells are: numbers, moments, words, and the narrowest type of a column.

pub(crate) mod cell;
pub(crate) mod evidence;
pub(crate) mod fast;
pub(crate) mod moment;
pub(crate) mod number;
pub(crate) mod reading;
pub(crate) mod told;
pub(crate) mod window;
pub(crate) mod words;
