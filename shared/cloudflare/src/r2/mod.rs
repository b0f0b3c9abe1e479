//! Objects in R2 through its binding, and multipart uploads through its S3 API.

mod multipart;
mod put;
mod store;
mod writer;
mod xml;

pub use multipart::R2Multipart;
pub use store::{Body, R2Store, binding_of};
pub use writer::R2Writer;
