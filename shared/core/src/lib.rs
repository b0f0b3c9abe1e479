//! The pure rules of consign: the upload's states, the policy, the configuration, answers, and the ports. Names,
//! events, tokens, signing, time and the wire are crates of their own, and are re-exported here.
//!
//! An [`Upload`](upload::Upload) is a record, and [`Upload::apply`](upload::Upload::apply) is the whole state machine:
//! it maps an event and the time to a decision, and changes nothing. [`transition`](transition::transition) reads,
//! applies and writes.
//!
//! ```
//! use consign_core::ids::{ETag, ObjectRef, OwnerId, UploadId};
//! use consign_core::time;
//! use consign_core::upload::{Decision, Event, ObjectVersion, Upload, UploadState};
//!
//! let now = time::from_secs(1_800_000_000).expect("within range");
//! let object = ObjectRef::new("files", "in/alice/a.csv");
//! let upload = Upload::pending(UploadId::new(now, [7; 10]), OwnerId::parse("alice")?, object, now);
//!
//! // A HEAD request found the object.
//! let observed = Event::ObjectObserved {
//!     object: ObjectVersion {
//!         etag: ETag::new("e5ebd4c02cefbe7955977c67ada242b7"),
//!         size_bytes: 8,
//!         version_id: None,
//!         sequencer: None,
//!     },
//! };
//! let Decision::Change(change) = upload.apply(&observed, now) else {
//!     panic!("a pending upload accepts its object");
//! };
//! assert_eq!(change.after.state, UploadState::Uploaded);
//! assert!(change.enqueue, "an ingest job is sent with the write");
//! // The same event again changes nothing.
//! assert_eq!(change.after.apply(&observed, now), Decision::Unchanged);
//! # Ok::<(), consign_core::ids::IdError>(())
//! ```
//!
//! No I/O, no ambient time, randomness or environment: all of them are arguments. Builds for native targets and for
//! `wasm32-unknown-unknown` without a `cfg(target…)`.

pub use consign_api as api;
pub use consign_auth as auth;
pub use consign_events as events;
pub use consign_hints as hints;
pub use consign_ids as ids;
pub use consign_sigv4 as sigv4;
pub use consign_time as time;

pub mod config;
pub mod health;
pub mod host;
pub mod log;
pub mod operations;
pub mod parts;
pub mod policy;
pub mod ports;
pub mod problem;
pub mod routes;
pub mod service;
pub mod transition;
pub mod upload;
