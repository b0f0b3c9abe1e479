//! Real requests over real sockets, against what DESIGN sections 3, 5 and 8 ask of a store.

mod forms;
mod multipart;
mod objects;
mod presigned;
mod refusals;
#[path = "../support.rs"]
mod support;
