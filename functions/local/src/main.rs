//! consign in one process, and its command line.

fn main() {}
