//! What the hosts share, so that each stands once: the ports and rules behind the capabilities that functions name, the page
//! with its security headers, the CORS lists, the development session, and the clock and randomness of an operating system.
//!
//! A host adds no rule of its own: what is decided is decided in the functions.

#[cfg(feature = "cors")]
pub mod cors;
#[cfg(feature = "dev")]
pub mod dev;
mod host;
#[cfg(feature = "page")]
pub mod page;
#[cfg(feature = "system")]
mod system;

pub use host::{Absent, Host, Rules};
#[cfg(feature = "system")]
pub use system::System;
