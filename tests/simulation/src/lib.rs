//! The whole system under one seeded scheduler.
//!
//! The handlers, ingest, the sweep and the state machine are the real ones. Ports, clocks, randomness, queue, bucket,
//! clients and time are simulated, on one thread. A seed decides everything, so a failure repeats. `docs/simulation.md`
//! says what is simulated and how a failure is read.
//!
//! # Where each invariant is checked
//!
//! The numbers are those of ARCHITECTURE.md. Invariants that are not listed do not depend on the order of events: tests
//! beside the code hold them.
//!
//! | | checked | where |
//! | --- | --- | --- |
//! | 1 | a deletion has a real cause; consign removes no living object and aborts no living parts; at the end no signed version is unknown | `monitor/transitions.rs`, `monitor/mod.rs`, `monitor/ends.rs` |
//! | 2 | every write: state, generation and revision only move forward | `monitor/transitions.rs` |
//! | 3 | every commit: the only one of its version, by the holder of the lease | `monitor/transitions.rs` |
//! | 4 | every commit: the outputs exist, name the recorded version and have its rows; at the end they are still there | `monitor/outputs.rs`, `monitor/ends.rs` |
//! | 5 | every write: whatever moves has a next check; the end is reached | `monitor/transitions.rs`, `run.rs` |
//! | 6 | a deletion is final; no removal of an older version deletes; a purged upload has no object, no output and no trash | `monitor/transitions.rs`, `monitor/ends.rs` |
//! | 7, 9 | an answer of sign, confirm or delete is what the record says | `client/mod.rs` |
//! | 8 | a PUT is refused where its object exists; another version of a form is known at the end | `client/send.rs`, `monitor/ends.rs` |
//! | 10 | one key inserts one record, and leads to it again | `monitor/transitions.rs`, `client/mod.rs` |
//! | 11 | at the end nothing is pending, no expired upload has an object, and no upload that ended has parts | `monitor/ends.rs` |
//! | 12 | a delivery writes nothing after its acknowledgement and holds no lease at it | `monitor/mod.rs`, `monitor/transitions.rs` |
//! | 13, 14 | the bucket takes no other length, type or condition than signed | `bucket/signed.rs`, `client/send.rs`, `monitor/mod.rs` |
//! | 15, 20 | a download is an attachment of the owner's upload; a stranger is answered like for an unknown id | `client/mod.rs` |
//! | 16 | every key has its owner as a segment | `monitor/transitions.rs` |
//! | 22 | every version that a record knows existed | `monitor/transitions.rs` |
//! | 26 | rows of the file and of the Parquet are equal | `monitor/outputs.rs` |
//! | 27 | consign writes no key of an upload; notifications of its own objects change nothing | `monitor/mod.rs`, `bucket/notify.rs` |
//! | ledger | every signed upload ends ready, failed, expired or deleted; reservations are those of the objects, and accounts their sum, to the byte | `monitor/ends.rs` |
//! | liveness | some time after the faults nothing is due and nothing is queued | `run.rs` |

mod bucket;
mod campaign;
mod chaos;
mod client;
mod consumer;
mod dice;
mod environment;
mod fault;
mod function;
mod minimise;
mod monitor;
mod mutant;
mod records;
mod rules;
mod run;
mod scheduler;
mod world;

pub use campaign::{Tally, run_all};
pub use fault::{Kind, Kinds};
pub use minimise::minimise;
pub use monitor::Violation;
pub use mutant::Mutant;
pub use run::{Report, Setup, run};
