//! Developer tasks: dev, test, bench, tools.

fn main() {}
