//! What the hosts share: the ports and rules behind the capabilities of functions, the page with its security
//! headers, the CORS lists, the development session, and the clock and randomness of an operating system.
//!
//! A host adds no rule of its own. All decisions are in the functions.

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
