//! Plain plumbing over the library: cases in, answers out.

fn main() {}
