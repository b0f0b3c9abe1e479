//! Runs the port contract of `consign-testkit` against every adapter; see `tests/`, one file for each.
