//! The black-box suite over a base URL.
