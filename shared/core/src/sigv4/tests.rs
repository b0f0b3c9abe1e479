//! Behaviour of the whole, against AWS's documented examples.
